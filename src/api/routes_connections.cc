#include "api/routes.h"

namespace signalbox::api {
namespace {

void append_connection(JsonWriter& json, const gateway::ConnectionInfo& connection) {
    json.begin_object()
        .member("connectionId", connection.id.str())
        .member("userId", connection.user.str())
        .member("companyId", connection.company.str())
        .member("sessionId", connection.session.str())
        .key("artifacts")
        .begin_array();
    for (const ArtifactId& artifact : connection.artifacts) json.string(artifact.str());
    json.end_array()
        .member("transport", connection.transport)
        .member("address", connection.peer)
        .member("connectedAt", format_time(connection.connected_at))
        .member("inFlight", connection.in_flight)
        .end_object();
}

std::string connections_json(const std::vector<gateway::ConnectionInfo>& connections) {
    std::string text;
    JsonWriter json(text);
    json.begin_object().key("connections").begin_array();
    for (const gateway::ConnectionInfo& connection : connections)
        append_connection(json, connection);
    json.end_array().end_object();
    return text;
}

}  // namespace

void list_connections(CallPtr call) {
    auto company = call->query_id<CompanyId>("companyId");
    if (!company) return call->fail(company.error());
    if (!*company) *company = own_company(call->principal);
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal principal = call->principal;
    gateway.list_connections(principal, std::move(*company),
                             on_success<std::vector<gateway::ConnectionInfo>>(
                                 std::move(call), [](CallPtr c, const auto& connections) {
                                     c->answer(json_answer(200, connections_json(connections)));
                                 }));
}

void delete_connection(CallPtr call) {
    auto id = call->path_id<ConnectionId>();
    if (!id) return call->fail(id.error());
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal principal = call->principal;
    gateway.delete_connection(
        principal, std::move(*id),
        on_success<gateway::ConnectionInfo>(
            std::move(call), [](CallPtr c, const gateway::ConnectionInfo& ended) {
                c->audit("connection.ended", {.session = ended.session.str(),
                                              .user = ended.user.str(),
                                              .company = ended.company.str(),
                                              .connection = ended.id.str()});
                c->answer(empty_answer());
            }));
}

}  // namespace signalbox::api
