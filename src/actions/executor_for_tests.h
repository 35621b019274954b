#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actions/executor.h"
#include "base/log_for_tests.h"

/// An executor with everything around it in the test's hands.
namespace signalbox::actions {

/// Runs posted tasks when told to.
class QueueExecutor final : public signalbox::Executor {
public:
    void post(Task task) override { tasks_.push_back(std::move(task)); }
    void drain() {
        while (!tasks_.empty()) {
            Task task = std::move(tasks_.front());
            tasks_.pop_front();
            task();
        }
    }
    [[nodiscard]] std::size_t size() const { return tasks_.size(); }

private:
    std::deque<Task> tasks_;
};

/// Holds tasks until run(), up to `room`.
class FakePool final : public BlockingPool {
public:
    bool try_run(Task& task, const Share& share) override {
        if (tasks.size() >= room) return false;
        tasks.push_back(std::move(task));
        sources.emplace_back(share.source);
        costs.push_back(share.cost);
        return true;
    }
    void run() {
        for (Task& task : std::exchange(tasks, {})) task();
    }
    std::size_t room = 8;
    std::vector<Task> tasks;
    std::vector<std::string> sources;
    std::vector<double> costs;
};

using signalbox::testing::RecordingLog;

struct Heard {
    std::vector<std::string> statuses;
    std::vector<ActionResult> ends;
    std::function<void()> on_progress, on_end;
    int sinks_alive = 0;
};

class RecordingSink final : public ExecutionSink {
public:
    explicit RecordingSink(Heard& heard) : heard_(heard) { ++heard_.sinks_alive; }
    ~RecordingSink() override { --heard_.sinks_alive; }
    void on_status(Status status, std::uint64_t seq, std::string_view progress) override {
        constexpr std::string_view kNames[] = {"accepted", "running", "progress"};
        heard_.statuses.push_back(std::to_string(seq) + " " +
                                  std::string(kNames[static_cast<std::size_t>(status)]) +
                                  std::string(progress));
        if (status == Status::kProgress && heard_.on_progress) heard_.on_progress();
    }
    void on_end(ActionResult result) override {
        heard_.ends.push_back(std::move(result));
        if (heard_.on_end) heard_.on_end();
    }

private:
    Heard& heard_;
};

class ExecutorTest : public ::testing::Test {
protected:
    const Action& add(ActionDefinition definition) {
        const std::string name = definition.name;
        const auto added = registry.add(std::move(definition));
        EXPECT_TRUE(added.has_value()) << added.error();
        return *registry.find(name);
    }
    const Action& add(std::string name, Handler handler) {
        ActionDefinition definition;
        definition.name = std::move(name);
        definition.handler = std::move(handler);
        return add(std::move(definition));
    }
    ExecutionRequest request(const Action& action, std::string data = "null") {
        ExecutionRequest result;
        result.action = &action;
        result.request_id = "r1";
        result.connection_id = "c1";
        result.data = JsonText::trusted(std::move(data));
        return result;
    }
    ExecutionRequest request_of(const char* company, const Action& action,
                                std::string data = "null") {
        ExecutionRequest result = request(action, std::move(data));
        result.principal.company = CompanyId::trusted(company);
        return result;
    }
    ExecutionId start(ExecutionRequest request) {
        return executor.start(std::move(request), std::make_unique<RecordingSink>(heard));
    }
    ExecutionId start(const Action& action, std::string data = "null") {
        return start(request(action, std::move(data)));
    }
    void advance(Milliseconds by) {
        clock.advance(by);
        wheel.advance(clock.monotonic_now());
    }
    std::string ended() const {
        if (heard.ends.size() != 1) return std::to_string(heard.ends.size()) + " ends";
        const ActionResult& end = heard.ends.front();
        return end ? end->str() : end.error().code;
    }

    ManualClock clock;
    TimerWheel wheel{clock.monotonic_now()};
    QueueExecutor shard;
    FakePool pool;
    SeededRandom random{1};
    RecordingLog log;
    ActionRegistry registry;
    Heard heard;
    Executor executor{wheel, shard, pool, random, log, clock};
};

inline ImmediateHandler answering(const std::string& json) {
    return
        [json](ActionContext&, const JsonText&) -> ActionResult { return JsonText::trusted(json); };
}

inline ImmediateHandler failing_with(const Error& error) {
    return
        [error](ActionContext&, const JsonText&) -> ActionResult { return std::unexpected(error); };
}

inline Async<ActionResult> sleep_then_answer(ActionContext& context, const JsonText& data) {
    co_await context.sleep(Milliseconds(100));
    co_return data;
}

}  // namespace signalbox::actions
