#include "actions/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "actions/executor_for_tests.h"

namespace signalbox::actions {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ExecutorTest, EndsAnImmediateHandlerInsideStart) {
    start(add("a", answering("[1]")));
    EXPECT_EQ(ended(), "[1]");
    EXPECT_EQ(heard.sinks_alive, 0);
    EXPECT_EQ(executor.running(), 0U);
    EXPECT_EQ(executor.counters().started, 1U);
    EXPECT_EQ(executor.counters().succeeded, 1U);
}

TEST_F(ExecutorTest, GivesTheHandlerWhatItMayKnow) {
    const Action& action = add(
        "a", ImmediateHandler([&](ActionContext& context, const JsonText& data) -> ActionResult {
            EXPECT_EQ(context.request_id(), "r1");
            EXPECT_EQ(context.connection_id(), "c1");
            EXPECT_EQ(context.principal().company.str(), "acme");
            EXPECT_EQ(context.artifact()->str(), "doc");
            EXPECT_EQ(context.deadline(), wheel.now() + Milliseconds(500));
            EXPECT_EQ(context.wall_now(), clock.wall_now());
            EXPECT_EQ(&context.log(), &log);
            EXPECT_FALSE(context.cancelled());
            return data;
        }));
    ExecutionRequest asked = request(action, R"({"n":0.11935319286735585})");
    asked.principal.company = CompanyId::trusted("acme");
    asked.artifact = ArtifactId::trusted("doc");
    asked.timeout = Milliseconds(500);
    start(std::move(asked));
    EXPECT_EQ(ended(), R"({"n":0.11935319286735585})");
}

TEST_F(ExecutorTest, RefusesDataAgainstTheInputSchemaWithAllFaults) {
    ActionDefinition definition;
    definition.name = "a";
    definition.input_schema =
        R"({"type":"object","properties":{"n":{"type":"number"}},"required":["x"]})";
    definition.handler = answering("1");
    definition.progress = true;
    start(add(std::move(definition)), R"({"n":"1"})");
    EXPECT_EQ(ended(), "VALIDATION_FAILED");
    EXPECT_EQ(heard.ends[0].error().details,
              R"([{"path":"","message":"must have the member \"x\""},)"
              R"({"path":"/n","message":"must be a number, not a string"}])");
    EXPECT_TRUE(heard.statuses.empty());
    EXPECT_EQ(executor.counters().failed, 1U);
}

TEST_F(ExecutorTest, SendsStatusesOnlyToThoseWhoWantThem) {
    const Action& action =
        add("a", ImmediateHandler([](ActionContext& context, const JsonText& data) -> ActionResult {
                context.progress(JsonText::trusted("50"));
                return data;
            }));
    start(action);
    EXPECT_TRUE(heard.statuses.empty());
    ExecutionRequest asked = request(action);
    asked.wants_status = true;
    start(std::move(asked));
    EXPECT_THAT(heard.statuses, ElementsAre("1 accepted", "2 running", "3 progress50"));
}

TEST_F(ExecutorTest, DropsProgressOverItsBoundAndSaysSoOnce) {
    ActionDefinition definition;
    definition.name = "a";
    definition.progress = true;
    definition.handler =
        ImmediateHandler([](ActionContext& context, const JsonText& data) -> ActionResult {
            const auto of_size = [](std::size_t size) {
                return JsonText::trusted('"' + std::string(size - 2, 'x') + '"');
            };
            context.progress(of_size(kProgressBytesMax + 1));
            context.progress(of_size(kProgressBytesMax + 1));
            context.progress(of_size(kProgressBytesMax));
            return data;
        });
    start(add(std::move(definition)));
    EXPECT_EQ(heard.statuses.size(), 3U);
    EXPECT_EQ(log.lines.size(), 1U);
    EXPECT_EQ(ended(), "null");
}

TEST_F(ExecutorTest, ContainsExceptionsOfEachKindOfHandler) {
    const auto thrower = [](ActionContext&, const JsonText&) -> ActionResult {
        throw std::runtime_error("secret cause");
    };
    start(add("immediate", ImmediateHandler(thrower)));
    start(add("blocking", BlockingHandler{thrower}));
    pool.run();
    shard.drain();
    start(add("async", AsyncHandler([](ActionContext& c, const JsonText& d) -> Async<ActionResult> {
                  co_await c.sleep(Milliseconds(1));
                  throw std::runtime_error("secret cause");
                  co_return d;
              })));
    advance(Milliseconds(1));
    start(add("early", AsyncHandler([](ActionContext&, const JsonText&) -> Async<ActionResult> {
                  throw std::runtime_error("secret cause");
              })));
    start(add("odd",
              ImmediateHandler([](ActionContext&, const JsonText&) -> ActionResult { throw 1; })));
    ASSERT_EQ(heard.ends.size(), 5U);
    for (std::size_t i = 0; i < heard.ends.size(); ++i) {
        const Error& error = heard.ends[i].error();
        EXPECT_EQ(error.code, "INTERNAL");
        EXPECT_EQ(error.message, "internal error");
        EXPECT_EQ(error.ref.size(), 8U);
        EXPECT_THAT(log.lines[i], HasSubstr(error.ref));
        if (i < 4) EXPECT_THAT(log.lines[i], HasSubstr("secret cause"));
    }
    EXPECT_EQ(executor.running(), 0U);
}

