#include "runtime/http_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/testing.h"

namespace signalbox::runtime {
namespace {

using testing::body_of;
using testing::Client;
using testing::client_frame;
using testing::eventually;
using testing::kUpgradeRequest;
using testing::status_of;
using testing::TestServer;

/// "/2/…" belongs to shard 2, "/ws?2" too.
std::optional<ShardIndex> owner_in_path(const HttpRequest& request) {
    const char digit = request.query.empty() ? request.path[1] : request.query[0];
    if (digit < '0' || digit > '2') return std::nullopt;
    return static_cast<ShardIndex>(digit - '0');
}

/// Three shards; each answers with its own number and the thread's.
class ThreeShards {
public:
    ThreeShards() : server({}, {.shards = 3}) {
        server.route(owner_in_path);
        for (ShardIndex i = 0; i < 3; ++i) {
            server.handler(i).on_request = [i](HttpRequest request,
                                               std::unique_ptr<HttpExchange> exchange) {
                exchange->respond(
                    HttpResponse::of(200, "text/plain", std::to_string(i) + request.body));
            };
        }
    }
    std::int64_t total(Counter Statistics::* counter) {
        std::int64_t sum = 0;
        for (ShardIndex i = 0; i < 3; ++i) sum += (server.statistics(i).*counter).value();
        return sum;
    }

    TestServer server;
};

std::string post_to(char shard, std::string_view body) {
    return std::string("POST /") + shard +
           " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
}

TEST(HttpServer, AnswersEachRequestOnTheShardThatOwnsIt) {
    ThreeShards three;
    three.server.start();
    for (int i = 0; i < 10; ++i) {
        Client client(three.server.port());
        for (const char owner : {'0', '1', '2', '0'}) {
            client.send(post_to(owner, "body"));
            EXPECT_EQ(body_of(client.read_response()), owner + std::string("body"));
        }
    }
    EXPECT_GT(three.total(&Statistics::forwarded_requests), 0);
    EXPECT_EQ(three.total(&Statistics::http_requests), 40);
}

TEST(HttpServer, KeepsPipelinedAnswersOfSeveralShardsInOrder) {
    ThreeShards three;
    three.server.start();
    Client client(three.server.port());
    std::string requests;
    for (int i = 0; i < 30; ++i) requests += post_to(static_cast<char>('0' + i % 3), "x");
    client.send(requests);
    for (int i = 0; i < 30; ++i) {
        EXPECT_EQ(body_of(client.read_response()), std::to_string(i % 3) + "x");
    }
}

TEST(HttpServer, StreamsFromAnotherShardWithBackPressure) {
    ThreeShards three;
    constexpr std::size_t kBytes = 16 << 20;
    std::unique_ptr<HttpExchange> streams[3];
    std::atomic<bool> started = false;
    for (ShardIndex i = 0; i < 3; ++i) {
        three.server.handler(i).on_request = [&, i](HttpRequest,
                                                    std::unique_ptr<HttpExchange> exchange) {
            exchange->start_stream(HttpResponse::of(200, "text/plain", "head"));
            exchange->write(std::string(kBytes, 'x'));
            streams[i] = std::move(exchange);
            started = true;
        };
    }
    three.server.start();
    for (const char owner : {'0', '1', '2'}) {
        const auto shard = static_cast<ShardIndex>(owner - '0');
        const auto pending = [&] {
            std::size_t bytes = 0;
            three.server.on_shard(shard, [&] { bytes = streams[shard]->pending_bytes(); });
            return bytes;
        };
        Client client(three.server.port());
        started = false;
        client.send(post_to(owner, ""));
        ASSERT_TRUE(eventually([&] { return started.load(); }));
        EXPECT_GT(pending(), 0U);
        client.read_until("\r\n\r\n");
        client.read_exactly(4 + 5 + kBytes + 11);
        EXPECT_TRUE(eventually([&] { return pending() == 0; }));
        three.server.on_shard(shard, [&] {
            streams[shard]->finish();
            streams[shard].reset();
        });
        EXPECT_EQ(client.read_exactly(5), "0\r\n\r\n");
    }
}

TEST(HttpServer, TellsTheOwningShardOfAnAbort) {
    ThreeShards three;
    std::unique_ptr<HttpExchange> held[3];
    std::atomic<int> waiting = 0, aborted = 0;
    for (ShardIndex i = 0; i < 3; ++i) {
        three.server.handler(i).on_request = [&, i](HttpRequest,
                                                    std::unique_ptr<HttpExchange> exchange) {
            exchange->on_abort([&] { ++aborted; });
            held[i] = std::move(exchange);
            ++waiting;
        };
    }
    three.server.start();
    Client a(three.server.port()), b(three.server.port()), c(three.server.port());
    a.send(post_to('0', ""));
    b.send(post_to('1', ""));
    c.send(post_to('2', ""));
    ASSERT_TRUE(eventually([&] { return waiting == 3; }));
    a.close();
    b.reset();
    c.close();
    EXPECT_TRUE(eventually([&] { return aborted == 3; }));
    for (ShardIndex i = 0; i < 3; ++i) three.server.on_shard(i, [&] { held[i].reset(); });
    EXPECT_TRUE(eventually([&] { return three.total(&Statistics::http_connections) == 0; }));
}

TEST(HttpServer, MovesAnUpgradeToItsOwnerWithWhatWasReadAlready) {
    ThreeShards three;
    three.server.start();
    for (int round = 0; round < 10; ++round) {
        for (const char owner : {'0', '1', '2'}) {
            Client client(three.server.port());
            std::string request(kUpgradeRequest);
            request.insert(request.find("/ws") + 3, std::string("?") + owner);
            client.send(request + client_frame(1, "early"));
            EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
            EXPECT_EQ(client.read_exactly(7),
                      "\x81\x05"
                      "early");
            const auto shard = static_cast<ShardIndex>(owner - '0');
            const auto before = three.server.statistics(shard).websocket_messages_in.value();
            client.send(client_frame(1, "later"));
            EXPECT_EQ(client.read_exactly(7),
                      "\x81\x05"
                      "later");
            EXPECT_EQ(three.server.statistics(shard).websocket_messages_in.value(), before + 1);
        }
    }
    EXPECT_GT(three.total(&Statistics::moved_upgrades), 0);
}

TEST(HttpServer, AnswersOverloadedWhenTheOwnersMailboxIsFull) {
    std::atomic<bool> release = false, stuck = false;  // outlive the shard that looks at them
    TestServer server({}, {.shards = 2, .mailbox_tasks_max = 4});
    server.route([](const HttpRequest&) -> std::optional<ShardIndex> { return 1; });
    server.start();
    // Wait until the listeners are in place, then hold shard 1 and fill its mailbox.
    server.shards().run_on_all([](Shard&) {});
    server.shards().post(1, [&] {
        stuck = true;
        while (!release) std::this_thread::yield();
    });
    ASSERT_TRUE(eventually([&] { return stuck.load(); }));
    while (server.shards().shard(0).mesh().try_post(1, [] {})) {
    }
    // The kernel spreads connections; one that shard 0 has accepted is answered.
    std::vector<std::unique_ptr<Client>> clients;
    ASSERT_TRUE(eventually([&] {
        clients.push_back(std::make_unique<Client>(server.port()));
        clients.back()->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kUpgradeRequest));
        return server.statistics(0).overloaded.value() >= 2;
    }));
    release = true;
    int overloaded = 0;
    for (const auto& client : clients) {
        const std::string response = client->read_response();
        if (status_of(response) != "503") continue;
        ++overloaded;
        EXPECT_NE(response.find("\r\nRetry-After: 1\r\n"), std::string::npos);
        EXPECT_TRUE(body_of(response).starts_with(R"({"error":{"code":"OVERLOADED")"));
    }
    EXPECT_GE(overloaded, 1);
}

