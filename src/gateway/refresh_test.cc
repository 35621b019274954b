#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "gateway/recovery_for_tests.h"
#include "gateway/testing.h"

namespace signalbox::gateway {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::Login;
using ::testing::Not;
using testing::StockClient;
using testing::TestClient;
using testing::TestNode;

const Login kAlice{.user = "alice", .session = "s-alice", .format = "object"};

/// On one shard, and with the connection on another shard than its company's.
class Refresh : public ::testing::TestWithParam<ShardIndex> {
protected:
    explicit Refresh(Options options = {}) : node(std::move(options), GetParam()) {}

    /// Connects with a token that lives for `ttl`.
    TestClient& connected(Milliseconds ttl) {
        node.add_session(kAlice.session, kAlice.user, kAlice.company);
        client_ = std::make_unique<TestClient>(node, "&format=object&sessionId=s-alice",
                                               static_cast<ShardIndex>(GetParam() - 1));
        client_->connect("{\"token\":\"" + kAlice.token(node, ttl) + "\"}");
        client_->take();
        return *client_;
    }
    std::string refresh(TestClient& client, std::string_view token) {
        client.request("f", "auth.refresh", "{\"token\":\"" + std::string(token) + "\"}");
        return client.take_joined();
    }
    std::string ping(TestClient& client) {
        client.request("p", "echo");
        return client.take_joined();
    }

    TestNode node;

private:
    std::unique_ptr<TestClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Shards, Refresh, ::testing::Values(1, 3));

TEST_P(Refresh, MovesTheEndOfTheConnectionToThatOfTheNewToken) {
    TestClient& client = connected(minutes(2));
    const WallTime end = node.clock.wall_now() + minutes(30);
    const std::string answer = refresh(client, kAlice.token(node, minutes(30)));
    EXPECT_THAT(answer, HasSubstr(R"("action":"auth.refresh","data":{"expiresAt":")" +
                                  format_time(end) + R"(","permissionsChanged":false})"));
    EXPECT_THAT(answer, Not(HasSubstr("permissionsChanged\",\"data")));
    node.advance(minutes(28));
    EXPECT_FALSE(client.closed());
    EXPECT_EQ(client.take_joined(), "");
    node.advance(minutes(1) + seconds(1));
    EXPECT_THAT(client.take_joined(), HasSubstr("system.tokenExpiring"));
    node.advance(seconds(95));
    EXPECT_TRUE(client.closed());
}

TEST_P(Refresh, ComesInTimeAlsoWithinTheGrace) {
    TestClient& client = connected(minutes(2));
    node.advance(minutes(2) + seconds(6));
    EXPECT_THAT(ping(client), HasSubstr("TOKEN_EXPIRED"));
    EXPECT_THAT(refresh(client, kAlice.token(node)), HasSubstr("\"RESPONSE\""));
    EXPECT_THAT(ping(client), HasSubstr("\"RESPONSE\""));
    node.advance(minutes(1));
    EXPECT_FALSE(client.closed());
}

TEST_P(Refresh, WarnsAnewBeforeTheNextEnd) {
    TestClient& client = connected(minutes(2));
    node.advance(seconds(61));
    EXPECT_THAT(client.take_joined(), HasSubstr("system.tokenExpiring"));
    refresh(client, kAlice.token(node, minutes(2)));
    node.advance(seconds(61));
    EXPECT_THAT(client.take_joined(), HasSubstr("system.tokenExpiring"));
}

TEST_P(Refresh, MayBringTheEndForward) {
    TestClient& client = connected(minutes(30));
    refresh(client, kAlice.token(node, minutes(2)));
    node.advance(minutes(2) + seconds(31));
    EXPECT_TRUE(client.closed());
}

TEST_P(Refresh, ChangesNeitherUserNorCompany) {
    TestClient& client = connected(minutes(10));
    for (const Login& other :
         {Login{.user = "bob", .company = "acme"}, Login{.user = "alice", .company = "other"}}) {
        EXPECT_THAT(refresh(client, other.token(node)), HasSubstr("SESSION_INVALID"));
    }
    EXPECT_THAT(ping(client), HasSubstr("\"RESPONSE\""));
}

TEST_P(Refresh, ChangesNotTheSession) {
    TestClient& client = connected(minutes(10));
    const auto bound = [&](const char* session) {
        return node.sign({.user = UserId::trusted("alice"),
                          .company = CompanyId::trusted("acme"),
                          .permissions = {},
                          .session = SessionId::trusted(session),
                          .issued_at = node.clock.wall_now(),
                          .expires_at = node.clock.wall_now() + minutes(30)});
    };
    EXPECT_THAT(refresh(client, bound("another")), HasSubstr("SESSION_INVALID"));
    EXPECT_THAT(refresh(client, bound("s-alice")), HasSubstr("\"RESPONSE\""));
}

