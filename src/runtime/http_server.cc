#include "runtime/http_server.h"

#include <atomic>
#include <string>
#include <utility>

#include "runtime/endpoint.h"
#include "runtime/http_fault.h"

namespace signalbox::runtime {

HttpResponse HttpServerOptions::default_overloaded() {
    return error_response(ErrorCode::kOverloaded, "The server is overloaded.");
}

HttpServer::HttpServer(ShardGroup& shards, HttpServerOptions options)
    : shards_(shards),
      options_(std::move(options)),
      addresses_(options_.connections_per_address_max) {
    for (ShardIndex i = 0; i < shards.size(); ++i) {
        endpoints_.push_back(
            std::make_unique<Endpoint>(shards.shard(i), options_, addresses_, peers_));
    }
    for (const auto& endpoint : endpoints_) peers_.push_back(endpoint.get());
}

HttpServer::~HttpServer() = default;

void HttpServer::set_handlers(ShardIndex shard, ShardHandlers handlers) {
    endpoints_[shard]->set_handlers(std::move(handlers));
}

std::expected<std::uint16_t, ListenError> HttpServer::listen(ListenOptions options) {
    auto bound = bind_sockets(options, endpoints_.size());
    if (!bound) return std::unexpected(bound.error());
    std::atomic<bool> listening = true;
    shards_.run_on_all([&](Shard& shard) {
        UniqueFd socket = std::move(bound->sockets[shard.index()]);
        if (!endpoints_[shard.index()]->listen(std::move(socket), options.kind, options.tls)) {
            listening = false;
        }
    });
    if (!listening) return std::unexpected(ListenError::kUnavailable);
    return bound->port;
}

void HttpServer::close_listeners() {
    for (ShardIndex i = 0; i < shards_.size(); ++i) {
        shards_.post(i, [&endpoint = *endpoints_[i]] { endpoint.close_listeners(); });
    }
}

void HttpServer::drain(std::function<void()> gone) {
    const auto left = std::make_shared<std::atomic<std::size_t>>(endpoints_.size());
    for (ShardIndex i = 0; i < shards_.size(); ++i) {
        shards_.post(i, [&endpoint = *endpoints_[i], left, gone] {
            endpoint.drain([left, gone] {
                if (--*left == 0) gone();
            });
        });
    }
}

}  // namespace signalbox::runtime
