#include "runtime/endpoint.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/proxy_connection.h"
#include "runtime/tls_context.h"
#include "runtime/websocket_connection.h"

namespace signalbox::runtime {

Endpoint::Endpoint(Shard& shard, const HttpServerOptions& options, AddressLimit& addresses,
                   const std::vector<Endpoint*>& peers)
    : shard_(shard), options_(options), addresses_(addresses), peers_(peers), forwarder_(*this) {
    if (const auto& wanted = options.websocket_compression) {
        compression_.emplace(shard, wanted->threshold);
    }
}

Endpoint::~Endpoint() {
    shard_.destroy_disposed();
    // The last ones first, so that the table stays consistent while their destructors run.
    while (!connections_.empty()) {
        const std::unique_ptr<Connection> last = std::move(connections_.back());
        connections_.pop_back();
        count(*last, -1);
    }
}

void Endpoint::insert(std::unique_ptr<Connection> connection) {
    connection->slot_ = static_cast<std::uint32_t>(connections_.size());
    count(*connection, +1);
    connections_.push_back(std::move(connection));
}

void Endpoint::dispose(Connection& connection) {
    const std::uint32_t slot = connection.slot_;
    SB_CHECK(slot < connections_.size() && connections_[slot].get() == &connection);
    count(connection, -1);
    shard_.dispose(std::move(connections_[slot]));
    if (slot + 1 < connections_.size()) {
        connections_[slot] = std::move(connections_.back());
        connections_[slot]->slot_ = slot;
    }
    connections_.pop_back();
    check_gone();
}

void Endpoint::count(const Connection& connection, int change) {
    Statistics& statistics = shard_.statistics();
    (connection.is_websocket() ? statistics.websocket_connections : statistics.http_connections)
        .add(change);
}

bool Endpoint::listen(UniqueFd socket, ListenerKind kind, std::shared_ptr<TlsContext> tls) {
    auto listener = std::make_unique<Listener>(*this, std::move(socket), kind, std::move(tls));
    if (!listener->start()) return false;
    listeners_.push_back(std::move(listener));
    return true;
}

void Endpoint::drain(std::move_only_function<void()> gone) {
    draining_ = true;
    gone_ = std::move(gone);
    // drain() may retire a connection, which then leaves the table.
    for (std::size_t i = connections_.size(); i-- > 0;) connections_[i]->drain();
    check_gone();
}

void Endpoint::check_gone() {
    if (gone_ && connections_.empty()) std::exchange(gone_, nullptr)();
}

bool Endpoint::is_trusted_proxy(const IpAddress& address) const {
    return std::ranges::any_of(options_.trusted_proxies,
                               [&](const IpNetwork& network) { return network.contains(address); });
}

bool Endpoint::has_room() {
    const std::size_t max = options_.connections_max;
    return max == 0 || connections_.size() < max || evict_idle();
}

std::optional<AddressLimit::Ticket> Endpoint::admit(const IpAddress& peer) {
    if (is_trusted_proxy(peer)) return AddressLimit::Ticket();
    return addresses_.admit(peer);
}

bool Endpoint::evict_idle() {
    // Who has sent a request is not idle, even if it has not been looked at.
    shard_.inputs().handle_all();
    IdleList::Entry* const oldest = idle_.oldest();
    if (oldest == nullptr) return false;
    shard_.statistics().evicted_connections.add(1);
    static_cast<HttpConnection*>(oldest)->evict();
    return true;
}

void Endpoint::accept(UniqueFd socket, ConnectionOrigin origin,
                      const std::shared_ptr<TlsContext>& tls) {
    const bool proxied = options_.proxy_protocol == ProxyProtocol::kRequired &&
                         origin.listener == ListenerKind::kPublic;
    if (proxied && !is_trusted_proxy(origin.peer)) return shard_.statistics().proxy_faults.add(1);
    if (!has_room()) return shard_.statistics().over_connections_max.add(1);
    if (!proxied) return welcome(std::move(socket), std::move(origin), tls);
    adopt(std::make_unique<ProxyConnection>(*this, std::move(socket), std::move(origin), tls))
        .start();
}

void Endpoint::welcome(UniqueFd socket, ConnectionOrigin origin,
                       const std::shared_ptr<TlsContext>& tls) {
    auto ticket = admit(origin.peer);
    if (!ticket) return shard_.statistics().over_connections_max.add(1);
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Channel channel;
    channel.ticket = std::move(*ticket);
    channel.transport =
        tls != nullptr ? tls->accept(std::move(socket)) : make_plain_transport(std::move(socket));
    if (!channel.transport) return shard_.statistics().tls_failures.add(1);
    shard_.statistics().accepted.add(1);
    adopt(std::make_unique<HttpConnection>(*this, std::move(channel), std::move(origin))).start();
}

ShardIndex Endpoint::owner_of(const HttpRequest& request) const {
    if (!handlers_.owner_of) return shard_.index();
    const ShardIndex owner = handlers_.owner_of(request).value_or(shard_.index());
    SB_CHECK(owner < peers_.size());
    return owner;
}

void Endpoint::handle(HttpRequest request, std::unique_ptr<DrainableExchange> exchange) {
    const ShardIndex owner = owner_of(request);
    if (owner == shard_.index()) return handle_here(std::move(request), std::move(exchange));
    forwarder_.forward(owner, std::move(request), std::move(exchange));
}

void Endpoint::handle_here(HttpRequest request, std::unique_ptr<HttpExchange> exchange) {
    shard_.statistics().http_requests.add(1);
    SB_CHECK(handlers_.http != nullptr);
    handlers_.http->handle(std::move(request), std::move(exchange));
}

void Endpoint::upgrade(UpgradeSeed seed) {
    const ShardIndex owner = owner_of(seed.request);
    if (owner == shard_.index()) return offer_upgrade(std::move(seed));
    if (!shard_.mesh().try_reserve({&owner, 1})) {
        shard_.statistics().overloaded.add(1);
        return refuse_upgrade(std::move(seed), options_.overloaded);
    }
    shard_.statistics().moved_upgrades.add(1);
    shard_.mesh().post_reserved(owner, [&target = peer(owner), moved = std::move(seed)]() mutable {
        target.offer_upgrade(std::move(moved));
    });
}

void Endpoint::offer_upgrade(UpgradeSeed seed) {
    SB_CHECK(handlers_.upgrades != nullptr);
    handlers_.upgrades->handle_upgrade(make_upgrade(*this, std::move(seed)));
}

void Endpoint::refuse_upgrade(UpgradeSeed seed, const HttpResponse& response) {
    auto connection =
        std::make_unique<HttpConnection>(*this, std::move(seed.channel), std::move(seed.origin));
    adopt(std::move(connection)).start_with_answer(response);
}

}  // namespace signalbox::runtime
