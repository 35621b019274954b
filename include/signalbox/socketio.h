#pragma once

#include <any>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A Socket.IO server inside a C++ program, in the words of the JavaScript one.
///
///     signalbox::io::Server io({.shards = 2});
///     io.on_connection([](signalbox::io::Socket socket) {
///         socket.on("hello", [socket](const signalbox::io::Event& event) {
///             socket.emit("hello-back", event.args());
///         });
///     });
///     auto port = io.listen(3000);
///
/// Threads: a server has `shards` threads, each with its own connections. What concerns one socket
///          (its connection handler, its event handlers, its acks) runs on its shard's thread, one
///          after the other; what concerns different sockets may run at the same time. Handlers
///          must not block. Everything may be called from any thread unless it says otherwise: on
///          the socket's own shard it happens at once, from elsewhere soon, in the order of the
///          calls of one thread.
/// Errors:  wrong arguments throw std::invalid_argument or std::logic_error from the call that has
///          them. What a handler throws goes to Options::on_exception.
/// Process: no signal handlers, no exit(), no global state. SIGPIPE is never raised.
namespace signalbox::io {

using Milliseconds = std::chrono::milliseconds;

namespace detail {
class Core;
struct NamespaceCore;
struct SocketState;
struct Step;
}  // namespace detail

/// The arguments of an event or an ack: JSON texts and, apart from them, binary attachments.
///
/// The texts stand as in a JSON array without its brackets: `"a",1,{"x":[true]}` are three
/// arguments. Binary is written as the placeholder `{"_placeholder":true,"num":0}` at its place in
/// the text, however deep, for `attachments()[0]`; the clients' side sees a Buffer or ArrayBuffer
/// there. What was received has the same form, byte for byte as the client wrote it. The stock
/// clients take at most 10 attachments.
class Args {
public:
    Args() = default;
    /// @param json  throws std::invalid_argument unless it is JSON values separated by commas.
    Args(const char* json) : Args(std::string(json)) {}  // NOLINT(google-explicit-constructor)
    Args(std::string json, std::vector<std::string> attachments = {});  // NOLINT

    Args& add_string(std::string_view utf8);
    Args& add_json(std::string_view value);
    /// An attachment of its own, as the next argument.
    Args& add_binary(std::string bytes);

    [[nodiscard]] const std::string& json() const { return json_; }
    [[nodiscard]] const std::vector<std::string>& attachments() const { return attachments_; }
    [[nodiscard]] bool empty() const { return json_.empty(); }
    /// The JSON text of each argument; the bytes of json().
    [[nodiscard]] std::vector<std::string> values() const;
    /// The text of the argument at `index`; nullopt when there is none or it is no string.
    [[nodiscard]] std::optional<std::string> string_at(std::size_t index) const;

private:
    friend struct detail::SocketState;
    std::string json_;
    std::vector<std::string> attachments_;
};

/// The first request of a client's connection, and what it gave for this namespace.
struct Handshake {
    std::string auth = "{}";  ///< JSON object; `{}` when none was given
    std::string url;          ///< path and query as sent
    std::vector<std::pair<std::string, std::string>> query;    ///< decoded
    std::vector<std::pair<std::string, std::string>> headers;  ///< in the order of arrival
    std::string address;                                       ///< the client's IP address
    bool secure = false;                                       ///< over TLS
    std::chrono::system_clock::time_point time;

    [[nodiscard]] std::optional<std::string_view> query_value(std::string_view key) const;
    /// Without regard to case.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

enum class AckError : std::uint8_t {
    kTimeout,
    kDisconnected,  ///< the socket went away, or was gone already
    kInvalid,       ///< it came with JSON beyond the limits (docs/protocol/socketio.md)
};

/// Called once with the client's arguments or the reason why there are none; never when the server
/// is closed first.
using AckHandler = std::move_only_function<void(std::expected<Args, AckError>)>;

/// What many clients answered to one event.
struct Responses {
    std::vector<Args> answers;  ///< in the order of arrival
    std::size_t expected = 0;   ///< how many clients were asked
    [[nodiscard]] bool complete() const { return answers.size() == expected; }
};
/// Called once all have answered or left, or at the time-out.
using ResponsesHandler = std::move_only_function<void(Responses)>;

/// What disconnect() ends.
enum class Ending : std::uint8_t {
    kNamespace,  ///< this namespace; the client does not come back by itself
    kTransport,  ///< the whole connection, after a DISCONNECT of each of its namespaces
};

class Event;
class Namespace;
class Next;
class Socket;
struct FetchedSocket;
struct Refusal;

/// The sockets of a namespace, or those of some of its rooms, each once. A value: to() and the like
/// give a narrower or wider one.
///
/// What changes or sends returns false when a shard has too much waiting for it: nothing was done.
class Broadcast {
public:
    /// Adds a room to those that are meant; without any, all sockets are.
    [[nodiscard]] Broadcast to(std::string_view room) const;
    [[nodiscard]] Broadcast in(std::string_view room) const { return to(room); }
    /// Leaves out the sockets of a room. A socket's id is a room of its own.
    [[nodiscard]] Broadcast except(std::string_view room) const;

