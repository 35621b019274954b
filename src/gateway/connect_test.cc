#include "gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing.h"

namespace signalbox::gateway {
namespace {

using ::testing::HasSubstr;
using testing::Login;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TestClient;
using testing::TestNode;

const Login kObject{.format = "object"};

TEST(Connect, AnswersThenTellsWhoIsConnected) {
    TestNode node;
    TestClient client(node, Login{.format = "object"});
    const auto packets = client.take();
    ASSERT_EQ(packets.size(), 2U);
    EXPECT_THAT(packets[0], StartsWith(R"(0{"sid":")"));
    EXPECT_THAT(packets[1], HasSubstr(R"("action":"system.connected")"));
    EXPECT_THAT(packets[1], HasSubstr(R"("sessionId":"s1","companyId":"acme")"));
    EXPECT_THAT(packets[1], Not(HasSubstr("lastClose")));
}

TEST(Connect, SendsStringsUnlessObjectsAreAskedFor) {
    TestNode node;
    TestClient client(node, Login{});
    EXPECT_THAT(client.take().at(1), StartsWith(R"(2["message","{\"type\":\"UPDATE\")"));
}

TEST(Connect, AnswersOnTheAliasNamespaceWithItsName) {
    TestNode node;
    node.add_session("s1", "u1", "acme");
    TestClient client(node, "&sessionId=s1");
    client.transport().send_text("0/realtime,{\"token\":\"" + node.token("u1", "acme") + "\"}");
    node.turn();
    const auto packets = client.take();
    ASSERT_EQ(packets.size(), 2U);
    EXPECT_THAT(packets[0], StartsWith(R"(0/realtime,{"sid":)"));
    EXPECT_THAT(packets[1], StartsWith(R"(2/realtime,["message",)"));
}

TEST(Connect, TakesAnEmptyTokenForNone) {
    TestNode node;
    TestClient client(node, "&sessionId=s1");
    client.transport().send_text(R"(0{"token":""})");
    node.turn();
    EXPECT_THAT(client.take_joined(), HasSubstr("no token was given: pass it as auth.token"));
}

struct RefusalCase {
    std::string name, query, auth, code;
};

class Refusal : public ::testing::TestWithParam<RefusalCase> {};

TEST_P(Refusal, IsAConnectErrorThatNoRetryMends) {
    TestNode node;
    node.add_session("s1", "u1", "acme");
    node.add_session("foreign", "u1", "other");
    std::string auth = GetParam().auth;
    if (const auto at = auth.find("TOKEN"); at != std::string::npos)
        auth.replace(at, 5, node.token("u1", "acme"));
    if (const auto at = auth.find("OLD"); at != std::string::npos) {
        auth.replace(at, 3, node.token("u1", "acme", {}, std::chrono::seconds(-60)));
    }
    TestClient client(node, GetParam().query);
    client.connect(auth);
    const auto packets = client.take();
    ASSERT_EQ(packets.size(), 1U);
    EXPECT_THAT(packets[0], StartsWith(R"(4{"message":")"));
    EXPECT_THAT(packets[0], HasSubstr(R"("data":{"code":")" + GetParam().code +
                                      R"(","retryable":false,"ref":")"));
}

INSTANTIATE_TEST_SUITE_P(
    All, Refusal,
    ::testing::Values(
        RefusalCase{"NoToken", "&sessionId=s1", "{}", "INVALID_TOKEN"},
        RefusalCase{"NullToken", "&sessionId=s1", R"({"token":null})", "INVALID_TOKEN"},
        RefusalCase{"NumberToken", "&sessionId=s1", R"({"token":1})", "INVALID_TOKEN"},
        RefusalCase{"BadToken", "&sessionId=s1", R"({"token":"x.y.z"})", "INVALID_TOKEN"},
        RefusalCase{"OldToken", "&sessionId=s1", R"({"token":"OLD"})", "TOKEN_EXPIRED"},
        RefusalCase{"NoSession", "", R"({"token":"TOKEN"})", "SESSION_REQUIRED"},
        RefusalCase{"EmptySession", "&sessionId=", R"({"token":"TOKEN"})", "SESSION_REQUIRED"},
        RefusalCase{"UnknownSession", "&sessionId=zz", R"({"token":"TOKEN"})", "SESSION_INVALID"},
        RefusalCase{"ForeignSession", "&sessionId=foreign", R"({"token":"TOKEN"})",
                    "SESSION_INVALID"},
        RefusalCase{"BadArtifact", "&sessionId=s1&artifactId=a%20b", R"({"token":"TOKEN"})",
                    "ARTIFACT_FORBIDDEN"},
        RefusalCase{"QueryToken", "&sessionId=s1&token=x", "{}", "INVALID_TOKEN"}),
    [](const auto& param) { return param.param.name; });

TEST(Connect, TakesTheBearerPrefixAndTheSessionFromAuth) {
    TestNode node;
    node.add_session("s1", "u1", "acme");
    TestClient client(node, "");
    client.connect(R"({"sessionId":"s1","token":"Bearer )" + node.token("u1", "acme") + "\"}");
    EXPECT_THAT(client.take_joined(), HasSubstr("system.connected"));
}

TEST(Connect, HoldsAndClosesWhenTheStoreIsDown) {
    TestNode node;
    node.sessions.down = true;
    TestClient client(node, Login{});
    node.advance(std::chrono::seconds(1));
    EXPECT_TRUE(client.take().empty());
    EXPECT_FALSE(client.closed());
    node.advance(std::chrono::seconds(9));
    EXPECT_TRUE(client.closed());
    node.sessions.down = false;
    TestClient again(node, Login{.format = "object"});
    EXPECT_THAT(again.take_joined(), HasSubstr(R"("lastClose":{"code":"OVERLOADED")"));
}

TEST(Connect, LimitsHandshakesOfAnAddressWithRetryAfter) {
    Options options;
    options.limits.address_handshakes = {1, 2};
    TestNode node(options, 3);
    for (ShardIndex shard = 0; shard < 2; ++shard) {
        TestClient client(node, Login{}, shard);
        node.turn();
        EXPECT_FALSE(client.transport().refusal().has_value());
    }
    engineio::testing::FakeClient third(node.shard(2).engine);
    node.turn();
    ASSERT_TRUE(third.refusal().has_value());
    EXPECT_EQ(third.refusal()->status, 429);
    EXPECT_EQ(third.refusal()->headers.find("Retry-After"), "1");
    EXPECT_THAT(third.refusal()->body, HasSubstr("RATE_LIMITED"));
}

TEST(Connect, CountsEveryHandshakeThatIsRefused) {
    TestNode node({}, 2);
    const auto refused = [&] { return node.gateway().stats().handshakes_limited; };
    const auto errors = [&](ErrorCode code) {
        return node.gateway().stats().errors[static_cast<std::size_t>(code)];
    };
    node.gateway().begin_drain([] {});
    TestClient late(node, "&sessionId=s1");
    EXPECT_FALSE(late.transport().accepted());
    EXPECT_EQ(refused(), 1U);
    EXPECT_EQ(errors(ErrorCode::kShuttingDown), 1U);
    EXPECT_EQ(node.gateway().stats().connections_refused, 0U);
}

TEST(Connect, EvictsTheSessionsMostSilentConnectionAtTheLimit) {
    Options options;
    options.limits.connections_per_user = 2;
    TestNode node(options, 2);
    TestClient talkative(node, kObject, 0), silent(node, kObject, 1);
    node.advance(std::chrono::seconds(1));
    talkative.request("1", "system.ping", "{}");
    TestClient third(node, kObject, 0);
    node.turn();
    EXPECT_THAT(third.take_joined(), HasSubstr("system.connected"));
    EXPECT_THAT(silent.take_joined(), HasSubstr("system.limitWarning"));
    EXPECT_TRUE(silent.closed());
    EXPECT_FALSE(talkative.closed());
}

TEST(Connect, KeepsTheLimitWhenManyConnectAtOnceOnSeveralShards) {
    Options options;
    options.limits.connections_per_user = 2;
    TestNode node(options, 3);
    node.add_session("s1", "u1", "acme");
    std::vector<std::unique_ptr<TestClient>> clients;
    for (ShardIndex i = 0; i < 12; ++i) {
        clients.push_back(
            std::make_unique<TestClient>(node, "&sessionId=s1", static_cast<ShardIndex>(i % 3)));
    }
    const std::string auth = "0{\"token\":\"" + node.token("u1", "acme") + "\"}";
    for (auto& client : clients) client->transport().send_text(auth);
    node.turn();
    node.advance(std::chrono::seconds(11));
    const auto open = std::ranges::count_if(clients, [](auto& c) { return !c->closed(); });
    EXPECT_EQ(open, 2);
}

TEST(Connect, LeavesNobodyInWhoseSessionWasRevokedWhileRoomWasMade) {
    Options options;
    options.limits.connections_per_user = 1;
    for (int revoked_after = 0; revoked_after < 40; ++revoked_after) {
        TestNode node(options, 3);
        TestClient first(node, Login{}, 0);
        TestClient last(node, "&sessionId=s1", 1);
        last.transport().send_text("0{\"token\":\"" + node.token("u1", "acme") + "\"}");
        const auth::SessionRecord record = node.sessions.records.at("s1");
        for (int step = 0; step < revoked_after; ++step) node.mesh.run_one();
        node.sessions.records.clear();
        node.gateway(2).close_revoked(record);
        node.turn();
        node.advance(std::chrono::seconds(11));
        const std::string told = last.take_joined();
        EXPECT_TRUE(last.closed() || told.find("SESSION_INVALID") != std::string::npos)
            << revoked_after << ' ' << told;
    }
}

TEST(Connect, HoldsAnotherSessionOfAUserAtTheLimit) {
    Options options;
    options.limits.connections_per_user = 1;
    TestNode node(options);
    TestClient first(node, kObject);
    TestClient other(node, Login{.session = "s2", .format = "object"});
    EXPECT_TRUE(other.take().empty());
    node.advance(std::chrono::seconds(11));
    EXPECT_TRUE(other.closed());
    EXPECT_FALSE(first.closed());
    first.transport().drop();
    node.turn();
    TestClient again(node, Login{.session = "s2", .format = "object"});
    EXPECT_THAT(again.take_joined(), HasSubstr(R"("lastClose":{"code":"TOO_MANY_CONNECTIONS")"));
}

}  // namespace
}  // namespace signalbox::gateway
