#include <chrono>

#include "auth/service_keys.h"
#include "gateway/connection.h"
#include "gateway/gateway.h"

/// Sessions that live in the company's API (`auth.sessions.mode = "introspect"`): asked at the
/// connect, with every call, at a refresh, and again and again for open connections. The home shard
/// of a company asks for all its connections, so that one question serves them.
namespace signalbox::gateway {
namespace {

/// After a question without an answer.
constexpr Milliseconds kAskAgainAfter{1'000};

Question question_about(const UserId& user, const CompanyId& company, const SessionId& session,
                        std::string_view token) {
    std::string body;
    JsonWriter(body)
        .begin_object()
        .member("token", token)
        .member("sessionId", session.str())
        .member("userId", user.str())
        .member("companyId", company.str())
        .end_object();
    return {auth::sha256(token) + session.str(), std::move(body), company, user};
}

/// What a verdict means for its session.
std::expected<SessionFound, Error> found_of(const std::expected<Verdict, Error>& verdict,
                                            WallTime now) {
    if (!verdict) return std::unexpected(verdict.error());
    if (!verdict->yes) {
        return std::unexpected(
            Error::of(ErrorCode::kSessionInvalid, "the session is unknown, revoked or not active"));
    }
    if (verdict->expires_at && *verdict->expires_at <= now) {
        return std::unexpected(Error::of(ErrorCode::kSessionExpired, "the session's time is over"));
    }
    return SessionFound{verdict->expires_at, verdict->permissions, verdict->answered_at};
}

}  // namespace

auth::Permissions SessionFound::applied_to(const auth::Permissions& claimed) const {
    if (!permissions) return claimed;
    return auth::Permissions(
        auth::Grants{
            .permissions = *permissions, .roles = {}, .artifacts = claimed.grants().artifacts},
        {});
}

void Gateway::introspect(SessionClaim claim, Done<SessionFound> done) {
    ask_api(&Gateway::session_judge_,
            question_about(claim.user, claim.company, claim.session, claim.token),
            [this, done = std::move(done)](const std::expected<Verdict, Error>& verdict) mutable {
                done(found_of(verdict, s_.clock.wall_now()));
            });
}

void Gateway::note_introspection(Connection& connection, MonotonicTime answered_at) {
    Introspection& known = *connection.introspection;
    const JudgeOptions& api = s_.options.introspection;
    const MonotonicTime old_at = answered_at + s_.options.introspect_recheck;
    known.counts_until = old_at + api.stale_for;
    known.ends_at = old_at + std::max(api.stale_for, api.timeout);
    const MonotonicTime again = ask_again_at(answered_at, s_.options.introspect_recheck);
    s_.wheel.arm(known.timer, std::min(again, known.ends_at));
}

void Gateway::introspection_due(Connection& connection) {
    if (connection.state != Connection::State::kOpen) return;
    // It may come back as soon as the API answers again.
    if (now() >= connection.introspection->ends_at)
        return close(connection, {.code = error_info(ErrorCode::kUpstreamUnavailable).name});
    introspect_again(connection);
}

void Gateway::introspect_again(Connection& connection) {
    Introspection& known = *connection.introspection;
    s_.wheel.arm(known.timer, known.ends_at);
    const auth::Principal& who = connection.principal;
    introspect({who.user, who.company, who.session, known.token},
               [this, socket_id = std::string(connection.socket.id()),
                token = known.token](std::expected<SessionFound, Error> found) {
                   const Connection* same = find_connection(socket_id);
                   // After a refresh the answer for the old token says nothing.
                   if (same == nullptr || !same->introspection) return;
                   if (same->introspection->token == token) take_introspection(socket_id, found);
               });
}

void Gateway::take_introspection(const std::string& socket_id,
                                 const std::expected<SessionFound, Error>& found) {
    Connection* connection = find_connection(socket_id);
    if (connection == nullptr || connection->state != Connection::State::kOpen) return;
    if (!found) return end_unverified(*connection, found.error());
    note_introspection(*connection, found->answered_at);
    connection->move_session_end(found->end);
    auth::Permissions now = found->applied_to(connection->introspection->claimed);
    take_rights(*connection, policy().renewed(now),
                {.cause = RightsChange::Cause::kSession, .ended_subscriptions = {}});
}

void Gateway::end_unverified(Connection& connection, const Error& error) {
    if (error.is(ErrorCode::kSessionInvalid) || error.is(ErrorCode::kSessionExpired)) {
        const bool expired = error.is(ErrorCode::kSessionExpired);
        audit_session_end(connection, error);
        return close(connection,
                     {.code = error.code,
                      .event = "system.sessionRevoked",
                      .data = expired ? R"({"reason":"expired"})" : R"({"reason":"revoked"})"});
    }
    Introspection& known = *connection.introspection;
    if (now() >= known.counts_until) return close(connection, {.code = error.code});
    s_.wheel.arm(known.timer, std::min(now() + kAskAgainAfter, known.counts_until));
}

void Gateway::audit_session_end(const Connection& connection, const Error& error) const {
    const auth::Principal& who = connection.principal;
    s_.log.audit(AuditSubject::kRefusal, "session.refused",
                 {{"actor", who.user.str()},
                  {"actorCompany", who.company.str()},
                  {"connectionId", connection.socket.id()},
                  {"sessionId", who.session.str()},
                  {"code", error.code},
                  {"reason", error.message},
                  {"peer", connection.socket.handshake().peer}});
}

}  // namespace signalbox::gateway