    bool emit(std::string_view event, const Args& args = {}) const;
    /// Passes over clients whose connection cannot take it at once.
    bool emit_volatile(std::string_view event, const Args& args = {}) const;
    /// `handler` runs on the calling shard, or on shard 0 when called from another thread.
    bool emit_with_ack(std::string_view event, const Args& args, Milliseconds timeout,
                       ResponsesHandler handler) const;

    bool sockets_join(std::string_view room) const;
    bool sockets_leave(std::string_view room) const;
    bool disconnect_sockets(Ending ending = Ending::kNamespace) const;
    /// `handler` runs as that of emit_with_ack().
    bool fetch_sockets(std::move_only_function<void(std::vector<FetchedSocket>)> handler) const;

protected:
    friend class Socket;
    explicit Broadcast(std::shared_ptr<detail::NamespaceCore> core);

    template <class Work>
    bool on_all_shards(Work work) const;

    std::shared_ptr<detail::NamespaceCore> core_;
    std::vector<std::string> rooms_;
    std::vector<std::string> except_;
};

/// One client in one namespace. A handle: cheap to copy, good on any thread and for any time; once
/// the client has gone, what is sent is ignored.
class Socket {
public:
    using EventHandler = std::function<void(const Event&)>;
    using DisconnectHandler = std::function<void(std::string_view reason)>;
    using Middleware = std::function<void(const Event&, Next)>;
    using ErrorHandler = std::function<void(const Event&, const Refusal&)>;

    /// 20 characters, public.
    [[nodiscard]] const std::string& id() const;
    [[nodiscard]] const std::string& namespace_name() const;
    [[nodiscard]] Namespace nsp() const;
    [[nodiscard]] const Handshake& handshake() const;
    /// Whether this is an earlier connection that goes on: same id, rooms and data (unless a
    /// middleware has set data), and what it missed was sent.
    [[nodiscard]] bool recovered() const;

    /// Several handlers of one event run in the order of their registration.
    void on(std::string_view event, EventHandler handler) const;
    /// Every event, before its own handlers.
    void on_any(EventHandler handler) const;
    /// Removes the event's handlers.
    void off(std::string_view event) const;
    /// Middlewares decide one after the other whether an event reaches its handlers, those of
    /// on_any() apart, which have had it already. Ones that decide later let other events overtake;
    /// of a client with more than 1024 undecided events the connection ends.
    void use(Middleware middleware) const;
    /// Hears of the events that a middleware refuses; without any, Options::on_exception does. What
    /// a middleware throws goes there too, and its event nowhere.
    void on_error(ErrorHandler handler) const;
    /// The client is about to go: rooms() and broadcasts to them still work.
    void on_disconnecting(DisconnectHandler handler) const;
    /// The client has gone; `reason` in the reference's words ("transport close", …).
    void on_disconnect(DisconnectHandler handler) const;

    bool emit(std::string_view event, const Args& args = {}) const;
    bool emit_volatile(std::string_view event, const Args& args = {}) const;
    /// Without a time-out the wait ends with the socket.
    bool emit_with_ack(std::string_view event, const Args& args, AckHandler handler) const;
    bool emit_with_ack(std::string_view event, const Args& args, Milliseconds timeout,
                       AckHandler handler) const;

