#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing.h"

namespace signalbox::gateway {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using testing::Login;
using testing::TestClient;
using testing::TestNode;

class SessionEnd : public ::testing::TestWithParam<ShardIndex> {
protected:
    /// PUT of the client's session.
    void put(Milliseconds ttl, const char* user = "u1") {
        auth::Principal service;
        service.service = std::make_shared<const auth::Service>("tests");
        service.permissions = auth::Permissions({"sessions:manage"});
        const SessionRequest request{.user = UserId::trusted(user),
                                     .company = CompanyId::trusted("acme"),
                                     .id = SessionId::trusted("s1"),
                                     .ttl = ttl};
        node_.gateway(1).put_session(service, request,
                                     [](auto stored) { EXPECT_TRUE(stored.has_value()); });
        node_.turn();
    }
    [[nodiscard]] auth::SessionRecord& stored() { return node_.sessions.records.at("s1"); }

    TestNode node_{{}, 3};
    TestClient client_{node_, Login{.format = "object"}, GetParam()};
};

TEST_P(SessionEnd, MovesBackWithAPutAndTheConnectionsStay) {
    put(seconds(3));
    put(seconds(300));
    client_.take();
    node_.advance(seconds(290));
    EXPECT_FALSE(client_.closed());
    node_.advance(seconds(11));
    EXPECT_TRUE(client_.closed());
    EXPECT_THAT(client_.take_joined(), HasSubstr(R"("data":{"reason":"expired"})"));
}

TEST_P(SessionEnd, MovesForwardWithAPutAndTheConnectionsClose) {
    put(seconds(3));
    node_.advance(seconds(2));
    EXPECT_FALSE(client_.closed());
    node_.advance(seconds(2));
    EXPECT_TRUE(client_.closed());
}

TEST_P(SessionEnd, IsLookedUpOnceMoreBeforeTheClose) {
    put(seconds(3));
    stored().expires_at += seconds(10);  // as a PUT does while the connection is let in
    node_.advance(seconds(5));
    EXPECT_FALSE(client_.closed());
    node_.advance(seconds(10));
    EXPECT_TRUE(client_.closed());
}

TEST_P(SessionEnd, IsFinalForAStoreThatIsDown) {
    put(seconds(3));
    node_.sessions.down = true;
    node_.advance(seconds(4));
    EXPECT_TRUE(client_.closed());
}

TEST_P(SessionEnd, IsFinalWhenTheIdIsSomebodyElsesByThen) {
    put(seconds(3));
    stored().user = UserId::trusted("u2");
    stored().expires_at += seconds(10);
    node_.advance(seconds(4));
    EXPECT_TRUE(client_.closed());
}

TEST_P(SessionEnd, ComesWithThatOfTheCompanyAndWithNoOther) {
    TestClient other(node_, Login{.company = "acme-2", .session = "s2"}, GetParam());
    TestClient colleague(node_, Login{.user = "u2", .session = "s3"});
    std::optional<std::size_t> closed;
    node_.gateway(2).end_company(CompanyId::trusted("acme"), [&](std::size_t n) { closed = n; });
    node_.turn();
    EXPECT_EQ(closed, 2U);
    EXPECT_TRUE(client_.closed());
    EXPECT_TRUE(colleague.closed());
    EXPECT_FALSE(other.closed());
    EXPECT_THAT(client_.take_joined(), HasSubstr("system.sessionRevoked"));
}

TEST_P(SessionEnd, WithTheCompanyLeavesNothingToComeBackTo) {
    client_.transport().drop();
    node_.turn();
    const auto parked = [&] {
        std::size_t sum = 0;
        for (ShardIndex i = 0; i < 3; ++i) sum += node_.gateway(i).stats().connections_parked;
        return sum;
    };
    ASSERT_EQ(parked(), 1U);
    node_.gateway(0).end_company(CompanyId::trusted("acme"), [](std::size_t) {});
    node_.turn();
    EXPECT_EQ(parked(), 0U);
}

INSTANTIATE_TEST_SUITE_P(OnEachShard, SessionEnd, ::testing::Values(0, 1, 2));

}  // namespace
}  // namespace signalbox::gateway
