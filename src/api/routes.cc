#include "api/routes.h"

namespace signalbox::api {
namespace {

using enum Access;
using enum Exposure;

constexpr Route kRoutes[] = {
    {"GET", "/healthz", kOpen, kPublic, get_health},
    {"GET", "/readyz", kOpen, kPublic, get_readiness},
    {"GET", "/metrics", kOpen, kManagement, get_metrics},
    {"GET", "/openapi.json", kDocument, kPublic, get_openapi},
    {"GET", "/asyncapi.json", kDocument, kPublic, get_asyncapi},
    {"GET", "/api/v1/actions", kToken, kPublic, get_actions},
    {"POST", "/api/v1/actions/{name}", kSession, kPublic, post_action},
    {"GET", "/api/v1/executions/{idempotencyKey}", kSession, kPublic, get_execution},
    {"DELETE", "/api/v1/executions/{idempotencyKey}", kSession, kPublic, delete_execution},
    {"POST", "/api/v1/updates", kToken, kPublic, post_updates},
    {"GET", "/api/v1/sessions", kToken, kManagement, list_sessions},
    {"POST", "/api/v1/sessions", kToken, kManagement, post_session},
    {"DELETE", "/api/v1/sessions", kToken, kManagement, delete_sessions},
    {"GET", "/api/v1/sessions/{sessionId}", kToken, kManagement, get_session},
    {"PUT", "/api/v1/sessions/{sessionId}", kToken, kManagement, put_session},
    {"DELETE", "/api/v1/sessions/{sessionId}", kToken, kManagement, delete_session},
    {"GET", "/api/v1/permissions/explain", kToken, kPublic, explain_permission},
    {"GET", "/api/v1/connections", kToken, kManagement, list_connections},
    {"DELETE", "/api/v1/connections/{connectionId}", kToken, kManagement, delete_connection},
};

}  // namespace

std::span<const Route> routes() {
    return kRoutes;
}

bool is_exposed(const Route& route, const HttpRequest& request, ManagementDoor door) {
    return route.exposure == Exposure::kPublic || request.internal_listener ||
           door == ManagementDoor::kEveryListener;
}

bool fits(std::string_view pattern, std::string_view path, std::string& value) {
    const std::size_t brace = pattern.find('{');
    if (brace == std::string_view::npos) return pattern == path;
    if (!path.starts_with(pattern.substr(0, brace))) return false;
    const std::string_view segment = path.substr(brace);
    if (segment.empty() || segment.find('/') != std::string_view::npos) return false;
    value = percent_decode(segment, PlusSign::kLiteral);
    return true;
}

}  // namespace signalbox::api
