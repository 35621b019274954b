#include <string>

#include "actions/executor.h"
#include "actions/registry.h"
#include "base/check.h"

/// Actions to try a server with: `--dev` registers them.
namespace signalbox::actions {
namespace {

/// Their longest run, with room below the timeout for the run itself.
constexpr Milliseconds kLongest{60'000};
constexpr Milliseconds kTimeout{65'000};

/// An integer member of data that a schema has accepted; `otherwise` when absent or data is null.
std::int64_t integer_of(const JsonText& data, std::string_view name, std::int64_t otherwise) {
    JsonParser parser;
    const auto root = parser.parse(data.str());
    double value = 0;
    if (!root || (*root)[name].get(value) != simdjson::SUCCESS) return otherwise;
    return static_cast<std::int64_t>(value);
}

std::string string_of(const JsonText& data, std::string_view name, std::string_view otherwise) {
    JsonParser parser;
    const auto root = parser.parse(data.str());
    std::string_view value;
    if (!root || (*root)[name].get(value) != simdjson::SUCCESS) return std::string(otherwise);
    return std::string(value);
}

/// The exact bytes of a member; of several the last, as for every reader of JSON.
std::string_view raw_member(std::string_view object, std::string_view name) {
    std::string_view value = "null";
    RawMembers members(object);
    while (const auto member = members.next()) {
        if (unescape_json(member->key) == name) value = member->value;
    }
    return value;
}

ActionResult answer_data(ActionContext&, JsonText data) {
    return data;
}

ActionResult process_data(ActionContext& context, const JsonText& data) {
    std::string out;
    JsonWriter(out)
        .begin_object()
        .raw_member("output", raw_member(data.str(), "input"))
        .member("processedAt", format_time(context.wall_now()))
        .end_object();
    return JsonText::trusted(std::move(out));
}

JsonText progress_of(std::int64_t step, std::int64_t steps) {
    constexpr std::int64_t kWhole = 100;
    std::string out;
    JsonWriter(out)
        .begin_object()
        .member("step", step)
        .member("steps", steps)
        .member("percent", step * kWhole / steps)
        .end_object();
    return JsonText::trusted(std::move(out));
}

Async<ActionResult> run_long_task(ActionContext& context, const JsonText& data) {
    const std::int64_t steps = integer_of(data, "steps", 5);
    const std::int64_t total = integer_of(data, "ms", 2'000);
    for (std::int64_t step = 1; step <= steps; ++step) {
        co_await context.sleep(Milliseconds(total * step / steps - total * (step - 1) / steps));
        context.progress(progress_of(step, steps));
    }
    co_return JsonText::trusted("{\"steps\":" + std::to_string(steps) + "}");
}

Async<ActionResult> run_slow(ActionContext& context, const JsonText& data) {
    const std::int64_t ms = integer_of(data, "ms", 1'000);
    co_await context.sleep(Milliseconds(ms));
    co_return JsonText::trusted("{\"sleptMs\":" + std::to_string(ms) + "}");
}

ActionResult fail(ActionContext&, const JsonText& data) {
    Error error;
    error.code = string_of(data, "code", "FAILED");
    error.message = string_of(data, "message", "failed, as it was asked to");
    return std::unexpected(std::move(error));
}

ActionDefinition echo_named(std::string name, std::string description) {
    ActionDefinition action;
    action.name = std::move(name);
    action.description = std::move(description);
    action.safe_to_retry = true;
    action.handler = ImmediateHandler(answer_data);
    return action;
}

ActionDefinition process_data_action() {
    ActionDefinition action;
    action.name = "processData";
    action.description = "Answers {output, processedAt}: the input as it came, and the time.";
    action.input_schema =
        R"({"type":"object","properties":{"input":{"title":"Input","description":"Any JSON value.","default":"value"}},"required":["input"]})";
    action.output_schema =
        R"({"type":"object","properties":{"output":true,"processedAt":{"type":"string","format":"date-time"}},"required":["output","processedAt"]})";
    action.safe_to_retry = true;
    action.handler = ImmediateHandler(process_data);
    return action;
}

ActionDefinition long_task_action() {
    ActionDefinition action;
    action.name = "longTask";
    action.description =
        "Works in steps and tells of each by a status UPDATE with {step, steps, percent}; answers "
        "{steps}. Five steps in two seconds unless told otherwise.";
    action.input_schema =
        R"({"type":["object","null"],"properties":{"steps":{"title":"Steps","type":"integer","minimum":1,"maximum":100,"default":5},"ms":{"title":"Milliseconds in all","type":"integer","minimum":0,"maximum":60000,"default":2000}},"additionalProperties":false})";
    action.output_schema =
        R"({"type":"object","properties":{"steps":{"type":"integer"}},"required":["steps"]})";
    action.timeout = kTimeout;
    action.safe_to_retry = true;
    action.progress = true;
    action.handler = AsyncHandler(run_long_task);
    return action;
}

ActionDefinition slow_action() {
    ActionDefinition action;
    action.name = "slow";
    action.description = "Answers {sleptMs} after a while: to try timeouts and cancelling.";
    action.input_schema =
        R"({"type":["object","null"],"properties":{"ms":{"title":"Milliseconds to wait","type":"integer","minimum":0,"maximum":60000,"default":1000}},"additionalProperties":false})";
    action.output_schema =
        R"({"type":"object","properties":{"sleptMs":{"type":"integer"}},"required":["sleptMs"]})";
    action.timeout = kTimeout;
    action.safe_to_retry = true;
    action.handler = AsyncHandler(run_slow);
    return action;
}

ActionDefinition fail_action() {
    ActionDefinition action;
    action.name = "fail";
    action.description =
        "Answers an error with the code asked for: VALIDATION_FAILED, FORBIDDEN, NOT_FOUND or one "
        "of "
        "its own like OUT_OF_STOCK. A code that actions may not give becomes INTERNAL.";
    action.input_schema =
        R"({"type":["object","null"],"properties":{"code":{"title":"Error code","type":"string","maxLength":64,"default":"FAILED"},"message":{"title":"Message","type":"string","maxLength":200,"default":"failed, as it was asked to"}},"additionalProperties":false})";
    action.safe_to_retry = true;
    action.handler = ImmediateHandler(fail);
    return action;
}

}  // namespace

static_assert(kTimeout > kLongest);

void add_dev_actions(ActionRegistry& registry) {
    ActionDefinition all[] = {
        echo_named("echo", "Answers its data, byte for byte."),
        echo_named("someAction",
                   "Answers its data, byte for byte: the integration guide's example."),
        process_data_action(),
        long_task_action(),
        slow_action(),
        fail_action(),
    };
    for (ActionDefinition& action : all) {
        if (registry.find(action.name) == nullptr)
            SB_CHECK(registry.add(std::move(action)).has_value());
    }
}

}  // namespace signalbox::actions
