#include "runtime/http_connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <vector>

#include "runtime/testing.h"

namespace signalbox::runtime {
namespace {

using testing::body_of;
using testing::Client;
using testing::eventually;
using testing::status_of;
using testing::TestServer;

constexpr std::string_view kGet = "GET /a?b=1 HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(HttpConnection, KeepsTheConnectionForTheNextRequest) {
    TestServer server;
    server.start();
    Client client(server.port());
    for (int i = 0; i < 3; ++i) {
        client.send(kGet);
        const std::string response = client.read_response();
        EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: "));
        EXPECT_EQ(response.find("Connection"), std::string::npos);
        EXPECT_EQ(body_of(response), "GET /a?b=1 ");
    }
    EXPECT_EQ(server.statistics().accepted.value(), 1);
}

TEST(HttpConnection, AnswersPipelinedRequestsInOrderAndInOneSend) {
    TestServer server;
    server.start();
    Client client(server.port());
    std::string requests;
    for (int i = 0; i < 10; ++i) {
        requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    }
    client.send(requests);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(body_of(client.read_response()), "GET /" + std::to_string(i) + ' ');
    }
    EXPECT_EQ(server.statistics().send_calls.value(), 1);
}

TEST(HttpConnection, AnswersTheNextPipelinedRequestOnlyAfterTheFirst) {
    TestServer server;
    std::vector<std::unique_ptr<HttpExchange>> held;
    std::vector<std::string> seen;
    server.handler().on_request = [&](HttpRequest request, std::unique_ptr<HttpExchange> exchange) {
        seen.push_back(request.path);
        held.push_back(std::move(exchange));
    };
    server.start();
    Client client(server.port());
    client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    std::size_t requests = 0;
    ASSERT_TRUE(eventually([&] {
        server.on_shard(0, [&] { requests = seen.size(); });
        return requests == 1;
    }));
    server.on_shard(0, [&] { held[0]->respond(HttpResponse::of(200, "text/plain", "one")); });
    EXPECT_EQ(body_of(client.read_response()), "one");
    ASSERT_TRUE(eventually([&] {
        server.on_shard(0, [&] { requests = seen.size(); });
        return requests == 2;
    }));
    server.on_shard(0, [&] { held[1]->respond(HttpResponse::of(200, "text/plain", "two")); });
    EXPECT_EQ(body_of(client.read_response()), "two");
    server.on_shard(0, [&] { held.clear(); });
}

TEST(HttpConnection, ReadsRequestsCutIntoSingleBytes) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send_bytewise(
        "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;x=\"y\"\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n");
    EXPECT_EQ(body_of(client.read_response()), "POST /p abcde");
    client.send_bytewise("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz");
    EXPECT_EQ(body_of(client.read_response()), "POST /p xyz");
}

TEST(HttpConnection, ToleratesEmptyLinesBetweenRequests) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send("\r\n\r\n" + std::string(kGet) + "\r\n" + std::string(kGet));
    EXPECT_EQ(status_of(client.read_response()), "200");
    EXPECT_EQ(status_of(client.read_response()), "200");
}

TEST(HttpConnection, ClosesAfterHttp10AndConnectionClose) {
    TestServer server;
    server.start();
    for (const std::string_view request :
         {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"}) {
        Client client(server.port());
        client.send(request);
        const std::string response = client.read_to_end();
        EXPECT_EQ(status_of(response), "200") << request;
        EXPECT_NE(response.find("\r\nConnection: close\r\n"), std::string::npos) << request;
    }
}

TEST(HttpConnection, AnswersHeadWithoutABody) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const std::string response = client.read_to_end();
    EXPECT_NE(response.find("Content-Length: 8\r\n"), std::string::npos);
    EXPECT_EQ(body_of(response), "");
}

TEST(HttpConnection, SendsContinueToAClientThatWaitsForIt) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    EXPECT_EQ(body_of(client.read_response()), "POST /p ok");
}

TEST(HttpConnection, RefusesATooLargeBodyBeforeReadingIt) {
    HttpServerOptions options;
    options.limits.body_bytes_max = 10;
    TestServer server(options);
    server.start();
    Client client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    client.send(std::string(1'000'000, 'x'));
    const std::string response = client.read_to_end();
    EXPECT_EQ(status_of(response), "413");
    EXPECT_EQ(
        body_of(response),
        R"({"error":{"code":"PAYLOAD_TOO_LARGE","message":"The request body is too large."}})");
}

