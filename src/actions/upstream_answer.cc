#include "actions/upstream_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/error_code.h"

namespace signalbox::actions {
namespace {

using enum ErrorCode;

/// Of an error of the API's own.
constexpr std::size_t kMessageBytesMax = 1'024;

ActionResult error(ErrorCode code, std::string message) {
    return std::unexpected(Error::of(code, std::move(message)));
}

constexpr std::string_view kFailedMessage = "the service behind the action failed";
constexpr std::string_view kTimeoutMessage = "the service behind the action did not answer in time";
constexpr std::string_view kUnavailableMessage = "the service behind the action cannot be reached";

UpstreamOutcome failed(std::string cause) {
    return {.result = error(kUpstreamError, std::string(kFailedMessage)),
            .fate = UpstreamFate::kFailed,
            .cause = std::move(cause)};
}

UpstreamOutcome unavailable(std::string cause, TryAgain again) {
    return {.result = error(kUpstreamUnavailable, std::string(kUnavailableMessage)),
            .fate = UpstreamFate::kUnavailable,
            .try_again = again,
            .health = Health::kBad,
            .cause = std::move(cause)};
}

UpstreamOutcome timed_out(std::string cause, TryAgain again) {
    return {.result = error(kTimeout, std::string(kTimeoutMessage)),
            .fate = UpstreamFate::kTimedOut,
            .try_again = again,
            .health = Health::kBad,
            .cause = std::move(cause)};
}

UpstreamOutcome refused(ErrorCode code, std::string message) {
    return {.result = error(code, std::move(message)), .fate = UpstreamFate::kRefused};
}

UpstreamOutcome not_sent(ErrorCode code, std::string message) {
    return {.result = error(code, std::move(message)),
            .fate = UpstreamFate::kNotSent,
            .health = Health::kUnknown};
}

/// Retry-After as seconds (RFC 9110 section 10.2.3); a date is passed over.
std::optional<Milliseconds> retry_after_of(const HttpHeaders& headers) {
    constexpr std::int64_t kSecondsMax = 3'600;
    const auto text = headers.find("Retry-After");
    if (!text) return std::nullopt;
    std::int64_t seconds = 0;
    const auto [end, fault] = std::from_chars(text->begin(), text->end(), seconds);
    if (fault != std::errc() || end != text->end() || seconds < 0) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, kSecondsMax));
}

bool is_ndjson(const HttpHeaders& headers) {
    constexpr std::string_view kTypes[] = {"application/x-ndjson", "application/ndjson",
                                           "application/jsonl"};
    std::string_view type = headers.find("Content-Type").value_or("");
    type = type.substr(0, type.find_first_of("; "));
    return std::ranges::any_of(kTypes, [&](auto one) { return equal_ignoring_case(one, type); });
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == text.npos;
}

bool may_be_given(std::string_view code) {
    const auto known = find_error_code(code);
    if (!known) return is_valid_error_name(code);
    return *known == kValidationFailed || *known == kForbidden || *known == kNotFound;
}

/// At most kMessageBytesMax bytes of it, whole characters.
std::string shortened(std::string_view text) {
    if (text.size() <= kMessageBytesMax) return std::string(text);
    std::size_t end = kMessageBytesMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return std::string(text.substr(0, end));
}

std::string status_cause(int status) {
    return fmt::format("answered {}", status);
}

/// The exact bytes of the member, of several the last.
std::optional<std::string_view> raw_member(std::string_view object, std::string_view name) {
    std::optional<std::string_view> value;
    RawMembers members(object);
    while (const auto member = members.next()) {
        if (unescape_json(member->key) == name) value = member->value;
    }
    return value;
}

}  // namespace

std::string_view to_string(UpstreamFate fate) {
    constexpr std::string_view kNames[] = {"succeeded",   "refused",  "failed",  "timed_out",
                                           "unavailable", "not_sent", "given_up"};
    static_assert(std::size(kNames) == kUpstreamFates);
    return kNames[static_cast<std::size_t>(fate)];
}

void UpstreamAnswer::head(const HttpResponse& head) {
    status_ = head.status;
    retry_after_ = retry_after_of(head.headers);
    lines_ = is_success() && is_ndjson(head.headers);
}

bool UpstreamAnswer::part(std::string_view part) {
    SB_CHECK(!outcome_);
    if (lines_) return read_lines(part);
    if (part.size() > options_.bytes_max - buffer_.size()) {
        // What a failure says is not needed to know that it is one.
        buffer_.clear();
        is_success() ? fail("the answer is too large") : finish_failure();
        return true;
    }
    buffer_ += part;
    return false;
}

bool UpstreamAnswer::read_lines(std::string_view part) {
    while (!part.empty()) {
        const std::size_t end = part.find('\n');
        const std::string_view piece = part.substr(0, end);
        if (piece.size() > options_.bytes_max - buffer_.size()) {
            fail("a line of the answer is too large");
            return true;
        }
        buffer_ += piece;
        if (end == part.npos) return false;
        part.remove_prefix(end + 1);
        const std::string line = std::exchange(buffer_, {});
        if (read_line(line)) return true;
    }
    return false;
}

