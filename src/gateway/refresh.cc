#include "base/check.h"
#include "gateway/bearer.h"
#include "gateway/connection.h"
#include "gateway/faults.h"
#include "gateway/gateway.h"
#include "gateway/peer_network.h"

/// `auth.refresh`: a new token for a connection that stays open.
namespace signalbox::gateway {
namespace {

std::string token_of(const actions::ExecutionRequest& request) {
    JsonParser parser;
    std::string_view token;
    const auto data = parser.parse(request.data.str());
    SB_CHECK(data.has_value() && (*data)["token"].get(token) == simdjson::SUCCESS);
    return std::string(token);
}

std::string answer_of(const auth::Principal& who, bool changed) {
    std::string answer;
    JsonWriter(answer)
        .begin_object()
        .member("expiresAt", format_time(*who.expires_at))
        .member("permissionsChanged", changed)
        .end_object();
    return answer;
}

}  // namespace

void Gateway::refresh_token(const actions::ExecutionRequest& request, Connection* connection,
                            std::unique_ptr<actions::ExecutionSink> sink) {
    if (connection == nullptr) {
        return sink->on_end(
            std::unexpected(Error::of(ErrorCode::kInvalidMessage,
                                      "this action changes a connection: run it over the socket, "
                                      "and send a new token with the next HTTP request")));
    }
    if (connection->refreshing) {
        return sink->on_end(std::unexpected(
            Error::of(ErrorCode::kRateLimited, "a new token of this connection is being checked")));
    }
    connection->refreshing = true;
    std::string token(without_bearer(token_of(request)));
    std::string network = network_of(connection->socket.handshake().peer);
    std::string copy = token;
    token_gate_.check(
        {std::move(copy), std::move(network)}, auth::Expiry::kChecked,
        [this, refresh = Refresh{std::string(connection->socket.id()), std::move(token),
                                 std::move(sink)}](auto claims) mutable {
            check_refresh(std::move(refresh), std::move(claims));
        });
}

void Gateway::check_refresh(Refresh refresh, std::expected<auth::TokenClaims, Error> claims) {
    if (!claims) return end_refresh(refresh, std::unexpected(std::move(claims.error())));
    const Connection* connection = find_connection(refresh.socket_id);
    if (connection == nullptr) return end_refresh(refresh, std::unexpected(broke_meanwhile()));
    auto renewed = renewed_principal(*connection, *claims);
    if (!renewed) return end_refresh(refresh, std::unexpected(std::move(renewed.error())));
    SessionClaim claim{renewed->user, renewed->company, renewed->session, refresh.token};
    check_session(std::move(claim), [this, refresh = std::move(refresh),
                                     renewed = std::move(*renewed)](auto session) {
        end_refresh(refresh, take_refresh(refresh, renewed, session));
    });
}

std::expected<auth::Principal, Error> Gateway::renewed_principal(
    const Connection& connection, const auth::TokenClaims& claims) const {
    const auth::Principal& who = connection.principal;
    if (claims.user != who.user || claims.company != who.company) {
        return std::unexpected(
            Error::of(ErrorCode::kSessionInvalid,
                      "a refresh cannot change the user or company of a connection"));
    }
    auto session = session_of(claims, who.session.str());
    if (!session) return std::unexpected(std::move(session.error()));
    auth::Principal renewed = who;
    renewed.permissions = claims.permissions;
    renewed.expires_at = claims.expires_at;
    return renewed;
}

actions::ActionResult Gateway::take_refresh(const Refresh& refresh, const auth::Principal& renewed,
                                            const std::expected<SessionFound, Error>& session) {
    if (!session) return std::unexpected(session.error());
    Connection* connection = find_connection(refresh.socket_id);
    if (connection == nullptr || connection->state != Connection::State::kOpen)
        return std::unexpected(broke_meanwhile());
    ++stats_.tokens_refreshed;
    connection->session_expires_at = session->end;
    if (connection->introspection) {
        connection->introspection->token = refresh.token;
        connection->introspection->claimed = renewed.permissions;
        note_introspection(*connection, session->answered_at);
    }
    keep_token(connection->principal, refresh.token);
    connection->move_token_end(*renewed.expires_at);
    s_.log.info("connection.refreshed", {{"connectionId", refresh.socket_id},
                                         {"userId", renewed.user.str()},
                                         {"companyId", renewed.company.str()},
                                         {"expiresAt", format_time(*renewed.expires_at)}});
    // The roles may have changed while the session was looked up.
    auth::Permissions now = policy().renewed(session->applied_to(renewed.permissions));
    const bool changed = now != connection->principal.permissions;
    take_rights(*connection, std::move(now),
                {.cause = RightsChange::Cause::kToken, .ended_subscriptions = {}});
    return JsonText::trusted(answer_of(renewed, changed));
}

void Gateway::end_refresh(const Refresh& refresh, actions::ActionResult result) {
    if (Connection* connection = find_connection(refresh.socket_id)) connection->refreshing = false;
    refresh.sink->on_end(std::move(result));
}

}  // namespace signalbox::gateway
