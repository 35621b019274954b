#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "gateway/testing.h"

/// What is asked about a key while its lease is on its way.
namespace signalbox::gateway {
namespace {

using ::testing::HasSubstr;
using testing::Login;
using ::testing::Not;
using testing::TestClient;
using testing::TestNode;

class KeyedWaiting : public ::testing::TestWithParam<ShardIndex> {
protected:
    KeyedWaiting() {
        actions::ActionDefinition pay;
        pay.name = "pay";
        pay.handler = actions::ImmediateHandler([this](actions::ActionContext&, JsonText data) {
            ++runs;
            return actions::ActionResult(std::move(data));
        });
        SB_CHECK(node.registry.add(std::move(pay)).has_value());
        who.user = UserId::trusted("u1");
        who.company = CompanyId::trusted("acme");
    }

    TestClient client(ShardIndex shard) {
        return TestClient(node, Login{.format = "object", .more_query = "&recovery=0"},
                          static_cast<ShardIndex>(shard % GetParam()));
    }
    static void pay(TestClient& by, std::string_view id) {
        by.take();
        by.request(id, "pay", "1", R"(,"idempotencyKey":"k1")");
    }
    static void cancel(TestClient& by, std::string_view id) {
        by.take();
        by.request(id, "execution.cancel", R"({"idempotencyKey":"k1"})");
    }
    std::string let_go(TestClient& hears) {
        node.executions.let_go();
        node.turn();
        node.turn();
        return hears.take_joined();
    }

    TestNode node{Options{}, GetParam()};
    int runs = 0;
    auth::Principal who;
};
INSTANTIATE_TEST_SUITE_P(Shards, KeyedWaiting, ::testing::Values<ShardIndex>(1, 3));

TEST_P(KeyedWaiting, DoesNotBeginWhatIsCancelledMeanwhile) {
    auto caller = client(0);
    auto other = client(1);
    node.executions.holds = true;
    pay(caller, "r1");
    cancel(other, "r2");
    EXPECT_THAT(let_go(other), HasSubstr(R"({"cancelled":1})"));
    EXPECT_THAT(caller.take_joined(), HasSubstr("CANCELLED"));
    EXPECT_EQ(runs, 0);
}

TEST_P(KeyedWaiting, SaysThatNothingWasCancelledWhenItWasARepetition) {
    auto caller = client(0);
    auto other = client(1);
    pay(caller, "r1");
    node.executions.holds = true;
    pay(caller, "r2");
    cancel(other, "r3");
    EXPECT_THAT(let_go(other), HasSubstr(R"({"cancelled":0})"));
    EXPECT_THAT(caller.take_joined(), HasSubstr("replayed"));
}

TEST_P(KeyedWaiting, SaysThatNothingWasCancelledWhenThereIsNoLease) {
    auto caller = client(0);
    auto other = client(1);
    node.executions.holds = true;
    node.executions.down = true;
    pay(caller, "r1");
    cancel(other, "r2");
    EXPECT_THAT(let_go(other), HasSubstr(R"({"cancelled":0})"));
    EXPECT_THAT(caller.take_joined(), HasSubstr("OVERLOADED"));
}

TEST_P(KeyedWaiting, DescribesAndForgetsWhatHasEndedWhileItIsRepeated) {
    auto caller = client(0);
    pay(caller, "r1");
    node.executions.holds = true;
    pay(caller, "r2");
    std::string described;
    node.gateway().describe_execution(
        who, "k1", [&](auto text) { described = text ? *text : text.error().code; });
    std::string forgotten;
    node.gateway().forget_execution(
        who, "k1", [&](auto done) { forgotten = done ? "forgotten" : done.error().code; });
    EXPECT_THAT(let_go(caller), HasSubstr("replayed"));
    node.turn();
    EXPECT_THAT(described, HasSubstr(R"({"state":"succeeded")"));
    EXPECT_EQ(forgotten, "forgotten");
}

TEST_P(KeyedWaiting, HoldsNoMoreQuestionsThanCallers) {
    node.executions.holds = true;
    auto caller = client(0);
    pay(caller, "r1");
    std::vector<std::string> told;
    for (std::size_t i = 0; i <= Options().replay.followers_max; ++i) {
        node.gateway().forget_execution(
            who, "k1", [&](auto done) { told.push_back(done ? "forgotten" : done.error().code); });
    }
    node.turn();
    EXPECT_EQ(told, std::vector<std::string>{"RATE_LIMITED"});
}

}  // namespace
}  // namespace signalbox::gateway