    /// Each socket is in the room of its id.
    bool join(std::string_view room) const;
    bool leave(std::string_view room) const;
    /// Broadcasts to others: this socket is left out.
    [[nodiscard]] Broadcast to(std::string_view room) const;
    [[nodiscard]] Broadcast in(std::string_view room) const { return to(room); }
    [[nodiscard]] Broadcast except(std::string_view room) const;
    [[nodiscard]] Broadcast broadcast() const;
    bool disconnect(Ending ending = Ending::kNamespace) const;

    /// On its shard only, that is in a handler of this socket: throws std::logic_error elsewhere.
    [[nodiscard]] bool connected() const;
    [[nodiscard]] std::vector<std::string> rooms() const;
    /// Yours; lives as long as any handle.
    [[nodiscard]] std::any& data() const;

    friend bool operator==(const Socket&, const Socket&) = default;

private:
    friend struct detail::SocketState;
    friend class Event;
    explicit Socket(std::shared_ptr<detail::SocketState> state) : state_(std::move(state)) {}
    std::shared_ptr<detail::SocketState> state_;
};

/// What fetch_sockets() tells of a socket, as it was when its shard was asked.
struct FetchedSocket {
    Socket socket;
    std::vector<std::string> rooms;
    std::any data;
};

/// An event that a client sent. A value: may be kept to answer later.
class Event {
public:
    [[nodiscard]] const Socket& socket() const { return socket_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const Args& args() const { return args_; }
    [[nodiscard]] bool wants_ack() const { return ack_id_.has_value(); }
    /// Answers the client's callback; the first answer counts.
    bool ack(const Args& args = {}) const;

private:
    friend struct detail::SocketState;
    Event(Socket socket, std::string name, Args args, std::optional<std::uint64_t> ack_id)
        : socket_(std::move(socket)),
          name_(std::move(name)),
          args_(std::move(args)),
          ack_id_(ack_id) {}

    Socket socket_;
    std::string name_;
    Args args_;
    std::optional<std::uint64_t> ack_id_;
};

/// Why a client may not join: it hears `connect_error` with this message and data. Or why an event
/// is passed over: on_error() hears of it, the client does not.
struct Refusal {
    std::string message;
    std::string data = {};  ///< JSON text, or empty for none
};

/// Goes on after a middleware. Copyable; may be called later and from any thread; the first call
/// counts.
class Next {
public:
    void operator()() const;
    void operator()(Refusal refusal) const;

private:
    friend struct detail::SocketState;
    explicit Next(std::shared_ptr<const detail::Step> step) : step_(std::move(step)) {}
    std::shared_ptr<const detail::Step> step_;
};

/// A namespace: its sockets on all shards, and what to do with new ones.
class Namespace : public Broadcast {
public:
    using ConnectionHandler = std::function<void(Socket)>;
    using Middleware = std::function<void(Socket, Next)>;
    using ServerHandler = std::function<void(const Args&)>;

    [[nodiscard]] const std::string& name() const;

    /// These three: before listen() only, else std::logic_error. The handlers are called on every
    /// shard's thread, at the same time.
    /// Middlewares decide one after the other whether a socket may join; without an end within
    /// Options::connect_timeout its connection closes.
    void use(Middleware middleware);
    void on_connection(ConnectionHandler handler);
    /// What server_side_emit() says, on each shard.
    void on_server_side(std::string_view event, ServerHandler handler);

    /// Tells every shard of this server, the caller's own too.
    bool server_side_emit(std::string_view event, const Args& args = {}) const;

private:
    friend class Server;
    friend class Socket;
    friend class ParentNamespace;
    using Broadcast::Broadcast;
};

/// Namespaces that come to be when clients join them: what it is given, each of them has. They stay
/// until the server is closed.
class ParentNamespace {
public:
    /// As Namespace's: before listen() only.
    void use(Namespace::Middleware middleware);
    void on_connection(Namespace::ConnectionHandler handler);
    void on_server_side(std::string_view event, Namespace::ServerHandler handler);

