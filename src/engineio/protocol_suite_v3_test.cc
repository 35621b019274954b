// An equivalent of each test of the public suite for Engine.IO 3 (socketio/engine.io-protocol,
// branch v3), under its own words, on injected time: an echo server with ping 300/200. After them,
// what the suite leaves out.
#include <gtest/gtest.h>

#include "engineio/server_fixture.h"

namespace signalbox::engineio {
namespace {

using namespace testing;
using namespace std::string_literals;
using Texts = std::vector<std::string>;

class SuiteV3 : public ::testing::Test, protected ServerFixture {
protected:
    SuiteV3()
        : ServerFixture({.ping_interval = Milliseconds(300),
                         .ping_timeout = Milliseconds(200),
                         .upgrade_timeout = Milliseconds(100),
                         .allow_eio3 = true}) {
        app_.on_message = [this](Session& session, std::string_view message) {
            session.send(last_heard().messages.back().kind, message);
        };
    }
    /// `&b64=1` is what a client says that cannot take bytes.
    std::string open(const std::string& more = "") {
        return sid_in(request("GET", "EIO=3&transport=polling" + more)->body());
    }
    static std::string session(const std::string& sid) {
        return "EIO=3&transport=polling&sid=" + sid;
    }
    std::shared_ptr<ExchangeRecord> get3(const std::string& sid) {
        return request("GET", session(sid));
    }
    std::shared_ptr<ExchangeRecord> post3(const std::string& sid, std::string body) {
        return request("POST", session(sid), std::move(body));
    }
    std::shared_ptr<WebSocketRecord> websocket(const std::string& query = "") {
        auto opened = upgrade(server_, make_request("GET", "EIO=3&transport=websocket" + query));
        if (query.find("sid=") != std::string::npos) return opened->websocket;
        EXPECT_EQ(texts_of(*opened->websocket), Texts{}) << "it comes by itself, after the 101";
        advance(Milliseconds(2));
        return opened->websocket;
    }
    std::shared_ptr<WebSocketRecord> probe3(const std::string& sid, const std::string& more = "") {
        auto opened = websocket("&sid=" + sid + more);
        opened->receive(MessageKind::kText, "2probe");
        return opened;
    }
    std::shared_ptr<WebSocketRecord> upgraded(const std::string& sid) {
        auto opened = probe3(sid);
        EXPECT_EQ(texts_of(*opened), Texts{"3probe"});
        opened->receive(MessageKind::kText, "5");
        return opened;
    }
    static void expect_echo(WebSocketRecord& websocket) {
        websocket.receive(MessageKind::kText, "4hello");
        EXPECT_EQ(texts_of(websocket).back(), "4hello");
    }
};

TEST_F(SuiteV3, HandshakePollingSuccessfullyOpensASession) {
    const auto opened = request("GET", "EIO=3&transport=polling");
    EXPECT_EQ(opened->status(), 200);
    EXPECT_EQ(opened->response->headers.find("content-type"), "text/plain; charset=UTF-8");
    const std::string packet = R"(0{"sid":")" + sid_in(opened->body()) +
                               R"(","upgrades":["websocket"],"pingInterval":300,)"
                               R"("pingTimeout":200,"maxPayload":1000000})";
    EXPECT_EQ(opened->body(), std::to_string(packet.size()) + ":" + packet);
    EXPECT_EQ(last_session().protocol(), Protocol::kV3);
}

TEST_F(SuiteV3, HandshakePollingFailsWithAnInvalidTransportQueryParameter) {
    EXPECT_EQ(refusal_code(*request("GET", "EIO=3")), 0);
    EXPECT_EQ(refusal_code(*request("GET", "EIO=3&transport=abc")), 0);
}

TEST_F(SuiteV3, HandshakePollingFailsWithAnInvalidRequestMethod) {
    EXPECT_EQ(refusal_code(*request("POST", "EIO=3&transport=polling")), 2);
}

