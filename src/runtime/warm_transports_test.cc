#include "runtime/warm_transports.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

namespace signalbox::runtime {
namespace {

class Transport final : public WarmTransports::Member {
public:
    void cool_down() override { ++cooled; }
    int cooled = 0;
};

constexpr std::size_t kMax = WarmTransports::kMax;

int cooled(const std::deque<Transport>& all) {
    int sum = 0;
    for (const Transport& one : all) sum += one.cooled;
    return sum;
}

TEST(WarmTransports, CoolsDownWhoWasNotUsedForTheLongestTime) {
    WarmTransports warm;
    std::deque<Transport> all(kMax + 2);
    for (std::size_t i = 0; i < kMax; ++i) warm.note_use(all[i]);
    EXPECT_EQ(cooled(all), 0);
    warm.note_use(all[0]);
    warm.note_use(all[kMax]);
    EXPECT_EQ(all[1].cooled, 1);
    warm.note_use(all[kMax + 1]);
    EXPECT_EQ(all[2].cooled, 1);
    EXPECT_EQ(cooled(all), 2);
}

TEST(WarmTransports, TakesBackWhoHasCooledDown) {
    WarmTransports warm;
    std::deque<Transport> all(kMax + 1);
    for (int round = 0; round < 3; ++round) {
        for (Transport& one : all) warm.note_use(one);
    }
    EXPECT_EQ(cooled(all), static_cast<int>(2 * (kMax + 1) + 1));
}

TEST(WarmTransports, KeepsNobodyThatHasEnded) {
    WarmTransports warm;
    std::deque<Transport> all(kMax);
    {
        std::vector<std::unique_ptr<Transport>> brief;
        for (int i = 0; i < 3; ++i)
            warm.note_use(*brief.emplace_back(std::make_unique<Transport>()));
        brief.erase(brief.begin() + 1);
        brief.erase(brief.begin());
        warm.note_use(all[0]);
    }
    for (Transport& one : all) warm.note_use(one);
    EXPECT_EQ(cooled(all), 0);
    Transport more;
    warm.note_use(more);
    EXPECT_EQ(all[0].cooled, 1);
}

TEST(WarmTransports, MayEndBeforeItsMembers) {
    Transport left;
    {
        WarmTransports warm;
        warm.note_use(left);
    }
    WarmTransports other;
    other.note_use(left);
    EXPECT_EQ(left.cooled, 0);
}

}  // namespace
}  // namespace signalbox::runtime
