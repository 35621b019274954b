#include "runtime/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "runtime/testing.h"

/// What the poller tells once must not be forgotten, whatever happens before it is used.
namespace signalbox::runtime {
namespace {

using testing::Client;
using testing::client_frame;
using testing::eventually;
using testing::kUpgradeRequest;
using testing::Standstill;
using testing::status_of;
using testing::TestServer;

constexpr std::string_view kRequest = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(Connection, IsReadOnceARoundThoughItIsToldAndRepeated) {
    HttpServerOptions options;
    options.proxy_protocol = ProxyProtocol::kRequired;
    options.trusted_proxies = {*IpNetwork::parse("127.0.0.0/8")};
    TestServer server(options);
    server.start();
    Client client(server.port());
    const std::string_view header(
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x50\0\x51", 28);
    std::promise<void> read, sent;
    {
        const Standstill turn(server);
        client.send(header);
        // At the end of the turn that reads a part of the header.
        server.shards().post(0, [&read, all = sent.get_future().share()] {
            read.set_value();
            all.wait();
        });
    }
    read.get_future().wait();
    client.send(kRequest);
    sent.set_value();
    EXPECT_EQ(status_of(client.read_response()), "200");
}

TEST(Connection, IsNotIdleOnceItsRequestHasArrived) {
    HttpServerOptions options;
    options.connections_max = 1;
    TestServer server(options);
    server.start();
    Client first(server.port());
    first.send(kRequest);
    EXPECT_EQ(status_of(first.read_response()), "200");
    std::optional<Client> second;
    {
        const Standstill turn(server);
        first.send(kRequest);
        second.emplace(server.port());
    }
    EXPECT_EQ(status_of(first.read_response()), "200");
}

struct Counter final : engineio::WebSocketHandler {
    void on_message(engineio::MessageKind, std::string_view) override { ++messages; }
    void on_end(engineio::WebSocketEnd) override {}
    std::unique_ptr<engineio::WebSocketPort> port;
    std::atomic<int> messages = 0;
};

TEST(Connection, IsReadThoughItsShareIsSetAnewWhileItWaits) {
    constexpr std::size_t kMany = 12;
    std::vector<std::unique_ptr<Counter>> counters;
    std::vector<InputShare> shares{InputShare::make(), InputShare::make()};
    TestServer server;
    server.handler().on_upgrade = [&](std::unique_ptr<engineio::WebSocketUpgrade> upgrade) {
        Counter& counter = *counters.emplace_back(std::make_unique<Counter>());
        counter.port = upgrade->accept(counter);
        counter.port->share_input(shares[counters.size() == 1 ? 0 : 1]);
    };
    server.start();
    std::vector<Client> clients;
    for (std::size_t i = 0; i < kMany; ++i) {
        clients.emplace_back(server.port());
        clients.back().send(kUpgradeRequest);
        clients.back().read_until("\r\n\r\n");
    }
    {
        const Standstill turn(server);
        for (std::size_t i = 1; i < kMany; ++i)
            clients[i].send(client_frame(1, std::string(6000, 'x')));
        // Runs in the turn in which some are read and the last one waits.
        server.shards().post(0, [&] { counters.back()->port->share_input(shares[1]); });
    }
    EXPECT_TRUE(eventually([&] {
        return std::all_of(counters.begin() + 1, counters.end(),
                           [](const auto& counter) { return counter->messages == 1; });
    }));
    server.stop();
    for (const auto& counter : counters) counter->port.reset();
    clients.clear();
}

}  // namespace
}  // namespace signalbox::runtime
