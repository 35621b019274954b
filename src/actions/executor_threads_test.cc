#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actions/executor.h"

/// Blocking handlers on real threads, for the sanitizers.
namespace signalbox::actions {
namespace {

/// Tasks from any thread, run on the one that calls run_until().
class Mailbox final : public signalbox::Executor {
public:
    void post(Task task) override {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
        posted_.notify_one();
    }
    template <class Condition>
    void run_until(Condition&& done) {
        while (!done()) take()();
    }

private:
    Task take() {
        std::unique_lock lock(mutex_);
        posted_.wait(lock, [this] { return !tasks_.empty(); });
        Task task = std::move(tasks_.front());
        tasks_.pop_front();
        return task;
    }
    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<Task> tasks_;
};

/// A thread a task.
class ThreadPool final : public BlockingPool {
public:
    bool try_run(Task& task, const Share&) override {
        threads_.emplace_back([taken = std::move(task)]() mutable { taken(); });
        return true;
    }
    ~ThreadPool() override {
        for (std::thread& thread : threads_) thread.join();
    }

private:
    std::vector<std::thread> threads_;
};

struct Seen {
    int statuses = 0;
    std::vector<std::string> answers;
};

class CountingSink final : public ExecutionSink {
public:
    explicit CountingSink(Seen& seen) : seen_(seen) {}
    void on_status(Status, std::uint64_t, std::string_view) override { ++seen_.statuses; }
    void on_end(ActionResult result) override {
        seen_.answers.push_back(result ? result->str() : result.error().code);
    }

private:
    Seen& seen_;
};

class ExecutorThreads : public testing::Test {
protected:
    void add(BlockingHandler handler) {
        ActionDefinition definition;
        definition.name = "a";
        definition.progress = true;
        definition.handler = std::move(handler);
        ASSERT_TRUE(registry.add(std::move(definition)).has_value());
    }
    ExecutionId start() {
        ExecutionRequest request;
        request.action = registry.find("a");
        return executor.start(std::move(request), std::make_unique<CountingSink>(seen));
    }

    ManualClock clock;
    TimerWheel wheel{clock.monotonic_now()};
    Mailbox shard;
    SeededRandom random{1};
    NullLog log;
    ActionRegistry registry;
    Seen seen;
    ThreadPool pool;
    Executor executor{wheel, shard, pool, random, log, clock};
};

TEST_F(ExecutorThreads, ReportProgressBeforeTheirAnswer) {
    constexpr int kRuns = 8;
    add({[](ActionContext& context, const JsonText& data) -> ActionResult {
        for (int i = 0; i < 5; ++i) context.progress(JsonText::trusted(std::to_string(i)));
        return data;
    }});
    for (int i = 0; i < kRuns; ++i) start();
    shard.run_until([&] { return seen.answers.size() == kRuns; });
    EXPECT_EQ(seen.answers, std::vector<std::string>(kRuns, "null"));
    EXPECT_EQ(seen.statuses, kRuns * (2 + 5));
    EXPECT_EQ(registry.find("a")->gate->inside(), 0U);
}

TEST_F(ExecutorThreads, HearOfTheirCancelling) {
    add({[](ActionContext& context, const JsonText& data) -> ActionResult {
        while (!context.cancelled()) std::this_thread::yield();
        return data;
    }});
    const ExecutionId id = start();
    shard.run_until([&] { return seen.statuses == 2; });
    EXPECT_TRUE(executor.cancel(id));
    shard.run_until([&] { return executor.counters().late == 1; });
    EXPECT_EQ(seen.answers, std::vector<std::string>{"CANCELLED"});
}

}  // namespace
}  // namespace signalbox::actions
