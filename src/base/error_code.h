#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace signalbox {

/// Every error code of ours that a client can see. The registry (error_registry()) maps each to its
/// name, HTTP status and whether a retry can mend it; docs/errors.md is compared with it by a test.
enum class ErrorCode : std::uint8_t {
    kInvalidToken,
    kTokenExpired,
    kSessionRequired,
    kSessionInvalid,
    kSessionExpired,
    kForbidden,
    kArtifactForbidden,
    kInvalidMessage,
    kActionNotFound,
    kNotFound,
    kMethodNotAllowed,
    kIdempotencyKeyReused,
    kOutcomeUnknown,
    kPayloadTooLarge,
    kRateLimited,
    kQuotaExceeded,
    kTooManyConnections,
    kTimeout,
    kCancelled,
    kUpstreamError,
    kUpstreamUnavailable,
    kOverloaded,
    kShuttingDown,
    kInternal,
    kValidationFailed,
};

struct ErrorInfo {
    ErrorCode code;
    std::string_view name;  ///< as on the wire: "INVALID_TOKEN"
    int http_status;
    bool retryable;
    std::string_view meaning;  ///< one sentence for the documentation: cause and fix
};

[[nodiscard]] std::span<const ErrorInfo> error_registry();
[[nodiscard]] const ErrorInfo& error_info(ErrorCode code);
[[nodiscard]] std::optional<ErrorCode> find_error_code(std::string_view name);

/// HTTP status of any code on the wire: the registry's, 422 for an action's own code.
[[nodiscard]] int http_status_of(std::string_view code_name);
[[nodiscard]] bool is_retryable(std::string_view code_name);
/// True for `[A-Z][A-Z0-9_]*` of at most 64 characters.
[[nodiscard]] bool is_valid_error_name(std::string_view name);

/// One failure as a client is told of it: the `error` member of an ERROR envelope.
struct Error {
    std::string code;     ///< a registered name or an action's own
    std::string message;  ///< for people; never a secret, a body or an internal cause
    std::string details;  ///< JSON text, or empty
    std::optional<Milliseconds> retry_after;
    std::string ref;  ///< also in the log line, or empty

    [[nodiscard]] static Error of(ErrorCode code, std::string message);
    [[nodiscard]] bool is(ErrorCode c) const { return code == error_info(c).name; }
};

}  // namespace signalbox
