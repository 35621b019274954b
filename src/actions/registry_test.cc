#include "actions/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "actions/executor.h"
#include "actions/schema.h"

namespace signalbox::actions {
namespace {

using testing::HasSubstr;

ActionDefinition definition(std::string name) {
    ActionDefinition result;
    result.name = std::move(name);
    result.handler =
        ImmediateHandler([](ActionContext&, const JsonText& data) -> ActionResult { return data; });
    return result;
}

std::string fault(ActionDefinition definition) {
    ActionRegistry registry;
    const auto added = registry.add(std::move(definition));
    return added ? "" : added.error();
}

TEST(ActionRegistry, AcceptsNamesOfItsAlphabetOnly) {
    for (const std::string& good : {std::string("a"), std::string("orders.create-2"),
                                    std::string("_x"), std::string(128, 'a')}) {
        EXPECT_EQ(fault(definition(good)), "");
    }
    for (const std::string& bad : {std::string(""), std::string(".a"), std::string("-a"),
                                   std::string("a b"), std::string("é"), std::string(129, 'a')}) {
        EXPECT_THAT(fault(definition(bad)), HasSubstr("bad name"));
    }
}

TEST(ActionRegistry, NamesTheFaultOfADefinition) {
    ActionRegistry registry;
    EXPECT_TRUE(registry.add(definition("a")).has_value());
    EXPECT_THAT(registry.add(definition("a")).error(), HasSubstr("\"a\" is registered twice"));
    ActionDefinition bad = definition("a");
    bad.input_schema = R"({"type":"thing"})";
    EXPECT_THAT(fault(bad), HasSubstr("action \"a\", input schema: the schema's \"/type\""));
    bad = definition("a");
    bad.output_schema = "[";
    EXPECT_THAT(fault(bad), HasSubstr("output schema"));
    bad = definition("a");
    bad.timeout = Milliseconds(0);
    EXPECT_THAT(fault(bad), HasSubstr("timeout"));
    bad = definition("a");
    bad.cost = -1;
    EXPECT_THAT(fault(bad), HasSubstr("cost"));
    bad = definition("a");
    bad.handler = AsyncHandler();
    EXPECT_THAT(fault(bad), HasSubstr("no handler"));
}

TEST(ActionRegistry, DescribesAnActionAsListed) {
    ActionRegistry registry;
    ActionDefinition full = definition("b");
    full.description = "says \"hi\"";
    full.permission = "orders:read";
    full.input_schema = R"({"type":"object"})";
    full.output_schema = R"({"type":"null"})";
    full.timeout = Milliseconds(1500);
    full.safe_to_retry = true;
    full.progress = true;
    ASSERT_TRUE(registry.add(definition("a")).has_value());
    ASSERT_TRUE(registry.add(full).has_value());
    std::string out;
    append_description(out, *registry.find("a"));
    EXPECT_EQ(out, R"({"name":"a","description":"","permission":null,"inputSchema":true,)"
                   R"("timeoutMs":30000,"safeToRetry":false,"progress":false})");
    out.clear();
    append_description(out, *registry.find("b"));
    EXPECT_EQ(out, R"({"name":"b","description":"says \"hi\"","permission":"orders:read",)"
                   R"("inputSchema":{"type":"object"},"outputSchema":{"type":"null"},)"
                   R"("timeoutMs":1500,"safeToRetry":true,"progress":true})");
}

class BuiltInActions : public testing::Test {
protected:
    BuiltInActions() {
        add_built_in_actions(registry);
        add_dev_actions(registry);
    }
    bool accepts(std::string_view action, std::string_view data) {
        JsonParser parser;
        return registry.find(action)->input->validate(*parser.parse(data)).empty();
    }
    ActionRegistry registry;
};

TEST_F(BuiltInActions, AreAllThereWithADescription) {
    std::string names;
    for (const auto& [name, action] : registry.all()) {
        names += name + " ";
        EXPECT_FALSE(action.definition.description.empty()) << name;
        EXPECT_EQ(action.definition.permission, name == "updates.send" ? "updates:send" : "");
        EXPECT_EQ(action.definition.safe_to_retry, name != "updates.send") << name;
        std::string description;
        append_description(description, action);
        EXPECT_TRUE(JsonText::parse(description).has_value()) << description;
    }
    EXPECT_EQ(
        names,
        "actions.list artifact.subscribe artifact.unsubscribe auth.refresh echo "
        "execution.attach execution.cancel fail longTask processData slow someAction system.ping "
        "updates.send ");
}

TEST_F(BuiltInActions, TakeTheDataOfTheirContract) {
    EXPECT_TRUE(accepts("system.ping", "null"));
    EXPECT_TRUE(accepts("actions.list", "{}"));
    EXPECT_TRUE(accepts("artifact.subscribe", R"({"artifactId":"a"})"));
    EXPECT_FALSE(accepts("artifact.subscribe", R"({"artifactId":1})"));
    EXPECT_FALSE(accepts("artifact.unsubscribe", "{}"));
    EXPECT_TRUE(accepts("auth.refresh", R"({"token":"t"})"));
    EXPECT_FALSE(accepts("auth.refresh", R"({"token":""})"));
    EXPECT_FALSE(accepts("auth.refresh", "null"));
    EXPECT_TRUE(accepts("execution.attach", R"({"idempotencyKey":"k","lastSeq":3})"));
    EXPECT_FALSE(accepts("execution.attach", R"({"idempotencyKey":"k","lastSeq":-1})"));
    EXPECT_FALSE(accepts("execution.attach", R"({"lastSeq":3})"));
    EXPECT_TRUE(accepts("execution.cancel", R"({"requestId":"r"})"));
    EXPECT_TRUE(accepts("execution.cancel", R"({"idempotencyKey":"k"})"));
    EXPECT_FALSE(accepts("execution.cancel", R"({"requestId":"r","idempotencyKey":"k"})"));
    EXPECT_FALSE(accepts("execution.cancel", "{}"));
    EXPECT_TRUE(accepts("updates.send", R"({"action":"a","data":[1],"companyId":"c"})"));
    EXPECT_TRUE(accepts("updates.send", R"([{"action":"a"},{"action":"b"}])"));
    EXPECT_FALSE(accepts("updates.send", "[]"));
    EXPECT_FALSE(accepts("updates.send", "{}"));
    EXPECT_FALSE(accepts("updates.send", "null"));
}

class DevActions : public BuiltInActions {
protected:
    class Sink final : public ExecutionSink {
    public:
        explicit Sink(DevActions& test) : test_(test) {}
        void on_status(Status status, std::uint64_t, std::string_view progress) override {
            if (status == Status::kProgress) test_.told.emplace_back(progress);
        }
        void on_end(ActionResult result) override {
            test_.answer =
                result ? result->str() : result.error().code + ": " + result.error().message;
        }

