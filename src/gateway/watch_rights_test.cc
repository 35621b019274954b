#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "gateway/recovery_for_tests.h"

namespace signalbox::gateway {
namespace {

using auth::ArtifactRule;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Login;
using ::testing::Not;
using ::testing::StartsWith;
using testing::StockClient;
using testing::TestClient;

Options authorizing() {
    Options options;
    options.authorization = {.name = "authorizer",
                             .url = "http://api/watch",
                             .bearer = {},
                             .member = "allowed",
                             .cached_for = seconds(5),
                             .stale_for = seconds(20),
                             .per_second = 0};
    options.authorize_recheck = seconds(30);
    return options;
}

const auth::RoleTable kSeers{{"seer", {"artifact:a:watch"}}};

/// The API decides where no permission does.
class Authorizer : public testing::ApiFixture {
protected:
    Authorizer() : ApiFixture(authorizing()) { set_roles(kSeers); }

    void set_roles(auth::RoleTable roles) {
        node.set_policy({.roles = std::move(roles),
                         .artifact_rules = {ArtifactRule::kPermission, ArtifactRule::kAuthorizer}});
        node.turn();
    }
    void watch(TestClient& client, std::string_view artifact) {
        client.request("w", "artifact.subscribe",
                       "{\"artifactId\":\"" + std::string(artifact) + "\"}");
    }
    void unwatch(TestClient& client, std::string_view artifact) {
        client.request("u", "artifact.unsubscribe",
                       "{\"artifactId\":\"" + std::string(artifact) + "\"}");
    }
    /// Whether the client hears an update of artifact a.
    bool hears(TestClient& client, std::string_view artifact = "a") {
        client.take();
        publish(R"({"action":"ping","artifactId":")" + std::string(artifact) + "\"}");
        return client.take_joined().contains("ping");
    }
    [[nodiscard]] std::size_t asked() const { return node.http.count(); }

