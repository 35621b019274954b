#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/executor.h"
#include "base/http.h"
#include "base/input_share.h"

/// What Engine.IO needs from the outside, so that it needs no socket itself. Implemented by runtime
/// over TCP and TLS, and by tests over strings.
namespace signalbox::engineio {

enum class MessageKind : std::uint8_t { kText, kBinary };

/// RFC 6455 section 7.4.1, as far as we send them.
enum class WebSocketCloseCode : std::uint16_t {
    kNormal = 1000,
    kGoingAway = 1001,
    kProtocolError = 1002,
    kInvalidPayload = 1007,
    kPolicyViolation = 1008,
    kMessageTooBig = 1009,
    kInternalError = 1011,
};

/// Why a WebSocket ended, as its handler is told.
enum class WebSocketEnd : std::uint8_t {
    kClosed,         ///< the peer's close frame, an orderly end, or our own close()
    kError,          ///< reset, or a broken frame
    kMessageTooBig,  ///< the peer sent more than the maximum; closed with 1009
};

/// An open WebSocket. Messages of one turn leave in one send.
///
/// Ownership: owned by its user. Destroyed after close(): the close goes on without it. Destroyed
///            before: the TCP connection is dropped.
/// Threading: confined to its shard.
class WebSocketPort {
public:
    virtual ~WebSocketPort() = default;
    /// One message, `head` and `body` joined, is copied into the turn's output. After close() or
    /// the end: ignored.
    virtual void send(MessageKind kind, std::string_view head, std::string_view body) = 0;
    void send(MessageKind kind, std::string_view message) { send(kind, {}, message); }
    /// Flushes, sends a close frame, and ends the TCP connection when the peer has answered, or
    /// after a few seconds. The handler hears nothing more.
    virtual void close(WebSocketCloseCode code) = 0;
    /// Bytes accepted by send() that the kernel has not taken, be it that it refused them or that
    /// the turn's end, when they are offered, has not come.
    [[nodiscard]] virtual std::size_t buffered_bytes() const = 0;
    /// Offers them to the kernel now: what buffered_bytes() tells after it waits for the peer. Calls
    /// no handler; costs system calls, so not for each message.
    virtual void flush() = 0;
    /// True while the peer takes less than was offered.
    [[nodiscard]] virtual bool blocked() const = 0;
    /// From now on it takes turns at being read with the others of `share`.
    virtual void share_input(InputShare) {}
};

/// Hears of a WebSocket. Calls come from the shard's loop, never from inside a WebSocketPort call.
class WebSocketHandler {
public:
    virtual ~WebSocketHandler() = default;
    /// `message` is borrowed for the call; text is valid UTF-8.
    virtual void on_message(MessageKind kind, std::string_view message) = 0;
    /// The last call. The port is then only good for its destruction.
    virtual void on_end(WebSocketEnd end) = 0;
};

/// A valid WebSocket opening handshake that waits for a decision. Destroyed undecided: 500.
class WebSocketUpgrade {
public:
    virtual ~WebSocketUpgrade() = default;
    [[nodiscard]] virtual const HttpRequest& request() const = 0;
    /// Answers 101. `handler` must outlive the port or the on_end() call, whichever ends first.
    [[nodiscard]] virtual std::unique_ptr<WebSocketPort> accept(WebSocketHandler& handler) = 0;
    /// Answers with an HTTP error and closes.
    virtual void refuse(HttpResponse response) = 0;
};

/// Takes the WebSocket handshakes of a path. Like HttpHandler.
class UpgradeHandler {
public:
    virtual ~UpgradeHandler() = default;
    virtual void handle_upgrade(std::unique_ptr<WebSocketUpgrade> upgrade) = 0;
};

}  // namespace signalbox::engineio