TEST_F(SuiteV3, HandshakeWebSocketSuccessfullyOpensASession) {
    const std::string packet = websocket()->sent.front().data;
    EXPECT_EQ(packet, R"(0{"sid":")" + sid_in(packet) +
                          R"(","upgrades":[],"pingInterval":300,"pingTimeout":200,)"
                          R"("maxPayload":1000000})");
}

TEST_F(SuiteV3, HandshakeWebSocketFailsWithAnInvalidEioQueryParameter) {
    for (const char* query : {"transport=websocket", "EIO=abc&transport=websocket",
                              "EIO=2&transport=websocket", "EIO=&transport=websocket"}) {
        const auto refused = upgrade(server_, make_request("GET", query));
        ASSERT_TRUE(refused->refusal) << query;
        EXPECT_EQ(refused->refusal->body, "Unsupported protocol version");
    }
}

TEST_F(SuiteV3, HandshakeWebSocketFailsWithAnInvalidTransportQueryParameter) {
    EXPECT_EQ(upgrade(server_, make_request("GET", "EIO=3"))->refusal->status, 400);
    EXPECT_EQ(upgrade(server_, make_request("GET", "EIO=3&transport=abc"))->refusal->status, 400);
}

TEST_F(SuiteV3, MessagePollingSendsAndReceivesAPayloadContainingOnePlainTextPacket) {
    const std::string sid = open("&b64=1");
    EXPECT_EQ(post3(sid, "6:4hello")->body(), "ok");
    EXPECT_EQ(get3(sid)->body(), "6:4hello");
}

TEST_F(SuiteV3, MessagePollingSendsAndReceivesAPayloadContainingSeveralPlainTextPackets) {
    const std::string sid = open("&b64=1"), payload = "6:4test16:4test26:4test3";
    EXPECT_EQ(post3(sid, payload)->body(), "ok");
    EXPECT_EQ(get3(sid)->body(), payload);
}

TEST_F(SuiteV3, MessagePollingSendsAndReceivesPlainTextAndBinaryPacketsBase64Encoded) {
    const std::string sid = open("&b64=1"), payload = "6:4hello10:b4AQIDBA==";
    EXPECT_EQ(post3(sid, payload)->body(), "ok");
    const auto answer = get3(sid);
    EXPECT_EQ(answer->body(), payload);
    EXPECT_EQ(answer->response->headers.find("content-type"), "text/plain; charset=UTF-8");
}

TEST_F(SuiteV3, MessagePollingSendsAndReceivesPlainTextAndBinaryPacketsBinary) {
    const std::string sid = open();
    EXPECT_EQ(post3(sid, "6:4hello10:b4AQIDBA==")->body(), "ok");
    const auto answer = get3(sid);
    EXPECT_EQ(answer->body(),
              "\0\6\xFF"
              "4hello\1\5\xFF\4\1\2\3\4"s);
    EXPECT_EQ(answer->response->headers.find("content-type"), "application/octet-stream");
}

TEST_F(SuiteV3, MessagePollingClosesTheSessionUponInvalidPacketFormat) {
    const std::string sid = open("&b64=1");
    post3(sid, "abc");
    EXPECT_EQ(refusal_code(*get3(sid)), 1);
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kParseError});
}

TEST_F(SuiteV3, MessagePollingClosesTheSessionUponDuplicatePollRequests) {
    const std::string sid = open("&b64=1");
    const auto first = get3(sid);
    EXPECT_EQ(get3(sid)->status(), 400);
    EXPECT_EQ(first->body(), "1:1");
    EXPECT_EQ(get3(sid)->status(), 400);
}

TEST_F(SuiteV3, MessageWebSocketSendsAndReceivesAPlainTextPacket) {
    expect_echo(*websocket());
}

TEST_F(SuiteV3, MessageWebSocketSendsAndReceivesABinaryPacket) {
    const auto opened = websocket();
    opened->receive(MessageKind::kBinary, "\4\1\2\3\4");
    EXPECT_EQ(last_heard().messages,
              (std::vector<FakeMessage>{{MessageKind::kBinary, "\1\2\3\4"}}));
    EXPECT_EQ(opened->sent.back(), (FakeMessage{MessageKind::kBinary, "\4\1\2\3\4"}));
}