TEST_P(Refresh, TakesOnlyATokenThatIsGoodNow) {
    TestClient& client = connected(minutes(10));
    EXPECT_THAT(refresh(client, "a.b.c"), HasSubstr("INVALID_TOKEN"));
    EXPECT_THAT(refresh(client, kAlice.token(node, -minutes(1))), HasSubstr("TOKEN_EXPIRED"));
    EXPECT_THAT(refresh(client, "Bearer " + kAlice.token(node)), HasSubstr("\"RESPONSE\""));
    client.request("v", "auth.refresh", "{}");
    EXPECT_THAT(client.take_joined(), HasSubstr("VALIDATION_FAILED"));
}

TEST_P(Refresh, LooksTheSessionUpAsAConnectDoes) {
    TestClient& client = connected(minutes(10));
    node.sessions.down = true;
    EXPECT_THAT(refresh(client, kAlice.token(node)), HasSubstr("OVERLOADED"));
    node.sessions.down = false;
    node.sessions.records.at("s-alice").expires_at = node.clock.wall_now();
    EXPECT_THAT(refresh(client, kAlice.token(node)), HasSubstr("SESSION_EXPIRED"));
    node.sessions.records.clear();
    EXPECT_THAT(refresh(client, kAlice.token(node)), HasSubstr("SESSION_INVALID"));
    EXPECT_FALSE(client.closed());
}

TEST_P(Refresh, IsDoneOneAtATime) {
    TestClient& client = connected(minutes(10));
    const std::string packet =
        R"(2["message",{"type":"REQUEST","requestId":"f","action":"auth.refresh","data":{"token":")" +
        kAlice.token(node) + "\"}}]";
    client.transport().send_text(packet);
    client.transport().send_text(packet);
    node.turn();
    const std::string all = client.take_joined();
    EXPECT_THAT(all, HasSubstr("RATE_LIMITED"));
    EXPECT_THAT(all, HasSubstr("\"RESPONSE\""));
    EXPECT_THAT(refresh(client, kAlice.token(node)), HasSubstr("\"RESPONSE\""));
}

TEST_P(Refresh, CountsForTheRecoveryOfTheConnection) {
    StockClient alice(node, kAlice);
    const std::string old = alice.token = kAlice.token(node, minutes(5));
    alice.connect();
    alice.request("f", "auth.refresh", "{\"token\":\"" + kAlice.token(node) + "\"}");
    node.turn();
    alice.read();
    node.advance(minutes(6));
    alice.cut();
    alice.token = old;
    alice.connect(static_cast<ShardIndex>(GetParam() - 1));
    EXPECT_TRUE(alice.recovered) << alice.refusal;
    alice.request("p", "echo");
    node.turn();
    alice.read();
    EXPECT_THAT(alice.messages.back().text, HasSubstr("\"RESPONSE\""));
}

TEST_P(Refresh, OfAConnectionThatBreaksMeanwhileIsAnsweredAfterItsRecovery) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.request("f", "auth.refresh", "{\"token\":\"" + alice.token + "\"}");
    alice.cut();
    node.turn();
    alice.connect();
    ASSERT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), Contains("f"));
}

class RefreshOfClaims : public Refresh {
protected:
    RefreshOfClaims() : Refresh(Options{.session_mode = SessionMode::kClaim}) {}
    std::string token(const char* session) const {
        return node.sign({.user = UserId::trusted("alice"),
                          .company = CompanyId::trusted("acme"),
                          .permissions = {},
                          .session = SessionId::trusted(session),
                          .issued_at = node.clock.wall_now(),
                          .expires_at = node.clock.wall_now() + minutes(10)});
    }
};

INSTANTIATE_TEST_SUITE_P(Shards, RefreshOfClaims, ::testing::Values(1, 3));

TEST_P(RefreshOfClaims, NeedsTheSameSessionInTheNewToken) {
    TestClient client(node, "&format=object");
    client.connect("{\"token\":\"" + token("one") + "\"}");
    client.take();
    EXPECT_THAT(refresh(client, token("two")), HasSubstr("SESSION_INVALID"));
    EXPECT_THAT(refresh(client, token("one")), HasSubstr("\"RESPONSE\""));
}

}  // namespace
}  // namespace signalbox::gateway