TEST(HttpConnection, TellsTheFaultOfARequestBehindAHead) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    client.read_until("\r\n\r\n");
    client.send("nonsense\r\n\r\n");
    EXPECT_NE(body_of(client.read_to_end()).find("INVALID_MESSAGE"), std::string::npos);
}

TEST(HttpConnection, TimesOutASlowHeader) {
    HttpServerOptions options;
    options.header_timeout = Milliseconds(30);
    TestServer server(options);
    server.start();
    Client client(server.port());
    client.send("GET / HTTP/1.1\r\nHo");
    EXPECT_EQ(status_of(client.read_to_end()), "408");
}

TEST(HttpConnection, TimesOutASlowBody) {
    HttpServerOptions options;
    options.body_timeout = Milliseconds(30);
    TestServer server(options);
    server.start();
    Client client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    EXPECT_EQ(status_of(client.read_to_end()), "408");
}

TEST(HttpConnection, ClosesAnIdleConnectionSilently) {
    HttpServerOptions options;
    options.idle_timeout = Milliseconds(30);
    TestServer server(options);
    server.start();
    Client client(server.port());
    client.send(kGet);
    EXPECT_EQ(status_of(client.read_response()), "200");
    EXPECT_EQ(client.read_to_end(), "");
}

TEST(HttpConnection, GivesANewConnectionTheTimeOfAHeaderForItsFirstByte) {
    HttpServerOptions options;
    options.header_timeout = Milliseconds(30);
    TestServer server(options);
    server.start();
    EXPECT_EQ(Client(server.port()).read_to_end(), "");
}

TEST(HttpConnection, DropsAPeerThatReadsItsAnswerTooSlowly) {
    HttpServerOptions options;
    options.write_timeout = Milliseconds(50);
    options.write_bytes_per_second_min = 1'000'000'000'000;
    TestServer server(options);
    server.handler().on_request = [](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        exchange->respond(HttpResponse::of(200, "text/plain", std::string(32 << 20, 'x')));
    };
    server.start();
    Client client(server.port());
    client.send(kGet);
    EXPECT_TRUE(eventually([&] {
        char some[1024];
        [[maybe_unused]] const ssize_t n = ::recv(client.fd(), some, sizeof some, MSG_DONTWAIT);
        return server.statistics().http_connections.value() == 0;
    }));
}

TEST(HttpConnection, StreamsInChunksAndKeepsTheConnection) {
    TestServer server;
    std::unique_ptr<HttpExchange> stream;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        exchange->start_stream(HttpResponse::of(200, "text/event-stream", "one"));
        stream = std::move(exchange);
    };
    server.start();
    Client client(server.port());
    client.send(kGet);
    EXPECT_NE(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
    EXPECT_EQ(client.read_exactly(8), "3\r\none\r\n");
    server.on_shard(0, [&] { stream->write("sixteen letters."); });
    EXPECT_EQ(client.read_exactly(22), "10\r\nsixteen letters.\r\n");
    server.on_shard(0, [&] {
        stream->finish();
        stream.reset();
    });
    EXPECT_EQ(client.read_exactly(5), "0\r\n\r\n");
    client.send(kGet);
    EXPECT_EQ(status_of(client.read_until("\r\n\r\n")), "200");
    server.on_shard(0, [&] { stream.reset(); });
}

TEST(HttpConnection, CountsTheBytesOfAStreamThatThePeerDoesNotTake) {
    TestServer server;
    std::unique_ptr<HttpExchange> stream;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        exchange->start_stream(HttpResponse::of(200, "text/plain", ""));
        stream = std::move(exchange);
    };
    server.start();
    Client client(server.port());
    client.send(kGet);
    client.read_until("\r\n\r\n");
    constexpr std::size_t kBytes = 32 << 20;
    std::size_t pending = 0;
    server.on_shard(0, [&] { stream->write(std::string(kBytes, 'x')); });
    server.on_shard(0, [&] { pending = stream->pending_bytes(); });
    EXPECT_GT(pending, 1U << 20);
    client.read_exactly(kBytes + 11);
    EXPECT_TRUE(eventually([&] {
        server.on_shard(0, [&] { pending = stream->pending_bytes(); });
        return pending == 0;
    }));
    server.on_shard(0, [&] { stream.reset(); });
}