    const Login kMember{.permissions = {}, .format = "object"};
    const Login kAtA{.artifact = "a", .permissions = {}, .format = "object"};
};

INSTANTIATE_TEST_SUITE_P(Shards, Authorizer, ::testing::Values(1, 3));

TEST_P(Authorizer, LetsWatchWhatTheApiAllows) {
    Login login = kMember;
    login.permissions = {"x", "y"};
    TestClient client(node, login, elsewhere());
    watch(client, "a:1");
    EXPECT_THAT(client.take_joined(), Not(HasSubstr("subscribed")));
    EXPECT_EQ(node.http.last().request.url, "http://api/watch");
    EXPECT_EQ(node.http.last().request.body,
              R"({"action":"watch","artifactId":"a:1","userId":"u1","companyId":"acme",)"
              R"("sessionId":"s1","permissions":["x","y"]})");
    EXPECT_FALSE(hears(client, "a:1"));
    answer(R"({"allowed":true})");
    EXPECT_THAT(client.take_joined(),
                AllOf(HasSubstr("\"RESPONSE\""), HasSubstr(R"("subscribed":true)")));
    EXPECT_TRUE(hears(client, "a:1"));
}

TEST_P(Authorizer, RefusesWhatTheApiDoesNotAllow) {
    TestClient client(node, kMember, elsewhere());
    client.take();
    watch(client, "a");
    answer(R"({"allowed":false})");
    EXPECT_THAT(client.take_joined(), HasSubstr("ARTIFACT_FORBIDDEN"));
    EXPECT_FALSE(hears(client));
    node.advance(seconds(6));
    watch(client, "a");
    answer(R"({"allowed":true,"expiresAt":1})");
    EXPECT_THAT(client.take_joined(), HasSubstr("ARTIFACT_FORBIDDEN"));
}

TEST_P(Authorizer, RefusesWithoutAnAnswerThatCanBeRead) {
    TestClient client(node, kMember, elsewhere());
    client.take();
    watch(client, "a");
    answer("<html>");
    EXPECT_THAT(client.take_joined(),
                AllOf(HasSubstr("UPSTREAM_UNAVAILABLE"), HasSubstr(R"("retryable":true)")));
    EXPECT_FALSE(hears(client));
    EXPECT_EQ(stats().authorizations.failed, 1U);
}

TEST_P(Authorizer, IsAskedOnceForAllConnectionsOfASession) {
    TestClient one(node, kMember), other(node, kMember, elsewhere());
    watch(one, "a"), watch(other, "a");
    EXPECT_EQ(asked(), 1U);
    answer(R"({"allowed":true})");
    EXPECT_TRUE(hears(one));
    watch(other, "a");
    EXPECT_EQ(asked(), 1U);
}

TEST_P(Authorizer, IsNotAskedWhatAPermissionAllows) {
    Login login = kMember;
    login.roles = {"seer"};
    TestClient client(node, login, elsewhere());
    watch(client, "a");
    EXPECT_TRUE(hears(client));
    node.advance(seconds(60));
    EXPECT_EQ(asked(), 0U);
}

TEST_P(Authorizer, DecidesAboutTheArtifactOfTheConnect) {
    TestClient client(node, kAtA, elsewhere());
    EXPECT_EQ(client.take_joined(), "");
    answer(R"({"allowed":true})");
    EXPECT_THAT(client.take_joined(), HasSubstr("system.connected"));
    EXPECT_TRUE(hears(client));
    EXPECT_EQ(asked(), 1U);
    Login other = kAtA;
    other.session = "s2";
    TestClient refused(node, other, elsewhere());
    answer(R"({"allowed":false})");
    EXPECT_THAT(refused.take_joined(), HasSubstr("ARTIFACT_FORBIDDEN"));
}

TEST_P(Authorizer, IsAskedAnewWhenRightsChangeWhileItDecidesAboutAConnect) {
    Login login = kAtA;
    login.roles = {"other"};
    TestClient client(node, login, elsewhere());
    ASSERT_EQ(asked(), 1U);
    set_roles({{"other", {"x"}}});
    answer_one(R"({"allowed":true})");
    ASSERT_EQ(asked(), 2U);
    EXPECT_EQ(client.take_joined(), "");
    EXPECT_THAT(node.http.last().request.body, HasSubstr(R"("permissions":["x"])"));
    answer(R"({"allowed":true})");
    EXPECT_THAT(client.take_joined(), HasSubstr("system.connected"));
    EXPECT_TRUE(hears(client));
    login.session = "s2";
    TestClient refused(node, login, elsewhere());
    set_roles({{"other", {"y"}}});
    answer_one(R"({"allowed":true})");
    answer(R"({"allowed":false})");
    EXPECT_THAT(refused.take_joined(), AllOf(StartsWith("4{"), HasSubstr("ARTIFACT_FORBIDDEN")));
    login.session = "s3";
    TestClient late(node, login, elsewhere());
    set_roles({{"other", {"z"}}});
    answer_one(R"({"allowed":false})");
    EXPECT_EQ(late.take_joined(), "") << "a no about other permissions says nothing";
    answer(R"({"allowed":true})");
    EXPECT_THAT(late.take_joined(), HasSubstr("system.connected"));
}

TEST_P(Authorizer, IsAskedAnewWhenRightsChangeWhileItDecidesAboutASubscription) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    Login more = kMember;
    more.permissions = {"x"};
    client.request("f", "auth.refresh", "{\"token\":\"" + more.token(node) + "\"}");
    client.take();
    answer_one(R"({"allowed":true})");
    ASSERT_EQ(asked(), 2U);
    EXPECT_EQ(client.take_joined(), "");
    answer(R"({"allowed":false})");
    EXPECT_THAT(client.take_joined(), HasSubstr("ARTIFACT_FORBIDDEN"));
}

TEST_P(Authorizer, IsOverruledByRulesThatComeWhileItDecidesAboutASubscription) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    node.set_policy({.roles = {}, .artifact_rules = {ArtifactRule::kPermission}});
    client.take();
    answer(R"({"allowed":true})");
    EXPECT_THAT(client.take_joined(), HasSubstr("ARTIFACT_FORBIDDEN"));
    EXPECT_FALSE(hears(client));
}

TEST_P(Authorizer, HoldsAConnectWhileTheApiIsDown) {
    TestClient client(node, kAtA, elsewhere());
    fail();
    EXPECT_EQ(client.take_joined(), "");
    node.advance(seconds(2));
    EXPECT_TRUE(client.closed());
}

