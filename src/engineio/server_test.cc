#include "engineio/server.h"

#include <gtest/gtest.h>

#include <set>

#include "engineio/server_fixture.h"
#include "engineio/sid.h"

namespace signalbox::engineio {
namespace {

using namespace testing;

class EngineServer : public ::testing::Test, protected ServerFixture {};

TEST_F(EngineServer, OpensAPollingSessionWithExactlyTheOpenPacket) {
    app_.on_open = [](Session& session) { session.send(MessageKind::kText, "early"); };
    const auto opened = request("GET", "EIO=4&transport=polling&t=abc");
    ASSERT_TRUE(opened->response);
    const std::string sid = sid_in(opened->body());
    EXPECT_EQ(opened->body(), R"(0{"sid":")" + sid +
                                  R"(","upgrades":["websocket"],"pingInterval":25000,)"
                                  R"("pingTimeout":20000,"maxPayload":1000000})");
    EXPECT_EQ(opened->response->headers.find("content-type"), "text/plain; charset=UTF-8");
    EXPECT_EQ(opened->response->headers.find("cache-control"), "no-store");
    EXPECT_EQ(get(sid)->body(), "4early");
    EXPECT_EQ(server_.session_count(), 1U);
    EXPECT_EQ(server_.find(sid), &last_session());
    EXPECT_FALSE(last_session().is_websocket());
}

TEST_F(EngineServer, OpensAWebSocketSessionWithoutUpgrades) {
    FakeClient client(server_);
    ASSERT_TRUE(client.accepted());
    EXPECT_EQ(client.take_frames(),
              (std::vector<FakeMessage>{
                  {MessageKind::kText, R"(0{"sid":")" + client.sid() +
                                           R"(","upgrades":[],"pingInterval":25000,)"
                                           R"("pingTimeout":20000,"maxPayload":1000000})"}}));
    EXPECT_TRUE(last_session().is_websocket());
}

TEST_F(EngineServer, MakesSidsOfShardNodeAndRandomCharacters) {
    std::set<std::string> sids;
    for (int i = 0; i < 100; ++i) sids.insert(open_polling());
    EXPECT_EQ(sids.size(), 100U);
    for (const std::string& sid : sids) {
        EXPECT_EQ(sid.size(), 20U);
        EXPECT_EQ(sid.substr(0, 5), "ACAAA");
        EXPECT_EQ(Server::owner_of("EIO=4&sid=" + sid + "&t=1", 3), 2);
        EXPECT_EQ(Server::owner_of("sid=" + sid, 2), std::nullopt);
    }
}

TEST_F(EngineServer, ReadsNoOwnerFromSidsThatItCannotHaveMade) {
    EXPECT_EQ(Server::owner_of("EIO=4&transport=polling", 4), std::nullopt);
    EXPECT_EQ(Server::owner_of("sid=", 4), std::nullopt);
    EXPECT_EQ(Server::owner_of("sid=AAAAAAAAAAAAAAAAAAA", 4), std::nullopt);
    EXPECT_EQ(Server::owner_of("sid=AAAAAAAAAAAAAAAAAAAAA", 4), std::nullopt);
    EXPECT_EQ(Server::owner_of("sid=AAAAAAAAAAAAAAAAAAA!", 4), std::nullopt);
    EXPECT_EQ(Server::owner_of("sid=AAAAAAAAAAAAAAAAAAAA", 4), 0);
    SeededRandom random(1);
    for (ShardIndex shard : {0, 1, 63, 64, 4095}) {
        EXPECT_EQ(shard_of_sid(make_sid(shard, "x-_", random)), shard);
    }
}

