// An equivalent of each test of the public suite for Engine.IO 4 (socketio/engine.io-protocol,
// branch main), under its own words, on injected time: an echo server with ping 300/200.
#include <gtest/gtest.h>

#include "engineio/server_fixture.h"

namespace signalbox::engineio {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

constexpr Options kSuiteOptions() {
    return {.ping_interval = Milliseconds(300), .ping_timeout = Milliseconds(200)};
}

class SuiteV4 : public ::testing::Test, protected ServerFixture {
protected:
    SuiteV4() : ServerFixture(kSuiteOptions()) {
        app_.on_message = [this](Session& session, std::string_view message) {
            session.send(last_heard().messages.back().kind, message);
        };
    }
    static void expect_open_packet(std::string_view packet, std::string_view upgrades) {
        EXPECT_EQ(packet, R"(0{"sid":")" + sid_in(packet) + R"(","upgrades":)" +
                              std::string(upgrades) +
                              R"(,"pingInterval":300,"pingTimeout":200,"maxPayload":1000000})");
    }
    std::optional<HttpResponse> refusal_of_upgrade(std::string query) {
        return upgrade(server_, make_request("GET", std::move(query)))->refusal;
    }
    /// A WebSocket that took its polling session over, by probe and upgrade at once.
    std::shared_ptr<WebSocketRecord> upgraded(const std::string& sid) {
        auto websocket = probe(sid);
        websocket->receive(MessageKind::kText, "5");
        return websocket;
    }
    static void expect_echo(WebSocketRecord& websocket) {
        websocket.receive(MessageKind::kText, "4hello");
        EXPECT_EQ(texts_of(websocket).back(), "4hello");
    }
};

TEST_F(SuiteV4, HandshakePollingSuccessfullyOpensASession) {
    const auto opened = request("GET", "EIO=4&transport=polling");
    EXPECT_EQ(opened->status(), 200);
    expect_open_packet(opened->body(), R"(["websocket"])");
}

TEST_F(SuiteV4, HandshakePollingFailsWithAnInvalidEioQueryParameter) {
    EXPECT_EQ(refusal_code(*request("GET", "transport=polling")), 5);
    EXPECT_EQ(refusal_code(*request("GET", "EIO=abc&transport=polling")), 5);
}

TEST_F(SuiteV4, HandshakePollingFailsWithAnInvalidTransportQueryParameter) {
    EXPECT_EQ(refusal_code(*request("GET", "EIO=4")), 0);
    EXPECT_EQ(refusal_code(*request("GET", "EIO=4&transport=abc")), 0);
}

TEST_F(SuiteV4, HandshakePollingFailsWithAnInvalidRequestMethod) {
    EXPECT_EQ(refusal_code(*request("POST", "EIO=4&transport=polling")), 2);
    EXPECT_EQ(refusal_code(*request("PUT", "EIO=4&transport=polling")), 2);
}

TEST_F(SuiteV4, HandshakeWebSocketSuccessfullyOpensASession) {
    FakeClient client(server_);
    expect_open_packet(client.take_frames().front().data, "[]");
}

TEST_F(SuiteV4, HandshakeWebSocketFailsWithAnInvalidEioQueryParameter) {
    EXPECT_EQ(refusal_of_upgrade("transport=websocket")->status, 400);
    EXPECT_EQ(refusal_of_upgrade("EIO=abc&transport=websocket")->status, 400);
}

TEST_F(SuiteV4, HandshakeWebSocketFailsWithAnInvalidTransportQueryParameter) {
    EXPECT_EQ(refusal_of_upgrade("EIO=4")->status, 400);
    EXPECT_EQ(refusal_of_upgrade("EIO=4&transport=abc")->status, 400);
}

TEST_F(SuiteV4, MessagePollingSendsAndReceivesAPayloadContainingOnePlainTextPacket) {
    const std::string sid = open_polling();
    EXPECT_EQ(post(sid, "4hello")->body(), "ok");
    EXPECT_EQ(get(sid)->body(), "4hello");
}

TEST_F(SuiteV4, MessagePollingSendsAndReceivesAPayloadContainingSeveralPlainTextPackets) {
    const std::string sid = open_polling(), payload =
                                                "4test1\x1E"
                                                "4test2\x1E"
                                                "4test3";
    EXPECT_EQ(post(sid, payload)->body(), "ok");
    EXPECT_EQ(get(sid)->body(), payload);
}

TEST_F(SuiteV4, MessagePollingSendsAndReceivesAPayloadContainingPlainTextAndBinaryPackets) {
    const std::string sid = open_polling(), payload =
                                                "4hello\x1E"
                                                "bAQIDBA==";
    EXPECT_EQ(post(sid, payload)->body(), "ok");
    EXPECT_EQ(get(sid)->body(), payload);
}

TEST_F(SuiteV4, MessagePollingClosesTheSessionUponInvalidPacketFormat) {
    const std::string sid = open_polling();
    post(sid, "abc");
    EXPECT_EQ(refusal_code(*get(sid)), 1);
}

TEST_F(SuiteV4, MessagePollingClosesTheSessionUponDuplicatePollRequests) {
    const std::string sid = open_polling();
    const auto first = get(sid);
    EXPECT_EQ(get(sid)->status(), 400);
    EXPECT_EQ(first->status(), 200);
    EXPECT_EQ(first->body(), "1");
    EXPECT_EQ(get(sid)->status(), 400);
}

TEST_F(SuiteV4, MessageWebSocketSendsAndReceivesAPlainTextPacket) {
    FakeClient client(server_);
    expect_echo(client.websocket());
}

TEST_F(SuiteV4, MessageWebSocketSendsAndReceivesABinaryPacket) {
    FakeClient client(server_);
    client.send_binary("\1\2\3\4");
    EXPECT_EQ(texts_of(client.websocket()).back(), "binary \1\2\3\4");
}

TEST_F(SuiteV4, MessageWebSocketClosesTheSessionUponInvalidPacketFormat) {
    FakeClient client(server_);
    client.send_packet("abc");
    EXPECT_TRUE(client.closed());
}

TEST_F(SuiteV4, HeartbeatPollingSendsPingPongPackets) {
    const std::string sid = open_polling();
    for (int i = 0; i < 3; ++i) {
        const auto held = get(sid);
        EXPECT_TRUE(held->pending());
        advance(Milliseconds(300));
        EXPECT_EQ(held->body(), "2");
        EXPECT_EQ(post(sid, "3")->status(), 200);
    }
}

TEST_F(SuiteV4, HeartbeatPollingClosesTheSessionUponPingTimeout) {
    const std::string sid = open_polling();
    advance(Milliseconds(500));
    EXPECT_EQ(get(sid)->status(), 400);
}

TEST_F(SuiteV4, HeartbeatWebSocketSendsPingPongPackets) {
    FakeClient client(server_);
    for (int i = 0; i < 3; ++i) {
        (void)client.take_frames();
        advance(Milliseconds(300));
        EXPECT_EQ(client.take_frames(), (std::vector<FakeMessage>{{MessageKind::kText, "2"}}));
        client.send_packet("3");
    }
    EXPECT_FALSE(client.closed());
}

TEST_F(SuiteV4, HeartbeatWebSocketClosesTheSessionUponPingTimeout) {
    FakeClient client(server_);
    advance(Milliseconds(500));
    EXPECT_TRUE(client.closed());
}

TEST_F(SuiteV4, ClosePollingForcefullyClosesTheSession) {
    const std::string sid = open_polling();
    const auto held = get(sid);
    post(sid, "1");
    EXPECT_EQ(held->status(), 200);
    EXPECT_EQ(held->body(), "6");
    EXPECT_EQ(get(sid)->status(), 400);
}

TEST_F(SuiteV4, CloseWebSocketForcefullyClosesTheSession) {
    FakeClient client(server_);
    client.send_packet("1");
    EXPECT_TRUE(client.closed());
}

TEST_F(SuiteV4, UpgradeSuccessfullyUpgradesFromPollingToWebSocket) {
    const std::string sid = open_polling();
    const auto websocket = probe(sid);
    EXPECT_EQ(texts_of(*websocket), Texts{"3probe"});
    EXPECT_EQ(get(sid)->body(), "6");
    websocket->receive(MessageKind::kText, "5");
    expect_echo(*websocket);
}

TEST_F(SuiteV4, UpgradeIgnoresHttpRequestsWithSameSidAfterUpgrade) {
    const std::string sid = open_polling();
    const auto websocket = upgraded(sid);
    EXPECT_EQ(get(sid)->status(), 400);
    expect_echo(*websocket);
}

TEST_F(SuiteV4, UpgradeIgnoresWebSocketConnectionWithSameSidAfterUpgrade) {
    const std::string sid = open_polling();
    const auto websocket = upgraded(sid);
    EXPECT_TRUE(upgrade_with(sid)->websocket->closed);
    expect_echo(*websocket);
}

}  // namespace
}  // namespace signalbox::engineio
