#pragma once

#include <any>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/core.h"
#include "signalbox/socketio.h"
#include "socketio/server.h"

namespace signalbox::io::detail {

struct EventRun;

/// What all handles of one socket share.
///
/// Threading: what is const is for any thread, the rest for the socket's shard.
/// Ownership: by its handles and, while the client is there, by its socketio::Socket. Handlers are
///            dropped when the client goes, so that handles inside them keep nothing alive.
struct SocketState : std::enable_shared_from_this<SocketState> {
    SocketState(NamespaceCore& ns, ShardIndex shard, socketio::Socket& socket,
                std::string_view auth);
    /// The socket of `before` under the id of an earlier connection, with what the middlewares did.
    SocketState(SocketState& before, const Restored& restored);

    /// Keeps the server's Core alive, whose namespace `ns` is.
    const std::shared_ptr<NamespaceCore> ns;
    const ShardIndex shard;
    const std::string id;
    const Handshake handshake;
    /// Set before the first handle that the connection handlers see.
    bool recovered = false;

    /// nullptr once the client has gone.
    socketio::Socket* live;
    bool joined = false;
    std::size_t step = 0;  // the middleware that decides
    struct Listener {
        std::string event;
        std::shared_ptr<const Socket::EventHandler> handler;
    };
    std::vector<Listener> listeners;
    std::vector<std::shared_ptr<const Socket::EventHandler>> any_listeners;
    std::vector<Socket::DisconnectHandler> disconnecting_handlers;
    std::vector<Socket::DisconnectHandler> disconnect_handlers;
    /// Never changed, so that an event that is on its way through them keeps them.
    using Middlewares = std::vector<Socket::Middleware>;
    std::shared_ptr<const Middlewares> middlewares;
    std::vector<Socket::ErrorHandler> error_handlers;
    /// EventRuns that there are; made with the first middleware.
    std::shared_ptr<std::atomic<std::size_t>> undecided;
    std::any data;

    // With recovery:
    const MonotonicTime opened_at;  // of its Engine.IO session
    std::string pid;
    EventLog::Position log_position = 0;  // when it joined
    Progress replayed;  // what it had been sent by then, though this shard may see it later

    [[nodiscard]] Core& core() const { return ns->core; }
    [[nodiscard]] Socket handle() { return Socket(shared_from_this()); }
    [[nodiscard]] ShardNamespace& here() const { return ns->on(shard); }
    [[nodiscard]] static SocketState& of(socketio::Socket& socket);
    [[nodiscard]] static Args args_of(std::string_view json,
                                      std::span<const std::string> attachments);

    /// Runs `task(live)` on the shard unless the client has gone by then.
    template <class LiveTask>
    bool with_live(LiveTask task) {
        if (core().on_shard(shard)) {
            if (live != nullptr) task(*live);
            return true;
        }
        return core().run_on(shard, [self = shared_from_this(), task = std::move(task)]() mutable {
            if (self->live != nullptr) task(*self->live);
        });
    }

    /// Lets `live` own this.
    void attach();
    void run_middleware();
    void advance_from(std::size_t decided, std::optional<Refusal> refusal);
    /// The answer to a recovery claim; nullopt: a new connection.
    void resume(std::optional<Restored> restored, const std::string& claimed_pid);
    static constexpr std::size_t kUndecidedEventsMax = 1024;
    void dispatch(const socketio::Event& event);
    void add_middleware(Socket::Middleware middleware);
    /// Lets the next middleware decide about the event, or its handlers have it.
    void lead(const std::shared_ptr<EventRun>& run);
    void refuse_event(const Event& event, const Refusal& refusal);
    void begin_end(socketio::DisconnectReason reason);
    void end(socketio::DisconnectReason reason);
    void check_on_shard() const;

private:
    void deliver(const Event& event);
    void accept();
    void accept_new();
    void accept_again(Restored restored);
    void announce();
    void drop_handlers();
};

/// A middleware that has not decided yet. Held by the program: `decide` counts once, on the
/// socket's shard.
struct Step {
    explicit Step(std::shared_ptr<SocketState> of) : state(std::move(of)) {}
    virtual ~Step() = default;
    virtual void decide(std::optional<Refusal> refusal) const = 0;

    const std::shared_ptr<SocketState> state;
};

/// An event on its way through the middlewares of its socket.
struct EventRun {
    EventRun(SocketState& state, Event its_event);
    ~EventRun();
    EventRun(const EventRun&) = delete;
    EventRun& operator=(const EventRun&) = delete;

    const Event event;
    const std::shared_ptr<const SocketState::Middlewares> middlewares;
    std::size_t step = 0;  // the middleware that decides
    /// Of its socket. Threads of the program may end the last run.
    const std::shared_ptr<std::atomic<std::size_t>> undecided;
};

/// Throws std::invalid_argument for what cannot be an event's name.
void check_event_name(std::string_view event);

}  // namespace signalbox::io::detail
