#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "actions/executor.h"
#include "actions/executor_for_tests.h"

/// Executions that find no free slot of their action.
namespace signalbox::actions {
namespace {

using ::testing::ElementsAre;

class WaitingExecutions : public ExecutorTest {
protected:
    /// One at a time, for 100 ms.
    const Action& add_narrow(Handler handler, std::size_t waiting_max = 100) {
        ActionDefinition definition;
        definition.name = "narrow";
        definition.concurrency_max = 1;
        definition.waiting_max = waiting_max;
        definition.timeout = Milliseconds(1'000);
        definition.handler = std::move(handler);
        return add(std::move(definition));
    }
    void advance(Milliseconds by) {
        ExecutorTest::advance(by);
        shard.drain();
    }
    /// The results of all that have ended, in the order of their ends.
    std::string ends() const {
        std::string all;
        for (const ActionResult& end : heard.ends)
            all += (end ? end->str() : end.error().code) + ' ';
        return all;
    }
};

TEST_F(WaitingExecutions, HaveTheirTurnWhenAnotherShardLeavesASlot) {
    const Action& action = add_narrow(AsyncHandler(sleep_then_answer));
    Executor other(wheel, shard, pool, random, log, clock);
    other.start(request(action, "1"), std::make_unique<RecordingSink>(heard));
    start(action, "2");
    EXPECT_EQ(executor.waiting(), 1U);
    EXPECT_EQ(executor.running(), 1U);
    advance(Milliseconds(100));
    EXPECT_EQ(ends(), "1 ");
    EXPECT_EQ(executor.waiting(), 0U);
    advance(Milliseconds(100));
    EXPECT_EQ(ends(), "1 2 ");
    EXPECT_EQ(action.gate->inside(), 0U);
    EXPECT_EQ(executor.counters().waited, 1U);
    EXPECT_EQ(executor.counters().succeeded, 1U);
}

TEST_F(WaitingExecutions, TakeTurnsByCompany) {
    const Action& action = add_narrow(AsyncHandler(sleep_then_answer));
    for (const char* data : {"1", "2", "3", "4"}) start(request_of("flood", action, data));
    start(request_of("quiet", action, "11"));
    for (int i = 0; i < 5; ++i) advance(Milliseconds(100));
    EXPECT_EQ(ends(), "1 2 11 3 4 ");
}

TEST_F(WaitingExecutions, AreAcceptedAtOnceAndRunningWithTheirSlot) {
    const Action& action = add_narrow(AsyncHandler(sleep_then_answer));
    start(action);
    ExecutionRequest second = request(action);
    second.wants_status = true;
    start(std::move(second));
    EXPECT_THAT(heard.statuses, ElementsAre("1 accepted"));
    advance(Milliseconds(100));
    EXPECT_THAT(heard.statuses, ElementsAre("1 accepted", "2 running"));
}

TEST_F(WaitingExecutions, WaitNoLongerThanTheirTimeout) {
    const Action& action = add_narrow(AsyncHandler(sleep_then_answer));
    start(action, "1");
    ExecutionRequest hurried = request(action, "2");
    hurried.timeout = Milliseconds(50);
    start(std::move(hurried));
    start(action, "3");
    advance(Milliseconds(50));
    EXPECT_EQ(ends(), "TIMEOUT ");
    EXPECT_EQ(action.gate->waiting(), 1U);
    EXPECT_EQ(executor.waiting(), 1U);
    advance(Milliseconds(50));
    advance(Milliseconds(100));
    EXPECT_EQ(ends(), "TIMEOUT 1 3 ");
    EXPECT_EQ(wheel.size(), 0U);
}

TEST_F(WaitingExecutions, SpendTheirTimeoutOnWaiting) {
    const Action& action = add_narrow(AsyncHandler(sleep_then_answer));
    start(action, "1");
    ExecutionRequest hurried = request(action, "2");
    hurried.timeout = Milliseconds(150);
    start(std::move(hurried));
    advance(Milliseconds(100));
    advance(Milliseconds(50));
    EXPECT_EQ(ends(), "1 TIMEOUT ");
    EXPECT_EQ(action.gate->inside(), 0U);
}

TEST_F(WaitingExecutions, NeverRunOnceTheyAreCancelled) {
    int runs = 0;
    const Action& action = add_narrow(BlockingHandler{[&](ActionContext&, const JsonText& d) {
        ++runs;
        return ActionResult(d);
    }});
    start(action, "1");
    EXPECT_TRUE(executor.cancel(start(action, "2")));
    EXPECT_EQ(ends(), "CANCELLED ");
    pool.run();
    shard.drain();
    EXPECT_EQ(ends(), "CANCELLED 1 ");
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(pool.tasks.size(), 0U);
    EXPECT_EQ(action.gate->inside(), 0U);
}

TEST_F(WaitingExecutions, GiveBackASlotThatComesTooLate) {
    const Action& action = add_narrow(AsyncHandler(sleep_then_answer));
    start(action, "1");
    const ExecutionId second = start(action, "2");
    start(action, "3");
    ExecutorTest::advance(Milliseconds(100));
    EXPECT_EQ(action.gate->waiting(), 1U) << "the second has its slot, but not yet its turn";
    EXPECT_TRUE(executor.cancel(second));
    shard.drain();
    advance(Milliseconds(100));
    EXPECT_EQ(ends(), "1 CANCELLED 3 ");
    EXPECT_EQ(action.gate->inside(), 0U);
}

TEST_F(WaitingExecutions, AreOverloadedWhereTooManyWait) {
    const Action& action = add_narrow(AsyncHandler(sleep_then_answer), 1);
    start(action, "1");
    start(action, "2");
    start(action, "3");
    EXPECT_EQ(ends(), "OVERLOADED ");
    EXPECT_EQ(heard.ends[0].error().retry_after, Milliseconds(1'000));
    EXPECT_TRUE(heard.statuses.empty());
    EXPECT_EQ(executor.counters().failed, 1U);
    advance(Milliseconds(100));
    advance(Milliseconds(100));
    EXPECT_EQ(ends(), "OVERLOADED 1 2 ");
    EXPECT_EQ(executor.running(), 0U);
}

TEST_F(WaitingExecutions, TakeASlotBeforeAThread) {
    const Action& action = add_narrow(BlockingHandler{answering("1")});
    start(action);
    start(action);
    EXPECT_EQ(pool.tasks.size(), 1U);
    pool.run();
    shard.drain();
    EXPECT_EQ(pool.tasks.size(), 1U);
    pool.run();
    shard.drain();
    EXPECT_EQ(ends(), "1 1 ");
}

TEST_F(WaitingExecutions, OfImmediateHandlersRunInALaterTurn) {
    const Action* action = nullptr;
    std::vector<std::string> ran;
    action = &add_narrow(ImmediateHandler([&](ActionContext&, const JsonText& data) {
        ran.push_back(data.str());
        if (data.str() == "1") start(*action, "2");
        return ActionResult(data);
    }));
    EXPECT_FALSE(Executor::ends_in_the_call(*action));
    start(*action, "1");
    EXPECT_THAT(ran, ElementsAre("1"));
    shard.drain();
    EXPECT_EQ(ends(), "1 2 ");
}

TEST_F(WaitingExecutions, MayOutliveTheirExecutor) {
    const Action& action = add_narrow(AsyncHandler(sleep_then_answer));
    start(action, "1");
    {
        Executor short_lived(wheel, shard, pool, random, log, clock);
        for (const char* data : {"2", "3"})
            short_lived.start(request(action, data), std::make_unique<RecordingSink>(heard));
        ExecutorTest::advance(Milliseconds(100));
    }
    EXPECT_EQ(ends(), "1 SHUTTING_DOWN SHUTTING_DOWN ");
    shard.drain();
    EXPECT_EQ(action.gate->inside(), 0U);
    EXPECT_EQ(action.gate->waiting(), 0U);
}

}  // namespace
}  // namespace signalbox::actions
