#include "actions/concurrency_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace signalbox::actions {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ConcurrencyGateTest : public testing::Test {
protected:
    ~ConcurrencyGateTest() override {
        while (!slots.empty()) leave();
    }
    static constexpr ConcurrencyGate::Bounds kOne{.slots = 1, .waiting = 100};

    std::shared_ptr<ConcurrencyGate::Waiter> wait(std::string_view company, const std::string& name,
                                                  ConcurrencyGate::Bounds bounds = kOne,
                                                  double cost = 1) {
        return gate->wait({company, cost}, bounds, [this, name](Slot slot) {
            entered.push_back(name);
            slots.push_back(std::move(slot));
        });
    }
    /// The slot that was entered first ends.
    void leave() {
        const Slot ended = std::move(slots.front());
        slots.erase(slots.begin());
    }
    void enter(std::size_t max) {
        slots.push_back(gate->try_enter(max));
        ASSERT_TRUE(slots.back());
    }

    std::shared_ptr<ConcurrencyGate> gate = std::make_shared<ConcurrencyGate>();
    std::vector<std::string> entered;
    std::vector<Slot> slots;
};

TEST_F(ConcurrencyGateTest, LetsInAsManyAtATimeAsMayBe) {
    enter(2), enter(2);
    EXPECT_FALSE(gate->try_enter(2));
    leave();
    enter(2);
    EXPECT_EQ(gate->inside(), 2U);
    slots.clear();
    EXPECT_EQ(gate->inside(), 0U);
}

TEST_F(ConcurrencyGateTest, CountsWhereThereIsNoMaximum) {
    for (int i = 0; i < 5; ++i) enter(0);
    EXPECT_EQ(gate->inside(), 5U);
    EXPECT_FALSE(gate->try_enter(5));
}

TEST_F(ConcurrencyGateTest, GivesThePlaceOfWhoLeavesToTheCompanyWhoseTurnItIs) {
    enter(1);
    for (const char* name : {"a1", "a2", "a3"}) wait("a", name);
    wait("b", "b1");
    for (int i = 0; i < 4; ++i) leave();
    EXPECT_THAT(entered, ElementsAre("a1", "b1", "a2", "a3"));
    EXPECT_EQ(gate->waiting(), 0U);
    EXPECT_EQ(gate->inside(), 1U);
}

TEST_F(ConcurrencyGateTest, LetsNobodyPassThoseWhoWait) {
    enter(1);
    wait("a", "a1", {.slots = 1, .waiting = 10});
    EXPECT_FALSE(gate->try_enter(2)) << "there is room, and somebody waits for it";
    wait("b", "b1", {.slots = 2, .waiting = 10});
    EXPECT_THAT(entered, ElementsAre("a1"));
}

TEST_F(ConcurrencyGateTest, GivesAPlaceThatBecameFreeMeanwhile) {
    wait("a", "a1");
    EXPECT_THAT(entered, ElementsAre("a1"));
}

TEST_F(ConcurrencyGateTest, RefusesWhoFindsNoRoomToWait) {
    enter(1);
    EXPECT_FALSE(wait("a", "a1", {.slots = 1, .waiting = 0}));
    const ConcurrencyGate::Bounds bounds{.slots = 1, .waiting = 2};
    EXPECT_TRUE(wait("a", "a1", bounds));
    EXPECT_FALSE(wait("a", "a2", bounds)) << "the other place is for others";
    EXPECT_TRUE(wait("b", "b1", bounds));
    EXPECT_FALSE(wait("c", "c1", bounds));
    leave(), leave(), leave();
    EXPECT_THAT(entered, ElementsAre("a1", "b1"));
    EXPECT_EQ(gate->inside(), 0U);
}

TEST_F(ConcurrencyGateTest, ForgetsWhoWaitsNoLonger) {
    enter(1);
    const auto first = wait("a", "a1");
    const auto second = wait("a", "a2");
    gate->forget(first);
    gate->forget(first);
    EXPECT_EQ(gate->waiting(), 1U);
    leave();
    EXPECT_THAT(entered, ElementsAre("a2"));
    gate->forget(second);
    EXPECT_EQ(gate->inside(), 1U) << "it is inside, and leaves by itself";
}

TEST_F(ConcurrencyGateTest, HoldsThoseWhoWaitToTheMaximumThatWasToldLast) {
    enter(0), enter(0);
    wait("a", "a1"), wait("a", "a2");
    leave();
    EXPECT_THAT(entered, IsEmpty()) << "who entered without a maximum is counted";
    leave();
    EXPECT_THAT(entered, ElementsAre("a1"));
}

TEST_F(ConcurrencyGateTest, AdmitsNobodyTwiceAndLosesNobodyWithManyThreads) {
    constexpr int kThreads = 4;
    constexpr int kEach = 2'000;
    constexpr std::size_t kSlots = 2;
    std::atomic<int> ran = 0;
    std::atomic<std::size_t> inside = 0;
    const auto run = [&](const Slot&) {
        EXPECT_LE(inside.fetch_add(1) + 1, kSlots);
        inside.fetch_sub(1);
        ++ran;
    };
    const auto work = [&](int thread) {
        const std::string company = std::to_string(thread);
        for (int i = 0; i < kEach; ++i) {
            if (Slot slot = gate->try_enter(kSlots)) {
                run(slot);
                continue;
            }
            // Nobody's slot outlives its call: who waits runs on the thread that leaves.
            while (!gate->wait({company, 1}, {.slots = kSlots, .waiting = 64},
                               [&](const Slot& slot) { run(slot); }))
                std::this_thread::yield();
        }
    };
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(work, thread);
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ran, kThreads * kEach);
    EXPECT_EQ(gate->waiting(), 0U);
    EXPECT_EQ(gate->inside(), 0U);
}

}  // namespace
}  // namespace signalbox::actions