    private:
        DevActions& test_;
    };
    class NoPool final : public BlockingPool {
        bool try_run(Task&, const Share&) override { return false; }
    };
    class NoShard final : public signalbox::Executor {
        void post(Task) override {}
    };

    std::string run(std::string_view action, std::string data) {
        answer = "(running)";
        ExecutionRequest request;
        request.action = registry.find(action);
        request.data = JsonText::trusted(std::move(data));
        executor.start(std::move(request), std::make_unique<Sink>(*this));
        return answer;
    }
    std::string after(Milliseconds time) {
        clock.advance(time);
        wheel.advance(clock.monotonic_now());
        return answer;
    }

    ManualClock clock;
    TimerWheel wheel{clock.monotonic_now()};
    NoShard shard;
    NoPool pool;
    SeededRandom random{1};
    NullLog log;
    std::vector<std::string> told;
    std::string answer;
    Executor executor{wheel, shard, pool, random, log, clock};
};

TEST_F(DevActions, EchoGivesTheSameBytes) {
    const std::string data = "{ \"n\":0.11935319286735585,\"big\":12345678901234567890,\"n\":1e2}";
    EXPECT_EQ(run("echo", data), data);
    EXPECT_EQ(run("someAction", data), data);
    EXPECT_EQ(run("echo", "null"), "null");
}

TEST_F(DevActions, ProcessDataAnswersTheInputsBytesAndTheTime) {
    EXPECT_EQ(run("processData", R"({"x":{"input":1},"input":{"a": 1.10}})"),
              R"({"output":{"a": 1.10},"processedAt":")" + format_time(clock.wall_now()) + "\"}");
    EXPECT_THAT(run("processData", "{}"), HasSubstr("VALIDATION_FAILED"));
    EXPECT_THAT(run("processData", "null"), HasSubstr("VALIDATION_FAILED"));
}

TEST_F(DevActions, LongTaskTellsOfFiveStepsInTwoSeconds) {
    EXPECT_EQ(run("longTask", "null"), "(running)");
    after(Milliseconds(399));
    EXPECT_TRUE(told.empty());
    after(Milliseconds(1));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0], R"({"step":1,"steps":5,"percent":20})");
    for (int i = 0; i < 3; ++i) after(Milliseconds(400));
    EXPECT_EQ(after(Milliseconds(399)), "(running)");
    EXPECT_EQ(after(Milliseconds(1)), R"({"steps":5})");
    EXPECT_EQ(told.size(), 5U);
    EXPECT_EQ(told[4], R"({"step":5,"steps":5,"percent":100})");
    EXPECT_THAT(run("longTask", R"({"steps":0})"), HasSubstr("VALIDATION_FAILED"));
}

TEST_F(DevActions, SlowAnswersAfterItsTime) {
    EXPECT_EQ(run("slow", "{}"), "(running)");
    EXPECT_EQ(after(Milliseconds(1000)), R"({"sleptMs":1000})");
    EXPECT_EQ(run("slow", R"({"ms":60000})"), "(running)");
    EXPECT_EQ(after(Milliseconds(60'000)), R"({"sleptMs":60000})");
    EXPECT_THAT(run("slow", R"({"ms":60001})"), HasSubstr("VALIDATION_FAILED"));
}

TEST_F(DevActions, FailAnswersTheErrorAskedFor) {
    EXPECT_EQ(run("fail", "null"), "FAILED: failed, as it was asked to");
    EXPECT_EQ(run("fail", R"({"code":"NOT_FOUND","message":"gone"})"), "NOT_FOUND: gone");
    EXPECT_EQ(run("fail", R"({"code":"INTERNAL"})"), "INTERNAL: internal error");
    EXPECT_EQ(run("fail", R"({"code":"no"})"), "INTERNAL: internal error");
}

}  // namespace
}  // namespace signalbox::actions