TEST(HttpServer, ReportsAUsedPortWithAnyNumberOfShards) {
    for (const ShardIndex shards : {1, 2}) {
        TestServer first({}, {.shards = shards});
        first.start();
        TestServer second({}, {.shards = shards});
        ListenOptions options;
        options.port = first.port();
        const auto port = second.server().listen(options);
        ASSERT_FALSE(port.has_value()) << shards;
        EXPECT_EQ(port.error(), ListenError::kAddressInUse);
    }
}

TEST(HttpServer, ReportsAHostThatIsNone) {
    TestServer server;
    ListenOptions options;
    options.host = "256.1.1.1.";
    EXPECT_EQ(server.server().listen(options).error(), ListenError::kBadHost);
    options.host = "192.0.2.1";
    options.port = 0;
    EXPECT_EQ(server.server().listen(options).error(), ListenError::kUnavailable);
}

TEST(HttpServer, RefusesNewConnectionsWhenItsListenersAreClosedAndKeepsTheOldOnes) {
    TestServer server;
    server.start();
    Client old(server.port());
    old.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(old.read_response()), "200");
    server.server().close_listeners();
    server.on_shard(0, [] {});
    EXPECT_TRUE(bind_sockets({.port = server.port(), .tls = nullptr}, 1).has_value());
    old.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(old.read_response()), "200");
}

/// A connected socket, made before descriptors run out.
Client silent(TestServer& server) {
    const auto accepted = server.statistics().accepted.value();
    Client client(server.port());
    EXPECT_TRUE(eventually([&] { return server.statistics().accepted.value() > accepted; }));
    return client;
}

TEST(HttpServer, ClosesTheLongestIdleConnectionForANewcomer) {
    HttpServerOptions options;
    options.connections_max = 2;
    TestServer server(options);
    server.start();
    Client oldest = silent(server);
    Client newer = silent(server);
    Client newcomer = silent(server);
    EXPECT_EQ(oldest.read_to_end(), "");
    for (Client* client : {&newer, &newcomer}) {
        client->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(status_of(client->read_response()), "200");
    }
    EXPECT_EQ(server.statistics().evicted_connections.value(), 1);
}

