#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"

namespace signalbox::updates {

inline constexpr std::size_t kRequestIdCharactersMax = 128;
inline constexpr Milliseconds kTimeoutMax{std::chrono::hours(24)};

/// A REQUEST envelope: {type, requestId, action, data?, timeoutMs?, idempotencyKey?, progress?}.
struct Request {
    std::string request_id;
    std::string action;
    std::string_view data;  ///< the sender's bytes, borrowed from the text; empty when absent
    std::optional<Milliseconds> timeout;
    std::string idempotency_key;  ///< empty when absent
    bool progress = false;
};

/// Why a text is no REQUEST, with what could be read of it.
struct EnvelopeFault {
    std::string request_id;  ///< "" when none could be read
    std::string action;      ///< likewise
    std::string message;     ///< names the member at fault and what is expected
};

/// Reads a REQUEST strictly: members of wrong types, and any member that occurs twice, are faults;
/// unknown members are passed over. `data` is validated JSON of any type. Of a text that is not
/// JSON, or beyond our limits for it, the fault still has the requestId and action when these can
/// be read.
/// Work:      O(text), and O(n log n) of unknown members. Borrows `parser` for the call.
[[nodiscard]] std::expected<Request, EnvelopeFault> parse_request(JsonParser& parser,
                                                                  std::string_view text);

/// What can be read of a `text` that begins like an object and that the parser has refused with
/// `error`.
[[nodiscard]] EnvelopeFault read_fault(JsonParser& parser, std::string_view text, JsonError error);

/// True for a string of 1 to 128 characters.
[[nodiscard]] bool is_valid_request_id(std::string_view text);

}  // namespace signalbox::updates
