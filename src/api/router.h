#pragma once

#include <memory>
#include <string_view>

#include "actions/registry.h"
#include "api/call.h"
#include "api/options.h"
#include "api/routes.h"
#include "api/static_files.h"
#include "base/http.h"
#include "engineio/origin_policy.h"
#include "engineio/ports.h"
#include "gateway/gateway.h"

namespace signalbox::api {

/// The Engine.IO endpoint of the shard, as the router sees it.
struct SocketEndpoint {
    HttpHandler& requests;
    engineio::UpgradeHandler& upgrades;
};

/// What all shards' routers share; const while they run. What is left empty is not served.
struct Shared {
    const Options& options;
    const StaticFiles& files;
    TransportNumbersSource transport_numbers;
};

/// The front door of one shard: every request and WebSocket handshake comes here and goes to the
/// socket endpoint, a REST route, health, metrics or a static file; else it is answered 404.
/// Applies OriginPolicy to all of them: a page of another origin gets no session and no CORS
/// headers.
///
/// Ownership: borrows everything it is given; must outlive the exchanges' calls, so it is destroyed
///            after the gateway has ended its work.
/// Threading: confined to its shard.
/// Errors:    ERROR envelopes with the registry's status; for the socket endpoint, Engine.IO's
/// JSON.
class Router final : public HttpHandler, public engineio::UpgradeHandler {
public:
    Router(const Shared& shared, gateway::Gateway& gateway, SocketEndpoint socket);

    void handle(HttpRequest request, std::unique_ptr<HttpExchange> exchange) override;
    void handle_upgrade(std::unique_ptr<engineio::WebSocketUpgrade> upgrade) override;

private:
    /// Counts what no route counts.
    [[nodiscard]] HttpResponse refuse(const Error& error);
    [[nodiscard]] HttpResponse not_found();
    [[nodiscard]] HttpResponse method_not_allowed(std::string allowed);
    void audit_origin(const HttpRequest& request) const;
    [[nodiscard]] bool is_socket_path(std::string_view path) const;
    /// The path without the base path; nullopt when it lies outside.
    [[nodiscard]] std::optional<std::string_view> local_path(std::string_view path) const;
    [[nodiscard]] std::optional<HttpResponse> static_answer(std::string_view path,
                                                            const HttpRequest& request) const;
    void dispatch(std::string_view path, CallPtr call);
    void run(const Route& route, CallPtr call);
    static void charge(const Route& route, CallPtr call);

    Context context_;
    engineio::OriginPolicy origins_;
    SocketEndpoint socket_;
};

}  // namespace signalbox::api
