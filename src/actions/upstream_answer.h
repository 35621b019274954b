#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "actions/registry.h"
#include "actions/upstream_spec.h"
#include "base/http_client.h"
#include "base/json.h"

namespace signalbox::actions {

/// How one request to an upstream ended, for metrics.
enum class UpstreamFate : std::uint8_t {
    kSucceeded,
    kRefused,      ///< an error of the API's own, or 4xx: it works, but does not want to
    kFailed,       ///< no answer that could be used: 5xx, garbage, too large, cut off
    kTimedOut,     ///< or answered 408 or 504
    kUnavailable,  ///< no connection, or 503
    kNotSent,      ///< by us: breaker open, too many waiting, shutting down
    kGivenUp,      ///< the execution ended before
};
inline constexpr std::size_t kUpstreamFates = static_cast<std::size_t>(UpstreamFate::kGivenUp) + 1;
/// "timed_out".
[[nodiscard]] std::string_view to_string(UpstreamFate fate);

/// When the same request may be sent once more.
enum class TryAgain : std::uint8_t { kNever, kIfSafe, kAlways };
/// What it says of the upstream's health.
enum class Health : std::uint8_t { kGood, kUnknown, kBad };

struct UpstreamOutcome {
    ActionResult result;
    UpstreamFate fate = UpstreamFate::kSucceeded;
    TryAgain try_again = TryAgain::kNever;
    Health health = Health::kGood;
    std::string cause{};  ///< for the log, of what the operator should look at; else empty
};

/// Reads the answer to one request of an upstream action, cut anywhere, and says what it means.
/// Sans-IO. Success is status 2xx with JSON (nothing: null) or `application/x-ndjson`: lines
/// {"progress": …}, then one {"result": …} or {"error": {"code", "message", "details"?}}. In failures
/// a JSON object with such an `error` wins over the status, when the code is one that an upstream
/// may give: its own, VALIDATION_FAILED, FORBIDDEN, NOT_FOUND.
///
/// Threading: confined to one thread.
/// Bounds:    keeps at most bytes_max bytes, of the answer or of one line.
/// Errors:    UPSTREAM_ERROR for what cannot be understood; nothing of it is passed on.
class UpstreamAnswer {
public:
    struct Options {
        std::size_t bytes_max;
        Deciding deciding = Deciding::kUs;  ///< the API's 401 passes
        std::move_only_function<void(JsonText)> on_progress{};
    };
    explicit UpstreamAnswer(Options options) : options_(std::move(options)) {}

    void head(const HttpResponse& head);
    /// @return true when the outcome is decided: nothing more is needed.
    [[nodiscard]] bool part(std::string_view part);
    void end(std::expected<void, HttpClientFailure> end);
    /// After part() was true or end(); once.
    [[nodiscard]] UpstreamOutcome take();
    /// Whether progress was told: the caller has seen something of this try.
    [[nodiscard]] bool has_progressed() const { return has_progressed_; }

private:
    [[nodiscard]] bool is_success() const { return status_ >= 200 && status_ < 300; }
    [[nodiscard]] bool read_lines(std::string_view part);
    /// @return true when it was the last.
    [[nodiscard]] bool read_line(std::string_view line);
    void fail(std::string cause);
    void finish_whole();
    void finish_failure();
    [[nodiscard]] std::optional<Error> own_error(std::string_view json);

    Options options_;
    JsonParser parser_;
    int status_ = 0;  // 0: no head yet
    bool lines_ = false;
    bool has_progressed_ = false;
    std::optional<Milliseconds> retry_after_;
    std::string buffer_;  // the body, or the line that is not complete
    std::optional<UpstreamOutcome> outcome_;
};

/// What it means that there is no answer.
[[nodiscard]] UpstreamOutcome outcome_of(const HttpClientFailure& failure);

}  // namespace signalbox::actions
