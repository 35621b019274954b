#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/address_limit.h"
#include "runtime/compression.h"
#include "runtime/connection.h"
#include "runtime/forwarding.h"
#include "runtime/http_connection.h"
#include "runtime/idle_list.h"
#include "runtime/listener.h"
#include "runtime/options.h"
#include "runtime/shard.h"

namespace signalbox::runtime {

/// All of a connection whose WebSocket handshake waits for a decision: a move-only value that may
/// go to another shard.
struct UpgradeSeed {
    Channel channel;
    HttpRequest request;
    std::string unread;  ///< received after the request
    ConnectionOrigin origin;
};

/// An HttpServer's part on one shard: listeners, connections, and the way from a request to its
/// handler, here or on another shard.
///
/// Ownership: owns its listeners and connections; borrows the rest.
/// Threading: confined to its shard, or to one thread while the shard does not run.
class Endpoint {
public:
    /// `peers` holds the server's endpoints by shard; complete before the first request.
    Endpoint(Shard& shard, const HttpServerOptions& options, AddressLimit& addresses,
             const std::vector<Endpoint*>& peers);
    ~Endpoint();
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;

    [[nodiscard]] Shard& shard() { return shard_; }
    [[nodiscard]] const HttpServerOptions& options() const { return options_; }
    [[nodiscard]] Endpoint& peer(ShardIndex shard) { return *peers_[shard]; }
    [[nodiscard]] Forwarder& forwarder() { return forwarder_; }
    [[nodiscard]] bool draining() const { return draining_; }
    /// nullptr: not wanted by the options.
    [[nodiscard]] Compression* compression() { return compression_ ? &*compression_ : nullptr; }

    void set_handlers(ShardHandlers handlers) { handlers_ = std::move(handlers); }
    /// @return false when the kernel refuses to tell of connections.
    [[nodiscard]] bool listen(UniqueFd socket, ListenerKind kind, std::shared_ptr<TlsContext> tls);
    void close_listeners() { listeners_.clear(); }
    /// Answers what is under way with `Connection: close`, closes idle connections. `gone` is
    /// called once, when no connection is left.
    void drain(std::move_only_function<void()> gone);

    /// A new socket from a listener.
    void accept(UniqueFd socket, ConnectionOrigin origin, const std::shared_ptr<TlsContext>& tls);
    /// The same, once it is known whose it is.
    void welcome(UniqueFd socket, ConnectionOrigin origin, const std::shared_ptr<TlsContext>& tls);
    /// Those that evict_idle() may close.
    [[nodiscard]] IdleList& idle() { return idle_; }
    /// Closes the HTTP connection that is idle for longest; its descriptor is free at the turn's
    /// end. Not from inside a connection. @return false when there is none.
    bool evict_idle();
    /// To the owner of the request.
    void handle(HttpRequest request, std::unique_ptr<DrainableExchange> exchange);
    void upgrade(UpgradeSeed seed);
    /// To this shard's own handler.
    void handle_here(HttpRequest request, std::unique_ptr<HttpExchange> exchange);
    void offer_upgrade(UpgradeSeed seed);
    void refuse_upgrade(UpgradeSeed seed, const HttpResponse& response);

    /// Takes ownership, until dispose().
    template <class Protocol>
    Protocol& adopt(std::unique_ptr<Protocol> connection) {
        Protocol& adopted = *connection;
        insert(std::move(connection));
        return adopted;
    }
    void dispose(Connection& connection);
    [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }

private:
    void check_gone();
    void insert(std::unique_ptr<Connection> connection);
    void count(const Connection& connection, int change);
    [[nodiscard]] ShardIndex owner_of(const HttpRequest& request) const;
    [[nodiscard]] bool is_trusted_proxy(const IpAddress& address) const;
    [[nodiscard]] bool has_room();
    /// @return nullopt when the newcomer is one too many.
    [[nodiscard]] std::optional<AddressLimit::Ticket> admit(const IpAddress& peer);

    Shard& shard_;
    const HttpServerOptions& options_;
    AddressLimit& addresses_;
    const std::vector<Endpoint*>& peers_;
    ShardHandlers handlers_;
    Forwarder forwarder_;
    std::optional<Compression> compression_;  // outlives the connections
    IdleList idle_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::move_only_function<void()> gone_;  // until it was called
    bool draining_ = false;
};

}  // namespace signalbox::runtime
