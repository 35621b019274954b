#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "gateway/recovery_for_tests.h"

namespace signalbox::gateway {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Login;
using ::testing::Not;
using testing::StockClient;
using testing::TestClient;

Options introspecting() {
    Options options;
    options.session_mode = SessionMode::kIntrospect;
    options.introspection = {.url = "http://api/introspect",
                             .bearer = {},
                             .member = "active",
                             .cached_for = seconds(5),
                             .stale_for = seconds(20),
                             .per_second = 0};
    options.introspect_recheck = seconds(30);
    return options;
}

class Introspection : public testing::ApiFixture {
protected:
    Introspection() : ApiFixture(introspecting()) {}

    TestClient& connect(std::string_view json, const Login& login = Login{.format = "object"}) {
        client_ = std::make_unique<TestClient>(node, login, elsewhere());
        answer(json);
        return *client_;
    }
    std::string run(TestClient& client, std::string_view action, std::string_view data = "null") {
        client.request("r", action, data);
        return client.take_joined();
    }

    std::unique_ptr<TestClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Shards, Introspection, ::testing::Values(1, 3));

TEST_P(Introspection, LetsInWhoseSessionTheApiCallsActive) {
    TestClient& client = connect(R"({"active":true})");
    EXPECT_THAT(client.take_joined(), HasSubstr("system.connected"));
    const std::string asked = node.http.last().request.body;
    EXPECT_THAT(asked, AllOf(HasSubstr(R"("sessionId":"s1")"), HasSubstr(R"("userId":"u1")"),
                             HasSubstr(R"("companyId":"acme")"), HasSubstr(R"("token":"ey)")));
}

TEST_P(Introspection, RefusesWhoseSessionIsNot) {
    EXPECT_THAT(connect(R"({"active":false})").take_joined(), HasSubstr("SESSION_INVALID"));
    node.advance(seconds(6));
    EXPECT_THAT(connect(R"({"active":true,"expiresAt":1})").take_joined(),
                HasSubstr("SESSION_EXPIRED"));
}

TEST_P(Introspection, HoldsAConnectWhileTheApiIsDown) {
    TestClient client(node, Login{}, elsewhere());
    fail();
    EXPECT_EQ(client.take_joined(), "");
    node.advance(seconds(2));
    EXPECT_TRUE(client.closed());
}

TEST_P(Introspection, GivesThePermissionsThatTheApiNames) {
    TestClient& client = connect(R"({"active":true,"permissions":["updates:send"]})",
                                 Login{.permissions = {}, .format = "object"});
    client.take();
    EXPECT_THAT(run(client, "updates.send", R"({"action":"x"})"), HasSubstr("\"RESPONSE\""));
}

TEST_P(Introspection, ClosesWhatTheApiNoLongerCallsActive) {
    TestClient& client = connect(R"({"active":true})");
    node.advance(seconds(26));
    EXPECT_EQ(node.http.count(), 1U);
    node.advance(seconds(5));
    EXPECT_EQ(node.http.count(), 2U);
    answer(R"({"active":false})");
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("data":{"reason":"revoked"})"));
    EXPECT_TRUE(client.closed());
}

TEST_P(Introspection, KeepsWhatIsActiveAndAsksOnAndOn) {
    TestClient& client = connect(R"({"active":true})");
    for (int i = 0; i < 10; ++i) {
        node.advance(seconds(31));
        answer(R"({"active":true})");
    }
    EXPECT_FALSE(client.closed());
    EXPECT_EQ(node.http.count(), 11U);
}

TEST_P(Introspection, TakesPermissionsAwayWhileConnected) {
    TestClient& client = connect(R"({"active":true,"permissions":["updates:send"]})");
    client.take();
    node.advance(seconds(31));
    answer(R"({"active":true,"permissions":[]})");
    EXPECT_THAT(client.take_joined(),
                HasSubstr(R"({"cause":"session","permissions":[],"endedSubscriptions":[]})"));
    EXPECT_THAT(run(client, "updates.send", R"({"action":"x"})"), HasSubstr("FORBIDDEN"));
    node.advance(seconds(31));
    answer(R"({"active":true})");
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("permissions":["*"])"));
}

TEST_P(Introspection, EndsTheConnectionWhenTheSessionDoes) {
    const std::string end = format_time(node.clock.wall_now() + seconds(10));
    TestClient& client = connect(R"({"active":true,"expiresAt":")" + end + "\"}");
    node.advance(seconds(11));
    answer(R"({"active":false})");
    EXPECT_TRUE(client.closed());
}

TEST_P(Introspection, OutlivesAnOutageThatIsShort) {
    TestClient& client = connect(R"({"active":true})");
    for (int i = 0; i < 48; ++i) {
        node.advance(seconds(1));
        fail();
    }
    EXPECT_FALSE(client.closed());
    answer(R"({"active":true})");
    node.advance(seconds(1));
    answer(R"({"active":true})");
    node.advance(seconds(5));
    EXPECT_FALSE(client.closed());
}

TEST_P(Introspection, EndsWithAnOutageThatIsLong) {
    TestClient& client = connect(R"({"active":true})");
    for (int i = 0; i < 52; ++i) {
        node.advance(seconds(1));
        fail();
    }
    EXPECT_TRUE(client.closed());
    EXPECT_THAT(client.take_joined(), Not(HasSubstr("sessionRevoked")));
    EXPECT_GE(stats().introspections.failed, 20U);
    EXPECT_THAT(connect(R"({"active":true})").take_joined(),
                HasSubstr(R"("lastClose":{"code":"UPSTREAM_UNAVAILABLE")"));
}

TEST_P(Introspection, EndsNoLaterThanConfiguredWhileTheApiHangs) {
    TestClient& client = connect(R"({"active":true})");
    node.advance(Milliseconds(49'900));
    EXPECT_FALSE(client.closed());
    EXPECT_EQ(node.http.count(), 2U) << "which is never answered";
    node.advance(Milliseconds(150));
    EXPECT_TRUE(client.closed());
}

TEST_P(Introspection, EndsTheConnectionASecondAfterTheSessionWhileTheApiHangs) {
    const std::string end = format_time(node.clock.wall_now() + seconds(10));
    TestClient& client = connect(R"({"active":true,"expiresAt":")" + end + "\"}");
    node.advance(Milliseconds(10'900));
    EXPECT_FALSE(client.closed());
    node.advance(Milliseconds(150));
    EXPECT_TRUE(client.closed());
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("data":{"reason":"expired"})"));
}

TEST_P(Introspection, GoesOnWhenTheApiMovesTheSessionsEndInTime) {
    const std::string end = format_time(node.clock.wall_now() + seconds(10));
    TestClient& client = connect(R"({"active":true,"expiresAt":")" + end + "\"}");
    node.advance(Milliseconds(10'500));
    answer(R"({"active":true})");
    node.advance(seconds(10));
    EXPECT_FALSE(client.closed());
}

TEST_P(Introspection, IsNotAskedWithoutAPauseWhenOnlyAnOldAnswerCounts) {
    TestClient& client = connect(R"({"active":true})");
    node.advance(seconds(28));
    for (int i = 0; i < 100; ++i) {
        fail();
        node.advance(Milliseconds(50));
        EXPECT_GT(*node.shard(elsewhere()).wheel.next_deadline(), node.clock.monotonic_now());
    }
    EXPECT_FALSE(client.closed());
    EXPECT_LE(node.http.count(), 9U);
}

TEST_P(Introspection, DoesNotAskForAllAgainAtOneMoment) {
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 40; ++i) {
        clients.push_back(std::make_unique<TestClient>(
            node, Login{.user = "u" + std::to_string(i), .session = "s" + std::to_string(i)},
            elsewhere()));
        answer(R"({"active":true})");
    }
    std::vector<std::size_t> asked;
    for (int second = 0; second < 31; ++second) {
        const std::size_t before = node.http.count();
        node.advance(seconds(1));
        answer(R"({"active":true})");
        asked.push_back(node.http.count() - before);
    }
    EXPECT_LT(std::ranges::max(asked), 25U);
    EXPECT_EQ(node.http.count(), 80U);
}

TEST_P(Introspection, JudgesTheArtifactOfTheConnectByWhatTheApiSays) {
    node.set_policy({.artifact_rules = {auth::ArtifactRule::kPermission}});
    const Login nobody{.artifact = "a", .permissions = {}, .format = "object"};
    EXPECT_THAT(
        connect(R"({"active":true,"permissions":["artifact:a:watch"]})", nobody).take_joined(),
        HasSubstr("system.connected"));
    const Login all{.session = "s2", .artifact = "a", .permissions = {"*"}, .format = "object"};
    EXPECT_THAT(connect(R"({"active":true,"permissions":[]})", all).take_joined(),
                HasSubstr("ARTIFACT_FORBIDDEN"));
    EXPECT_THAT(
        connect(R"({"active":false})", Login{.session = "s3", .artifact = "b", .permissions = {}})
            .take_joined(),
        HasSubstr("SESSION_INVALID"));
}

TEST_P(Introspection, IsAskedWithTheNewTokenAfterARefresh) {
    TestClient& client = connect(R"({"active":true})");
    client.take();
    const std::string token = Login{.permissions = {"new"}}.token(node, std::chrono::minutes(59));
    client.request("f", "auth.refresh", "{\"token\":\"" + token + "\"}");
    EXPECT_THAT(node.http.last().request.body, HasSubstr(token));
    answer(R"({"active":true})");
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("permissionsChanged":true)"));
    node.advance(seconds(31));
    EXPECT_THAT(node.http.last().request.body, HasSubstr(token));
    answer(R"({"active":true})");
    client.request("f", "auth.refresh",
                   "{\"token\":\"" + Login{}.token(node, std::chrono::minutes(58)) + "\"}");
    answer(R"({"active":false})");
    EXPECT_THAT(client.take_joined(), HasSubstr("SESSION_INVALID"));
}

TEST_P(Introspection, HearsNothingOfTheOldTokenAfterARefresh) {
    TestClient& client = connect(R"({"active":true})");
    client.take();
    node.advance(seconds(31));
    const std::size_t of_old = node.http.count() - 1;
    const std::string token = Login{}.token(node, std::chrono::minutes(59));
    client.request("f", "auth.refresh", "{\"token\":\"" + token + "\"}");
    const auto say = [&](std::size_t question, std::string json) {
        signalbox::testing::FakeHttpClient::finish(
            node.http.at(question), HttpResponse::of(200, "application/json", std::move(json)));
        node.turn();
    };
    ASSERT_EQ(node.http.count(), of_old + 2);
    say(of_old + 1, R"({"active":true})");
    EXPECT_THAT(client.take_joined(), HasSubstr("\"RESPONSE\""));
    say(of_old, R"({"active":false})");
    EXPECT_FALSE(client.closed());
}

TEST_P(Introspection, CountsForRestToo) {
    const auto call = [&](std::string_view json) {
        std::string outcome = "none";
        node.gateway(elsewhere())
            .authenticate({.bearer = Login{}.token(node), .session_id = "s1"},
                          SessionNeed::kRequired, [&](auto who) {
                              outcome = who ? std::to_string(who->permissions.claimed().size())
                                            : who.error().code;
                          });
        node.turn();
        answer(json);
        return outcome;
    };
    EXPECT_EQ(call(R"({"active":true,"permissions":["a","b","c"]})"), "3");
    EXPECT_EQ(call("not asked: the answer is known"), "3");
    node.advance(seconds(6));
    EXPECT_EQ(call(R"({"active":false})"), "SESSION_INVALID");
}

TEST_P(Introspection, NeedsASessionOverRestWhereStoresDoNot) {
    std::string outcome;
    node.gateway(elsewhere())
        .authenticate({.bearer = Login{}.token(node), .session_id = {}}, SessionNeed::kOptional,
                      [&](auto who) { outcome = who ? "let in" : who.error().code; });
    node.turn();
    EXPECT_EQ(outcome, "SESSION_REQUIRED");
}

TEST_P(Introspection, ForgetsItsPermissionsWhenAConnectionComesBackAndNoneAreNamed) {
    StockClient alice(node, kAlice);
    alice.connect(elsewhere());
    answer(R"({"active":true,"permissions":["a"]})");
    alice.read();
    alice.cut();
    node.advance(seconds(6));
    alice.begin();
    node.turn();
    answer(R"({"active":true})");
    alice.read();
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.messages.back().text, HasSubstr(R"("permissions":["*"])"));
}

TEST_P(Introspection, DecidesForAConnectionThatComesBack) {
    StockClient alice(node, kAlice);
    alice.connect(elsewhere());
    answer(R"({"active":true,"permissions":["a"]})");
    alice.read();
    ASSERT_TRUE(alice.connected);
    alice.cut();
    node.advance(seconds(6));
    alice.begin();
    node.turn();
    answer(R"({"active":true,"permissions":["b"]})");
    alice.read();
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.messages.back().text, HasSubstr(R"("cause":"session","permissions":["b"])"));
    alice.cut();
    node.advance(seconds(6));
    alice.begin();
    node.turn();
    answer(R"({"active":false})");
    alice.read();
    EXPECT_THAT(alice.refusal, HasSubstr("SESSION_INVALID"));
}

}  // namespace
}  // namespace signalbox::gateway