TEST_F(SuiteV3, MessageWebSocketClosesTheSessionUponInvalidPacketFormat) {
    const auto opened = websocket();
    opened->receive(MessageKind::kText, "abc");
    EXPECT_TRUE(opened->closed);
}

TEST_F(SuiteV3, HeartbeatPollingSendsPingPongPackets) {
    const std::string sid = open("&b64=1");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(post3(sid, "1:2")->status(), 200);
        EXPECT_EQ(get3(sid)->body(), "1:3");
        advance(Milliseconds(300));
    }
}

TEST_F(SuiteV3, HeartbeatPollingClosesTheSessionUponPingTimeout) {
    const std::string sid = open("&b64=1");
    advance(Milliseconds(500));
    EXPECT_EQ(post3(sid, "1:2")->status(), 400);
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kPingTimeout});
}

TEST_F(SuiteV3, HeartbeatWebSocketSendsPingPongPackets) {
    const auto opened = websocket();
    for (int i = 0; i < 3; ++i) {
        advance(Milliseconds(300));
        opened->receive(MessageKind::kText, "2");
    }
    EXPECT_EQ(texts_of(*opened).size(), 4U);
    EXPECT_EQ(texts_of(*opened).back(), "3");
    EXPECT_FALSE(opened->closed);
}

TEST_F(SuiteV3, HeartbeatWebSocketClosesTheSessionUponPingTimeout) {
    const auto opened = websocket();
    advance(Milliseconds(499));
    EXPECT_FALSE(opened->closed);
    advance(Milliseconds(1));
    EXPECT_TRUE(opened->closed);
}

TEST_F(SuiteV3, ClosePollingForcefullyClosesTheSession) {
    const std::string sid = open("&b64=1");
    const auto held = get3(sid);
    post3(sid, "1:1");
    EXPECT_EQ(held->body(), "1:6");
    EXPECT_EQ(get3(sid)->status(), 400);
}

TEST_F(SuiteV3, CloseWebSocketForcefullyClosesTheSession) {
    const auto opened = websocket();
    opened->receive(MessageKind::kText, "1");
    EXPECT_TRUE(opened->closed);
}

TEST_F(SuiteV3, UpgradeSuccessfullyUpgradesFromPollingToWebSocket) {
    const std::string sid = open("&b64=1");
    const auto opened = probe3(sid);
    EXPECT_EQ(texts_of(*opened), Texts{"3probe"});
    EXPECT_EQ(get3(sid)->body(), "1:6");
    opened->receive(MessageKind::kText, "5");
    expect_echo(*opened);
}

TEST_F(SuiteV3, UpgradeIgnoresHttpRequestsWithSameSidAfterUpgrade) {
    const std::string sid = open("&b64=1");
    const auto opened = upgraded(sid);
    EXPECT_EQ(get3(sid)->status(), 400);
    expect_echo(*opened);
}

TEST_F(SuiteV3, UpgradeIgnoresWebSocketConnectionWithSameSidAfterUpgrade) {
    const std::string sid = open("&b64=1");
    const auto opened = upgraded(sid);
    EXPECT_TRUE(websocket("&sid=" + sid)->closed);
    expect_echo(*opened);
}

using EngineV3 = SuiteV3;

TEST_F(EngineV3, KeepsTheRevisionsOfOneServerApart) {
    const std::string v3 = open(), v4 = open_polling();
    EXPECT_EQ(refusal_code(*get(v3)), 3);
    EXPECT_EQ(refusal_code(*get3(v4)), 3);
    EXPECT_EQ(upgrade_with(v3)->refusal->body, "Bad request");
    EXPECT_EQ(last_session().protocol(), Protocol::kV4);
}

TEST_F(EngineV3, ReadsBinaryBodies) {
    const std::string sid = open();
    HttpRequest binary = make_request("POST", session(sid),
                                      "\0\6\xFF"
                                      "4hello\1\3\xFF\4\1\2"s);
    binary.headers.add("Content-Type", "application/octet-stream");
    EXPECT_EQ(exchange(server_, std::move(binary))->body(), "ok");
    EXPECT_EQ(last_heard().messages, (std::vector<FakeMessage>{{MessageKind::kText, "hello"},
                                                               {MessageKind::kBinary, "\1\2"}}));
}