TEST(HttpConnection, TellsOfAPeerThatGoesAwayBeforeItsAnswer) {
    for (const bool hard : {false, true}) {
        TestServer server;
        std::unique_ptr<HttpExchange> held;
        std::atomic<int> aborted = 0;
        std::atomic<bool> waiting = false;
        server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
            exchange->on_abort([&] { ++aborted; });
            held = std::move(exchange);
            waiting = true;
        };
        server.start();
        Client client(server.port());
        client.send(kGet);
        ASSERT_TRUE(eventually([&] { return waiting.load(); }));
        hard ? client.reset() : client.close();
        EXPECT_TRUE(eventually([&] { return aborted == 1; })) << (hard ? "reset" : "FIN");
        server.on_shard(0, [&] {
            held->respond(HttpResponse::of(200, "text/plain", "too late"));
            held.reset();
        });
        EXPECT_TRUE(eventually([&] { return server.statistics().http_connections.value() == 0; }));
        EXPECT_EQ(aborted, 1);
    }
}

TEST(HttpConnection, ForgetsAPeerThatHasGoneWhileItsAnswerIsStillMade) {
    HttpServerOptions options;
    options.half_close_timeout = Milliseconds(30);
    TestServer server(options);
    std::unique_ptr<HttpExchange> held;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        held = std::move(exchange);
    };
    server.start();
    Client client(server.port());
    client.send(kGet);
    ASSERT_TRUE(eventually([&] { return server.statistics().http_requests.value() == 1; }));
    client.close();
    EXPECT_TRUE(eventually([&] { return server.statistics().http_connections.value() == 0; }));
    server.on_shard(0, [&] {
        held->respond(HttpResponse::of(200, "text/plain", "too late"));
        held.reset();
    });
}

TEST(HttpConnection, TellsOfAnAbortThatCameBeforeTheCallback) {
    TestServer server;
    std::unique_ptr<HttpExchange> held;
    std::atomic<bool> waiting = false, aborted = false;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        held = std::move(exchange);
        waiting = true;
    };
    server.start();
    Client client(server.port());
    client.send(kGet);
    ASSERT_TRUE(eventually([&] { return waiting.load(); }));
    client.reset();
    ASSERT_TRUE(eventually([&] { return server.statistics().http_connections.value() == 0; }));
    server.on_shard(0, [&] {
        held->on_abort([&] { aborted = true; });
        EXPECT_FALSE(aborted) << "never inside the call";
    });
    EXPECT_TRUE(eventually([&] { return aborted.load(); }));
    server.on_shard(0, [&] { held.reset(); });
}

/// Pipelines `bytes` behind a request that is held, as far as the kernel takes them at once.
void pipeline_behind_held(TestServer& server, Client& client, std::size_t bytes) {
    client.send(kGet);
    ASSERT_TRUE(eventually([&] { return server.statistics().http_requests.value() == 1; }));
    std::string flood;
    while (flood.size() < bytes) flood += kGet;
    std::string_view rest = flood;
    while (!rest.empty()) {
        const ssize_t n =
            ::send(client.fd(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) break;
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
}

TEST(HttpConnection, ReadsNoMoreThanItsBoundBehindAHeldRequest) {
    TestServer server;
    std::unique_ptr<HttpExchange> held;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        held = std::move(exchange);
    };
    server.start();
    Client client(server.port());
    pipeline_behind_held(server, client, 8 << 20);
    constexpr std::int64_t kMost =
        HttpConnection::kCarryMax + Transport::kReadBytesMax + std::ssize(kGet);
    for (int i = 0; i < 10; ++i) server.on_shard(0, [] {});
    EXPECT_LE(server.statistics().bytes_in.value(), kMost);
    server.on_shard(0, [&] { held.reset(); });
}

TEST(HttpConnection, NoticesTheEndOfAPeerWhoseRequestsItDoesNotRead) {
    TestServer server;
    std::unique_ptr<HttpExchange> held;
    std::atomic<bool> aborted = false;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        exchange->on_abort([&] { aborted = true; });
        held = std::move(exchange);
    };
    server.start();
    Client client(server.port());
    // More than is read, little enough for the FIN to fit into the window behind it.
    pipeline_behind_held(server, client, HttpConnection::kCarryMax + 16 * 1024);
    client.finish_sending();
    EXPECT_TRUE(eventually([&] { return aborted.load(); }));
    server.on_shard(0, [&] { held.reset(); });
}

