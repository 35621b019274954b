#include "base/error_code.h"

#include <algorithm>

namespace signalbox {
namespace {

using enum ErrorCode;

constexpr ErrorInfo kRegistry[] = {
    {kInvalidToken, "INVALID_TOKEN", 401, false,
     "The token is missing, malformed or not signed by a key of this server. Get a new one from "
     "the API."},
    {kTokenExpired, "TOKEN_EXPIRED", 401, false,
     "The token's time is over. Get a new one, and send it with `auth.refresh` or connect again."},
    {kSessionRequired, "SESSION_REQUIRED", 401, false,
     "No session id was given. Send `sessionId` in the query or in `auth`."},
    {kSessionInvalid, "SESSION_INVALID", 401, false,
     "The session is unknown, revoked, or of another user or company. Log in again."},
    {kSessionExpired, "SESSION_EXPIRED", 401, false, "The session's time is over. Log in again."},
    {kForbidden, "FORBIDDEN", 403, false,
     "The token does not carry the permission that this needs."},
    {kArtifactForbidden, "ARTIFACT_FORBIDDEN", 403, false,
     "This artifact may not be watched with this token."},
    {kInvalidMessage, "INVALID_MESSAGE", 400, false,
     "The message is not a valid request; the error's message names the part at fault."},
    {kActionNotFound, "ACTION_NOT_FOUND", 404, false,
     "No action of this name exists. `actions.list` names those that the caller may run."},
    {kNotFound, "NOT_FOUND", 404, false, "What the request names does not exist."},
    {kMethodNotAllowed, "METHOD_NOT_ALLOWED", 405, false,
     "The route exists, but not for this HTTP method; see the `Allow` header."},
    {kIdempotencyKeyReused, "IDEMPOTENCY_KEY_REUSED", 409, false,
     "The idempotency key was used before with another action or other data."},
    {kOutcomeUnknown, "OUTCOME_UNKNOWN", 409, false,
     "Whether this execution took effect is not known: the server stopped while it ran, could not "
     "keep its outcome, or it still runs."},
    {kPayloadTooLarge, "PAYLOAD_TOO_LARGE", 413, false, "The message is over the size limit."},
    {kRateLimited, "RATE_LIMITED", 429, true,
     "Too many requests. Wait `retryAfterMs` before the next."},
    {kQuotaExceeded, "QUOTA_EXCEEDED", 429, true, "A quota is used up until its period ends."},
    {kTooManyConnections, "TOO_MANY_CONNECTIONS", 429, true,
     "The user or company has its maximum of connections open."},
    {kTimeout, "TIMEOUT", 504, false,
     "The action did not finish in time; it may have taken effect."},
    {kCancelled, "CANCELLED", 499, false, "The execution was cancelled."},
    {kUpstreamError, "UPSTREAM_ERROR", 502, false, "The service behind the action failed."},
    {kUpstreamUnavailable, "UPSTREAM_UNAVAILABLE", 503, true,
     "The service behind the action, or the API that decides this, cannot be reached."},
    {kOverloaded, "OVERLOADED", 503, true, "The server is busy; try again shortly."},
    {kShuttingDown, "SHUTTING_DOWN", 503, true,
     "The server is going down; connect again, another takes over."},
    {kInternal, "INTERNAL", 500, false,
     "Something broke in the server; `ref` finds the cause in its log."},
    {kValidationFailed, "VALIDATION_FAILED", 422, false,
     "The data does not match the action's schema; `details` lists each fault with its path."},
};

constexpr bool registry_follows_the_enum() {
    for (std::size_t i = 0; i < std::size(kRegistry); ++i) {
        if (static_cast<std::size_t>(kRegistry[i].code) != i) return false;
    }
    return std::size(kRegistry) == static_cast<std::size_t>(kValidationFailed) + 1;
}
static_assert(registry_follows_the_enum());

/// For retryable errors whose maker knows no better.
constexpr Milliseconds kRetryUnlessSaid{1'000};

const ErrorInfo* find(std::string_view name) {
    const auto* found = std::ranges::find(kRegistry, name, &ErrorInfo::name);
    return found == std::end(kRegistry) ? nullptr : found;
}

}  // namespace

std::span<const ErrorInfo> error_registry() {
    return kRegistry;
}

const ErrorInfo& error_info(ErrorCode code) {
    return kRegistry[static_cast<std::size_t>(code)];
}

std::optional<ErrorCode> find_error_code(std::string_view name) {
    const ErrorInfo* info = find(name);
    return info == nullptr ? std::nullopt : std::optional(info->code);
}

int http_status_of(std::string_view code_name) {
    constexpr int kUnprocessable = 422;
    const ErrorInfo* info = find(code_name);
    return info == nullptr ? kUnprocessable : info->http_status;
}

bool is_retryable(std::string_view code_name) {
    const ErrorInfo* info = find(code_name);
    return info != nullptr && info->retryable;
}

bool is_valid_error_name(std::string_view name) {
    constexpr std::size_t kLengthMax = 64;
    if (name.empty() || name.size() > kLengthMax || name[0] < 'A' || name[0] > 'Z') return false;
    return std::ranges::all_of(
        name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

Error Error::of(ErrorCode code, std::string message) {
    Error error;
    error.code = error_info(code).name;
    error.message = std::move(message);
    if (error_info(code).retryable) error.retry_after = kRetryUnlessSaid;
    return error;
}

}  // namespace signalbox
