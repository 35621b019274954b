#include "api/contract.h"
#include "api/etag.h"
#include "api/routes.h"

namespace signalbox::api {
namespace {

constexpr std::string_view kHostCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";

bool is_anonymous(const auth::Principal& principal) {
    return principal.user.empty() && !principal.is_service();
}

std::string host_of(const HttpRequest& request) {
    const std::string_view host = request.headers.find("Host").value_or("");
    const bool plain = !host.empty() && host.find_first_not_of(kHostCharacters) == host.npos;
    return std::string(plain ? host : "localhost");
}

/// What the caller may know of.
Contract contract_for(const Call& call) {
    const Options& options = call.api.options;
    gateway::Gateway& gateway = call.api.gateway;
    const bool in_token = gateway.session_mode() == gateway::SessionMode::kClaim;
    call.api.schema_texts.use(gateway.shared_actions());
    Contract contract{.texts = call.api.schema_texts,
                      .version = options.version,
                      .base_path = options.base_path,
                      .socket_path = options.socket_paths.front(),
                      .host = host_of(call.request),
                      .socket_protocol = call.request.secure ? "wss" : "ws",
                      .sessions = in_token ? SessionSource::kToken : SessionSource::kRequest,
                      .readers = options.documents};
    const bool all = is_anonymous(call.principal);
    for (const auto& [name, action] : gateway.actions().all()) {
        if (all || gateway.policy().may_run(call.principal, action.definition.permission))
            contract.actions.push_back(&action);
    }
    for (const Route& route : routes()) {
        if (is_exposed(route, call.request, options.management)) contract.routes.push_back(&route);
    }
    return contract;
}

void answer_document(CallPtr call, std::string text) {
    const std::string etag = etag_of(text);
    const bool unchanged =
        names_etag(call->request.headers.find("If-None-Match").value_or(""), etag);
    HttpResponse response = unchanged ? HttpResponse{.status = 304, .headers = {}, .body = {}}
                                      : HttpResponse::of(200, "application/json", std::move(text));
    response.headers.add("ETag", etag);
    response.headers.add("Cache-Control", "private, no-cache");
    response.headers.add("Vary", "Authorization, X-Session-Id");
    response.headers.add("X-Content-Type-Options", "nosniff");
    call->answer(std::move(response));
}

}  // namespace

void get_openapi(CallPtr call) {
    std::string text = openapi_document(contract_for(*call));
    answer_document(std::move(call), std::move(text));
}

void get_asyncapi(CallPtr call) {
    std::string text = asyncapi_document(contract_for(*call));
    answer_document(std::move(call), std::move(text));
}

}  // namespace signalbox::api