TEST_F(EngineServer, RefusesWithTheReferencesCodes) {
    const std::string polling_sid = open_polling();
    const std::string websocket_sid = FakeClient(server_).sid();
    const struct {
        const char* method;
        std::string query;
        int code;
    } cases[] = {
        {"GET", "EIO=4", 0},
        {"GET", "EIO=4&transport=tcp", 0},
        {"GET", "EIO=4&transport=webtransport&sid=" + polling_sid, 0},
        {"GET", "EIO=4&transport=polling&sid=nonsense", 1},
        {"POST", "EIO=4&transport=polling&sid=nonsense", 1},
        {"GET", "EIO=4&transport=polling&sid=" + websocket_sid, 3},
        {"POST", "EIO=4&transport=polling&sid=" + websocket_sid, 3},
        {"GET", "EIO=4&transport=websocket&sid=" + polling_sid, 3},
        {"GET", "EIO=4&transport=websocket&sid=" + websocket_sid, 3},
        {"GET", "EIO=3&transport=polling&sid=" + polling_sid, 3},
        {"POST", "EIO=4&transport=polling", 2},
        {"OPTIONS", "EIO=4&transport=polling", 2},
        {"POST", "EIO=4&transport=websocket", 2},
        {"GET", "EIO=4&transport=websocket", 3},
        {"GET", "EIO=3&transport=polling", 5},
        {"GET", "EIO=4x&transport=polling", 5},
        {"GET", "transport=polling&noEIO=", 5},
    };
    const char* messages[] = {
        "Transport unknown", "Session ID unknown", "Bad handshake method",
        "Bad request",       "Forbidden",          "Unsupported protocol version"};
    for (const auto& [method, query, code] : cases) {
        const auto record = request(method, query);
        ASSERT_TRUE(record->response) << method << " " << query;
        EXPECT_EQ(record->status(), 400);
        EXPECT_EQ(record->body(),
                  "{\"code\":" + std::to_string(code) + ",\"message\":\"" + messages[code] + "\"}")
            << method << " " << query;
        EXPECT_EQ(record->response->headers.find("content-type"), "application/json");
    }
    EXPECT_EQ(server_.session_count(), 2U);
}

TEST_F(EngineServer, RefusesForTheFirstReasonInTheReferencesOrder) {
    const auto code_of = [&](std::string method, std::string query, std::string origin) {
        HttpRequest request = make_request(std::move(method), std::move(query));
        if (!origin.empty()) request.headers.add("Origin", std::move(origin));
        return refusal_code(*exchange(server_, std::move(request)));
    };
    const std::string illegal = "http://a\x01", sid = open_polling();
    app_.refusal = http_refusal(Refusal::kForbidden);
    EXPECT_EQ(code_of("POST", "EIO=9&transport=tcp&sid=unknown", illegal), 0);
    EXPECT_EQ(code_of("POST", "EIO=9&transport=polling&sid=unknown", illegal), 3);
    EXPECT_EQ(code_of("POST", "EIO=9&transport=websocket&sid=unknown", ""), 1);
    EXPECT_EQ(code_of("POST", "EIO=9&transport=websocket&sid=" + sid, ""), 3);
    EXPECT_EQ(code_of("POST", "EIO=9&transport=websocket", ""), 2);
    EXPECT_EQ(code_of("GET", "EIO=9&transport=websocket", ""), 3);
    const auto forbidden = request("GET", "EIO=9&transport=polling");
    EXPECT_EQ(forbidden->status(), 403);
    EXPECT_EQ(forbidden->body(), R"({"code":4,"message":"Forbidden"})");
    app_.refusal.reset();
    EXPECT_EQ(code_of("GET", "EIO=9&transport=polling", ""), 5);
}

TEST_F(EngineServer, RefusesAnOriginWithIllegalCharacters) {
    HttpRequest bad = make_request("GET", "EIO=4&transport=polling&sid=unknown");
    bad.headers.add("Origin", "http://a\x01");
    EXPECT_EQ(refusal_code(*exchange(server_, std::move(bad))), 3);
    HttpRequest good = make_request("GET", "EIO=4&transport=polling");
    good.headers.add("Origin", "http://\xC3\xA4");
    EXPECT_EQ(exchange(server_, std::move(good))->status(), 200);
}

TEST_F(EngineServer, RefusesWebSocketsBeforeThe101WithAShortText) {
    const std::pair<std::string, std::string> cases[] = {
        {"EIO=4&transport=tcp", "Transport unknown"},
        {"EIO=4&transport=websocket&sid=unknown", "Session ID unknown"},
        {"EIO=4&transport=polling", "Bad request"},
        {"EIO=4&transport=polling&sid=" + open_polling(), "Bad request"},
        {"EIO=3&transport=websocket", "Unsupported protocol version"},
    };
    for (const auto& [query, message] : cases) {
        const auto record = upgrade(server_, make_request("GET", query));
        ASSERT_TRUE(record->refusal) << query;
        EXPECT_EQ(record->refusal->status, 400);
        EXPECT_EQ(record->refusal->body, message);
        EXPECT_FALSE(record->websocket);
    }
}

class EngineServerWithoutWebSocket : public ::testing::Test, protected ServerFixture {
protected:
    EngineServerWithoutWebSocket() : ServerFixture({.allow_websocket = false}) {}
};

