#include "runtime/shard_group.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "base/timer_wheel.h"

namespace signalbox::runtime {
namespace {

void wait_for(ShardGroup& group, ShardIndex shard) {
    std::promise<void> done;
    group.post(shard, [&] { done.set_value(); });
    done.get_future().wait();
}

TEST(ShardGroup, RunsTasksOfOnePosterInTheirOrder) {
    ShardGroup group({.shards = 2});
    group.start();
    std::vector<int> ran;
    group.post(0, [&] {
        for (int i = 0; i < 10'000; ++i) {
            group.shard(0).mesh().post_admitted(1, [&ran, i] { ran.push_back(i); });
        }
    });
    wait_for(group, 0);
    wait_for(group, 1);
    group.stop();
    ASSERT_EQ(ran.size(), 10'000U);
    EXPECT_TRUE(std::ranges::is_sorted(ran));
}

TEST(ShardGroup, RunsATaskToTheOwnShardLater) {
    ShardGroup group({});
    group.start();
    std::vector<int> order;
    group.post(0, [&] {
        EXPECT_TRUE(group.shard(0).mesh().try_post(0, [&] { order.push_back(2); }));
        order.push_back(1);
    });
    wait_for(group, 0);
    wait_for(group, 0);
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(ShardGroup, RefusesWhatAFullMailboxCannotHoldAndAllOfAReservation) {
    ShardGroup group({.shards = 3, .mailbox_tasks_max = 2});
    ShardMesh& mesh = group.shard(0).mesh();
    const std::array<ShardIndex, 2> both = {1, 2};
    EXPECT_TRUE(mesh.try_post(1, [] {}));
    EXPECT_TRUE(mesh.try_reserve(both));
    EXPECT_FALSE(mesh.try_post(1, [] {}));
    EXPECT_FALSE(mesh.try_reserve(both)) << "shard 1 is full";
    EXPECT_TRUE(mesh.try_post(2, [] {})) << "the failed reservation left no credit behind";
    EXPECT_FALSE(mesh.try_post(2, [] {}));
    EXPECT_FALSE(group.try_post(2, [] {})) << "from any thread";
    std::atomic<bool> ran = false;
    mesh.post_reserved(1, [&] { ran = true; });
    mesh.post_admitted(1, [] {});
    group.start();
    wait_for(group, 1);
    EXPECT_TRUE(ran);
    EXPECT_TRUE(mesh.try_post(1, [] {}));
}

TEST(ShardGroup, DestroysUnrunTasksWhenItStops) {
    auto held = std::make_shared<int>(0);
    ShardGroup group({});
    group.post(0, [held] {});
    group.stop();
    group.post(0, [held] {});
    EXPECT_EQ(held.use_count(), 1);
}

TEST(ShardGroup, WakesAShardThatSleeps) {
    ShardGroup group({});
    group.start();
    for (int i = 0; i < 1000; ++i) wait_for(group, 0);
}

TEST(ShardGroup, RunsOnAllShards) {
    ShardGroup group({.shards = 3});
    group.start();
    std::array<std::thread::id, 3> ids;
    group.run_on_all([&](Shard& shard) { ids[shard.index()] = std::this_thread::get_id(); });
    EXPECT_NE(ids[0], ids[1]);
    EXPECT_NE(ids[1], ids[2]);
    EXPECT_NE(ids[0], std::this_thread::get_id());
}

struct Alarm {
    std::promise<MonotonicTime> fired;
    Timer timer = Timer::calling<&Alarm::on_expiry>(this);
    void on_expiry() { fired.set_value(std::chrono::steady_clock::now()); }
};

TEST(Shard, FiresTimersWithoutOtherEvents) {
    ShardGroup group({});
    group.start();
    Alarm alarm;
    MonotonicTime armed;
    group.run_on_all([&](Shard& shard) {
        armed = std::chrono::steady_clock::now();
        shard.wheel().arm(alarm.timer, armed + Milliseconds(20));
    });
    EXPECT_GE(alarm.fired.get_future().get(), armed + Milliseconds(20));
}

/// Counts its flushes; may dirty itself or another again.
struct Output final : Flushable {
    explicit Output(Shard& s) : shard(s) {}
    ~Output() { shard.forget_dirty(*this); }
    void flush() override {
        turns.push_back(shard.statistics().turns.value());
        if (then) then();
    }
    Shard& shard;
    std::vector<std::int64_t> turns;
    std::function<void()> then;
};

TEST(Shard, FlushesOnceATurnHoweverOftenMarked) {
    ShardGroup group({});
    Output output(group.shard(0));
    group.start();
    group.post(0, [&] {
        output.shard.mark_dirty(output);
        output.shard.mark_dirty(output);
    });
    wait_for(group, 0);
    wait_for(group, 0);
    group.stop();
    EXPECT_EQ(output.turns.size(), 1U);
}

TEST(Shard, LeavesWhatIsMarkedWhileFlushingToTheNextTurn) {
    ShardGroup group({});
    Output output(group.shard(0));
    output.then = [&] {
        if (output.turns.size() < 3) output.shard.mark_dirty(output);
    };
    group.start();
    group.post(0, [&] { output.shard.mark_dirty(output); });
    while (group.shard(0).statistics().turns.value() < 4) wait_for(group, 0);
    group.stop();
    ASSERT_EQ(output.turns.size(), 3U);
    EXPECT_EQ(output.turns[1], output.turns[0] + 1);
}

TEST(Shard, ForgetsWhatEndsBeforeItsFlush) {
    ShardGroup group({});
    Output first(group.shard(0));
    auto second = std::make_unique<Output>(group.shard(0));
    auto third = std::make_unique<Output>(group.shard(0));
    std::atomic<int> third_flushed = 0;
    third->then = [&] { ++third_flushed; };
    first.then = [&] { second.reset(); };
    group.start();
    group.post(0, [&] {
        first.shard.mark_dirty(first);
        first.shard.mark_dirty(*second);
        first.shard.mark_dirty(*third);
    });
    wait_for(group, 0);
    wait_for(group, 0);
    group.stop();
    EXPECT_EQ(second, nullptr);
    EXPECT_EQ(third_flushed, 1);
}

TEST(Shard, WritesTheDateOfItsClock) {
    ManualClock clock;
    ShardGroup group({.clock = &clock});
    EXPECT_EQ(group.shard(0).http_date(), "Mon, 21 Sep 2026 14:13:20 GMT");
    clock.advance(Milliseconds(1000));
    EXPECT_EQ(group.shard(0).http_date(), "Mon, 21 Sep 2026 14:13:21 GMT");
}

}  // namespace
}  // namespace signalbox::runtime
