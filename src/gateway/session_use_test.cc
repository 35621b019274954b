#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "gateway/testing.h"

namespace signalbox::gateway {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;
using testing::Login;
using testing::TestClient;
using testing::TestNode;

/// Sessions end after 16 minutes without use, two more at most.
class SessionUse : public ::testing::TestWithParam<ShardIndex> {
protected:
    SessionUse() : node(Options{.session_idle_timeout = minutes(16)}, GetParam()) {
        node.advance(minutes(20));  // the start counts as use
        node.add_session("s1", "u1", "acme");
    }
    /// The answer of REST to u1 with its session.
    std::string call() {
        std::string outcome = "none";
        node.gateway().authenticate({.bearer = node.token("u1", "acme"), .session_id = "s1"},
                                    SessionNeed::kRequired,
                                    [&](auto who) { outcome = who ? "good" : who.error().code; });
        node.turn();
        return outcome;
    }
    TestNode node;
};

INSTANTIATE_TEST_SUITE_P(Shards, SessionUse, ::testing::Values(1, 3));

TEST_P(SessionUse, EndsASessionThatNobodyUses) {
    node.advance(minutes(18) + seconds(1));
    EXPECT_EQ(call(), "SESSION_EXPIRED");
    node.add_session("s1", "u1", "acme");
    node.sessions.records.at("s1").used_at = node.clock.wall_now() - minutes(17);
    EXPECT_EQ(call(), "good");
}

TEST_P(SessionUse, KeepsASessionWithCalls) {
    for (int i = 0; i < 5; ++i) {
        node.advance(minutes(15));
        ASSERT_EQ(call(), "good") << i;
    }
}

TEST_P(SessionUse, KeepsASessionWithAnOpenConnectionAtFewWrites) {
    TestClient client(node, Login{.format = "object"}, static_cast<ShardIndex>(GetParam() - 1));
    client.take();
    const std::size_t before = node.sessions.touches;
    node.advance(minutes(40));
    EXPECT_LE(node.sessions.touches - before, 21U);
    client.transport().drop();
    node.advance(minutes(15));
    EXPECT_EQ(call(), "good");
}

TEST_P(SessionUse, EndsASessionAfterItsLastConnection) {
    {
        TestClient client(node, Login{});
        client.transport().drop();
    }
    node.advance(minutes(21));
    TestClient late(node, "&sessionId=s1");
    late.connect("{\"token\":\"" + node.token("u1", "acme") + "\"}");
    EXPECT_THAT(late.take_joined(), HasSubstr("SESSION_EXPIRED"));
}

TEST_P(SessionUse, ShowsNoSessionThatHasEnded) {
    auth::Principal service;
    service.service = std::make_shared<const auth::Service>("tests");
    service.permissions = auth::Permissions({"sessions:manage"});
    const auto shown = [&] {
        std::string code = "none";
        node.gateway().get_session(service, SessionId::trusted("s1"), [&](auto record) {
            code = record ? "found" : record.error().code;
        });
        node.turn();
        return code;
    };
    EXPECT_EQ(shown(), "found");
    node.advance(minutes(19));
    EXPECT_EQ(shown(), "NOT_FOUND");
}

TEST_P(SessionUse, EndsForGoodASessionWhoseUserWasToldSo) {
    node.advance(minutes(18) + seconds(1));
    EXPECT_EQ(call(), "SESSION_EXPIRED");
    const auth::SessionRecord& record = node.sessions.records.at("s1");
    EXPECT_LE(record.expires_at, node.clock.wall_now()) << "also after a restart";
}

TEST_P(SessionUse, IsNotedOfFewSessionsAtATime) {
    LimitOptions limits;
    limits.address_handshakes = {};
    node.set_limits(limits);
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 320; ++i) {
        const std::string number = std::to_string(i);
        clients.push_back(std::make_unique<TestClient>(
            node, Login{.user = "u" + number, .session = "s" + number}));
    }
    const std::size_t before = node.sessions.touches;
    std::size_t most = 0, last = before;
    for (int i = 0; i < 122; ++i) {
        node.advance(seconds(1));
        most = std::max(most, node.sessions.touches - last);
        last = node.sessions.touches;
    }
    EXPECT_EQ(last - before, 320U);
    EXPECT_LE(most, 50U);
}

TEST(SessionUseOff, WritesNothing) {
    TestNode node;
    TestClient client(node, Login{});
    node.advance(minutes(30));
    EXPECT_EQ(node.sessions.touches, 0U);
}

TEST(SessionRemoval, OfACompanyTakesEverySessionAndClosesEveryConnection) {
    for (const ShardIndex shards : {1, 3}) {
        TestNode node(Options{}, shards);
        for (int i = 0; i < 2'500; ++i)
            node.add_session("s" + std::to_string(i), "u" + std::to_string(i % 7), "acme");
        node.add_session("other", "u1", "other");
        TestClient here(node, Login{.user = "u0", .session = "s0"});
        TestClient there(node, Login{.user = "u6", .session = "s2498"},
                         static_cast<ShardIndex>(shards - 1));
        TestClient bystander(node, Login{.company = "other", .session = "other"});
        auth::Principal service;
        service.service = std::make_shared<const auth::Service>("tests");
        service.permissions = auth::Permissions({"sessions:manage"});
        auth::SessionFilter filter;
        filter.company = CompanyId::trusted("acme");
        std::size_t removed = 0;
        node.gateway().delete_sessions(service, filter, [&](auto count) { removed = *count; });
        node.turn();
        EXPECT_EQ(removed, 2'500U);
        EXPECT_EQ(node.sessions.records.size(), 1U);
        EXPECT_TRUE(here.closed());
        EXPECT_TRUE(there.closed());
        EXPECT_THAT(there.take_joined(), HasSubstr("sessionRevoked"));
        EXPECT_FALSE(bystander.closed());
    }
}

}  // namespace
}  // namespace signalbox::gateway