TEST_P(Authorizer, LetsNobodyInWhoseSessionEndsWhileItIsAsked) {
    TestClient client(node, kAtA, elsewhere());
    const auth::SessionRecord record = node.sessions.records.at("s1");
    node.sessions.records.erase("s1");
    node.gateway().close_revoked(record);
    node.turn();
    answer(R"({"allowed":true})");
    EXPECT_THAT(client.take_joined(), AllOf(StartsWith("4{"), HasSubstr("SESSION_INVALID")));
    EXPECT_EQ(asked(), 1U);
}

TEST_P(Authorizer, IsAskedAgainAndEndsWhatItNoLongerAllows) {
    TestClient client(node, kAtA, elsewhere());
    answer(R"({"allowed":true})");
    watch(client, "b");
    answer(R"({"allowed":true})");
    for (int i = 0; i < 5; ++i) {
        node.advance(seconds(31));
        answer(R"({"allowed":true})");
    }
    EXPECT_TRUE(hears(client));
    EXPECT_GE(asked(), 10U);
    EXPECT_LE(asked(), 14U);
    node.advance(seconds(31));
    ASSERT_GE(asked(), answered_ + 2);
    client.take();
    for (; answered_ < asked(); ++answered_) {
        auto& question = node.http.at(answered_);
        const bool about_a = question.request.body.contains(R"("artifactId":"a")");
        signalbox::testing::FakeHttpClient::finish(
            question, HttpResponse::of(200, "application/json",
                                       about_a ? R"({"allowed":false})" : R"({"allowed":true})"));
    }
    node.turn();
    EXPECT_THAT(client.take_joined(),
                HasSubstr(R"("action":"system.permissionsChanged","data":{"cause":"authorizer",)"
                          R"("permissions":[],"endedSubscriptions":["a"]})"));
    EXPECT_FALSE(hears(client));
    EXPECT_TRUE(hears(client, "b"));
}

TEST_P(Authorizer, IsAskedAgainWhenARightsTimeIsOver) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    const std::string end = format_time(node.clock.wall_now() + seconds(10));
    answer(R"({"allowed":true,"expiresAt":")" + end + "\"}");
    node.advance(seconds(9));
    EXPECT_EQ(asked(), 1U);
    node.advance(seconds(3));
    EXPECT_EQ(asked(), 2U);
    answer(R"({"allowed":false})");
    EXPECT_FALSE(hears(client));
}

TEST_P(Authorizer, LetsWatchOnThroughAnOutageThatIsShort) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    answer(R"({"allowed":true})");
    for (int i = 0; i < 49; ++i) {
        node.advance(seconds(1));
        fail();
    }
    EXPECT_TRUE(hears(client));
    for (int i = 0; i < 3; ++i) {
        node.advance(seconds(1));
        fail();
    }
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("endedSubscriptions":["a"])"));
    EXPECT_FALSE(hears(client));
    EXPECT_FALSE(client.closed());
}

