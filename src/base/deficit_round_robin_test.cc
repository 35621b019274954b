#include "base/deficit_round_robin.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "base/random.h"

namespace signalbox {
namespace {

using Item = std::unique_ptr<int>;

class DeficitRoundRobinTest : public ::testing::Test {
protected:
    DeficitRoundRobin<Item>::Place push(std::string_view source, int item, double cost = 1) {
        return queue.push({.source = source, .cost = cost}, std::make_unique<int>(item));
    }
    int pop() {
        const auto item = queue.pop();
        return item ? **item : 0;
    }
    std::vector<int> pop_all() {
        std::vector<int> all;
        while (queue.size() > 0) all.push_back(pop());
        return all;
    }
    DeficitRoundRobin<Item> queue;
};

TEST_F(DeficitRoundRobinTest, TakesEqualCostsOfEachSourceInTurn) {
    push("a", 1), push("a", 2), push("a", 3), push("b", 11), push("c", 21), push("c", 22);
    EXPECT_EQ(pop_all(), (std::vector{1, 11, 21, 2, 22, 3}));
    EXPECT_EQ(pop(), 0);
}

TEST_F(DeficitRoundRobinTest, TakesAsManyCheapItemsInATurnAsOneDearCosts) {
    for (int i = 1; i <= 6; ++i) push("cheap", i);
    push("dear", 11, 3), push("dear", 12, 3);
    EXPECT_EQ(pop_all(), (std::vector{1, 2, 3, 11, 4, 5, 6, 12}));
}

TEST_F(DeficitRoundRobinTest, KeepsWhatIsLeftOfATurnForTheNext) {
    for (int i = 1; i <= 3; ++i) push("a", i, 2);
    for (int i = 11; i <= 14; ++i) push("b", i, 3);
    EXPECT_EQ(pop_all(), (std::vector{1, 11, 2, 3, 12, 13, 14}));
}

TEST_F(DeficitRoundRobinTest, KeepsNothingForASourceThatHasNothingWaiting) {
    push("a", 1), push("b", 11, 5), push("b", 12, 5), push("b", 13, 5);
    EXPECT_EQ(pop(), 1);
    EXPECT_EQ(pop(), 11);
    for (int i = 2; i <= 8; ++i) push("a", i);
    EXPECT_EQ(pop_all(), (std::vector{2, 3, 4, 5, 6, 12, 7, 8, 13}));
}

TEST_F(DeficitRoundRobinTest, CountsWhatCostsNothingAsOne) {
    push("free", 1, 0), push("free", 2, 0), push("paid", 11), push("free", 3, 0);
    EXPECT_EQ(pop_all(), (std::vector{1, 11, 2, 3}));
}

TEST_F(DeficitRoundRobinTest, ForgetsADearItemOnceTheQueueWasEmpty) {
    push("a", 1, 1000);
    EXPECT_EQ(pop(), 1);
    push("a", 2), push("a", 3), push("b", 11);
    EXPECT_EQ(pop_all(), (std::vector{2, 11, 3}));
}

TEST_F(DeficitRoundRobinTest, GivesUpAnItemThatWaitsNoLonger) {
    push("a", 1);
    const auto second = push("a", 2);
    push("b", 11), push("a", 3);
    EXPECT_EQ(*queue.erase(second), 2);
    EXPECT_EQ(queue.size(), 3U);
    EXPECT_EQ(pop_all(), (std::vector{1, 11, 3}));
}

TEST_F(DeficitRoundRobinTest, PassesTheTurnOnWhenItsSourceGivesUp) {
    push("a", 1);
    const auto last = push("a", 2);
    push("b", 11, 2), push("c", 21, 2);
    EXPECT_EQ(pop(), 1);
    EXPECT_EQ(*queue.erase(last), 2);
    EXPECT_EQ(pop_all(), (std::vector{11, 21}));
}

TEST_F(DeficitRoundRobinTest, LeavesRoomForWhoComesNext) {
    constexpr std::size_t kMax = 12;
    const auto fill = [&](std::string_view source) {
        int pushed = 0;
        for (; queue.has_room(source, kMax); ++pushed) push(source, 1);
        return pushed;
    };
    EXPECT_EQ(fill("a"), 6);
    EXPECT_EQ(fill("b"), 3);
    EXPECT_FALSE(queue.has_room("a", kMax));
    EXPECT_EQ(fill("c"), 2);
    EXPECT_EQ(fill("d"), 1);
    EXPECT_EQ(queue.size(), kMax);
    EXPECT_FALSE(queue.has_room("e", kMax));
    EXPECT_FALSE(queue.has_room("e", 0));
}

TEST_F(DeficitRoundRobinTest, GivesTheOnlyPlaceToWhoComesFirst) {
    EXPECT_TRUE(queue.has_room("a", 1));
    push("a", 1);
    EXPECT_FALSE(queue.has_room("b", 1));
}

/// Sources whose items come and go at random. What a source got is compared with what it was due.
class Random10 : public ::testing::TestWithParam<std::uint64_t> {
protected:
    static constexpr std::size_t kSources = 10;
    static constexpr double kDearest = 7;
    static constexpr double kRounding = 1e-6;

