#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/http.h"
#include "base/random.h"
#include "base/timer_wheel.h"
#include "engineio/compression.h"
#include "engineio/cookie.h"
#include "engineio/graveyard.h"
#include "engineio/packet.h"
#include "engineio/ports.h"
#include "engineio/refusal.h"
#include "engineio/sid.h"

namespace signalbox::engineio {

/// protocol-notes.md §1; the defaults are the reference implementation's.
struct Options {
    Milliseconds ping_interval{25'000};
    Milliseconds ping_timeout{20'000};
    Milliseconds upgrade_timeout{10'000};
    std::size_t payload_bytes_max = 1'000'000;  ///< `maxPayload`; a message, or a polling body
    /// Waiting for the peer: what the kernel refused, or no GET came for since an earlier turn (in
    /// one turn, four times as much). One message alone may be larger. 0: no maximum.
    std::size_t outbound_bytes_max = 1U << 20;
    bool allow_polling = true;
    bool allow_websocket = true;
    bool allow_eio3 = false;  ///< clients that speak Engine.IO 3 (socket.io-client 2)
    /// Polling answers of at least as many bytes are compressed for clients that ask for it; 0:
    /// none.
    std::size_t http_compression_threshold = 1024;
    CookieOptions cookie = {};  ///< set by the answer to a polling handshake
    /// Header fields of the first request that handshake() shows after admit(), beside peer and what
    /// the query has for the application; nullopt: the whole request (a cookie of 14 KB is 14 KB
    /// for each idle session).
    std::optional<std::vector<std::string>> handshake_headers = {};
    std::string node = "AAA";  ///< 3 characters of Random::id()'s alphabet, part of every sid
};

/// Why a session ended; to_string() gives the reference's words where it has them.
enum class CloseReason : std::uint8_t {
    kTransportError,
    kTransportClose,
    kForcedClose,  ///< the application closed
    kPingTimeout,
    kParseError,
    kServerShutdown,
    kPayloadTooLarge,  ///< WebSocket message over payload_bytes_max
    kSlowConsumer,     ///< outbound_bytes_max exceeded
};
[[nodiscard]] std::string_view to_string(CloseReason reason);

class Session;

/// Hears what arrives on one session. Calls come from the shard's loop.
class SessionHandler {
public:
    virtual ~SessionHandler() = default;
    /// Borrowed for the call. May close the session.
    virtual void on_message(MessageKind kind, std::string_view message) = 0;
    /// outbound_bytes_max would be exceeded by a send; the session closes in this turn with
    /// kSlowConsumer. What is sent inside this call (a last word) is still queued.
    virtual void on_slow_consumer() {}
    /// Whether an end of the session now costs its peer nothing but the session itself.
    [[nodiscard]] virtual bool idle() const { return false; }
    /// The last call: the handler may be destroyed after it returns, never inside.
    virtual void on_close(CloseReason reason) = 0;
};

/// What an Engine.IO server asks of the protocol above it.
class Application {
public:
    virtual ~Application() = default;
    using Decision = std::move_only_function<void(std::optional<HttpResponse> refusal)>;
    /// Asked before a new session; `decide` is called once, now or later, with a refusal (429, 503,
    /// …) or nullopt. `request` is borrowed for the call.
    virtual void admit(const HttpRequest& request, Decision decide) = 0;
    /// A session has opened; its open packet is already queued.
    [[nodiscard]] virtual std::unique_ptr<SessionHandler> open(Session& session) = 0;
};

/// What a session keeps of the request that began it.
struct Handshake {
    /// As sent: path and query. With Options::handshake_headers the query alone, after a `?`, without
    /// the parameters that are Engine.IO's own.
    std::string target;
    HttpHeaders headers;  ///< all, or those of Options::handshake_headers
    std::string peer;     ///< as in HttpRequest
    bool secure = false;  ///< likewise

    [[nodiscard]] std::string_view query() const {
        return std::string_view(target).substr(std::min(target.find('?'), target.size() - 1) + 1);
    }
};

/// One Engine.IO session: heartbeat, transport, upgrade, output queue. Made by Server.
/// Ownership: by its Server, until closed; users keep sid() across turns, not the reference.
/// Threading: confined to its shard.
class Session {
public:
    virtual ~Session() = default;
    [[nodiscard]] virtual const Sid& sid() const = 0;
    [[nodiscard]] virtual const Handshake& handshake() const = 0;
    [[nodiscard]] virtual Protocol protocol() const = 0;
    /// Tells which of two sessions of one client is the later one, also on different shards.
    [[nodiscard]] virtual MonotonicTime opened_at() const = 0;
    [[nodiscard]] virtual bool is_websocket() const = 0;
    [[nodiscard]] virtual bool open() const = 0;
    /// True when a message sent now would leave with this turn, as far as is known (volatile
    /// messages are dropped otherwise).
    [[nodiscard]] virtual bool writable() const = 0;
    [[nodiscard]] virtual std::size_t buffered_bytes() const = 0;
    /// Sends one message (Engine.IO packet type 4; binary raw). Copied. Ignored once closed.
    virtual void send(MessageKind kind, std::string_view message) = 0;
    /// Its WebSocket takes turns at being read with those of the others; polling is the HTTP
    /// connections' affair.
    virtual void share_input(InputShare) {}
    /// Flushes what was sent, then closes the transport. on_close(reason) follows, in this turn,
    /// after the current call has returned to the loop or from within this call.
    virtual void close(CloseReason reason) = 0;
};

/// The Engine.IO endpoint of one shard, v4 and, if allowed, v3: handshakes, polling, WebSocket,
/// upgrades. The grammar and every refusal: docs/protocol/engineio.md.
///
/// Ownership: owns its sessions; borrows the application, wheel, random source, which outlive it.
///            Destroyed with sessions open: their handlers are destroyed without on_close(); call
///            close_all() first.
/// Threading: confined to its shard.
/// Time:      the wheel's: advance it to the present before handing over what a turn has read.
///            Sessions, handlers and ports that ended are destroyed by a timer in a later turn.
/// Bounds:    see Options; a session holds at most one GET. Requests that wait for admit()'s
///            decision are bounded by the connections they came on.
class Server final : public HttpHandler, public UpgradeHandler {
public:
    Server(Options options, ShardIndex shard, TimerWheel& wheel, Random& random,
           Application& application);
    ~Server() override;

    void handle(HttpRequest request, std::unique_ptr<HttpExchange> exchange) override;
    void handle_upgrade(std::unique_ptr<WebSocketUpgrade> upgrade) override;

    /// The shard that owns the session a request names in its query: read from the sid's first two
    /// characters; nullopt without a sid or with one that we cannot have made.
    [[nodiscard]] static std::optional<ShardIndex> owner_of(std::string_view query,
                                                            ShardIndex shard_count);

    [[nodiscard]] Session* find(std::string_view sid);
    [[nodiscard]] std::size_t session_count() const;
    /// Also those that we have closed and that wait to tell their client with its next request.
    [[nodiscard]] std::size_t unfinished_count() const { return sessions_.size(); }
    void close_all(CloseReason reason);
    /// For what is sent from now on.
    void set_outbound_bytes_max(std::size_t max) { options_.outbound_bytes_max = max; }
    /// Closes the sessions whose handlers are idle(). Those with no message waiting for their
    /// client are forgotten at once, without waiting for its next request.
    void close_idle(CloseReason reason);

private:
    class SessionImpl;
    class Link;
    struct Admission;
    enum class Carrier : std::uint8_t { kHttp, kUpgrade };
    using AdmissionId = std::uint64_t;

    [[nodiscard]] std::optional<Refusal> verify(const HttpRequest& request,
                                                const QueryParameters& query, Carrier carrier);
    [[nodiscard]] std::optional<Refusal> verify_session(const QueryParameters& query,
                                                        Carrier carrier);
    [[nodiscard]] SessionImpl* live_session(std::string_view sid);
    void ask_application(std::unique_ptr<Admission> admission);
    void decided(AdmissionId id, std::optional<HttpResponse> refusal);
    void abandon(AdmissionId id);
    void settle(std::unique_ptr<Admission> admission);
    void open_session(Admission& admission, Protocol protocol);
    void forget(SessionImpl& session);
    void for_each_open(const std::function<void(SessionImpl&)>& visit);

    Options options_;
    ShardIndex shard_;
    TimerWheel& wheel_;
    Random& random_;
    Application& application_;
    Graveyard graveyard_;
    BodyCompressor compressor_;
    std::size_t open_count_ = 0;
    // The keys are the sessions' own sids.
    std::unordered_map<std::string_view, std::unique_ptr<SessionImpl>> sessions_;
    std::unordered_map<AdmissionId, std::unique_ptr<Admission>> admissions_;
    AdmissionId last_admission_ = 0;
    std::shared_ptr<const Server*> self_;  // lets a late decision see that the server has gone
};

}  // namespace signalbox::engineio