bool UpstreamAnswer::read_line(std::string_view line) {
    if (is_blank(line)) return false;
    const auto root = parser_.parse(line);
    if (!root || !root->is_object()) {
        fail("a line of the answer is no JSON object");
        return true;
    }
    if (const auto progress = raw_member(line, "progress")) {
        has_progressed_ = true;
        if (options_.on_progress) options_.on_progress(JsonText::trusted(std::string(*progress)));
        return false;
    }
    if (const auto result = raw_member(line, "result")) {
        outcome_ = {.result = JsonText::trusted(std::string(*result))};
    } else if (auto error = own_error(line)) {
        outcome_ = {.result = std::unexpected(std::move(*error)), .fate = UpstreamFate::kRefused};
    } else {
        fail("a line of the answer has neither progress nor result nor an error that may be given");
    }
    return true;
}

void UpstreamAnswer::end(std::expected<void, HttpClientFailure> end) {
    if (outcome_) return;
    if (!end) {
        outcome_ = outcome_of(end.error());
    } else if (!is_success()) {
        finish_failure();
    } else if (!lines_) {
        finish_whole();
    } else if (is_blank(buffer_) || !read_line(std::exchange(buffer_, {}))) {
        fail("the answer ended without a result");
    }
}

UpstreamOutcome UpstreamAnswer::take() {
    SB_CHECK(outcome_.has_value());
    return std::move(*outcome_);
}

void UpstreamAnswer::fail(std::string cause) {
    outcome_ = failed(std::move(cause));
}

void UpstreamAnswer::finish_whole() {
    if (is_blank(buffer_)) {
        outcome_ = {.result = JsonText()};
        return;
    }
    auto json = JsonText::parse(std::move(buffer_));
    if (!json) return fail("the answer is no JSON: " + std::string(to_string(json.error())));
    outcome_ = {.result = std::move(*json)};
}

/// {"error": {"code", "message"?, "details"?}} with a code that an upstream may give.
std::optional<Error> UpstreamAnswer::own_error(std::string_view json) {
    const auto root = parser_.parse(json);
    std::string_view code, message;
    if (!root || !root->is_object()) return std::nullopt;
    const auto given = (*root)["error"];
    if (given["code"].get(code) != simdjson::SUCCESS || !may_be_given(code)) return std::nullopt;
    if (given["message"].get(message) != simdjson::SUCCESS)
        message = "the service behind the action refuses this";
    Error error;
    error.code = code;
    error.message = shortened(message);
    if (const auto object = raw_member(json, "error")) {
        if (const auto details = raw_member(*object, "details")) error.details = *details;
    }
    return error;
}

void UpstreamAnswer::finish_failure() {
    constexpr int kUnauthorized = 401, kForbiddenStatus = 403, kNotFoundStatus = 404,
                  kRequestTimeout = 408, kUnprocessable = 422, kTooMany = 429, kBadGateway = 502,
                  kServiceUnavailable = 503, kGatewayTimeout = 504;
    if (auto own = own_error(buffer_)) {
        outcome_ = {.result = std::unexpected(std::move(*own)), .fate = UpstreamFate::kRefused};
        return;
    }
    switch (status_) {
        case kUnauthorized:
            if (options_.deciding == Deciding::kUpstream) {
                outcome_ =
                    refused(kInvalidToken, "the service behind the action refuses the token");
                return;
            }
            return fail("answered 401: what we send does not prove who we are");
        case kForbiddenStatus:
            outcome_ = refused(kForbidden, "the service behind the action does not allow this");
            return;
        case kNotFoundStatus:
            outcome_ = refused(kNotFound, "what the request names does not exist");
            return;
        case kUnprocessable:
            outcome_ = refused(kValidationFailed,
                               "the service behind the action does not accept the data");
            return;
        case kRequestTimeout:
        case kGatewayTimeout:
            outcome_ = timed_out(status_cause(status_), TryAgain::kIfSafe);
            return;
        case kTooMany:
            outcome_ = refused(kRateLimited, "the service behind the action takes no more now");
            break;
        case kServiceUnavailable:
            outcome_ = unavailable(status_cause(status_), TryAgain::kIfSafe);
            break;
        default:
            fail(status_cause(status_));
            if (status_ != kBadGateway) return;
            outcome_->try_again = TryAgain::kIfSafe;
            outcome_->health = Health::kBad;
            return;
    }
    if (retry_after_) outcome_->result.error().retry_after = retry_after_;
}

UpstreamOutcome outcome_of(const HttpClientFailure& failure) {
    std::string cause = fmt::format("{}: {}", to_string(failure.fault), failure.reason);
    switch (failure.fault) {
        case HttpClientFault::kUnreachable:
            return unavailable(std::move(cause), TryAgain::kAlways);
        case HttpClientFault::kTls:
            return unavailable(std::move(cause), TryAgain::kNever);
        case HttpClientFault::kTimeout:
            return timed_out(std::move(cause), TryAgain::kNever);
        case HttpClientFault::kOverloaded:
            return not_sent(kOverloaded,
                            "too many requests wait for the service behind the action");
        case HttpClientFault::kStopped:
            return not_sent(kShuttingDown, "the server is going down");
        case HttpClientFault::kBroken: {
            UpstreamOutcome outcome = failed(std::move(cause));
            outcome.try_again = TryAgain::kIfSafe;
            outcome.health = Health::kBad;
            return outcome;
        }
        case HttpClientFault::kInvalidRequest:
        case HttpClientFault::kTooLarge:
            break;
    }
    return failed(std::move(cause));
}

}  // namespace signalbox::actions