TEST_P(Authorizer, LetsWatchNoLongerThanConfiguredWhileItHangs) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    answer(R"({"allowed":true})");
    node.advance(Milliseconds(49'900));
    EXPECT_TRUE(hears(client));
    EXPECT_EQ(asked(), 2U) << "which is never answered";
    node.advance(Milliseconds(150));
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("endedSubscriptions":["a"])"));
    answer(R"({"allowed":true})");
    EXPECT_FALSE(hears(client)) << "it is too late";
}

TEST_P(Authorizer, LetsWatchNoLongerThanASecondAfterARightsEndWhileItHangs) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    const std::string end = format_time(node.clock.wall_now() + seconds(10));
    answer(R"({"allowed":true,"expiresAt":")" + end + "\"}");
    node.advance(Milliseconds(10'900));
    EXPECT_EQ(asked(), 2U);
    EXPECT_TRUE(hears(client));
    node.advance(Milliseconds(150));
    EXPECT_FALSE(hears(client));
}

TEST_P(Authorizer, LetsWatchNoLongerThanItMayTakeByAPermissionThatHasGoneWhileItHangs) {
    Login login = kMember;
    login.roles = {"seer"};
    TestClient client(node, login, elsewhere());
    watch(client, "a");
    set_roles({});
    ASSERT_EQ(asked(), 1U);
    node.advance(Milliseconds(4'900));
    EXPECT_TRUE(hears(client));
    node.advance(Milliseconds(150));
    EXPECT_FALSE(hears(client));
}

TEST_P(Authorizer, CountsUntilItsTimeIsOverWithOtherPermissions) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    answer(R"({"allowed":true})");
    Login more = kMember;
    more.permissions = {"x"};
    client.request("f", "auth.refresh", "{\"token\":\"" + more.token(node) + "\"}");
    for (int i = 0; i < 48; ++i) {
        fail();
        node.advance(Milliseconds(100));
    }
    EXPECT_TRUE(hears(client));
    fail();
    node.advance(Milliseconds(250));
    EXPECT_FALSE(hears(client)) << "what it said was about other permissions";
}

TEST_P(Authorizer, MayNameAnEndThatIsFarAway) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    answer(R"({"allowed":true,"expiresAt":"9999-12-31T23:59:59.000Z"})");
    node.advance(seconds(20));
    EXPECT_EQ(asked(), 1U);
    EXPECT_TRUE(hears(client));
}

TEST_P(Authorizer, IsNotAskedWithoutAPauseWhenOnlyAnOldAnswerCounts) {
    node.options_.authorization.stale_for = seconds(60);
    node.set_limits({});
    TestClient first(node, kMember, elsewhere());
    watch(first, "a");
    answer(R"({"allowed":true})");
    unwatch(first, "a");
    node.advance(seconds(40));
    watch(first, "a");
    fail();
    EXPECT_TRUE(hears(first)) << "the last yes counts";
    const std::size_t before = asked();
    for (int i = 0; i < 100; ++i) {
        node.advance(Milliseconds(50));
        fail();
        EXPECT_GT(*node.shard(elsewhere()).wheel.next_deadline(), node.clock.monotonic_now());
    }
    EXPECT_GE(asked(), before + 4);
    EXPECT_LE(asked(), before + 6);
}

TEST_P(Authorizer, IsAskedAnewWithOtherPermissions) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    answer(R"({"allowed":true})");
    Login more = kMember;
    more.permissions = {"x"};
    client.request("f", "auth.refresh", "{\"token\":\"" + more.token(node) + "\"}");
    ASSERT_EQ(asked(), 2U);
    EXPECT_THAT(node.http.last().request.body, HasSubstr(R"("permissions":["x"])"));
    EXPECT_TRUE(hears(client)) << "it counts until the new answer";
    answer(R"({"allowed":false})");
    EXPECT_FALSE(hears(client));
}

TEST_P(Authorizer, DecidesWhereAPermissionHasGone) {
    Login login = kMember;
    login.roles = {"seer"};
    TestClient kept(node, login, elsewhere()), lost(node, login);
    watch(kept, "a"), watch(lost, "a");
    set_roles({});
    ASSERT_EQ(asked(), 1U);
    answer(R"({"allowed":true})");
    EXPECT_TRUE(hears(kept));
    set_roles(kSeers);
    node.advance(seconds(60));
    EXPECT_EQ(asked(), 1U) << "a permission allows it again";
    set_roles({});
    fail();
    EXPECT_FALSE(hears(lost)) << "nothing counts that the API did not say lately";
}

TEST_P(Authorizer, IsOverruledByRulesThatNoLongerNameIt) {
    TestClient client(node, kAtA, elsewhere());
    node.options_.authorization.url = "";
    node.set_policy({.roles = {}, .artifact_rules = {ArtifactRule::kCompany}});
    answer(R"({"allowed":true})");
    EXPECT_THAT(client.take_joined(), HasSubstr("system.connected"));
    EXPECT_TRUE(hears(client));
    node.advance(seconds(60));
    EXPECT_EQ(asked(), 1U);
}

TEST_P(Authorizer, IsHeardWithTheAnswerToTheLastQuestion) {
    TestClient client(node, kMember, elsewhere());
    watch(client, "a");
    answer(R"({"allowed":true})");
    node.advance(seconds(31));
    ASSERT_EQ(asked(), 2U);
    Login more = kMember;
    more.permissions = {"x"};
    client.request("f", "auth.refresh", "{\"token\":\"" + more.token(node) + "\"}");
    ASSERT_EQ(asked(), 3U);
    const auto say = [&](std::size_t question, std::string json) {
        signalbox::testing::FakeHttpClient::finish(
            node.http.at(question), HttpResponse::of(200, "application/json", std::move(json)));
        node.turn();
    };
    say(2, R"({"allowed":true})");
    say(1, R"({"allowed":false})");
    EXPECT_TRUE(hears(client));
}