TEST_F(EngineServerWithoutWebSocket, OffersNoUpgradeAndKnowsNoSuchTransport) {
    const auto opened = request("GET", "EIO=4&transport=polling");
    EXPECT_NE(opened->body().find(R"("upgrades":[])"), std::string::npos);
    EXPECT_EQ(upgrade_with(sid_in(opened->body()))->refusal->body, "Transport unknown");
}

class EngineServerWithoutPolling : public ::testing::Test, protected ServerFixture {
protected:
    EngineServerWithoutPolling() : ServerFixture({.allow_polling = false}) {}
};

TEST_F(EngineServerWithoutPolling, KnowsNoSuchTransport) {
    EXPECT_EQ(refusal_code(*request("GET", "EIO=4&transport=polling")), 0);
    EXPECT_TRUE(FakeClient(server_).accepted());
}

TEST_F(EngineServer, PassesTheApplicationsRefusalOn) {
    HttpResponse busy = HttpResponse::of(503, "text/plain", "busy");
    busy.headers.add("Retry-After", "2");
    app_.refusal = busy;
    const auto record = request("GET", "EIO=4&transport=polling");
    EXPECT_EQ(record->status(), 503);
    EXPECT_EQ(record->response->headers.find("retry-after"), "2");
    app_.refusal = busy;
    EXPECT_EQ(FakeClient(server_).refusal()->status, 503);
    EXPECT_EQ(server_.session_count(), 0U);
    EXPECT_TRUE(app_.opened.empty());
}

TEST_F(EngineServer, AsksTheApplicationOnlyForNewSessions) {
    const std::string sid = open_polling();
    get(sid);
    post(sid, "4x");
    upgrade_with(sid);
    EXPECT_EQ(refusal_code(*request("POST", "EIO=4&transport=polling")), 2);
    EXPECT_EQ(app_.asked, 1);
}

TEST_F(EngineServer, WaitsForADecisionInALaterTurn) {
    app_.decides = RecordingApplication::Decides::kLater;
    const auto first = request("GET", "EIO=4&transport=polling");
    FakeClient client(server_);
    const auto third = request("GET", "EIO=4&transport=polling");
    EXPECT_TRUE(first->pending());
    EXPECT_FALSE(client.accepted());
    app_.decisions[0](std::nullopt);
    app_.decisions[1](std::nullopt);
    app_.decisions[2](HttpResponse::of(429, "text/plain", ""));
    EXPECT_EQ(first->status(), 200);
    EXPECT_TRUE(client.accepted());
    EXPECT_EQ(third->status(), 429);
    EXPECT_EQ(server_.session_count(), 2U);
    app_.decisions[0](std::nullopt);
    EXPECT_EQ(server_.session_count(), 2U);
}

TEST_F(EngineServer, ForgetsAHandshakeWhosePeerLeavesBeforeTheDecision) {
    app_.decides = RecordingApplication::Decides::kLater;
    const auto record = request("GET", "EIO=4&transport=polling");
    record->abort();
    advance(Milliseconds(2));
    EXPECT_TRUE(record->destroyed);
    app_.decisions[0](std::nullopt);
    EXPECT_EQ(server_.session_count(), 0U);
    EXPECT_TRUE(app_.opened.empty());
}

TEST_F(EngineServer, LetsADecisionComeAfterItsEnd) {
    app_.decides = RecordingApplication::Decides::kLater;
    std::shared_ptr<ExchangeRecord> record;
    {
        Server server({}, 0, wheel_, random_, app_);
        record = exchange(server, make_request("GET", "EIO=4&transport=polling"));
    }
    EXPECT_TRUE(record->destroyed);
    app_.decisions[0](std::nullopt);
}

TEST_F(EngineServer, TellsAHandlerOfACloseInsideOpen) {
    app_.on_open = [](Session& session) { session.close(CloseReason::kForcedClose); };
    FakeClient client(server_);
    EXPECT_EQ(client.close_code(), WebSocketCloseCode::kNormal);
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kForcedClose});
    advance(Milliseconds(2));
    EXPECT_TRUE(last_heard().destroyed);
    EXPECT_EQ(server_.session_count(), 0U);
}

TEST_F(EngineServer, ClosesAllSessions) {
    FakeClient client(server_);
    const std::string sid = open_polling();
    const auto held = get(sid);
    open_polling();
    server_.close_all(CloseReason::kServerShutdown);
    EXPECT_EQ(client.close_code(), WebSocketCloseCode::kGoingAway);
    EXPECT_EQ(held->body(), "1");
    EXPECT_EQ(server_.session_count(), 0U);
    for (const auto& heard : app_.opened) {
        EXPECT_EQ(heard->closed, std::vector{CloseReason::kServerShutdown});
    }
}