TEST(HttpConnection, StillAnswersAPeerThatClosedItsDirectionOnly) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send(kGet);
    client.finish_sending();
    EXPECT_EQ(status_of(client.read_to_end()), "200");
}

TEST(HttpConnection, AnswersInternalErrorWhenTheHandlerForgets) {
    TestServer server;
    server.handler().on_request = [](HttpRequest, std::unique_ptr<HttpExchange>) {};
    server.start();
    Client client(server.port());
    client.send(kGet);
    const std::string response = client.read_to_end();
    EXPECT_EQ(status_of(response), "500");
    EXPECT_NE(response.find("Connection: close"), std::string::npos);
}

TEST(HttpConnection, CutsSchemeAndHostOfAnAbsoluteTarget) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send(
        "GET http://h:80/p?q HTTP/1.1\r\nHost: h\r\n\r\nGET http://h?q HTTP/1.1\r\nHost: "
        "h\r\n\r\n");
    EXPECT_EQ(body_of(client.read_response()), "GET /p?q ");
    EXPECT_EQ(body_of(client.read_response()), "GET /?q ");
}

TEST(HttpConnection, BelievesTrustedProxiesAboutTheClient) {
    HttpServerOptions options;
    options.trusted_proxies = {*IpNetwork::parse("127.0.0.0/8"), *IpNetwork::parse("10.0.0.0/8")};
    TestServer server(options);
    server.handler().on_request = [](HttpRequest request, std::unique_ptr<HttpExchange> exchange) {
        exchange->respond(
            HttpResponse::of(200, "text/plain", request.peer + (request.secure ? " secure" : "")));
    };
    server.start();
    Client client(server.port());
    client.send(
        "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.1.2.3\r\n"
        "X-Forwarded-Proto: https\r\n\r\n");
    EXPECT_EQ(body_of(client.read_response()), "2.2.2.2 secure");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(body_of(client.read_response()), "127.0.0.1");
}

TEST(HttpConnection, MarksRequestsOfTheInternalListener) {
    TestServer server;
    server.handler().on_request = [](HttpRequest request, std::unique_ptr<HttpExchange> exchange) {
        exchange->respond(
            HttpResponse::of(200, "text/plain", request.internal_listener ? "internal" : "public"));
    };
    server.start();
    Client outside(server.port());
    Client inside(server.listen({.port = 0, .kind = ListenerKind::kInternal, .tls = nullptr}));
    outside.send(kGet);
    inside.send(kGet);
    EXPECT_EQ(body_of(outside.read_response()), "public");
    EXPECT_EQ(body_of(inside.read_response()), "internal");
}

TEST(HttpConnection, DrainsByClosingIdleConnectionsAndEndingTheOthersAfterTheirAnswer) {
    TestServer server;
    std::unique_ptr<HttpExchange> held;
    std::atomic<bool> waiting = false;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        held = std::move(exchange);
        waiting = true;
    };
    server.start();
    Client busy(server.port()), idle(server.port());
    busy.send(kGet);
    ASSERT_TRUE(eventually([&] { return waiting && server.statistics().accepted.value() == 2; }));
    server.server().close_listeners();
    server.server().drain([] {});
    EXPECT_EQ(idle.read_to_end(), "");
    server.on_shard(0, [&] { held->respond(HttpResponse::of(200, "text/plain", "done")); });
    const std::string response = busy.read_to_end();
    EXPECT_EQ(body_of(response), "done");
    EXPECT_NE(response.find("Connection: close"), std::string::npos);
    server.on_shard(0, [&] { held.reset(); });
}

}  // namespace
}  // namespace signalbox::runtime
