#include "actions/stored_outcome.h"

#include <utility>

namespace signalbox::actions {
namespace {

std::string text_of(const Error& error) {
    std::string text;
    JsonWriter json(text);
    json.begin_object().member("code", error.code).member("message", error.message);
    if (!error.details.empty()) json.raw_member("details", error.details);
    if (error.retry_after) json.member("retryAfterMs", error.retry_after->count());
    if (!error.ref.empty()) json.member("ref", error.ref);
    json.end_object();
    return text;
}

Error error_of(const std::string& text) {
    Error error;
    const auto unquoted = [](std::string_view raw) {
        return unescape_json(raw.substr(1, raw.size() - 2));
    };
    for_each_raw_member(text, [&](std::string_view key, std::string_view value) {
        if (key == "code") error.code = unquoted(value);
        if (key == "message") error.message = unquoted(value);
        if (key == "details") error.details = value;
        if (key == "retryAfterMs") error.retry_after = Milliseconds(std::stoll(std::string(value)));
        if (key == "ref") error.ref = unquoted(value);
        return true;
    });
    return error;
}

}  // namespace

ExecutionEnd stored_outcome(const ActionResult& result, std::size_t bytes_max) {
    if (result) {
        const bool fits = result->str().size() <= bytes_max;
        return {ExecutionState::kSucceeded, fits ? std::optional(result->str()) : std::nullopt, {}};
    }
    std::string text = text_of(result.error());
    if (text.size() > bytes_max) {
        Error bare = result.error();
        bare.details.clear();
        text = text_of(bare);
    }
    return {ExecutionState::kFailed, std::move(text), {}};
}

ActionResult replayed_outcome(const ExecutionRecord& record) {
    switch (record.state) {
        case ExecutionState::kSucceeded:
            if (record.outcome) return JsonText::trusted(*record.outcome);
            return std::unexpected(
                Error::of(ErrorCode::kPayloadTooLarge,
                          "the action ran and succeeded; its result was too large to be kept"));
        case ExecutionState::kFailed:
            return std::unexpected(error_of(record.outcome.value_or("{}")));
        case ExecutionState::kLeased:
        case ExecutionState::kUnknown:
            break;
    }
    return std::unexpected(Error::of(ErrorCode::kOutcomeUnknown,
                                     "this was begun, and whether it took effect is not known"));
}

}  // namespace signalbox::actions
