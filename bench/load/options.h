#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/histogram.h"

namespace signalbox::bench {

/// What the server speaks inside WebSocket messages.
enum class Dialect : std::uint8_t {
    kSocketio,   ///< Engine.IO 4 and Socket.IO 5; credentials in CONNECT
    kWebsocket,  ///< bare envelopes; credentials in the query
    kFloor,      ///< the bytes of kSocketio, echoed; nobody is asked who he is
};

/// Who a connection claims to be.
struct Credentials {
    std::string company;
    std::string session;
    std::string token;
};

/// The command line of one measurement.
struct Options {
    std::string scenario;
    Dialect dialect = Dialect::kSocketio;
    std::uint16_t port = 0;
    std::vector<int> pids;  ///< the server's processes
    std::string path = "/realtime/";
    std::vector<Credentials> credentials;  ///< connections are dealt out to these in equal runs
    std::size_t connections = 200;
    std::size_t in_flight = 1;      ///< requests a connection, publishes a company
    std::size_t data_bytes = 32;    ///< of the request's data
    std::string action = "echo";    ///< that requests ask for
    std::string data;               ///< JSON of the request; empty: data_bytes of text
    double rate = 100;              ///< requests a second, of scenarios that keep a pace
    std::size_t operations = 1000;  ///< of scenarios that count instead of timing
    Nanoseconds warm_up = std::chrono::seconds(1);
    Nanoseconds window = std::chrono::seconds(3);
    bool tls = false;
    bool deflate = false;

    [[nodiscard]] const Credentials& credentials_of(std::size_t connection) const {
        return credentials[connection * credentials.size() / connections];
    }
};

/// Ends the program with exit code 2 and a sentence when the command line cannot be read.
[[nodiscard]] Options parse_options(const std::vector<std::string_view>& arguments);

/// Ends the program with exit code 1: the measurement is worth nothing.
[[noreturn]] void fail(std::string_view sentence);

}  // namespace signalbox::bench
