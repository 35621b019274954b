#include "runtime/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace signalbox::runtime {
namespace {

TEST(ThreadPool, RunsTasksOnItsThreads) {
    ThreadPool pool({});
    std::promise<std::thread::id> id;
    Task task = [&] { id.set_value(std::this_thread::get_id()); };
    ASSERT_TRUE(pool.try_run(task, {}));
    EXPECT_NE(id.get_future().get(), std::this_thread::get_id());
}

TEST(ThreadPool, RefusesWhenItsQueueIsFullAndDestroysTheQueueWhenItStops) {
    ThreadPool pool({.threads = 1, .queued_max = 1});
    std::promise<void> started, release;
    Task blocker = [&] {
        started.set_value();
        release.get_future().wait();
    };
    ASSERT_TRUE(pool.try_run(blocker, {}));
    started.get_future().wait();
    auto held = std::make_shared<int>(0);
    std::atomic<bool> ran = false;
    Task queued = [&ran, held] { ran = true; };
    ASSERT_TRUE(pool.try_run(queued, {}));
    Task refused = [] {};
    EXPECT_FALSE(pool.try_run(refused, {}));
    EXPECT_TRUE(static_cast<bool>(refused));
    std::thread stopping([&] { pool.stop(); });
    while (held.use_count() > 1) std::this_thread::yield();
    release.set_value();
    stopping.join();
    EXPECT_FALSE(ran);
    EXPECT_FALSE(pool.try_run(refused, {}));
}

TEST(ThreadPool, RunsTheTasksOfSourcesInTurn) {
    ThreadPool pool({.threads = 1, .queued_max = 8});
    std::promise<void> started, release, all;
    Task blocker = [&] {
        started.set_value();
        release.get_future().wait();
    };
    ASSERT_TRUE(pool.try_run(blocker, {"flood", 1}));
    started.get_future().wait();
    std::string order;
    const auto add = [&](std::string_view source, char name) {
        Task task = [&order, &all, name] {
            order += name;
            if (order.size() == 6) all.set_value();
        };
        return pool.try_run(task, {source, 1});
    };
    for (const char name : {'1', '2', '3', '4'}) EXPECT_TRUE(add("flood", name));
    EXPECT_FALSE(add("flood", '5')) << "the other half is for others";
    EXPECT_TRUE(add("quiet", 'a'));
    EXPECT_TRUE(add("other", 'b'));
    EXPECT_EQ(pool.waiting(), 6U);
    release.set_value();
    all.get_future().wait();
    EXPECT_EQ(order, "1ab234");
}

}  // namespace
}  // namespace signalbox::runtime
