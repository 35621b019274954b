#include "runtime/websocket_connection.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "runtime/testing.h"
#include "runtime/websocket_handshake.h"

namespace signalbox::runtime {
namespace {

using engineio::MessageKind;
using engineio::WebSocketCloseCode;
using engineio::WebSocketEnd;
using testing::Client;
using testing::client_frame;
using testing::eventually;
using testing::Fin;
using testing::kUpgradeRequest;
using testing::Standstill;
using testing::TestServer;

/// Takes the server's upgrades and remembers what it hears. Ends after the shard, which it stops.
class Recorder final : public engineio::WebSocketHandler {
public:
    explicit Recorder(TestServer& server) : server_(server) {
        server.handler().on_upgrade = [this](std::unique_ptr<engineio::WebSocketUpgrade> upgrade) {
            port = upgrade->accept(*this);
        };
    }
    ~Recorder() { server_.stop(); }

    void on_message(MessageKind, std::string_view message) override {
        messages.emplace_back(message);
        if (then) then();
    }
    void on_end(WebSocketEnd reason) override {
        end = reason;
        ended = true;
    }

    std::unique_ptr<engineio::WebSocketPort> port;
    std::vector<std::string> messages;
    std::function<void()> then;
    std::atomic<bool> ended = false;
    std::atomic<WebSocketEnd> end{};

private:
    TestServer& server_;
};

Client open(TestServer& server) {
    Client client(server.port());
    client.send(kUpgradeRequest);
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    return client;
}

TEST(WebSocketHandshake, ComputesTheAcceptKeyOfTheSpecification) {
    EXPECT_EQ(websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketHandshake, NamesTheFirstSubprotocolThatIsOffered) {
    const std::pair<std::string, std::string> cases[] = {
        {"chat", "Sec-WebSocket-Protocol: chat\r\n"},
        {"v2.chat, chat", "Sec-WebSocket-Protocol: v2.chat\r\n"},
        {"", ""},
        {", chat", ""},
        {"\"chat\"", ""}};
    for (const auto& [offer, answer] : cases) {
        HttpRequest request;
        request.headers.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        request.headers.add("Sec-WebSocket-Protocol", offer);
        std::string head;
        append_switching_protocols(head, request, std::nullopt);
        EXPECT_TRUE(head.ends_with("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" + answer + "\r\n")) << offer;
    }
}

TEST(WebSocketConnection, EchoesTextAndBinary) {
    TestServer server;
    server.start();
    Client client = open(server);
    client.send(client_frame(1, "hello"));
    EXPECT_EQ(client.read_exactly(7), "\x81\x05hello");
    client.send(client_frame(2, std::string(300, 'b')));
    EXPECT_EQ(client.read_exactly(304), std::string("\x82\x7e\x01\x2c", 4) + std::string(300, 'b'));
}

TEST(WebSocketConnection, ReadsFramesThatCameWithTheHandshake) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send(std::string(kUpgradeRequest) + client_frame(1, "early") + client_frame(1, "bird"));
    client.read_until("\r\n\r\n");
    EXPECT_EQ(client.read_exactly(13),
              "\x81\x05"
              "early\x81\x04"
              "bird");
    EXPECT_EQ(server.statistics().send_calls.value(), 1) << "answer 101 and echoes leave together";
}

TEST(WebSocketConnection, SendsThePendingAnswersBeforeThe101) {
    TestServer server;
    server.start();
    Client client(server.port());
    client.send("GET /first HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kUpgradeRequest));
    EXPECT_EQ(testing::body_of(client.read_response()), "GET /first ");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
}

TEST(WebSocketConnection, AnswersAllMessagesOfATurnInOneSend) {
    TestServer server;
    server.start();
    Client client = open(server);
    const auto sends = server.statistics().send_calls.value();
    const auto receives = server.statistics().recv_calls.value();
    std::string frames;
    for (int i = 0; i < 50; ++i) frames += client_frame(1, "message");
    client.send(frames);
    EXPECT_EQ(client.read_exactly(50 * 9).size(), 450U);
    EXPECT_EQ(server.statistics().websocket_messages_in.value(), 50);
    EXPECT_EQ(server.statistics().send_calls.value() - sends, 1);
    EXPECT_EQ(server.statistics().recv_calls.value() - receives, 1);
}

TEST(WebSocketConnection, HandlesAllThatManyHaveSentInOneTurn) {
    constexpr std::size_t kClients = 2 * InputBatch::kInputsMax + 1;
    TestServer server;
    server.start();
    std::vector<Client> clients;
    for (std::size_t i = 0; i < kClients; ++i) clients.push_back(open(server));
    const auto text = [](std::size_t i) { return fmt::format("{:05}", i); };
    {
        const Standstill turn(server);
        for (std::size_t i = 0; i < kClients; ++i) clients[i].send(client_frame(1, text(i)));
    }
    for (std::size_t i = 0; i < kClients; ++i) {
        EXPECT_EQ(clients[i].read_exactly(7), "\x81\x05" + text(i));
    }
}

TEST(WebSocketConnection, KeepsWhatOthersHaveSentWhileOneFillsAWholeRead) {
    TestServer server;
    server.start();
    Client small = open(server), large = open(server), last = open(server);
    const std::string payload(Transport::kReadBytesMax - 8, 'x');
    {
        const Standstill turn(server);
        small.send(client_frame(1, "small"));
        large.send(client_frame(1, payload));
        last.send(client_frame(1, "last!"));
    }
    EXPECT_EQ(small.read_exactly(7), "\x81\x05small");
    EXPECT_EQ(large.read_exactly(payload.size() + 4).substr(4), payload);
    EXPECT_EQ(last.read_exactly(7), "\x81\x05last!");
}

TEST(WebSocketConnection, HearsNothingOnceAnotherOfTheTurnHasEndedIt) {
    TestServer server;
    Recorder ended(server);
    server.start();
    Client victim = open(server);
    Recorder killer(server);
    Client client = open(server);
    killer.then = [&] { ended.port.reset(); };
    {
        const Standstill turn(server);
        client.send(client_frame(1, "end the other"));
        victim.send(client_frame(1, "too late"));
    }
    victim.read_to_end();
    server.stop();
    EXPECT_EQ(killer.messages, std::vector<std::string>{"end the other"});
    EXPECT_TRUE(ended.messages.empty());
}

TEST(WebSocketConnection, ReadsFragmentsAndSplitsWithPingsBetween) {
    TestServer server;
    server.start();
    Client client = open(server);
    client.send_bytewise(client_frame(1, "frag", Fin::kNo) + client_frame(9, "ping") +
                         client_frame(0, "mented"));
    EXPECT_EQ(client.read_exactly(6), "\x8a\x04ping");
    EXPECT_EQ(client.read_exactly(12),
              "\x81\x0a"
              "fragmented");
}

TEST(WebSocketConnection, RefusesAMessageOverTheMaximumWith1009) {
    HttpServerOptions options;
    options.websocket_message_bytes_max = 100;
    TestServer server(options);
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    client.send(client_frame(1, std::string(100, 'x')));
    client.send(client_frame(1, std::string(101, 'x')));
    EXPECT_EQ(client.read_to_end(), std::string("\x88\x02\x03\xf1", 4));
    EXPECT_TRUE(eventually([&] { return recorder.ended.load(); }));
    EXPECT_EQ(recorder.end, WebSocketEnd::kMessageTooBig);
    server.stop();
    EXPECT_EQ(recorder.messages.size(), 1U);
}

TEST(WebSocketConnection, ClosesBrokenInputWithItsCode) {
    const std::pair<std::string, std::string_view> cases[] = {
        {client_frame(1, "\xff"), std::string_view("\x88\x02\x03\xef", 4)},
        {"\x81\x01x", std::string_view("\x88\x02\x03\xea", 4)},
        {client_frame(3, ""), std::string_view("\x88\x02\x03\xea", 4)},
        {client_frame(0, "x"), std::string_view("\x88\x02\x03\xea", 4)},
    };
    for (const auto& [frame, answer] : cases) {
        TestServer server;
        Recorder recorder(server);
        server.start();
        Client client = open(server);
        client.send(frame);
        EXPECT_EQ(client.read_to_end(), answer);
        EXPECT_TRUE(eventually([&] { return recorder.ended.load(); }));
        EXPECT_EQ(recorder.end, WebSocketEnd::kError);
    }
}

TEST(WebSocketConnection, AnswersTheClosingHandshakeOfThePeer) {
    TestServer server;
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    client.send(client_frame(8, "\x03\xe8"));
    EXPECT_EQ(client.read_to_end(), std::string("\x88\x02\x03\xe8", 4));
    EXPECT_TRUE(eventually([&] { return recorder.ended.load(); }));
    EXPECT_EQ(recorder.end, WebSocketEnd::kClosed);
    client.close();
    EXPECT_TRUE(eventually([&] { return server.statistics().websocket_connections.value() == 0; }));
}

TEST(WebSocketConnection, FlushesThenClosesAndWaitsForThePeersClose) {
    TestServer server;
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    server.on_shard(0, [&] {
        recorder.port->send(MessageKind::kText, "last words");
        recorder.port->close(WebSocketCloseCode::kGoingAway);
        recorder.port->send(MessageKind::kText, "never");
        recorder.port.reset();
    });
    EXPECT_EQ(client.read_exactly(16), std::string("\x81\x0alast words\x88\x02\x03\xe9", 16));
    client.send(client_frame(1, "ignored") + client_frame(8, "\x03\xe9"));
    EXPECT_EQ(client.read_to_end(), "");
    client.close();
    EXPECT_TRUE(eventually([&] { return server.statistics().websocket_connections.value() == 0; }));
    server.stop();
    EXPECT_TRUE(recorder.messages.empty());
    EXPECT_FALSE(recorder.ended);
}

TEST(WebSocketConnection, DoesNotWaitForeverForThePeersClose) {
    HttpServerOptions options;
    options.websocket_close_timeout = Milliseconds(30);
    TestServer server(options);
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    server.on_shard(0, [&] { recorder.port->close(WebSocketCloseCode::kNormal); });
    EXPECT_EQ(client.read_to_end(), std::string("\x88\x02\x03\xe8", 4));
    EXPECT_TRUE(eventually([&] { return server.statistics().websocket_connections.value() == 0; }));
    server.on_shard(0, [&] { recorder.port.reset(); });
}

TEST(WebSocketConnection, LetsAPeerThatReadsTakeTheLastWordsBeyondTheTimeForItsClose) {
    ManualClock clock;
    TestServer server({}, {.clock = &clock});
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    constexpr std::size_t kPart = 4 << 20;
    constexpr std::size_t kBytes = 16 * kPart;
    server.on_shard(0, [&] {
        recorder.port->send(MessageKind::kBinary, std::string(kBytes, 'x'));
        recorder.port->close(WebSocketCloseCode::kGoingAway);
        recorder.port.reset();
    });
    EXPECT_EQ(client.read_exactly(10).size(), 10U);
    for (int i = 0; i < 16; ++i) {
        ASSERT_EQ(client.read_exactly(kPart).size(), kPart);
        server.on_shard(0, [&] { clock.advance(Milliseconds(2'000)); });
        server.on_shard(0, [] {});
    }
    EXPECT_EQ(client.read_exactly(4), std::string("\x88\x02\x03\xe9", 4));
}

TEST(WebSocketConnection, DestroyingThePortSendsWhatWasSent) {
    TestServer server;
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    server.on_shard(0, [&] {
        recorder.port->send(MessageKind::kText, "bye");
        recorder.port.reset();
    });
    EXPECT_EQ(client.read_to_end(),
              "\x81\x03"
              "bye");
}

TEST(WebSocketConnection, LetsTheHandlerDestroyThePortInsideACallback) {
    TestServer server;
    Recorder recorder(server);
    recorder.then = [&] { recorder.port.reset(); };
    server.start();
    Client client = open(server);
    client.send(client_frame(1, "one") + client_frame(1, "two"));
    EXPECT_EQ(client.read_to_end(), "");
    server.stop();
    EXPECT_EQ(recorder.messages, std::vector<std::string>{"one"});
    EXPECT_FALSE(recorder.ended);
}

TEST(WebSocketConnection, ToldOfAResetAsAnError) {
    TestServer server;
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    client.reset();
    EXPECT_TRUE(eventually([&] { return recorder.ended.load(); }));
    EXPECT_EQ(recorder.end, WebSocketEnd::kError);
    EXPECT_TRUE(eventually([&] { return server.statistics().websocket_connections.value() == 0; }));
}

TEST(WebSocketConnection, ToldOfAnEndWithoutACloseFrameAsClosed) {
    TestServer server;
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    client.finish_sending();
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_TRUE(eventually([&] { return recorder.ended.load(); }));
    EXPECT_EQ(recorder.end, WebSocketEnd::kClosed);
}

TEST(WebSocketConnection, BuffersForASlowPeerAndTellsWhenAllHasLeft) {
    TestServer server;
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    constexpr std::size_t kBytes = 16 << 20;
    const auto buffered = [&] {
        std::size_t bytes = 0;
        server.on_shard(0, [&] { bytes = recorder.port->buffered_bytes(); });
        return bytes;
    };
    server.on_shard(0,
                    [&] { recorder.port->send(MessageKind::kBinary, std::string(kBytes, 'x')); });
    EXPECT_GT(buffered(), 0U);
    EXPECT_EQ(client.read_exactly(kBytes + 10).size(), kBytes + 10);
    EXPECT_TRUE(eventually([&] { return buffered() == 0; }));
    server.on_shard(0, [&] { recorder.port.reset(); });
}

TEST(WebSocketConnection, ReadsWhatCameWithAPipelinedHandshakeBeforeWhatCameLater) {
    TestServer server;
    Recorder recorder(server);
    std::unique_ptr<HttpExchange> held;
    server.handler().on_request = [&](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        held = std::move(exchange);
    };
    server.start();
    Client client(server.port());
    // The handshake is read when the answer before it is written, at the end of a turn.
    auto accept = std::move(server.handler().on_upgrade);
    server.handler().on_upgrade = [&](std::unique_ptr<engineio::WebSocketUpgrade> upgrade) {
        accept(std::move(upgrade));
        client.send(client_frame(1, "late"));
    };
    client.send("GET /first HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kUpgradeRequest) +
                client_frame(1, "early"));
    server.on_shard(0, [] {});
    ASSERT_TRUE(eventually([&] {
        bool there = false;
        server.on_shard(0, [&] { there = held != nullptr; });
        return there;
    }));
    server.on_shard(0, [&] { held->respond(HttpResponse::of(200, "text/plain", "")); });
    EXPECT_TRUE(eventually([&] { return server.statistics().websocket_messages_in.value() == 2; }));
    server.stop();
    EXPECT_EQ(recorder.messages, (std::vector<std::string>{"early", "late"}));
}

TEST(WebSocketConnection, DropsAPeerThatTakesNothingForTooLong) {
    HttpServerOptions options;
    options.write_timeout = Milliseconds(50);
    TestServer server(options);
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    server.on_shard(0,
                    [&] { recorder.port->send(MessageKind::kText, std::string(16 << 20, 'x')); });
    EXPECT_TRUE(eventually([&] { return recorder.ended.load(); }));
    EXPECT_EQ(recorder.end, WebSocketEnd::kError);
}

TEST(WebSocketConnection, FlushesAtOnceWhatThePeerTakes) {
    TestServer server;
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    std::size_t before = 0, after = 0;
    bool blocked = true;
    server.on_shard(0, [&] {
        recorder.port->send(MessageKind::kText, std::string(100'000, 'x'));
        before = recorder.port->buffered_bytes();
        recorder.port->flush();
        after = recorder.port->buffered_bytes();
        blocked = recorder.port->blocked();
    });
    EXPECT_GT(before, 100'000U);
    EXPECT_EQ(after, 0U);
    EXPECT_FALSE(blocked);
    server.on_shard(0, [&] {
        recorder.port->send(MessageKind::kText, std::string(16 << 20, 'y'));
        recorder.port->flush();
        after = recorder.port->buffered_bytes();
    });
    EXPECT_GT(after, 0U);
    server.on_shard(0, [&] { blocked = recorder.port->blocked(); });
    EXPECT_TRUE(blocked);
    server.on_shard(0, [&] { recorder.port.reset(); });
}

TEST(WebSocketConnection, StopsAnsweringPingsThatThePeerDoesNotRead) {
    TestServer server;
    Recorder recorder(server);
    server.start();
    Client client = open(server);
    std::string pings;
    for (int i = 0; i < 1000; ++i) pings += client_frame(9, std::string(125, 'p'));
    server.on_shard(0,
                    [&] { recorder.port->send(MessageKind::kText, std::string(16 << 20, 'x')); });
    std::size_t before = 0, after = 0;
    server.on_shard(0, [&] { before = recorder.port->buffered_bytes(); });
    const auto received = server.statistics().bytes_in.value();
    client.send(pings);
    ASSERT_TRUE(eventually(
        [&] { return server.statistics().bytes_in.value() - received == std::ssize(pings); }));
    server.on_shard(0, [&] {
        after = recorder.port->buffered_bytes();
        recorder.port.reset();
    });
    EXPECT_LE(after, before);
}

TEST(WebSocketUpgrade, RefusesWithTheGivenAnswer) {
    TestServer server;
    server.handler().on_upgrade = [](std::unique_ptr<engineio::WebSocketUpgrade> upgrade) {
        upgrade->refuse(HttpResponse::of(403, "text/plain", "no " + upgrade->request().path));
    };
    server.start();
    Client client(server.port());
    client.send(kUpgradeRequest);
    const std::string response = client.read_to_end();
    EXPECT_EQ(testing::status_of(response), "403");
    EXPECT_EQ(testing::body_of(response), "no /ws");
}

TEST(WebSocketUpgrade, AnswersInternalErrorWhenDestroyedUndecided) {
    TestServer server;
    server.handler().on_upgrade = [](std::unique_ptr<engineio::WebSocketUpgrade>) {};
    server.start();
    Client client(server.port());
    client.send(kUpgradeRequest);
    EXPECT_EQ(testing::status_of(client.read_to_end()), "500");
}

TEST(WebSocketConnection, HoldsLittleMemoryWhileIdle) {
    EXPECT_LE(sizeof(WebSocketConnection), 320U);
}

}  // namespace
}  // namespace signalbox::runtime
