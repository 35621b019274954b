#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "api/call.h"

/// Every HTTP route but the socket endpoint and static files. docs/http-api.md describes each.
namespace signalbox::api {

enum class Access : std::uint8_t {
    kOpen,   ///< the handler itself decides
    kToken,  ///< a user's token or a service's key; costs one of the user's and company's buckets
    kDocument,  ///< the same, or nobody where Options::documents lets everybody read
    kSession,   ///< a user's token with its session; what it costs is the handler's business
};

/// kManagement routes move to `server.internal_listen` when that is set.
enum class Exposure : std::uint8_t { kPublic, kManagement };

/// Answers the call, now or later.
using RouteHandler = void (*)(CallPtr call);

struct Route {
    std::string_view method;
    std::string_view pattern;  ///< without the base path; at most one segment `{…}`
    Access access;
    Exposure exposure;
    RouteHandler handle;
};

[[nodiscard]] std::span<const Route> routes();

/// Whether the route is there on the listener where the request has arrived.
[[nodiscard]] bool is_exposed(const Route& route, const HttpRequest& request, ManagementDoor door);

/// @return true when `path` (not decoded) fits `pattern`; then `value` is its `{…}` segment,
/// decoded.
[[nodiscard]] bool fits(std::string_view pattern, std::string_view path, std::string& value);

void get_health(CallPtr call);
void get_readiness(CallPtr call);
void get_metrics(CallPtr call);
void get_openapi(CallPtr call);
void get_asyncapi(CallPtr call);
void get_actions(CallPtr call);
void post_action(CallPtr call);
void get_execution(CallPtr call);
void delete_execution(CallPtr call);
void post_updates(CallPtr call);
void post_session(CallPtr call);
void put_session(CallPtr call);
void get_session(CallPtr call);
void list_sessions(CallPtr call);
void delete_session(CallPtr call);
void delete_sessions(CallPtr call);
void explain_permission(CallPtr call);
void list_connections(CallPtr call);
void delete_connection(CallPtr call);

}  // namespace signalbox::api
