#include "library/front_door.h"

#include <utility>

#include "engineio/cors.h"
#include "engineio/refusal.h"

namespace signalbox::library {
namespace {

std::string_view without_slash(std::string_view path) {
    return path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

HttpResponse not_found() {
    return HttpResponse::of(404, "text/plain; charset=UTF-8", "Not found");
}

HttpResponse closing() {
    HttpResponse response =
        HttpResponse::of(503, "text/plain; charset=UTF-8", "The server is shutting down");
    response.headers.add("Retry-After", "1");
    return response;
}

}  // namespace

FrontDoor::FrontDoor(std::string path, const std::vector<std::string>& cors_origins,
                     engineio::Server& engine)
    : path_(without_slash(path)), origins_(cors_origins), engine_(engine) {}

void FrontDoor::handle(HttpRequest request, std::unique_ptr<HttpExchange> exchange) {
    if (!serves(request.path)) return exchange->respond(not_found());
    const engineio::OriginVerdict verdict = origins_.judge(request);
    if (engineio::is_preflight(request))
        return exchange->respond(engineio::answer_preflight(request, verdict));
    if (!engineio::is_allowed(verdict))
        return exchange->respond(engineio::http_refusal(engineio::Refusal::kForbidden));
    exchange = engineio::with_cors(request, verdict, std::move(exchange));
    if (comes_too_late(request)) return exchange->respond(closing());
    engine_.handle(std::move(request), std::move(exchange));
}

void FrontDoor::handle_upgrade(std::unique_ptr<engineio::WebSocketUpgrade> upgrade) {
    const HttpRequest& request = upgrade->request();
    if (!serves(request.path)) return upgrade->refuse(not_found());
    if (!engineio::is_allowed(origins_.judge(request)))
        return upgrade->refuse(engineio::upgrade_refusal(engineio::Refusal::kForbidden));
    if (comes_too_late(request)) return upgrade->refuse(closing());
    engine_.handle_upgrade(std::move(upgrade));
}

bool FrontDoor::comes_too_late(const HttpRequest& request) const {
    return closed_ && !QueryParameters(request.query).find("sid");
}

bool FrontDoor::serves(std::string_view path) const {
    return without_slash(path) == path_;
}

}  // namespace signalbox::library