TEST_F(EngineV3, EndsOnBrokenBinaryBodiesAndFrames) {
    const std::string sid = open();
    HttpRequest broken = make_request("POST", session(sid), "\1\5\xFF\4");
    broken.headers.add("Content-Type", "application/octet-stream");
    EXPECT_EQ(exchange(server_, std::move(broken))->body(), "ok");
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kParseError});
    for (const std::string& frame : {""s, "\7x"s, "4x"s}) {
        const auto opened = websocket();
        opened->receive(MessageKind::kBinary, frame);
        EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kParseError});
    }
}

TEST_F(EngineV3, SpeaksBase64ToAWebSocketThatAsksForIt) {
    const auto opened = websocket("&b64=1");
    opened->receive(MessageKind::kText, "b4AQIDBA==");
    EXPECT_EQ(last_heard().messages,
              (std::vector<FakeMessage>{{MessageKind::kBinary, "\1\2\3\4"}}));
    EXPECT_EQ(opened->sent.back(), (FakeMessage{MessageKind::kText, "b4AQIDBA=="}));
}

TEST_F(EngineV3, TakesTheBinaryFormOfTheTransportThatItUpgradesTo) {
    const std::string polling_sid = open("&b64=1");
    const auto raw = probe3(polling_sid);
    last_session().send(MessageKind::kBinary, "\1");
    raw->receive(MessageKind::kText, "5");
    EXPECT_EQ(raw->sent.back(), (FakeMessage{MessageKind::kBinary, "\4\1"}));

    const std::string raw_sid = open();
    const auto text = probe3(raw_sid, "&b64=1");
    last_session().send(MessageKind::kBinary, "\1");
    text->receive(MessageKind::kText, "5");
    EXPECT_EQ(text->sent.back(), (FakeMessage{MessageKind::kText, "b4AQ=="}));
}

TEST_F(EngineV3, TakesOnlyAPingForAPingAndAPongForAnError) {
    const auto opened = websocket();
    advance(Milliseconds(400));
    opened->receive(MessageKind::kText, "4alive");
    advance(Milliseconds(100));
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kPingTimeout});
    websocket()->receive(MessageKind::kText, "3");
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kTransportError});
}

TEST_F(EngineV3, NeverPings) {
    const std::string sid = open();
    const auto held = get3(sid);
    advance(Milliseconds(499));
    EXPECT_TRUE(held->pending());
}

TEST_F(EngineV3, KeepsTheDeadlineThroughAnUpgrade) {
    const std::string sid = open();
    advance(Milliseconds(300));
    const auto opened = upgraded(sid);
    advance(Milliseconds(199));
    EXPECT_FALSE(opened->closed);
    advance(Milliseconds(1));
    EXPECT_TRUE(opened->closed);
}

TEST_F(EngineV3, GivesClientsTimeAfterTheLoopStoodStill) {
    const auto opened = websocket();
    now_ += Milliseconds(2000);
    wheel_.advance(now_);
    EXPECT_TRUE(last_session().open());
    opened->receive(MessageKind::kText, "2");
    advance(Milliseconds(499));
    EXPECT_TRUE(last_session().open());
    advance(Milliseconds(1));
    EXPECT_FALSE(last_session().open());
}

TEST_F(EngineV3, TellsAPollingClientOfTheServersClose) {
    const std::string sid = open();
    const auto held = get3(sid);
    last_session().close(CloseReason::kForcedClose);
    EXPECT_EQ(held->body(), "1:1");
}

class EngineWithoutV3 : public ::testing::Test, protected ServerFixture {};

TEST_F(EngineWithoutV3, RefusesItUnlessAllowed) {
    EXPECT_EQ(refusal_code(*request("GET", "EIO=3&transport=polling")), 5);
}

}  // namespace
}  // namespace signalbox::engineio
