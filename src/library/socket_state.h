#pragma once

#include <any>
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
    std::any data;

    // With recovery:
    std::string pid;
    EventLog::Position log_position = 0;  // when it joined
    Progress replayed;  // what it had been sent by then, though this shard may see it later

    [[nodiscard]] Core& core() const { return ns->core; }
    [[nodiscard]] Socket handle() { return Socket(shared_from_this()); }
    [[nodiscard]] ShardNamespace& here() const { return *ns->on_shards[shard]; }
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
    void dispatch(const socketio::Event& event);
    void begin_end(socketio::DisconnectReason reason);
    void end(socketio::DisconnectReason reason);
    void check_on_shard() const;

private:
    void accept();
    void accept_new();
    void accept_again(Restored restored);
    void announce();
    void drop_handlers();
};

/// A middleware that has not decided yet.
struct MiddlewareRun {
    std::shared_ptr<SocketState> state;
    std::size_t step;
};

/// Throws std::invalid_argument for what cannot be an event's name.
void check_event_name(std::string_view event);

}  // namespace signalbox::io::detail
