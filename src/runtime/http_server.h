#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/address_limit.h"
#include "runtime/listener.h"
#include "runtime/options.h"
#include "runtime/shard_group.h"

namespace signalbox::runtime {

class Endpoint;

/// HTTP/1.1 and WebSocket on every shard of a group.
///
///     ShardGroup shards({.shards = 2});
///     HttpServer server(shards, {});
///     for (ShardIndex i = 0; i < shards.size(); ++i) server.set_handlers(i, handlers[i]);
///     shards.start();
///     auto port = server.listen({.port = 0});
///     …
///     shards.stop();
///
/// Ownership: owns all connections. Ends before its group, after the group's stop(), and after the
///            handlers: the exchanges, upgrades and ports that these hold belong to its
///            connections.
/// Threading: set_handlers() before the first listen(); the others from any one thread at a time
///            that is not a shard's.
class HttpServer {
public:
    HttpServer(ShardGroup& shards, HttpServerOptions options);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    void set_handlers(ShardIndex shard, ShardHandlers handlers);
    /// While the shards run. After an error some shards may listen: end the server.
    /// @return the port.
    [[nodiscard]] std::expected<std::uint16_t, ListenError> listen(ListenOptions options);

    /// Takes no more connections. Those that are open stay.
    void close_listeners();
    /// Lets answers that are under way end with `Connection: close` and closes idle HTTP
    /// connections. WebSockets are their handlers' affair. `gone` is called once, on some shard,
    /// when all connections have ended; never, when the shards stop before.
    void drain(std::function<void()> gone);

private:
    ShardGroup& shards_;
    const HttpServerOptions options_;
    AddressLimit addresses_;
    std::vector<std::unique_ptr<Endpoint>> endpoints_;
    std::vector<Endpoint*> peers_;
};

}  // namespace signalbox::runtime
