#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

/// What the echo programs take from their command line.
struct EchoOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 3000;
    std::uint16_t shards = 1;
    std::string path;
    std::chrono::milliseconds ping_interval{25'000};
    std::chrono::milliseconds ping_timeout{20'000};
    std::chrono::milliseconds connect_timeout{45'000};
    std::size_t max_payload = 1'000'000;
    bool allow_eio3 = false;
    bool recovery = false;
};

/// Writes what is wrong and the usage to stderr and ends the program with 2 unless every argument
/// is known.
[[nodiscard]] EchoOptions read_echo_options(int argc, char** argv, std::string default_path);

/// Blocks SIGTERM and SIGINT for all threads to come; before the first one starts.
void block_stop_signals();
/// Returns when one of them arrives.
void wait_for_stop_signal();