TEST_F(EngineServer, ClosesIdleSessionsWithoutWaitingForTheirClients) {
    app_.idle = true;
    FakeClient client(server_);
    const std::string polls = open_polling();
    const auto held = get(polls);
    const std::string away = open_polling();
    server_.close_idle(CloseReason::kServerShutdown);
    EXPECT_EQ(client.close_code(), WebSocketCloseCode::kGoingAway);
    EXPECT_EQ(held->body(), "1");
    EXPECT_EQ(refusal_code(*get(away)), 1);
    EXPECT_EQ(server_.unfinished_count(), 0U);
    for (const auto& heard : app_.opened) {
        EXPECT_EQ(heard->closed, std::vector{CloseReason::kServerShutdown});
    }
}

TEST_F(EngineServer, LetsAnIdleSessionsClientHearItsLastMessages) {
    app_.idle = true;
    const std::string sid = open_polling();
    last_session().send(MessageKind::kText, "last");
    server_.close_idle(CloseReason::kServerShutdown);
    EXPECT_EQ(server_.unfinished_count(), 1U);
    EXPECT_EQ(get(sid)->body(), "4last");
    EXPECT_EQ(get(sid)->body(), "1");
    EXPECT_EQ(server_.unfinished_count(), 0U);
}

TEST_F(EngineServer, LeavesSessionsThatAreNotIdleOpen) {
    FakeClient client(server_);
    server_.close_idle(CloseReason::kServerShutdown);
    EXPECT_TRUE(last_session().open());
}

TEST_F(EngineServer, LetsAHandlerCloseOtherSessionsWhileAllAreClosed) {
    FakeClient a(server_), b(server_);
    server_.close_all(CloseReason::kServerShutdown);
    server_.close_all(CloseReason::kServerShutdown);
    EXPECT_EQ(app_.opened[0]->closed.size(), 1U);
    EXPECT_EQ(app_.opened[1]->closed.size(), 1U);
}

TEST(CloseReason, HasTheReferencesWords) {
    EXPECT_EQ(to_string(CloseReason::kTransportError), "transport error");
    EXPECT_EQ(to_string(CloseReason::kTransportClose), "transport close");
    EXPECT_EQ(to_string(CloseReason::kForcedClose), "forced close");
    EXPECT_EQ(to_string(CloseReason::kPingTimeout), "ping timeout");
    EXPECT_EQ(to_string(CloseReason::kParseError), "parse error");
    EXPECT_EQ(to_string(CloseReason::kServerShutdown), "server shutting down");
    EXPECT_EQ(to_string(CloseReason::kPayloadTooLarge), "payload too large");
    EXPECT_EQ(to_string(CloseReason::kSlowConsumer), "slow consumer");
}

class KeptHandshake : public ::testing::Test, protected ServerFixture {
protected:
    explicit KeptHandshake(std::optional<std::vector<std::string>> headers)
        : ServerFixture({.handshake_headers = std::move(headers)}) {
        HttpHeaders sent;
        sent.add("cookie", std::string(14'000, 'c'));
        sent.add("authorization", "Bearer x");
        client_.emplace(server_, "&sessionId=s", sent);
    }
    const Handshake& kept() { return last_session().handshake(); }
    std::optional<FakeClient> client_;
};

class WholeHandshake : public KeptHandshake {
protected:
    WholeHandshake() : KeptHandshake(std::nullopt) {}
};

TEST_F(WholeHandshake, IsKeptUnlessToldOtherwise) {
    EXPECT_EQ(kept().headers.find("Cookie")->size(), 14'000U);
    EXPECT_EQ(kept().target, "/socket.io/?EIO=4&transport=websocket&sessionId=s");
}

class PartOfTheHandshake : public KeptHandshake {
protected:
    PartOfTheHandshake() : KeptHandshake(std::vector<std::string>{"Authorization", "Origin"}) {}
};

TEST_F(PartOfTheHandshake, IsKeptWithPeerAndWhatTheQueryHasForTheApplication) {
    EXPECT_EQ(kept().headers.find("authorization"), "Bearer x");
    EXPECT_EQ(kept().headers.find("cookie"), std::nullopt);
    EXPECT_EQ(kept().headers.find("origin"), std::nullopt);
    EXPECT_EQ(kept().query(), "sessionId=s");
    EXPECT_EQ(kept().peer, "127.0.0.1");
}

}  // namespace
}  // namespace signalbox::engineio
