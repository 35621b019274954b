#include "gateway/bearer.h"
#include "gateway/connection.h"
#include "gateway/gateway.h"

/// `auth.refresh`: a new token for a connection that stays open.
namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryWhenBusy{1'000};

Error retryable(ErrorCode code, std::string message) {
    Error error = Error::of(code, std::move(message));
    error.retry_after = kRetryWhenBusy;
    return error;
}

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
            retryable(ErrorCode::kRateLimited, "a new token of this connection is being checked")));
    }
    auto renewed = read_refresh(*connection, token_of(request));
    if (!renewed) return sink->on_end(std::unexpected(std::move(renewed.error())));
    connection->refreshing = true;
    SessionClaim claim{renewed->user, renewed->company, renewed->session};
    check_session(std::move(claim),
                  [this, socket_id = connection->socket.id(), renewed = std::move(*renewed),
                   sink = std::move(sink)](auto session) {
                      auto answer = take_refresh(socket_id, renewed, std::move(session));
                      if (!answer) return sink->on_end(std::unexpected(std::move(answer.error())));
                      sink->on_end(JsonText::trusted(std::move(*answer)));
                  });
}

std::expected<auth::Principal, Error> Gateway::read_refresh(const Connection& connection,
                                                            std::string_view token) const {
    auto claims = s_.tokens->verify(without_bearer(token), s_.clock.wall_now());
    if (!claims) return std::unexpected(std::move(claims.error()));
    const auth::Principal& who = connection.principal;
    if (claims->user != who.user || claims->company != who.company) {
        return std::unexpected(
            Error::of(ErrorCode::kSessionInvalid,
                      "a refresh cannot change the user or company of a connection"));
    }
    auto session = session_of(*claims, who.session.str());
    if (!session) return std::unexpected(std::move(session.error()));
    auth::Principal renewed = who;
    renewed.permissions = std::move(claims->permissions);
    renewed.expires_at = claims->expires_at;
    return renewed;
}

std::expected<std::string, Error> Gateway::take_refresh(
    const std::string& socket_id, const auth::Principal& renewed,
    std::expected<std::optional<WallTime>, Error> session) {
    Connection* connection = find_connection(socket_id);
    if (connection != nullptr) connection->refreshing = false;
    if (!session) return std::unexpected(std::move(session.error()));
    if (connection == nullptr || connection->state != Connection::State::kOpen) {
        return std::unexpected(
            retryable(ErrorCode::kOverloaded, "the connection broke meanwhile; send it again"));
    }
    ++stats_.tokens_refreshed;
    connection->session_expires_at = *session;
    connection->move_token_end(*renewed.expires_at);
    s_.log.info("connection.refreshed", {{"connectionId", socket_id},
                                         {"userId", renewed.user.str()},
                                         {"companyId", renewed.company.str()},
                                         {"expiresAt", format_time(*renewed.expires_at)}});
    // The roles may have changed while the session was looked up.
    auth::Permissions now = policy().renewed(renewed.permissions);
    const bool changed = now != connection->principal.permissions;
    take_rights(*connection, std::move(now),
                {.cause = RightsChange::Cause::kToken, .ended_subscriptions = {}});
    return answer_of(renewed, changed);
}

}  // namespace signalbox::gateway
