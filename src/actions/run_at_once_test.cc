#include <gtest/gtest.h>

#include <stdexcept>

#include "actions/executor.h"
#include "base/check.h"

namespace signalbox::actions {
namespace {

/// What a run that ends in the call must not use.
class NoExecutor final : public signalbox::Executor {
    void post(Task) override { SB_CHECK(false); }
};
class NoPool final : public BlockingPool {
    bool try_run(Task&, const Share&) override { return false; }
};
class SilentLog final : public Log {
public:
    void write(LogLevel, std::string_view, std::initializer_list<LogField>) override { ++lines; }
    [[nodiscard]] bool enabled(LogLevel) const override { return true; }
    int lines = 0;
};

class RunAtOnce : public testing::Test {
protected:
    const Action& add(const std::string& name, Handler handler, std::string schema = "true") {
        ActionDefinition definition;
        definition.name = name;
        definition.input_schema = std::move(schema);
        definition.timeout = Milliseconds(30'000);
        definition.handler = std::move(handler);
        EXPECT_TRUE(registry_.add(std::move(definition)).has_value());
        return *registry_.find(name);
    }
    ActionResult run(const Action& action, std::string data = "null") {
        JsonText json = JsonText::trusted(std::move(data));
        return executor_.run_at_once({.action = action,
                                      .principal = principal_,
                                      .artifact = artifact_,
                                      .connection_id = "c1",
                                      .request_id = "r1",
                                      .data = json,
                                      .timeout = Milliseconds(500)});
    }

    TimerWheel wheel_{MonotonicTime(std::chrono::hours(1))};
    NoExecutor shard_;
    NoPool pool_;
    SeededRandom random_{1};
    SilentLog log_;
    ManualClock clock_;
    ActionRegistry registry_;
    auth::Principal principal_{.user = UserId::trusted("u1")};
    std::optional<ArtifactId> artifact_;
    Executor executor_{wheel_, shard_, pool_, random_, log_, clock_};
};

TEST_F(RunAtOnce, TellsTheHandlerWhoAsksAndUntilWhen) {
    const Action& action =
        add("who", ImmediateHandler([&](ActionContext& context, const JsonText& data) {
                EXPECT_EQ(context.principal().user.str(), "u1");
                EXPECT_EQ(context.request_id(), "r1");
                EXPECT_EQ(context.connection_id(), "c1");
                EXPECT_EQ(context.deadline(), wheel_.now() + Milliseconds(500));
                EXPECT_EQ(executor_.running(), 1U);
                return ActionResult(data);
            }));
    ASSERT_TRUE(Executor::ends_in_the_call(action));
    EXPECT_EQ(run(action, R"({"a":1})")->str(), R"({"a":1})");
    EXPECT_EQ(executor_.running(), 0U);
    EXPECT_EQ(executor_.counters().started, 1U);
    EXPECT_EQ(executor_.counters().succeeded, 1U);
}

TEST_F(RunAtOnce, RefusesDataAgainstTheSchema) {
    const Action& action = add("typed", ImmediateHandler([](ActionContext&, const JsonText& data) {
                                   return ActionResult(data);
                               }),
                               R"({"type":"object"})");
    EXPECT_EQ(run(action, "3").error().code, "VALIDATION_FAILED");
    EXPECT_EQ(executor_.counters().failed, 1U);
    EXPECT_TRUE(run(action, "{}").has_value());
}

TEST_F(RunAtOnce, ContainsWhatTheHandlerThrows) {
    const Action& action =
        add("throws", ImmediateHandler([](ActionContext&, const JsonText&) -> ActionResult {
                throw std::runtime_error("cause");
            }));
    EXPECT_EQ(run(action).error().code, "INTERNAL");
    EXPECT_EQ(log_.lines, 1);
    EXPECT_EQ(executor_.running(), 0U);
}

TEST_F(RunAtOnce, IsOnlyForImmediateHandlersWithoutProgress) {
    EXPECT_FALSE(Executor::ends_in_the_call(
        add("blocks", BlockingHandler{[](ActionContext&, const JsonText&) -> ActionResult {
                return JsonText();
            }})));
}

}  // namespace
}  // namespace signalbox::actions
