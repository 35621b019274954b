#include "runtime/http_server.h"

#include <string>
#include <utility>

#include "runtime/endpoint.h"

namespace signalbox::runtime {

HttpResponse HttpServerOptions::default_overloaded() {
    auto response = HttpResponse::of(
        503, "application/json",
        R"({"error":{"code":"OVERLOADED","message":"The server is overloaded.","retryable":true}})");
    response.headers.add("Retry-After", "1");
    return response;
}

HttpServer::HttpServer(ShardGroup& shards, HttpServerOptions options)
    : shards_(shards), options_(std::move(options)) {
    for (ShardIndex i = 0; i < shards.size(); ++i) {
        endpoints_.push_back(std::make_unique<Endpoint>(shards.shard(i), options_, peers_));
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
    for (ShardIndex i = 0; i < shards_.size(); ++i) {
        shards_.post(i, [&endpoint = *endpoints_[i], socket = std::move(bound->sockets[i]),
                         kind = options.kind, tls = options.tls]() mutable {
            endpoint.listen(std::move(socket), kind, std::move(tls));
        });
    }
    return bound->port;
}

void HttpServer::close_listeners() {
    for (ShardIndex i = 0; i < shards_.size(); ++i) {
        shards_.post(i, [&endpoint = *endpoints_[i]] { endpoint.close_listeners(); });
    }
}

void HttpServer::drain() {
    for (ShardIndex i = 0; i < shards_.size(); ++i) {
        shards_.post(i, [&endpoint = *endpoints_[i]] { endpoint.drain(); });
    }
}

}  // namespace signalbox::runtime