    /// Those that there are now.
    [[nodiscard]] std::vector<Namespace> children() const;
    /// To the sockets of all of them. @return false when some could not take it.
    bool emit(std::string_view event, const Args& args = {}) const;

private:
    friend class Server;
    explicit ParentNamespace(std::shared_ptr<detail::NamespaceCore> core)
        : core_(std::move(core)) {}
    std::shared_ptr<detail::NamespaceCore> core_;
};

/// WebSocket compression for clients that offer it.
struct PerMessageDeflate {
    std::size_t threshold = 1024;  ///< shorter messages are sent as they are
};

/// Long-polling answers are compressed for clients that accept gzip or deflate.
struct HttpCompression {
    std::size_t threshold = 1024;  ///< bytes, > 0; shorter answers are sent as they are
};

enum class SameSite : std::uint8_t { kLax, kStrict, kNone };

/// A cookie with the connection's secret id, set when a polling connection opens, for proxies that
/// keep a client on one node by it. This server does not read it.
struct Cookie {
    std::string name = "io";
    std::string path = "/";
    std::string domain = {};  ///< empty: this host only
    Milliseconds max_age{0};  ///< 0: until the browser closes
    bool http_only = true;
    bool secure = false;
    SameSite same_site = SameSite::kLax;  ///< kNone needs `secure`, or browsers drop the cookie
};

struct TlsFiles {
    std::string certificate_file;  ///< PEM, with its chain
    std::string key_file;          ///< PEM
};

/// Lets a client that lost its connection come back to its id, rooms and data, and to the events
/// that it missed, without the volatile ones and those that wait for an ack. Middlewares run as for
/// every connection; the id that they see is a new one still, and handles from there stay behind.
/// Each event then ends in an offset as its last argument, which the stock clients hide.
struct ConnectionStateRecovery {
    Milliseconds max_disconnection_duration{120'000};
    std::size_t log_bytes_max = 512 * 1024;  ///< recent events, of a namespace on a shard
    std::size_t sessions_max = 10'000;       ///< clients that have gone, likewise
};

struct Options {
    int shards = 1;                   ///< threads
    std::string path = "/socket.io";  ///< served with and without a trailing slash
    Milliseconds ping_interval{25'000};
    Milliseconds ping_timeout{20'000};
    Milliseconds upgrade_timeout{10'000};
    Milliseconds connect_timeout{45'000};       ///< to join a first namespace
    std::size_t max_payload = 1'000'000;        ///< bytes of one message or request body
    bool allow_eio3 = false;                    ///< clients of Socket.IO 2
    std::size_t outbound_bytes_max = 1U << 20;  ///< waiting for one client; then it is closed
    /// Web pages of other origins that may connect: `https://app.example.com`,
    /// `https://*.example.com`, or `*` for all.
    std::vector<std::string> cors_origins = {};
    std::optional<ConnectionStateRecovery> connection_state_recovery = {};
    std::optional<PerMessageDeflate> per_message_deflate = {};
    std::optional<HttpCompression> http_compression = HttpCompression{};
    std::optional<Cookie> cookie = {};
    /// Namespaces that of() with a predicate may let come to be; more are "Invalid namespace".
    std::size_t dynamic_namespaces_max = 1'000;
    std::optional<TlsFiles> tls = {};
    /// What handlers throw. Empty: one line on stderr.
    std::function<void(std::exception_ptr)> on_exception = {};
};

/// A server; as a Namespace it is `/`.
///
/// Ownership: its handles may outlive it and then do nothing.
/// Threading: listen(), close(), the destructor and, before listen(), of() belong to one thread that
///            is no shard's.
class Server : public Namespace {
public:
    /// Whether a namespace may come to be that a client names (with its slash, at most 256 bytes;
    /// `auth` is the client's, a JSON object). Asked on every shard's thread, at the same time.
    using Predicate = std::function<bool(std::string_view name, std::string_view auth)>;

    explicit Server(Options options = {});
    /// close()
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Makes the namespace when it is new: before listen(), and after it where a predicate takes
    /// the name with `{}` as auth; else std::logic_error.
    Namespace of(std::string_view name);
    /// Namespaces whose names `matches` takes; of several predicates the first that does counts.
    /// Before listen() only.
    ParentNamespace of(Predicate matches);

    /// Binds and serves; once. Port 0: the kernel chooses.
    /// @return the port, or a sentence that says why not.
    [[nodiscard]] std::expected<std::uint16_t, std::string> listen(std::uint16_t port,
                                                                   std::string host = "127.0.0.1");
    /// Disconnects everybody ("server shutting down"), ends the threads and drops all handlers, so
    /// that handles of this server inside them keep nothing alive.
    void close();
};

}  // namespace signalbox::io