TEST_P(Authorizer, IsOverruledByAnUnsubscribeMeanwhile) {
    TestClient client(node, kMember, elsewhere());
    client.take();
    watch(client, "a");
    unwatch(client, "a");
    answer(R"({"allowed":true})");
    EXPECT_THAT(client.take_joined(),
                AllOf(HasSubstr("CANCELLED"), HasSubstr(R"("subscribed":false)")));
    EXPECT_FALSE(hears(client));
    watch(client, "a");
    EXPECT_TRUE(hears(client));
    unwatch(client, "a");
    const std::size_t before = asked();
    node.advance(seconds(60));
    EXPECT_EQ(asked(), before) << "what nobody watches is not asked about";
}

TEST_P(Authorizer, CountsWhatIsAskedForAmongTheSubscriptions) {
    LimitOptions limits;
    limits.subscriptions_per_connection = 2;
    node.set_limits(limits);
    TestClient client(node, kMember, elsewhere());
    client.take();
    watch(client, "a"), watch(client, "b"), watch(client, "c");
    EXPECT_THAT(client.take_joined(), HasSubstr("RATE_LIMITED"));
    answer(R"({"allowed":true})");
    EXPECT_TRUE(hears(client, "b"));
    EXPECT_FALSE(hears(client, "c"));
}

TEST_P(Authorizer, TellsABrokenConnectionThatItHasToAskAgain) {
    StockClient alice(node, kAlice);
    Login plain = kAlice;
    plain.permissions = {};
    alice.token = plain.token(node);
    alice.connect(elsewhere());
    alice.messages.clear();
    alice.request("w", "artifact.subscribe", R"({"artifactId":"a"})");
    node.turn();
    alice.cut();
    answer(R"({"allowed":true})");
    alice.connect();
    ASSERT_TRUE(alice.recovered);
    EXPECT_THAT(alice.messages.front().text, HasSubstr("OVERLOADED"));
    publish(R"({"action":"ping","artifactId":"a"})");
    alice.messages.clear();
    alice.read();
    EXPECT_TRUE(alice.messages.empty());
}

TEST_P(Authorizer, SaysNothingToAConnectionThatHasComeBackMeanwhile) {
    StockClient alice(node, kAlice);
    Login plain = kAlice;
    plain.permissions = {};
    alice.token = plain.token(node);
    alice.connect(elsewhere());
    alice.request("w", "artifact.subscribe", R"({"artifactId":"a"})");
    node.turn();
    alice.cut();
    alice.connect();
    ASSERT_TRUE(alice.recovered);
    alice.messages.clear();
    answer(R"({"allowed":true})");
    alice.read();
    EXPECT_THAT(alice.messages.front().text, HasSubstr("OVERLOADED"));
    alice.messages.clear();
    publish(R"({"action":"ping","artifactId":"a"})");
    alice.read();
    EXPECT_TRUE(alice.messages.empty());
}

/// Alice watches a and b by the API's leave and breaks; an update to each comes meanwhile.
class AuthorizerAtRecovery : public Authorizer {
protected:
    AuthorizerAtRecovery() : alice(node, kAlice) {
        Login plain = kAlice;
        plain.permissions = {};
        alice.token = plain.token(node);
        alice.connect(elsewhere());
        alice.request("a", "artifact.subscribe", R"({"artifactId":"a"})");
        alice.request("b", "artifact.subscribe", R"({"artifactId":"b"})");
        node.turn();
        answer(R"({"allowed":true})");
        alice.read();
        alice.messages.clear();
        alice.cut();
        node.advance(seconds(6));
        publish(R"({"action":"of a","artifactId":"a"})");
        publish(R"({"action":"of b","artifactId":"b"})");
    }
    StockClient alice;
};

INSTANTIATE_TEST_SUITE_P(Shards, AuthorizerAtRecovery, ::testing::Values(1, 3));

