#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"

/// Connection state recovery, as far as it is protocol: what the packets carry. Who remembers what,
/// and whether a connection is recovered, is the namespace handler's decision. Worked bytes:
/// docs/protocol/socketio.md, "Recovery".
namespace signalbox::socketio {

/// An event with the offset that its client gives back when it returns. Everything is borrowed.
struct RecoverableEvent {
    std::string_view name;
    std::string_view args;    ///< raw JSON, comma-separated, no brackets
    std::string_view offset;  ///< becomes the last argument
    std::span<const std::string> attachments = {};
};

/// An event whose one argument is a string. Everything is borrowed.
struct TextEvent {
    std::string_view name;
    std::string_view text;         ///< as it is to arrive
    std::string_view offset = {};  ///< of a RecoverableEvent; empty: none
};

/// How a handler accepts a socket. Everything is borrowed for the call.
struct Resumption {
    std::string_view sid = {};  ///< of the connection that goes on; empty: a new one
    /// The secret by which the client may come back; empty: it may not.
    std::string_view pid = {};
    std::span<const RecoverableEvent> missed = {};  ///< sent before the CONNECT answer, in order
};

/// What a client that comes back sends along with its auth.
struct RecoveryClaim {
    std::string pid;
    std::optional<std::string> offset;  ///< absent: no event has reached it
};

/// `pid` and `offset` of a CONNECT payload.
/// @return nullopt without a pid, and when either is no string or over 256 bytes.
[[nodiscard]] std::optional<RecoveryClaim> read_recovery_claim(JsonElement auth);

/// True when the client would take the last of `args`, or the event's name when there is none, for
/// an offset.
[[nodiscard]] bool leaves_text(std::string_view args);

}  // namespace signalbox::socketio
