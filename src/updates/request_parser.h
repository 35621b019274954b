#pragma once

#include <array>
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
/// Borrows from the text and from the parser that read it.
struct Request {
    std::string_view request_id;
    std::string_view action;
    std::string_view data;  ///< the sender's bytes; empty when absent
    std::optional<Milliseconds> timeout;
    std::string_view idempotency_key;  ///< empty when absent
    bool progress = false;
};

/// Why a text is no REQUEST, with what could be read of it.
struct EnvelopeFault {
    std::string request_id;  ///< "" when none could be read
    std::string action;      ///< likewise
    std::string message;     ///< names the member at fault and what is expected
};

/// Reads REQUESTs strictly: members of wrong types, and any member that occurs twice, are faults;
/// unknown members are passed over. `data` is validated JSON of any type. Keeps memory to reuse:
/// one instance a shard.
/// Ownership: a Request is the parser's until the next call, and so is what was escaped in it; the
///            rest borrows from its text. A copy lasts no longer.
/// Threading: confined to one thread.
/// Work:      O(text), and O(n log n) of unknown members.
class RequestParser {
public:
    /// Of a text that is not JSON, or beyond our limits for it, the fault still has the requestId
    /// and action when these can be read.
    [[nodiscard]] std::expected<const Request*, EnvelopeFault> parse(std::string_view text);
    /// What can be read of a `text` that begins like an object and that a JsonParser has refused
    /// with `error`.
    [[nodiscard]] EnvelopeFault read_fault(std::string_view text, JsonError error);

private:
    struct Members;
    /// Where a member with escapes is decoded to.
    enum class Slot : std::uint8_t { kType, kRequestId, kAction, kIdempotencyKey };
    [[nodiscard]] std::string_view string_of(std::string_view raw, Slot slot);
    [[nodiscard]] std::expected<const Request*, EnvelopeFault> read(const Members& members);
    [[nodiscard]] std::optional<std::string> read_members(const Members& members);
    [[nodiscard]] std::string salvage(std::string_view text, std::string_view name);

    JsonParser json_;
    Request request_;
    std::array<std::string, 4> decoded_;  // by Slot
};

/// True for a string of 1 to 128 characters.
[[nodiscard]] bool is_valid_request_id(std::string_view text);

}  // namespace signalbox::updates