TEST_P(AuthorizerAtRecovery, DecidesBeforeAnythingIsReplayed) {
    alice.begin();
    node.turn();
    ASSERT_EQ(asked(), 4U);
    for (; answered_ < asked(); ++answered_) {
        auto& question = node.http.at(answered_);
        const bool about_a = question.request.body.contains(R"("artifactId":"a")");
        signalbox::testing::FakeHttpClient::finish(
            question, HttpResponse::of(200, "application/json",
                                       about_a ? R"({"allowed":false})" : R"({"allowed":true})"));
    }
    node.turn();
    alice.read();
    ASSERT_TRUE(alice.recovered);
    const auto told = alice.messages.back().text;
    EXPECT_THAT(alice.take_names(),
                ElementsAre("of b", "system.connected", "system.permissionsChanged"));
    EXPECT_THAT(told,
                HasSubstr(R"("cause":"authorizer","permissions":[],"endedSubscriptions":["a"])"));
    EXPECT_EQ(asked(), 4U);
}

TEST_P(AuthorizerAtRecovery, KeepsFromWhoLosesAnArtifactWhatWasForAllButItsWatchers) {
    publish(R"({"action":"but a's","audience":{"except":{"artifacts":["a"]}}})");
    publish(R"({"action":"but c's","audience":{"except":{"artifacts":["c"]}}})");
    alice.begin();
    node.turn();
    answer(R"({"allowed":false})");
    alice.read();
    ASSERT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(),
                ElementsAre("but c's", "system.connected", "system.permissionsChanged"));
    publish(R"({"action":"now to all","audience":{"except":{"artifacts":["a"]}}})");
    alice.read();
    EXPECT_THAT(alice.take_names(), ElementsAre("now to all"));
}

TEST_P(AuthorizerAtRecovery, IsAskedAnewWhenRightsChangeMeanwhile) {
    Login login = kAlice;
    login.permissions = {};
    login.roles = {"other"};
    alice.token = login.token(node, std::chrono::hours(2));
    alice.begin();
    node.turn();
    ASSERT_EQ(asked(), 4U);
    set_roles({{"other", {"x"}}});
    answer(R"({"allowed":true})");
    EXPECT_EQ(asked(), 6U);
    alice.read();
    ASSERT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(),
                ElementsAre("of a", "of b", "system.connected", "system.permissionsChanged"));
}

TEST_P(AuthorizerAtRecovery, LosesWhatTheApiSaysNothingAbout) {
    node.advance(seconds(20));
    alice.begin();
    node.turn();
    fail();
    alice.read();
    ASSERT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected", "system.permissionsChanged"));
}

TEST_P(AuthorizerAtRecovery, LetsAShortOutagePass) {
    alice.begin();
    node.turn();
    fail();
    alice.read();
    ASSERT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("of a", "of b", "system.connected"));
}

TEST_P(AuthorizerAtRecovery, DecidesAboutTheArtifactOfTheConnectWithTheTokenThatCounts) {
    Login other = kAlice;
    other.artifact = "c";
    other.permissions = {"x"};
    StockClient returning(node, other);
    returning.pid = alice.pid;
    returning.offset = alice.offset;
    returning.token = other.token(node, std::chrono::minutes(30));
    returning.begin();
    node.turn();
    ASSERT_EQ(asked(), 3U);
    EXPECT_THAT(node.http.last().request.body, HasSubstr(R"("permissions":["x"])"));
    node.http.answer(HttpResponse::of(200, "application/json", R"({"allowed":true})"));
    ++answered_;
    node.turn();
    returning.read();
    EXPECT_FALSE(returning.connected) << "what it had before lives longer and says nothing of x";
    ASSERT_EQ(asked(), 6U) << "a, b and c";
    answer(R"({"allowed":false})");
    returning.read();
    ASSERT_TRUE(returning.recovered);
    EXPECT_THAT(returning.messages.back().text, HasSubstr(R"("endedSubscriptions":["a","b","c"])"));
    returning.messages.clear();
    publish(R"({"action":"of c","artifactId":"c"})");
    returning.read();
    EXPECT_TRUE(returning.messages.empty());
}

TEST_P(AuthorizerAtRecovery, LetsNobodyBackWhoseSessionEndsWhileItIsAsked) {
    alice.begin();
    node.turn();
    const auth::SessionRecord record = node.sessions.records.at("s-alice");
    node.sessions.records.erase("s-alice");
    node.gateway().close_revoked(record);
    node.turn();
    answer(R"({"allowed":true})");
    alice.read();
    EXPECT_THAT(alice.refusal, HasSubstr("SESSION_INVALID"));
}

}  // namespace
}  // namespace signalbox::gateway
