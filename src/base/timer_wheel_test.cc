#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"

namespace signalbox {
namespace {

const MonotonicTime kStart{std::chrono::hours(5)};

struct Recorder {
    std::vector<int>* fired;
    int number;
    Timer timer = Timer::calling<&Recorder::fire>(this);
    void fire() { fired->push_back(number); }
};

TEST(TimerWheel, FiresInOrderOfDeadlinesAndNeverEarly) {
    TimerWheel wheel(kStart);
    std::vector<int> fired;
    Recorder late{&fired, 2}, early{&fired, 1};
    wheel.arm(late.timer, kStart + Milliseconds(5000));
    wheel.arm(early.timer, kStart + Milliseconds(70));
    wheel.advance(kStart + Milliseconds(69));
    EXPECT_TRUE(fired.empty());
    wheel.advance(kStart + Milliseconds(70));
    EXPECT_EQ(fired, std::vector<int>({1}));
    wheel.advance(kStart + Milliseconds(4999));
    EXPECT_EQ(fired, std::vector<int>({1}));
    wheel.advance(kStart + Milliseconds(6000));
    EXPECT_EQ(fired, std::vector<int>({1, 2}));
    EXPECT_EQ(wheel.size(), 0U);
}

TEST(TimerWheel, CancelsByDestructionAndMovesWhenArmedAgain) {
    TimerWheel wheel(kStart);
    std::vector<int> fired;
    Recorder kept{&fired, 1};
    {
        Recorder gone{&fired, 2};
        wheel.arm(gone.timer, kStart + Milliseconds(10));
    }
    wheel.arm(kept.timer, kStart + Milliseconds(10));
    wheel.arm(kept.timer, kStart + Milliseconds(200));
    wheel.advance(kStart + Milliseconds(100));
    EXPECT_TRUE(fired.empty());
    wheel.advance(kStart + Milliseconds(200));
    EXPECT_EQ(fired, std::vector<int>({1}));
}

struct SelfDestroying {
    std::unique_ptr<Timer> timer;
    TimerWheel* wheel;
    int count = 0;
    void fire() {
        ++count;
        timer.reset();
    }
};

TEST(TimerWheel, LetsACallbackDestroyItsOwnTimer) {
    TimerWheel wheel(kStart);
    SelfDestroying owner{nullptr, &wheel};
    owner.timer.reset(new Timer(Timer::calling<&SelfDestroying::fire>(&owner)));
    wheel.arm(*owner.timer, kStart + Milliseconds(3));
    wheel.advance(kStart + Milliseconds(10));
    EXPECT_EQ(owner.count, 1);
}

struct Repeating {
    TimerWheel* wheel;
    int count = 0;
    Timer timer = Timer::calling<&Repeating::fire>(this);
    void fire() {
        ++count;
        wheel->arm_after(timer, Milliseconds(0));
    }
};

TEST(TimerWheel, DoesNotSpinOnATimerThatArmsItselfForNow) {
    TimerWheel wheel(kStart);
    Repeating repeating{&wheel};
    wheel.arm(repeating.timer, kStart);
    wheel.advance(kStart + Milliseconds(1));
    EXPECT_EQ(repeating.count, 1);
}

TEST(TimerWheel, AgreesWithASortedMapOverRandomOperations) {
    SeededRandom random(7);
    TimerWheel wheel(kStart);
    std::vector<int> fired, expected;
    std::vector<std::unique_ptr<Recorder>> recorders;
    for (int i = 0; i < 200; ++i) recorders.emplace_back(new Recorder{&fired, i});
    std::map<int, MonotonicTime> deadlines;
    MonotonicTime now = kStart;
    for (int step = 0; step < 20'000; ++step) {
        const auto which = static_cast<int>(random.below(200));
        const auto deadline = now + Milliseconds(1 + random.below(1ULL << (1 + random.below(24))));
        wheel.arm(recorders[which]->timer, deadline);
        deadlines[which] = deadline;
        now += Milliseconds(random.below(1ULL << random.below(14)));
        const auto next = wheel.next_deadline();
        ASSERT_TRUE(next.has_value());
        for (const auto& [n, at] : deadlines) ASSERT_LE(*next, at);
        fired.clear();
        wheel.advance(now);
        expected.clear();
        std::erase_if(deadlines, [&](const auto& entry) {
            if (entry.second > now) return false;
            expected.push_back(entry.first);
            return true;
        });
        std::sort(fired.begin(), fired.end());
        ASSERT_EQ(fired, expected) << "step " << step;
    }
}

}  // namespace
}  // namespace signalbox