TEST_F(ExecutorTest, PassesTheErrorCodesThatAHandlerMayGive) {
    int number = 0;
    for (const char* code : {"VALIDATION_FAILED", "FORBIDDEN", "NOT_FOUND", "OUT_OF_STOCK", "E1"}) {
        heard.ends.clear();
        Error error{
            .code = code, .message = "m", .details = "[1]", .retry_after = {}, .ref = "own"};
        start(add("a" + std::to_string(number++), failing_with(error)));
        EXPECT_EQ(ended(), code);
        EXPECT_EQ(heard.ends[0].error().details, "[1]");
        EXPECT_EQ(heard.ends[0].error().ref, "");
    }
}

TEST_F(ExecutorTest, TurnsTheErrorCodesOfOthersIntoInternal) {
    int number = 0;
    for (const char* code :
         {"INTERNAL", "TIMEOUT", "INVALID_TOKEN", "RATE_LIMITED", "", "lower", "9X", "A B"}) {
        heard.ends.clear();
        start(
            add("a" + std::to_string(number++),
                failing_with(
                    {.code = code, .message = "m", .details = {}, .retry_after = {}, .ref = {}})));
        EXPECT_EQ(ended(), "INTERNAL") << code;
        EXPECT_EQ(heard.ends[0].error().message, "internal error");
    }
}

TEST_F(ExecutorTest, NeverPassesOnErrorDetailsThatAreNotJson) {
    start(add(
        "a",
        failing_with({.code = "X", .message = "m", .details = "{", .retry_after = {}, .ref = {}})));
    EXPECT_EQ(ended(), "INTERNAL");
}

TEST_F(ExecutorTest, ComparesTheResultWithTheOutputSchema) {
    ActionDefinition definition;
    definition.output_schema = R"({"type":"string"})";
    definition.name = "good";
    definition.handler = answering("\"x\"");
    start(add(definition));
    EXPECT_EQ(ended(), "\"x\"");
    heard.ends.clear();
    definition.name = "bad";
    definition.handler = answering("1");
    start(add(definition));
    EXPECT_EQ(ended(), "INTERNAL");
    EXPECT_THAT(log.lines.back(), HasSubstr("must be a string"));
}

TEST_F(ExecutorTest, RunsACoroutineOverItsSleeps) {
    start(add("a", AsyncHandler(sleep_then_answer)), "7");
    EXPECT_EQ(executor.running(), 1U);
    advance(Milliseconds(99));
    EXPECT_TRUE(heard.ends.empty());
    advance(Milliseconds(1));
    EXPECT_EQ(ended(), "7");
    EXPECT_EQ(wheel.size(), 0U);
    EXPECT_EQ(executor.running(), 0U);
}

TEST_F(ExecutorTest, EndsACoroutineThatNeverWaits) {
    start(add("a", AsyncHandler([](ActionContext&, const JsonText& d) -> Async<ActionResult> {
                  co_return d;
              })),
          "7");
    EXPECT_EQ(ended(), "7");
    EXPECT_EQ(wheel.size(), 0U);
}

struct Tracker {
    int* destroyed;
    ~Tracker() { ++*destroyed; }
};

TEST_F(ExecutorTest, DestroysATimedOutCoroutineWhereItWaits) {
    static int destroyed;
    destroyed = 0;
    ActionDefinition definition;
    definition.name = "a";
    definition.timeout = Milliseconds(50);
    definition.handler =
        AsyncHandler([](ActionContext& c, const JsonText& d) -> Async<ActionResult> {
            const Tracker tracker{&destroyed};
            co_await c.sleep(Milliseconds(100));
            co_return d;
        });
    start(add(std::move(definition)));
    advance(Milliseconds(49));
    EXPECT_EQ(destroyed, 0);
    advance(Milliseconds(1));
    EXPECT_EQ(ended(), "TIMEOUT");
    EXPECT_EQ(destroyed, 1);
    EXPECT_EQ(wheel.size(), 0U);
    EXPECT_EQ(executor.counters().timed_out, 1U);
    EXPECT_EQ(executor.counters().late, 0U);
}

