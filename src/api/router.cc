#include "api/router.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engineio/cors.h"
#include "engineio/refusal.h"

namespace signalbox::api {
namespace {

HttpResponse redirect(std::string location) {
    HttpResponse response;
    response.status = 302;
    response.headers.add("Location", std::move(location));
    response.headers.add("Cache-Control", "no-store");
    return response;
}

/// HEAD is a GET whose body the server leaves out.
bool takes(const Route& route, std::string_view method) {
    return route.method == method || (route.method == "GET" && method == "HEAD");
}

bool is_read(const HttpRequest& request) {
    return request.method == "GET" || request.method == "HEAD";
}

}  // namespace

HttpResponse Router::refuse(const Error& error) {
    context_.gateway.count_error(error.code);
    return error_answer(error);
}

HttpResponse Router::not_found() {
    return refuse(Error::of(ErrorCode::kNotFound, "There is nothing at this path."));
}

HttpResponse Router::method_not_allowed(std::string allowed) {
    HttpResponse response = refuse(
        Error::of(ErrorCode::kMethodNotAllowed, "This path takes other methods: " + allowed + "."));
    response.headers.add("Allow", std::move(allowed));
    return response;
}

Router::Router(const Shared& shared, gateway::Gateway& gateway, SocketEndpoint socket)
    : context_{.gateway = gateway,
               .options = shared.options,
               .files = shared.files,
               .transport_numbers = shared.transport_numbers},
      origins_(shared.options.allowed_origins),
      socket_(socket) {}

void Router::handle(HttpRequest request, std::unique_ptr<HttpExchange> exchange) {
    const engineio::OriginVerdict verdict = origins_.judge(request);
    if (engineio::is_preflight(request))
        return exchange->respond(engineio::answer_preflight(request, verdict));
    exchange = engineio::with_cors(request, verdict, std::move(exchange));
    if (is_socket_path(request.path)) {
        if (!engineio::is_allowed(verdict)) {
            audit_origin(request);
            return exchange->respond(engineio::http_refusal(engineio::Refusal::kForbidden));
        }
        return socket_.requests.handle(std::move(request), std::move(exchange));
    }
    const std::string whole_path = request.path;
    const auto path = local_path(whole_path);
    if (!path) return exchange->respond(not_found());
    if (auto answer = static_answer(*path, request)) return exchange->respond(std::move(*answer));
    dispatch(*path, std::make_unique<Call>(context_, std::move(request), std::move(exchange)));
}

void Router::handle_upgrade(std::unique_ptr<engineio::WebSocketUpgrade> upgrade) {
    const HttpRequest& request = upgrade->request();
    if (!is_socket_path(request.path)) return upgrade->refuse(not_found());
    if (!engineio::is_allowed(origins_.judge(request))) {
        audit_origin(request);
        return upgrade->refuse(engineio::upgrade_refusal(engineio::Refusal::kForbidden));
    }
    socket_.upgrades.handle_upgrade(std::move(upgrade));
}

void Router::audit_origin(const HttpRequest& request) const {
    context_.gateway.log().audit(AuditSubject::kStrangerRefusal, "origin.refused",
                                 {{"origin", request.headers.find("Origin").value_or("")},
                                  {"reason", "server.allowed_origins does not name it"},
                                  {"peer", request.peer}});
}

bool Router::is_socket_path(std::string_view path) const {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return std::ranges::find(context_.options.socket_paths, path) !=
           context_.options.socket_paths.end();
}

std::optional<std::string_view> Router::local_path(std::string_view path) const {
    const std::string& base = context_.options.base_path;
    if (!path.starts_with(base)) return std::nullopt;
    path.remove_prefix(base.size());
    if (path.empty()) return "/";
    return path.front() == '/' ? std::optional(path) : std::nullopt;
}

std::optional<HttpResponse> Router::static_answer(std::string_view path,
                                                  const HttpRequest& request) const {
    const Options& options = context_.options;
    if (options.test_client == TestClient::kOff || !is_read(request)) return std::nullopt;
    if (path == "/" && options.test_client == TestClient::kServedAndHome) {
        return redirect(options.base_path + std::string(kTestClientPath));
    }
    if (!context_.files.has(path)) return std::nullopt;
    return context_.files.answer(path, request);
}

void Router::dispatch(std::string_view path, CallPtr call) {
    std::string allowed;
    for (const Route& route : routes()) {
        if (!fits(route.pattern, path, call->path_value)) continue;
        if (!is_exposed(route, call->request, context_.options.management)) continue;
        if (takes(route, call->request.method)) return run(route, std::move(call));
        allowed.append(allowed.empty() ? "" : ", ").append(route.method);
        if (route.method == "GET") allowed.append(", HEAD");
    }
    call->answer(allowed.empty() ? not_found() : method_not_allowed(std::move(allowed)));
}

void Router::run(const Route& route, CallPtr call) {
    if (route.access == Access::kOpen) return route.handle(std::move(call));
    gateway::Credentials credentials = credentials_of(call->request);
    const bool open = route.access == Access::kDocument && credentials.bearer.empty() &&
                      context_.options.documents == DocumentReaders::kEverybody;
    if (open) return route.handle(std::move(call));
    const auto need = route.access == Access::kSession ? gateway::SessionNeed::kRequired
                                                       : gateway::SessionNeed::kOptional;
    context_.gateway.authenticate(
        std::move(credentials), need,
        on_success<auth::Principal>(std::move(call), [&route](CallPtr c, auth::Principal who) {
            c->principal = std::move(who);
            if (route.access == Access::kSession) return route.handle(std::move(c));
            charge(route, std::move(c));
        }));
}

void Router::charge(const Route& route, CallPtr call) {
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal who = call->principal;
    gateway.charge_call(who, [&route, call = std::move(call)](std::optional<Error> error) mutable {
        if (error) return call->fail(*error);
        route.handle(std::move(call));
    });
}

}  // namespace signalbox::api
