#include "gateway/running_actions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace signalbox::gateway {
namespace {

class NullSink final : public actions::ExecutionSink {
public:
    void on_status(actions::Status, std::uint64_t, std::string_view) override {}
    void on_end(actions::ActionResult) override {}
};

class RunningActionsTest : public testing::Test {
protected:
    RunningActionsTest() {
        limits.in_flight_per_user = 0;
        limits.in_flight_max = 0;
    }
    static auth::Principal who(const std::string& company, const std::string& user) {
        return {.user = UserId::trusted(user), .company = CompanyId::trusted(company)};
    }
    /// @return how many begin until one is refused, at most 100.
    int begin(const std::string& company, const std::string& user) {
        for (int begun = 0; begun < 100; ++begun) {
            if (const auto refusal = running.refusal(who(company, user), limits)) {
                last_refusal = refusal->code;
                return begun;
            }
            sinks.push_back(running.counted(who(company, user), std::make_unique<NullSink>()));
        }
        return 100;
    }

    RunningActions running;
    LimitOptions limits;
    std::string last_refusal;
    std::vector<std::unique_ptr<actions::ExecutionSink>> sinks;
};

TEST_F(RunningActionsTest, CountsEachUserOfEachCompanyByItself) {
    limits.in_flight_per_user = 3;
    EXPECT_EQ(begin("a", "u"), 3);
    EXPECT_EQ(last_refusal, "RATE_LIMITED");
    EXPECT_EQ(begin("a", "v"), 3);
    EXPECT_EQ(begin("b", "u"), 3);
    sinks.erase(sinks.begin());
    EXPECT_EQ(begin("a", "u"), 1);
}

TEST_F(RunningActionsTest, BoundsThoseOfACompany) {
    limits.in_flight_per_company = 4;
    EXPECT_EQ(begin("a", "u"), 4);
    EXPECT_EQ(begin("a", "v"), 0);
    EXPECT_EQ(last_refusal, "RATE_LIMITED");
    EXPECT_EQ(begin("b", "u"), 4);
    sinks.clear();
    EXPECT_EQ(begin("a", "v"), 4);
}

TEST_F(RunningActionsTest, LeavesSomeOfTheShardsForOtherCompanies) {
    limits.in_flight_max = 50;
    EXPECT_EQ(begin("flood", "u"), 40);
    EXPECT_EQ(last_refusal, "OVERLOADED");
    EXPECT_EQ(begin("flood", "v"), 0);
    EXPECT_EQ(begin("quiet", "u"), 8);
    EXPECT_EQ(begin("late", "u"), 2);
    EXPECT_EQ(begin("too late", "u"), 0);
    EXPECT_EQ(sinks.size(), 50U);
}

TEST_F(RunningActionsTest, HaveNoLimitWhereItIsZero) {
    EXPECT_EQ(begin("a", "u"), 100);
}

}  // namespace
}  // namespace signalbox::gateway