TEST_F(ExecutorTest, TakesTheShorterOfTheTwoTimeouts) {
    ActionDefinition definition;
    definition.name = "a";
    definition.timeout = Milliseconds(50);
    definition.handler = AsyncHandler(sleep_then_answer);
    const Action& action = add(std::move(definition));
    for (const auto& [asked, expected] : {std::pair(10, 10), std::pair(3'600'000, 50)}) {
        heard.ends.clear();
        ExecutionRequest request_with_timeout = request(action);
        request_with_timeout.timeout = Milliseconds(asked);
        start(std::move(request_with_timeout));
        advance(Milliseconds(expected - 1));
        EXPECT_TRUE(heard.ends.empty());
        advance(Milliseconds(1));
        EXPECT_EQ(ended(), "TIMEOUT");
    }
}

TEST_F(ExecutorTest, CancelsOnceAndOnlyWhatRuns) {
    const ExecutionId id = start(add("a", AsyncHandler(sleep_then_answer)));
    EXPECT_FALSE(executor.cancel(id + 1));
    EXPECT_TRUE(executor.cancel(id));
    EXPECT_FALSE(executor.cancel(id));
    EXPECT_EQ(ended(), "CANCELLED");
    EXPECT_EQ(executor.counters().cancelled, 1U);
    EXPECT_EQ(wheel.size(), 0U);
}

TEST_F(ExecutorTest, SurvivesASinkThatCancelsTheHandlerBelowIt) {
    ActionDefinition definition;
    definition.name = "a";
    definition.progress = true;
    definition.handler =
        AsyncHandler([](ActionContext& c, const JsonText& d) -> Async<ActionResult> {
            const std::string local = "still here";
            c.progress(JsonText::trusted("1"));
            EXPECT_EQ(local, "still here");
            EXPECT_TRUE(c.cancelled());
            c.progress(JsonText::trusted("2"));
            co_await c.sleep(Milliseconds(1));
            ADD_FAILURE() << "went on after its end";
            co_return d;
        });
    heard.on_progress = [&] { EXPECT_TRUE(executor.cancel(1)); };
    start(add(std::move(definition)));
    EXPECT_EQ(ended(), "CANCELLED");
    EXPECT_EQ(heard.statuses.size(), 3U);
    shard.drain();
    EXPECT_EQ(wheel.size(), 0U);
    EXPECT_EQ(executor.counters().late, 0U);
}

TEST_F(ExecutorTest, SurvivesASinkThatCancelsACoroutineResumedByItsTimer) {
    ActionDefinition definition;
    definition.name = "a";
    definition.progress = true;
    definition.handler =
        AsyncHandler([](ActionContext& c, const JsonText& d) -> Async<ActionResult> {
            const std::string local = "still here, and too long for a small string";
            co_await c.sleep(Milliseconds(1));
            c.progress(JsonText::trusted("1"));
            EXPECT_EQ(local, "still here, and too long for a small string");
            co_await c.sleep(Milliseconds(100));
            co_return d;
        });
    heard.on_progress = [&] { EXPECT_TRUE(executor.cancel(1)); };
    start(add(std::move(definition)));
    advance(Milliseconds(1));
    EXPECT_EQ(ended(), "CANCELLED");
    shard.drain();
    EXPECT_EQ(wheel.size(), 0U);
}

TEST_F(ExecutorTest, RunsABlockingHandlerOnThePoolAndAnswersOnTheShard) {
    ActionDefinition definition;
    definition.name = "a";
    definition.progress = true;
    definition.handler = BlockingHandler{[](ActionContext& c, const JsonText& d) -> ActionResult {
        c.progress(JsonText::trusted("1"));
        return d;
    }};
    start(add(std::move(definition)), "7");
    EXPECT_THAT(heard.statuses, ElementsAre("1 accepted"));
    pool.run();
    EXPECT_TRUE(heard.ends.empty());
    shard.drain();
    EXPECT_THAT(heard.statuses, ElementsAre("1 accepted", "2 running", "3 progress1"));
    EXPECT_EQ(ended(), "7");
}

TEST_F(ExecutorTest, BoundsTheProgressThatWaitsForTheShard) {
    ActionDefinition definition;
    definition.name = "a";
    definition.progress = true;
    definition.handler = BlockingHandler{[](ActionContext& c, const JsonText& d) -> ActionResult {
        for (int i = 0; i < 1000; ++i) c.progress(JsonText::trusted("1"));
        return d;
    }};
    start(add(std::move(definition)));
    pool.run();
    EXPECT_EQ(shard.size(), kProgressWaitingMax + 2);
    shard.drain();
    EXPECT_EQ(ended(), "null");
}

