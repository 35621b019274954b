#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fixed_text.h"
#include "base/http.h"
#include "base/json.h"
#include "base/random.h"
#include "base/timer_wheel.h"
#include "engineio/server.h"
#include "socketio/recovery.h"

/// Socket.IO protocol v5 (packets, namespaces, sockets, rooms, acks) over Engine.IO sessions; v4
/// where these speak Engine.IO 3.
/// Grammar and worked bytes: docs/protocol/socketio.md.
namespace signalbox::socketio {

struct Options {
    /// To join a namespace after the open, and after the last one was left, else the session
    /// closes.
    Milliseconds connect_timeout{45'000};
    /// CONNECT packets of a session in connects_window; more end it.
    std::size_t connects_max = 1'000;
    Milliseconds connects_window{10'000};
    std::size_t attachments_max = 10;  ///< of one packet; more ends the connection
    /// A binary packet with its attachments, while they are collected; more ends the connection.
    std::size_t binary_packet_bytes_max = 10'000'000;
    Milliseconds binary_packet_timeout{30'000};  ///< from its text to its last attachment
    /// Acks a client may wait for; beyond it the answer to the oldest is dropped.
    std::size_t unanswered_acks_max = 1024;
};

enum class DisconnectReason : std::uint8_t {
    kTransportError,
    kTransportClose,
    kForcedClose,
    kPingTimeout,
    kParseError,
    kServerShutdown,
    kForcedServerClose,
    kClientNamespaceDisconnect,
    kServerNamespaceDisconnect,
    kPayloadTooLarge,
    kSlowConsumer,
};
[[nodiscard]] std::string_view to_string(DisconnectReason reason);

class Context;
class Socket;

/// A socket's id: public, and unrelated to its session's.
inline constexpr std::size_t kSidCharacters = 20;
using Sid = FixedText<kSidCharacters>;

/// An EVENT as it arrived. Everything is borrowed for the call.
struct Event {
    std::string_view name;  ///< unescaped; a numeric event name in its decimal text
    /// Raw JSON of the arguments after the name, comma-separated, no brackets: the sender's bytes.
    std::string_view args;
    std::size_t arg_count = 0;
    std::optional<std::string_view> text;  ///< the only argument unescaped, when it is a string
    std::optional<std::uint64_t> ack;      ///< answer with Socket::ack()
    /// Binary; `args` has placeholders `{"_placeholder":true,"num":i}`, each a valid index.
    std::span<const std::string> attachments;
    /// Set when the packet is JSON to the reference implementation but not to us: never kSyntax.
    /// `args` is then text that nobody has validated, up to the packet's end; both it and `name`
    /// are empty when the name could not be read.
    std::optional<JsonError> fault;
};

/// Why a client's ack did not come.
enum class AckError : std::uint8_t {
    kTimeout,
    kDisconnected,  ///< the socket went away, or was not connected at all
    kBadJson,       ///< it came with arguments that we do not accept (see Event::fault)
};

/// A client's answer to emit_with_ack(). Everything is borrowed for the call; as in Event.
struct AckReply {
    std::string_view args;
    std::size_t arg_count = 0;
    std::span<const std::string> attachments;
};

/// Called exactly once.
using AckCallback = std::move_only_function<void(std::expected<AckReply, AckError>)>;

/// What happens in a namespace. Calls come from the shard's loop.
class NamespaceHandler {
public:
    virtual ~NamespaceHandler() = default;
    /// A client asks to join. Answer with accept() or refuse(), now or in a later turn (by id,
    /// since the client may be gone by then). `auth` is the CONNECT payload, a raw JSON object,
    /// `{}` when there was none.
    virtual void on_connect(Socket& socket, std::string_view auth) = 0;
    virtual void on_event(Socket& socket, const Event& event) = 0;
    /// A connected socket is about to go: connected() is false already, its rooms are still there.
    /// on_disconnect() follows.
    virtual void on_disconnecting(Socket& socket, DisconnectReason reason) {}
    /// The last call for a socket, which has left its rooms already; connected() is false, and
    /// session() still there. A socket that went away before it was accepted gets this call too
    /// (connected() was never true); one that was refused does not. It may come from inside
    /// Socket::disconnect(), close_transport() or a send.
    virtual void on_disconnect(Socket& socket, DisconnectReason reason) = 0;
    /// Sends now what should still reach the client; the socket then closes as a slow consumer.
    virtual void on_slow_consumer(Socket& socket) {}
};

/// Per-socket state of the namespace's handler.
class SocketData {
public:
    virtual ~SocketData() = default;
};

/// A packet encoded once, to be sent to many sockets of one namespace name.
class EncodedEvent {
public:
    [[nodiscard]] const std::string& packet() const { return packet_; }
    [[nodiscard]] const std::vector<std::string>& attachments() const { return attachments_; }
    [[nodiscard]] std::optional<std::uint64_t> ack_id() const { return ack_id_; }
    /// Whether a recoverable socket's client would take its last argument for an offset.
    [[nodiscard]] bool ends_in_text() const { return ends_in_text_; }
    /// @param args  raw JSON of the arguments after the event's name, comma-separated, no brackets;
    ///              holds a placeholder for each attachment.
    EncodedEvent(std::string_view namespace_name, std::string_view event, std::string_view args,
                 std::vector<std::string> attachments = {});
    /// For recoverable sockets: the offset is its last argument.
    EncodedEvent(std::string_view namespace_name, const RecoverableEvent& event);
    /// One that asks for an ack: `ack_id` is the namespace's next_ack_id().
    [[nodiscard]] static EncodedEvent with_ack(std::string_view namespace_name,
                                               std::uint64_t ack_id, std::string_view event,
                                               std::string_view args,
                                               std::vector<std::string> attachments = {});

private:
    EncodedEvent() = default;
    std::string packet_;
    std::vector<std::string> attachments_;
    std::optional<std::uint64_t> ack_id_;
    bool ends_in_text_ = false;
};

/// A client's membership of one namespace.
/// Ownership: by its session; keep id() across turns, not the reference. A reference stays good
///            until the end of the turn (the next TimerWheel::advance), even after on_disconnect().
/// Threading: confined to its shard.
/// Errors:    what is sent while not connected is ignored. Emitting a reserved event name (connect,
///            connect_error, disconnect, disconnecting, newListener, removeListener) is our bug.
class Socket {
public:
    virtual ~Socket() = default;
    /// The Socket.IO sid: random characters.
    [[nodiscard]] virtual const Sid& id() const = 0;
    /// As the client wrote it: "/" or "/realtime".
    [[nodiscard]] virtual std::string_view namespace_name() const = 0;
    /// The Engine.IO handshake's first request; see Session::handshake().
    /// Only until on_disconnect() returns.
    [[nodiscard]] virtual const engineio::Handshake& handshake() const = 0;
    [[nodiscard]] virtual bool connected() const = 0;
    /// Only until on_disconnect() returns.
    [[nodiscard]] virtual engineio::Session& session() = 0;

    /// Sends `40{"sid":…}` and makes it connected. Ignored when the client has gone.
    virtual void accept() = 0;
    /// The same for a connection that can be recovered: the missed events, then
    /// `40{"sid":…,"pid":…}`. A resumed sid that another socket of this namespace has is our bug:
    /// supersede() that one first.
    virtual void accept(const Resumption& resumption) = 0;
    /// Accepted with a pid. Each event sent to its client then ends in an offset or in something
    /// that is not a string (`null` is added where need be), since the client takes the last string
    /// for its offset.
    [[nodiscard]] virtual bool recoverable() const = 0;
    /// Sends `44{"message":…,"data":…}`; the transport stays open. `data` is raw JSON or empty.
    /// The socket is gone afterwards. Ignored when the client has gone; once accepted: our bug.
    virtual void refuse(std::string_view message, std::string_view data) = 0;

    /// `args`: raw JSON, comma-separated, no brackets. Ignored unless connected.
    virtual void emit(std::string_view event, std::string_view args) = 0;
    virtual void emit_volatile(std::string_view event, std::string_view args) = 0;
    virtual void emit(const EncodedEvent& event) = 0;
    virtual void emit_volatile(const EncodedEvent& event) = 0;
    /// Without its offset unless recoverable().
    virtual void emit(const RecoverableEvent& event) = 0;
    virtual void emit_text(const TextEvent& event) = 0;
    /// `args` holds a placeholder for each attachment. The stock clients take at most 10.
    virtual void emit_binary(std::string_view event, std::string_view args,
                             std::span<const std::string> attachments) = 0;
    /// `callback` gets the client's ack or says why there is none; from inside this call when the
    /// socket is not connected.
    virtual void emit_with_ack(std::string_view event, std::string_view args, Milliseconds timeout,
                               AckCallback callback) = 0;
    /// `event` has an ack id of this namespace, which many sockets may share.
    virtual void emit_with_ack(const EncodedEvent& event, Milliseconds timeout,
                               AckCallback callback) = 0;
    /// Answers an event's ack. The first answer counts.
    virtual void ack(std::uint64_t id, std::string_view args) = 0;
    virtual void ack_binary(std::uint64_t id, std::string_view args,
                            std::span<const std::string> attachments) = 0;

    /// Each socket is in the room of its own id from the start, and cannot leave it. Joining before
    /// accept() is allowed.
    virtual void join(std::string_view room) = 0;
    virtual void leave(std::string_view room) = 0;
    [[nodiscard]] virtual bool in_room(std::string_view room) const = 0;
    /// Its own id first, then in no order; none once it has gone.
    [[nodiscard]] virtual std::vector<std::string> rooms() const = 0;

    /// Sends `41`; the transport stays open. Ignored unless connected.
    virtual void disconnect() = 0;
    /// Sends `41` for each namespace of the client, then closes the transport.
    virtual void disconnect_client() = 0;
    /// Closes the transport after what was sent has left.
    virtual void close_transport(engineio::CloseReason reason) = 0;
    /// Another connection takes this one's place: it leaves the namespace at once (on_disconnect()
    /// with kForcedServerClose comes from inside this call), then its transport closes. Also while
    /// it waits for its accept().
    virtual void supersede() = 0;

    std::unique_ptr<SocketData> data;
};

/// A namespace on one shard: its sockets and rooms. Several names may lead to one namespace.
class Namespace {
public:
    virtual ~Namespace() = default;
    /// A socket that is connected or waits for its accept().
    [[nodiscard]] virtual Socket* find(std::string_view id) = 0;
    /// Connected ones.
    [[nodiscard]] virtual std::size_t socket_count() const = 0;
    [[nodiscard]] virtual std::size_t room_size(std::string_view room) const = 0;
    /// Unique in this namespace on this shard, so that one broadcast can wait for the acks of many.
    [[nodiscard]] virtual std::uint64_t next_ack_id() = 0;
    /// Calls `visit` once for each connected socket that is in any of `rooms` (empty: all) and in
    /// none of `except` at the time of the call, unless it has gone before its turn. Joining,
    /// leaving and disconnecting inside `visit` is allowed.
    virtual void for_each_in(std::span<const std::string> rooms,
                             std::span<const std::string> except,
                             const std::function<void(Socket&)>& visit) = 0;
};

/// The Socket.IO server of one shard, an Application for engineio::Server.
/// Handshake admission is forwarded to `admission` (may be empty: all are admitted).
///
/// Ownership: borrows wheel and random source; outlives the engineio::Server it is given to.
/// Threading: confined to its shard.
/// Bounds:    see Options; a session has at most one socket for each namespace name.
class Server final : public engineio::Application {
public:
    using Admission = std::function<void(const HttpRequest&, engineio::Application::Decision)>;
    /// Asked for a namespace that a client names and nobody has added, with its CONNECT's auth (raw
    /// JSON). May add it, inside the call; else the client hears "Invalid namespace".
    using UnknownNamespace = std::function<void(std::string_view name, std::string_view auth)>;

    Server(Options options, TimerWheel& wheel, Random& random, Admission admission = {});
    ~Server() override;

    /// Adds a namespace reachable by each of `names` ("/", "/realtime"). `handler` outlives the
    /// server.
    Namespace& add_namespace(std::vector<std::string> names, NamespaceHandler& handler);
    void on_unknown_namespace(UnknownNamespace ask);

    void admit(const HttpRequest& request, Decision decide) override;
    [[nodiscard]] std::unique_ptr<engineio::SessionHandler> open(
        engineio::Session& session) override;

private:
    std::unique_ptr<Context> context_;
    Admission admission_;
};

}  // namespace signalbox::socketio