TEST(HttpServer, ClosesConnectionsWhosePeerHasGoneForANewcomer) {
    HttpServerOptions options;
    options.connections_max = 1;
    TestServer server(options);
    std::unique_ptr<HttpExchange> held;
    std::atomic<bool> aborted = false;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        exchange->on_abort([&] { aborted = true; });
        held = std::move(exchange);
    };
    server.start();
    Client gone(server.port());
    gone.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return server.statistics().http_requests.value() == 1; }));
    gone.close();
    ASSERT_TRUE(eventually([&] { return aborted.load(); }));
    Client newcomer = silent(server);
    server.on_shard(0, [&] { held.reset(); });
    EXPECT_EQ(server.statistics().evicted_connections.value(), 1);
}

TEST(HttpServer, KeepsBusyConnectionsAndRefusesTheNewcomer) {
    HttpServerOptions options;
    options.connections_max = 1;
    TestServer server(options);
    server.start();
    Client busy(server.port());
    busy.send(kUpgradeRequest);
    busy.read_until("\r\n\r\n");
    EXPECT_EQ(Client(server.port()).read_to_end(), "");
    EXPECT_EQ(server.statistics().over_connections_max.value(), 1);
    busy.send(client_frame(1, "hello"));
    EXPECT_EQ(busy.read_exactly(7), "\x81\x05hello");
}

TEST(HttpServer, LimitsTheConnectionsOfOneAddressUnlessItIsATrustedProxy) {
    for (const bool trusted : {false, true}) {
        HttpServerOptions options;
        options.connections_per_address_max = 1;
        if (trusted) options.trusted_proxies = {*IpNetwork::parse("127.0.0.0/8")};
        TestServer server(options);
        server.start();
        Client first(server.port());
        first.send(kUpgradeRequest);
        first.read_until("\r\n\r\n");
        Client second(server.port());
        second.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(status_of(second.read_response()), trusted ? "200" : "");
        first.close();
        EXPECT_TRUE(
            eventually([&] { return server.statistics().websocket_connections.value() == 0; }));
        Client third(server.port());
        third.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(status_of(third.read_response()), "200");
    }
}

TEST(HttpServer, TellsWhenTheLastConnectionHasEndedAfterADrain) {
    TestServer server;
    std::unique_ptr<HttpExchange> held;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        held = std::move(exchange);
    };
    server.start();
    Client idle = silent(server);
    Client busy(server.port());
    busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return server.statistics().http_requests.value() == 1; }));
    std::atomic<bool> gone = false;
    server.server().drain([&] { gone = true; });
    EXPECT_EQ(idle.read_to_end(), "");
    idle.close();
    EXPECT_FALSE(gone);
    server.on_shard(0, [&] {
        held->respond(HttpResponse::of(200, "text/plain", ""));
        held.reset();
    });
    EXPECT_EQ(status_of(busy.read_to_end()), "200");
    busy.close();
    EXPECT_TRUE(eventually([&] { return gone.load(); }));
}

TEST(HttpServer, TellsAtOnceThatNoConnectionIsLeft) {
    TestServer server({}, {.shards = 2});
    server.start();
    std::atomic<int> gone = 0;
    server.server().drain([&] { ++gone; });
    EXPECT_TRUE(eventually([&] { return gone == 1; }));
}

/// No descriptor is free while it lives.
class NoDescriptors {
public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &old_);
        rlimit low = old_;
        low.rlim_cur = 128;
        ::setrlimit(RLIMIT_NOFILE, &low);
        for (int fd = 0; (fd = ::dup(0)) >= 0;) fill_.emplace_back(fd);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &old_); }

private:
    rlimit old_{};
    std::vector<UniqueFd> fill_;
};

UniqueFd unconnected() {
    return UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

void connect(const UniqueFd& socket, TestServer& server) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

TEST(Listener, SurvivesRunningOutOfDescriptorsWithoutSpinning) {
    TestServer server;
    server.start();
    const UniqueFd waiting[3] = {unconnected(), unconnected(), unconnected()};
    const auto turns = server.statistics().turns.value();
    {
        const NoDescriptors none;
        for (const UniqueFd& socket : waiting) connect(socket, server);
        for (const UniqueFd& socket : waiting) {
            char byte = 0;
            EXPECT_EQ(::recv(socket.get(), &byte, 1, 0), 0) << "closed, not left hanging";
        }
        server.on_shard(0, [] {});  // the turn in which it refuses is over
        EXPECT_GE(server.statistics().accept_failures.value(), 1);
        EXPECT_LE(server.statistics().turns.value() - turns, 10);
    }
    Client again(server.port());
    again.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(again.read_response()), "200");
}

TEST(Listener, ClosesAnIdleConnectionWhenDescriptorsRunOut) {
    TestServer server;
    server.start();
    Client idle = silent(server);
    const UniqueFd waiting = unconnected();
    {
        const NoDescriptors none;
        connect(waiting, server);
        EXPECT_TRUE(eventually([&] { return server.statistics().accepted.value() == 2; }));
    }
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_EQ(server.statistics().evicted_connections.value(), 1);
}

}  // namespace
}  // namespace signalbox::runtime