TEST_F(ExecutorTest, AnswersOverloadedWhenThePoolIsFull) {
    const Action& action = add("a", BlockingHandler{answering("1")});
    pool.room = 0;
    start(action);
    EXPECT_EQ(ended(), "OVERLOADED");
    EXPECT_TRUE(heard.ends[0].error().retry_after.has_value());
    EXPECT_EQ(action.gate->inside(), 0U);
    EXPECT_EQ(wheel.size(), 0U);
}

TEST_F(ExecutorTest, DropsAndCountsALateResultOfThePool) {
    ActionDefinition definition;
    definition.name = "a";
    definition.timeout = Milliseconds(10);
    definition.handler =
        BlockingHandler{[this](ActionContext& c, const JsonText& d) -> ActionResult {
            EXPECT_FALSE(c.cancelled());
            advance(Milliseconds(10));
            EXPECT_TRUE(c.cancelled());
            EXPECT_EQ(c.request_id(), "r1");
            c.progress(JsonText::trusted("1"));
            return d;
        }};
    const Action& action = add(std::move(definition));
    start(action);
    pool.run();
    EXPECT_EQ(ended(), "TIMEOUT");
    EXPECT_EQ(action.gate->inside(), 1U) << "the thread still works on it";
    shard.drain();
    EXPECT_EQ(action.gate->inside(), 0U);
    EXPECT_EQ(heard.ends.size(), 1U);
    EXPECT_EQ(executor.counters().late, 1U);
}

TEST_F(ExecutorTest, NeverRunsABlockingHandlerThatWasCancelledInTheQueue) {
    const Action& action =
        add("a", BlockingHandler{[](ActionContext&, const JsonText& d) -> ActionResult {
                ADD_FAILURE() << "ran";
                return d;
            }});
    EXPECT_TRUE(executor.cancel(start(action)));
    pool.run();
    shard.drain();
    EXPECT_EQ(ended(), "CANCELLED");
    EXPECT_EQ(executor.counters().late, 0U);
    EXPECT_EQ(action.gate->inside(), 0U);
}

TEST_F(ExecutorTest, TellsThePoolWhoseTurnABlockingHandlerTakes) {
    ActionDefinition definition;
    definition.name = "a";
    definition.cost = 3;
    definition.handler = BlockingHandler{answering("1")};
    start(request_of("acme", add(std::move(definition))));
    EXPECT_THAT(pool.sources, ElementsAre("acme"));
    EXPECT_THAT(pool.costs, ElementsAre(3.0));
    pool.run();
    shard.drain();
}

TEST_F(ExecutorTest, AbandonsAllWithShuttingDown) {
    start(add("a", AsyncHandler(sleep_then_answer)));
    start(add("b", BlockingHandler{answering("1")}));
    executor.abandon_all();
    ASSERT_EQ(heard.ends.size(), 2U);
    for (const ActionResult& end : heard.ends) EXPECT_EQ(end.error().code, "SHUTTING_DOWN");
    EXPECT_EQ(executor.running(), 0U);
    EXPECT_EQ(wheel.size(), 0U);
    pool.run();
    shard.drain();
    EXPECT_EQ(heard.ends.size(), 2U);
}

TEST_F(ExecutorTest, EndsEachOnceWhenASinkCancelsTheOthers) {
    const Action& action = add("a", AsyncHandler(sleep_then_answer));
    const ExecutionId first = start(action);
    const ExecutionId second = start(action);
    heard.on_end = [&] {
        executor.cancel(first);
        executor.cancel(second);
        executor.abandon_all();
    };
    executor.abandon_all();
    EXPECT_EQ(heard.ends.size(), 2U);
    EXPECT_EQ(executor.running(), 0U);
    EXPECT_EQ(heard.sinks_alive, 0);
}

TEST_F(ExecutorTest, MayGoAwayBeforeItsBlockingHandlersReturn) {
    const Action& action = add("b", BlockingHandler{answering("1")});
    {
        Executor short_lived(wheel, shard, pool, random, log, clock);
        short_lived.start(request(action), std::make_unique<RecordingSink>(heard));
    }
    EXPECT_EQ(ended(), "SHUTTING_DOWN");
    pool.run();
    shard.drain();
    EXPECT_EQ(action.gate->inside(), 0U);
    EXPECT_EQ(wheel.size(), 0U);
}

}  // namespace
}  // namespace signalbox::actions
