#include <algorithm>
#include <limits>
#include <utility>

#include "gateway/bearer.h"
#include "gateway/connection.h"
#include "gateway/faults.h"
#include "gateway/gateway.h"
#include "gateway/peer_network.h"
#include "gateway/peers.h"
#include "updates/envelope.h"

/// From the Engine.IO handshake to `system.connected`.
namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryWhenBusy{1'000};
constexpr Milliseconds kRetryWhenFull{5'000};

/// A parameter of the CONNECT's auth object or, without it, of the handshake's query. Empty is
/// absent.
std::string parameter(const QueryParameters& query, JsonElement auth, std::string_view name) {
    std::string_view text;
    if (auth[name].get(text) == simdjson::SUCCESS && !text.empty()) return std::string(text);
    std::int64_t number = 0;
    if (auth[name].get(number) == simdjson::SUCCESS) return std::to_string(number);
    return std::string(query.find(name).value_or(""));
}

/// 429 or 503 with Retry-After: what the stock client retries by itself.
HttpResponse handshake_refusal(const Error& error) {
    std::string body;
    updates::append_error(body, "", "", error);
    HttpResponse response =
        HttpResponse::of(http_status_of(error.code), "application/json", std::move(body));
    const auto seconds =
        std::chrono::ceil<std::chrono::seconds>(error.retry_after.value_or(kRetryWhenBusy));
    response.headers.add("Retry-After", std::to_string(std::max<std::int64_t>(1, seconds.count())));
    response.headers.add("Cache-Control", "no-store");
    return response;
}

Error retryable(ErrorCode code, std::string message, Milliseconds after) {
    Error error = Error::of(code, std::move(message));
    error.retry_after = after;
    return error;
}

}  // namespace

HttpResponse Gateway::refuse_handshake(const Error& error, std::string_view peer) {
    ++stats_.handshakes_limited;
    stats_.count_error(error.code);
    // Whoever floods us with handshakes shall not flood the log as well.
    s_.log.debug("handshake.refused", {{"peer", peer}, {"code", error.code}});
    return handshake_refusal(error);
}

void Gateway::admit_handshake(const HttpRequest& request, engineio::Application::Decision decide) {
    if (draining_) {
        return decide(refuse_handshake(
            retryable(ErrorCode::kShuttingDown, "the server is going down", kRetryWhenBusy),
            request.peer));
    }
    const limits::Rate& rate = s_.options.limits.address_handshakes;
    if (!rate.limited()) return decide(std::nullopt);
    const auto shard =
        static_cast<ShardIndex>(std::hash<std::string>{}(request.peer) % s_.mesh.shard_count());
    auto shared = std::make_shared<engineio::Application::Decision>(std::move(decide));
    PeerTask task = [shared, peer = request.peer, asker = s_.mesh.self()](Gateway& home) {
        const auto wait =
            home.address_buckets_.take(peer, home.s_.options.limits.address_handshakes, home.now());
        home.tell(asker, [shared, peer, wait](Gateway& self) {
            if (!wait) return (*shared)(std::nullopt);
            (*shared)(self.refuse_handshake(
                retryable(ErrorCode::kRateLimited, "too many connections from this address at once",
                          *wait),
                peer));
        });
    };
    if (ask(shard, task)) return;
    (*shared)(refuse_handshake(
        retryable(ErrorCode::kOverloaded, "the server is busy", kRetryWhenBusy), request.peer));
}

void Gateway::on_connect(socketio::Socket& socket, std::string_view auth) {
    socket.data = std::make_unique<Connection>(*this, socket);
    auto& connection = static_cast<Connection&>(*socket.data);
    if (draining_) {
        return hold(connection, retryable(ErrorCode::kShuttingDown, "the server is going down",
                                          kRetryWhenBusy));
    }
    auto token = read_connect(connection, auth);
    if (!token) return refuse(connection, std::move(token.error()));
    check_token(std::string(socket.id()), std::string(without_bearer(*token)),
                auth::Expiry::kChecked);
}

std::expected<std::string, Error> Gateway::handshake_token(const HttpHeaders& headers,
                                                           const QueryParameters& query,
                                                           JsonElement auth) const {
    std::string_view token;
    JsonElement given;
    if (auth["token"].get(given) == simdjson::SUCCESS && !given.is_null()) {
        if (given.get(token) != simdjson::SUCCESS) {
            return std::unexpected(
                Error::of(ErrorCode::kInvalidToken, "auth.token must be a string"));
        }
        if (!token.empty()) return std::string(token);
    }
    if (s_.options.token_sources.header) {
        if (const auto header = headers.find("Authorization")) return std::string(*header);
    }
    if (s_.options.token_sources.query) {
        if (const auto value = query.find("token")) return std::string(*value);
    }
    return std::unexpected(
        Error::of(ErrorCode::kInvalidToken,
                  "no token was given: pass it as auth.token, as in io(url, {auth: {token}})"));
}

std::expected<std::string, Error> Gateway::read_connect(Connection& connection,
                                                        std::string_view auth_text) {
    const engineio::Handshake& handshake = connection.socket.handshake();
    const QueryParameters query(handshake.query());
    const auto parsed = parser_.parse(auth_text.empty() ? "{}" : auth_text);
    if (!parsed) {
        return std::unexpected(
            Error::of(ErrorCode::kInvalidMessage,
                      "auth cannot be read: " + std::string(to_string(parsed.error()))));
    }
    const JsonElement auth = *parsed;
    read_recovery(connection, query, auth);
    connection.joining->session = parameter(query, auth, "sessionId");
    connection.joining->artifact = parameter(query, auth, "artifactId");
    const std::string format = parameter(query, auth, "format");
    connection.format = s_.options.format;
    if (format == "object") connection.format = MessageFormat::kObject;
    if (format == "string") connection.format = MessageFormat::kString;
    return handshake_token(handshake.headers, query, auth);
}

void Gateway::check_token(const std::string& socket_id, std::string token, auth::Expiry expiry) {
    const Connection* asking = find_connection(socket_id);
    auth::TokenGate::Presented presented{token, network_of(asking->socket.handshake().peer)};
    token_gate_.check(std::move(presented), expiry,
                      [this, socket_id, token = std::move(token),
                       expiry](std::expected<auth::TokenClaims, Error> claims) {
                          Connection* connection = find_connection(socket_id);
                          if (connection == nullptr) return;  // it has gone meanwhile
                          take_token(*connection, token, expiry, std::move(claims));
                      });
}

void Gateway::take_token(Connection& connection, const std::string& token, auth::Expiry expiry,
                         std::expected<auth::TokenClaims, Error> claims) {
    if (connection.state != Connection::State::kAdmitting) return;
    const bool expired = !claims && claims.error().is(ErrorCode::kTokenExpired);
    if (expired && connection.joining->claim && expiry == auth::Expiry::kChecked) {
        connection.joining->token_age = TokenAge::kExpired;
        return check_token(std::string(connection.socket.id()), token, auth::Expiry::kIgnored);
    }
    if (!claims) return turn_away(connection, std::move(claims.error()));
    if (session_judge_)
        connection.introspection =
            std::make_unique<Introspection>(connection, token, claims->permissions);
    keep_token(connection.principal, token);
    if (auto error = take_claims(connection, std::move(*claims)))
        return refuse(connection, std::move(*error));
    request_admission(connection);
}

/// What a retry can mend must not be a CONNECT_ERROR: the stock client never retries after it.
void Gateway::turn_away(Connection& connection, Error error) {
    if (is_retryable(error.code)) return hold(connection, error);
    refuse(connection, std::move(error));
}

std::optional<Error> Gateway::take_claims(Connection& connection, auth::TokenClaims claims) {
    auth::Principal& who = connection.principal;
    who.user = std::move(claims.user);
    who.company = std::move(claims.company);
    who.permissions = std::move(claims.permissions);
    who.expires_at = claims.expires_at;
    auto session = session_of(claims, connection.joining->session);
    if (!session) return std::move(session.error());
    who.session = std::move(*session);

    const std::string& artifact = connection.joining->artifact;
    if (artifact.empty()) return std::nullopt;
    connection.artifact = ArtifactId::parse(artifact);
    if (!connection.artifact) return no_artifact_id();
    return std::nullopt;
}

void Gateway::read_recovery(Connection& connection, const QueryParameters& query,
                            JsonElement auth) const {
    const std::string wish = parameter(query, auth, "recovery");
    bool flag = true;
    const bool declined = wish == "0" || wish == "false" ||
                          (auth["recovery"].get(flag) == simdjson::SUCCESS && !flag);
    // Clients of protocol 3 know nothing of it.
    const bool knows = connection.socket.session().protocol() == engineio::Protocol::kV4;
    connection.joining->may_recover = s_.options.recovery.enabled && knows && !declined;
    if (connection.joining->may_recover) {
        connection.joining->claim = socketio::read_recovery_claim(auth);
    }
}

std::expected<SessionId, Error> Gateway::session_of(const auth::TokenClaims& claims,
                                                    std::string_view presented) const {
    const bool claimed = s_.options.session_mode == SessionMode::kClaim;
    if (presented.empty() && (!claimed || claims.session.empty())) {
        return std::unexpected(Error::of(
            ErrorCode::kSessionRequired,
            claimed ? "the token names no session"
                    : "no session was named: send `sessionId` in the query or in `auth`, over HTTP "
                      "the header `X-Session-Id`"));
    }
    if (presented.empty()) return claims.session;
    auto id = SessionId::parse(presented);
    const SessionId& bound = claimed ? claims.session : claims.bound_session;
    const bool foreign = id && (claimed || !bound.empty()) && *id != bound;
    if (!id || foreign) {
        return std::unexpected(
            Error::of(ErrorCode::kSessionInvalid, foreign ? "the token belongs to another session"
                                                          : "sessionId is not a valid id"));
    }
    return std::move(*id);
}

void Gateway::refuse(Connection& connection, Error error) {
    error.ref = s_.random.id(10);
    ++stats_.connections_refused;
    stats_.count_error(error.code);
    const auth::Principal& who = connection.principal;
    s_.log.audit(who.user.empty() ? AuditSubject::kStrangerRefusal : AuditSubject::kRefusal,
                 "connection.refused",
                 {{"connectionId", connection.socket.id()},
                  {"userId", who.user.str()},
                  {"companyId", who.company.str()},
                  {"code", error.code},
                  {"ref", error.ref},
                  {"reason", error.message},
                  {"peer", connection.socket.handshake().peer}});
    std::string data;
    JsonWriter(data)
        .begin_object()
        .member("code", error.code)
        .member("retryable", false)
        .member("ref", error.ref)
        .end_object();
    connection.state = Connection::State::kClosing;
    connection.socket.refuse(error.message, data);
}

void Gateway::hold(Connection& connection, const Error& error) {
    ++stats_.connections_refused;
    stats_.count_error(error.code);
    const Milliseconds wait =
        std::min(error.retry_after.value_or(kRetryWhenBusy), s_.options.refusal_hold_max);
    const auth::Principal& who = connection.principal;
    s_.log.info("connection.held", {{"connectionId", connection.socket.id()},
                                    {"userId", who.user.str()},
                                    {"companyId", who.company.str()},
                                    {"code", error.code},
                                    {"ref", s_.random.id(10)},
                                    {"reason", error.message},
                                    {"holdMs", wait.count()}});
    connection.state = Connection::State::kHeld;
    connection.hold_until(now() + wait);
    if (who.company.empty()) return;
    tell(home_of(who.company),
         [company = who.company, session = who.session, code = error.code](Gateway& home) {
             home.homes_.note_close(company, session, code, home.s_.clock.wall_now());
         });
}

void Gateway::request_admission(Connection& connection) {
    const std::string id(connection.socket.id());
    AdmissionRequest request{.principal = connection.principal,
                             .connection = {ConnectionId::trusted(id), s_.mesh.self()},
                             .session_expires_at = {},
                             .claim = std::move(connection.joining->claim),
                             .transport_opened_at = connection.socket.session().opened_at(),
                             .token_age = connection.joining->token_age,
                             .artifact = connection.artifact};
    if (connection.introspection) request.token = connection.introspection->token;
    const ShardIndex home_shard = home_of(connection.principal.company);
    PeerTask task = [request = std::move(request), id](Gateway& home) mutable {
        const ShardIndex asker = request.connection.shard;
        AdmissionRequest copy = request;
        home.admit_at_home(std::move(request), [&home, asker, id, copy = std::move(copy)](
                                                   std::expected<Admitted, Error> outcome) mutable {
            home.tell(asker, [id, copy = std::move(copy),
                              outcome = std::move(outcome)](Gateway& self) mutable {
                self.finish_admission(id, copy, std::move(outcome));
            });
        });
    };
    if (!ask(home_shard, task)) {
        hold(connection, retryable(ErrorCode::kOverloaded, "the server is busy", kRetryWhenBusy));
    }
}

void Gateway::admit_at_home(AdmissionRequest request, Done<Admitted> done) {
    request.watch_answers.clear();
    SessionClaim claim{request.principal.user, request.principal.company, request.principal.session,
                       request.token};
    check_session(std::move(claim), [this, request = std::move(request), done = std::move(done)](
                                        std::expected<SessionFound, Error> session) mutable {
        if (!session) return done(std::unexpected(std::move(session.error())));
        request.session_expires_at = session->end;
        request.answered_at = session->answered_at;
        if (session->permissions)
            request.introspected = session->applied_to(request.principal.permissions);
        judge_artifact(std::move(request), std::move(done));
    });
}

void Gateway::check_session(SessionClaim claim, Done<SessionFound> done) {
    if (session_judge_) return introspect(std::move(claim), std::move(done));
    if (s_.sessions == nullptr) return done(SessionFound{});
    SessionId id = claim.session;
    s_.sessions->find(
        std::move(id), s_.mesh,
        [this, claim = std::move(claim), done = std::move(done)](auto found) mutable {
            if (!found) {
                return done(std::unexpected(retryable(ErrorCode::kOverloaded,
                                                      "sessions cannot be checked at the moment",
                                                      kRetryWhenFull)));
            }
            const auto& record = *found;
            if (!record || record->user != claim.user || record->company != claim.company) {
                return done(std::unexpected(
                    Error::of(ErrorCode::kSessionInvalid,
                              "the session is unknown, revoked or somebody else's: log in again, "
                              "or let the API register it (POST /api/v1/sessions)")));
            }
            if (record->expires_at <= s_.clock.wall_now()) {
                return done(std::unexpected(
                    Error::of(ErrorCode::kSessionExpired, "the session's time is over")));
            }
            if (is_unused(*record)) {
                note_end_of_use(*record);
                return done(std::unexpected(Error::of(ErrorCode::kSessionExpired,
                                                      "the session was not used for too long")));
            }
            note_use(*record);
            done(SessionFound{.end = record->expires_at});
        });
}

void Gateway::find_room(AdmissionRequest request, Done<Admitted> done) {
    const CompanyHomes::Room room = homes_.room_for(request.principal);
    if (room == CompanyHomes::Room::kFree) return done(enter(request));
    auto candidates = homes_.session_members(request.principal.company, request.principal.session);
    if (candidates.empty() || request.attempts_left == 0) {
        const bool user = room == CompanyHomes::Room::kUserFull;
        return done(
            std::unexpected(retryable(ErrorCode::kTooManyConnections,
                                      user ? "this user has its maximum of connections open"
                                           : "this company has its maximum of connections open",
                                      kRetryWhenFull)));
    }
    --request.attempts_left;
    rank_by_silence(std::move(candidates),
                    [this, revocations = homes_.revocations(), request = std::move(request),
                     done = std::move(done)](std::vector<ConnectionRef> ranked) mutable {
                        // The shards were asked meanwhile: nothing that was known before counts.
                        if (homes_.revocations() != revocations)
                            return admit_at_home(std::move(request), std::move(done));
                        if (homes_.room_for(request.principal) != CompanyHomes::Room::kFree)
                            evict_first_member(request.principal, ranked);
                        judge_parked(std::move(request), std::move(done));
                    });
}

void Gateway::evict_first_member(const auth::Principal& who,
                                 std::span<const ConnectionRef> ranked) {
    const auto members = homes_.session_members(who.company, who.session);
    for (const ConnectionRef& victim : ranked) {
        if (std::ranges::find(members, victim) == members.end()) continue;
        homes_.evict(who.company, who.user, who.session, victim);
        return tell(victim.shard, [id = victim.id](Gateway& peer) {
            peer.close_by_id(id.str(),
                             {.code = "TOO_MANY_CONNECTIONS",
                              .event = "system.limitWarning",
                              .data = R"({"code":"TOO_MANY_CONNECTIONS","closing":true})"});
        });
    }
}

void Gateway::rank_by_silence(std::vector<ConnectionRef> candidates,
                              std::move_only_function<void(std::vector<ConnectionRef>)> done) {
    auto shared = std::make_shared<const std::vector<ConnectionRef>>(std::move(candidates));
    using Heard = std::pair<MonotonicTime, ConnectionRef>;
    auto question = [shared](Gateway& peer) {
        std::vector<Heard> heard;
        for (const ConnectionRef& candidate : *shared) {
            if (candidate.shard != peer.s_.mesh.self()) continue;
            const Connection* connection = peer.find_connection(candidate.id.str());
            heard.emplace_back(
                connection == nullptr ? MonotonicTime::min() : connection->last_heard, candidate);
        }
        return heard;
    };
    auto shared_done = std::make_shared<decltype(done)>(std::move(done));
    auto join = [shared_done](std::vector<std::vector<Heard>> answers) {
        std::vector<Heard> all;
        for (auto& heard : answers) std::ranges::move(heard, std::back_inserter(all));
        std::ranges::stable_sort(all, {}, &Heard::first);
        std::vector<ConnectionRef> ranked;
        for (Heard& heard : all) ranked.push_back(std::move(heard.second));
        (*shared_done)(std::move(ranked));
    };
    if (!gather<std::vector<Heard>>(question, std::move(join))) (*shared_done)(*shared);
}

void Gateway::finish_admission(const std::string& socket_id, const AdmissionRequest& request,
                               std::expected<Admitted, Error> outcome) {
    Connection* connection = find_connection(socket_id);
    if (connection == nullptr || connection->state != Connection::State::kAdmitting) {
        if (outcome) give_back(request, std::move(*outcome));
        return;
    }
    if (outcome) return accept(*connection, std::move(*outcome));
    if (is_retryable(outcome.error().code)) return hold(*connection, outcome.error());
    refuse(*connection, std::move(outcome.error()));
}

void Gateway::give_back(const AdmissionRequest& request, Admitted admitted) {
    const auth::Principal& who = request.principal;
    ConnectionRef ref = request.connection;
    if (admitted.resumed) ref.id = admitted.resumed->state.id;
    tell(home_of(who.company), [who, ref,
                                resumed = std::move(admitted.resumed)](Gateway& home) mutable {
        if (resumed) home.park(std::move(resumed->state));
        home.homes_.leave(who.company, who.user, who.session, ref, "", home.s_.clock.wall_now());
    });
}

void Gateway::accept(Connection& connection, Admitted admitted) {
    connection.state = Connection::State::kOpen;
    connection.connected_at = s_.clock.wall_now();
    connection.last_heard = now();
    connection.session_expires_at = admitted.session_expires_at;
    ++stats_.connections_accepted;
    ++stats_.connections_open;

    CompanyHere& here = companies_here_[connection.principal.company];
    if (here.connections++ == 0)
        here = {.epoch = admitted.epoch, .seen = admitted.position, .connections = 1};
    connection.company = &here;
    connection.socket.session().share_input(here.input);
    if (admitted.resumed) {
        restore(connection, admitted.resumed->state);
        connection.joining->untold = std::move(admitted.resumed->state.change);
    }
    if (admitted.introspected) connection.principal.permissions = *admitted.introspected;
    if (Introspection* known = connection.introspection.get()) {
        note_introspection(connection, admitted.answered_at);
        if (!admitted.introspected) known->claimed = connection.principal.permissions;
    }
    take_watch_answers(connection, admitted.watch_answers);
    accept_on_socket(connection, admitted);
    join_rooms(connection);

    const auth::Principal& who = connection.principal;
    socketio::Socket& socket = connection.socket;
    if (!socket.connected()) return;  // the missed messages were too much for the transport
    s_.log.info("connection.accepted", {{"connectionId", socket.id()},
                                        {"userId", who.user.str()},
                                        {"companyId", who.company.str()},
                                        {"sessionId", who.session.str()},
                                        {"recovered", admitted.resumed ? "true" : "false"},
                                        {"peer", socket.handshake().peer}});
    const std::string data = connected_data(connection, admitted);
    ++stats_.messages_sent;
    // Made anew at each recovery, and so not among the messages that are kept.
    emit_message(connection, system_envelope("system.connected", data), offset_of(connection));
    connection.arm_expiry();
    keep_noting_use();
    RightsChange change = std::move(std::exchange(connection.joining, nullptr)->untold);
    take_rights(connection, policy().renewed(connection.principal.permissions), std::move(change));
    if (draining_) close_when_idle(connection);
}

void Gateway::join_rooms(Connection& connection) {
    const auth::Principal& who = connection.principal;
    socketio::Socket& socket = connection.socket;
    socket.join(updates::company_room(who.company));
    socket.join(updates::user_room(who.company, who.user));
    socket.join(updates::session_room(who.company, who.session));
    for (const Subscription& one : connection.subscriptions) {
        socket.join(updates::artifact_room(who.company, one.artifact));
    }
    if (connection.artifact) subscribe(connection, *connection.artifact);
}

std::string Gateway::connected_data(const Connection& connection, const Admitted& admitted) const {
    const LimitOptions& limits = s_.options.limits;
    const auth::Principal& who = connection.principal;
    std::string data;
    JsonWriter json(data);
    json.begin_object()
        .member("connectionId", connection.socket.id())
        .member("sessionId", who.session.str())
        .member("companyId", who.company.str());
    if (who.expires_at) json.member("expiresAt", format_time(*who.expires_at));
    json.member("recovered", admitted.resumed != nullptr)
        .key("limits")
        .begin_object()
        .member("messagesPerSecond", limits.connection_messages.per_second)
        .member("messagesBurst", limits.connection_messages.burst)
        .member("messageBytesMax", limits.message_bytes_max)
        .member("inFlight", limits.in_flight_per_connection)
        .member("subscriptions", limits.subscriptions_per_connection)
        .end_object();
    if (admitted.last_close) {
        json.key("lastClose")
            .begin_object()
            .member("code", admitted.last_close->code)
            .member("time", format_time(admitted.last_close->time))
            .end_object();
    }
    json.end_object();
    return data;
}

}  // namespace signalbox::gateway
