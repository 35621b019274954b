#include "limits/fair_rate.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace signalbox::limits {
namespace {

constexpr Rate kRate{100, 100};

/// Lets takers ask so many times a second for eleven seconds; what they get in the first, in which
/// they become known, is left out.
class FairRateOf : public ::testing::Test {
protected:
    void run(const std::map<std::pair<std::string, std::string>, int>& asks_a_second) {
        for (int tick = 0; tick < 1'100; ++tick) {
            now += Milliseconds(10);
            for (const auto& [who, per_second] : asks_a_second) {
                // Spread evenly: so many of the hundred ticks of a second.
                const int before = tick * per_second / 100, after = (tick + 1) * per_second / 100;
                for (int i = before; i < after; ++i) {
                    const bool got = rate.take(kRate, {who.first, who.second}, now);
                    if (got && tick >= 100) ++taken[who];
                }
            }
        }
    }
    FairRate rate;
    MonotonicTime now{Milliseconds(5'000)};
    std::map<std::pair<std::string, std::string>, int> taken;
};

TEST_F(FairRateOf, OneAloneIsTheWholeRate) {
    run({{{"acme", "u"}, 1'000}});
    EXPECT_GE((taken[{"acme", "u"}]), 999);
    EXPECT_LE((taken[{"acme", "u"}]), 1'001);
}

TEST_F(FairRateOf, AGroupIsNotEatenUpByOneThatAsksForAll) {
    run({{{"acme", "u"}, 2'000}, {{"other", "v"}, 40}});
    EXPECT_EQ((taken[{"other", "v"}]), 400);
    EXPECT_GE((taken[{"acme", "u"}]), 600) << "what is left over is not wasted";
}

TEST_F(FairRateOf, AMemberIsNotEatenUpByAnother) {
    run({{{"acme", "greedy"}, 2'000}, {{"acme", "u"}, 20}, {{"acme", "v"}, 20}});
    EXPECT_EQ((taken[{"acme", "u"}]), 200);
    EXPECT_EQ((taken[{"acme", "v"}]), 200);
    EXPECT_GE((taken[{"acme", "greedy"}]), 600);
}

TEST_F(FairRateOf, AMembersGreedIsNotItsGroups) {
    run({{{"acme", "greedy"}, 2'000}, {{"acme", "u"}, 20}, {{"other", "v"}, 20}});
    EXPECT_EQ((taken[{"acme", "u"}]), 200);
    EXPECT_EQ((taken[{"other", "v"}]), 200);
    EXPECT_GE((taken[{"acme", "greedy"}]), 600);
}

TEST_F(FairRateOf, GroupsDoNotGetMoreByHavingMoreMembers) {
    std::map<std::pair<std::string, std::string>, int> asks{{{"small", "u"}, 40}};
    for (int i = 0; i < 50; ++i) asks[{"large", std::to_string(i)}] = 40;
    run(asks);
    EXPECT_EQ((taken[{"small", "u"}]), 400);
}

/// Somebody greedy has had everything for three seconds and a bit, then others come.
class FairRateForNewcomers : public ::testing::TestWithParam<int> {
protected:
    FairRateForNewcomers() { let_all_ask(300 + GetParam()); }
    /// In each of so many hundredths of a second.
    void let_all_ask(int ticks) {
        for (int tick = 0; tick < ticks; ++tick) {
            now += Milliseconds(10);
            for (int i = 0; i < 20; ++i) (void)rate.take(kRate, {"acme", "greedy"}, now);
            for (const auto& [group, member] : newcomers) {
                if (tick % 4 == 0 && !rate.take(kRate, {group, member}, now)) ++refused;
            }
        }
    }
    FairRate rate;
    MonotonicTime now{Milliseconds(5'000)};
    std::vector<std::pair<std::string, std::string>> newcomers;
    int refused = 0;
};

INSTANTIATE_TEST_SUITE_P(AtAnyTimeOfASecond, FairRateForNewcomers,
                         ::testing::Values(0, 1, 10, 25, 49, 50, 75, 90, 99));

TEST_P(FairRateForNewcomers, AGroupHasItsPartFromTheFirstQuestionOn) {
    newcomers = {{"other", "v"}};
    let_all_ask(100);
    EXPECT_EQ(refused, 0);
}

TEST_P(FairRateForNewcomers, AMemberHasItsPartFromTheFirstQuestionOn) {
    newcomers = {{"acme", "u"}};
    let_all_ask(100);
    EXPECT_EQ(refused, 0);
}

TEST_F(FairRateOf, AGroupOfMoreMembersThanAreCountedLeavesOthersTheirPart) {
    for (int second = 0; second < 3; ++second) {
        int got = 0;
        for (int tick = 0; tick < 100; ++tick) {
            now += Milliseconds(10);
            for (int i = 0; i < 200; ++i)
                (void)rate.take(kRate, {"acme", std::to_string(tick * 200 + i)}, now);
            if (tick % 5 == 0 && rate.take(kRate, {"other", "v"}, now)) ++got;
        }
        EXPECT_GE(got, second == 0 ? 10 : 20) << second;
    }
}

TEST_F(FairRateOf, MembersOverTheMaximumShareWhatOneHas) {
    constexpr Rate kMuch{1e6, 1e6};
    for (std::size_t i = 0; i < FairRate::kMembersMax; ++i)
        ASSERT_TRUE(rate.take(kMuch, {"acme", std::to_string(i)}, now));
    EXPECT_TRUE(rate.take(kMuch, {"acme", "one more"}, now));
    EXPECT_TRUE(rate.take(kMuch, {"another", "u"}, now));
}

TEST_F(FairRateOf, TooManyGroupsAreRefused) {
    constexpr Rate kMuch{1e6, 1e6};
    for (std::size_t i = 0; i < FairRate::kGroupsMax; ++i)
        ASSERT_TRUE(rate.take(kMuch, {std::to_string(i), "u"}, now));
    EXPECT_FALSE(rate.take(kMuch, {"one more", "u"}, now));
    EXPECT_TRUE(rate.take(kMuch, {"7", "u"}, now));
    EXPECT_TRUE(rate.take(kMuch, {"one more", "u"}, now + std::chrono::seconds(1)));
}

}  // namespace
}  // namespace signalbox::limits