    static std::string name(std::size_t source) { return std::to_string(source); }
    double random_cost() { return 1 + static_cast<double>(random.below(61)) / 10; }
    void push(std::size_t source, double cost) {
        costs.push_back({source, cost});
        queue.push({.source = name(source), .cost = cost}, costs.size() - 1);
        ++waiting[source];
    }
    struct Cost {
        std::size_t source;
        double cost;
    };
    Cost pop() {
        const Cost taken = costs[*queue.pop()];
        --waiting[taken.source];
        return taken;
    }

    SeededRandom random{GetParam()};
    DeficitRoundRobin<std::size_t> queue;
    std::vector<Cost> costs;
    std::array<std::size_t, kSources> waiting{};
};

TEST_P(Random10, EachWithABacklogGetsItsShareToWithinOneQuantum) {
    for (std::size_t source = 0; source < kSources; ++source) push(source, kDearest);
    std::array<double, kSources> got{};
    double due = 0;
    std::size_t last = kSources - 1;
    for (int i = 0; i < 5'000; ++i) {
        // Whoever floods has a hundred times as many waiting as the others.
        for (std::size_t source = 0; source < kSources; ++source) {
            while (waiting[source] < (source == 0 ? 200 : 2)) push(source, random_cost());
        }
        const Cost taken = pop();
        const bool is_new_round = taken.source == 0 && last != 0;
        if (is_new_round) {
            for (const double one : got)
                EXPECT_LT(std::abs(one - due), kDearest + kRounding) << "after " << i;
            due += kDearest;
        }
        got[taken.source] += taken.cost;
        last = taken.source;
    }
    EXPECT_GT(due, 50 * kDearest);
}

TEST_P(Random10, NoTwoDrawApartWhileBothHaveABacklog) {
    // got[a][b]: what a got since both a and b have had items waiting.
    std::array<std::array<double, kSources>, kSources> got{};
    const auto forget = [&](std::size_t source) {
        for (std::size_t other = 0; other < kSources; ++other)
            got[source][other] = got[other][source] = 0;
    };
    std::size_t pops = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::size_t comes = random.below(2) == 0 ? 0 : random.below(kSources);
        if (waiting[comes] == 0) forget(comes);
        if (waiting[comes] < 300) push(comes, random_cost());
        if (queue.size() == 0 || random.below(20) == 0) continue;
        const Cost taken = pop();
        ++pops;
        for (std::size_t other = 0; other < kSources; ++other) {
            if (other == taken.source || waiting[other] == 0) continue;
            got[taken.source][other] += taken.cost;
            EXPECT_LE(std::abs(got[taken.source][other] - got[other][taken.source]), 3 * kDearest)
                << taken.source << " and " << other << ", after " << i;
        }
    }
    EXPECT_GT(pops, 10'000U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Random10, ::testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace signalbox
