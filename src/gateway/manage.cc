#include <algorithm>

#include "gateway/connection.h"
#include "gateway/peers.h"

/// Sessions and connections as operators see them, closing, and the drain.
namespace signalbox::gateway {
namespace {

constexpr std::size_t kConnectionsListed = 1'000;
constexpr Milliseconds kReconnectSoonest{500};
constexpr std::uint64_t kReconnectSpreadMs = 2'000;

Error store_unavailable() {
    Error error =
        Error::of(ErrorCode::kOverloaded, "the session store does not answer at the moment");
    error.retry_after = std::chrono::seconds(5);
    return error;
}

Error busy() {
    Error error = Error::of(ErrorCode::kOverloaded, "the server is busy");
    error.retry_after = std::chrono::seconds(1);
    return error;
}

Error no_store() {
    return Error::of(ErrorCode::kNotFound,
                     "sessions are not kept here (auth.sessions.mode is not \"store\")");
}

Error needs(std::string_view permission) {
    return Error::of(ErrorCode::kForbidden,
                     "this needs the permission `" + std::string(permission) + '`');
}

Error company_missing() {
    return Error::of(ErrorCode::kInvalidMessage,
                     "companyId is missing: say which company is meant");
}

constexpr std::string_view kManageSessions = "sessions:manage";
constexpr std::string_view kManageConnections = "connections:manage";

}  // namespace

void Gateway::put_session(const auth::Principal& principal, SessionRequest request,
                          Done<SessionAnswer> done) {
    if (s_.sessions == nullptr) return done(std::unexpected(no_store()));
    if (!policy().may_use_in(principal, request.company, kManageSessions))
        return done(std::unexpected(needs(kManageSessions)));
    auth::SessionRecord record;
    record.id = request.id.empty() ? auth::new_session_id(s_.random) : std::move(request.id);
    record.user = std::move(request.user);
    record.company = std::move(request.company);
    record.created_at = s_.clock.wall_now();
    record.expires_at = record.created_at + request.ttl.value_or(s_.options.session_ttl);
    auth::SessionRecord stored = record;
    s_.sessions->put(
        std::move(stored), s_.mesh,
        [this, record = std::move(record), done = std::move(done)](auto outcome) mutable {
            if (!outcome) return done(std::unexpected(store_unavailable()));
            if (*outcome == auth::SessionStore::Put::kReplaced) move_session_end(record);
            if (*outcome == auth::SessionStore::Put::kForeign) {
                return done(std::unexpected(
                    Error::of(ErrorCode::kForbidden,
                              "a session of this id belongs to another user or company: choose "
                              "another id")));
            }
            done(SessionAnswer{std::move(record), *outcome == auth::SessionStore::Put::kCreated});
        });
}

void Gateway::get_session(const auth::Principal& principal, SessionId id,
                          Done<auth::SessionRecord> done) {
    if (s_.sessions == nullptr) return done(std::unexpected(no_store()));
    if (!policy().may_use_somewhere(principal, kManageSessions))
        return done(std::unexpected(needs(kManageSessions)));
    s_.sessions->find(
        std::move(id), s_.mesh, [this, principal, done = std::move(done)](auto found) mutable {
            if (!found) return done(std::unexpected(store_unavailable()));
            auto& record = *found;
            if (!record || record->expires_at <= s_.clock.wall_now() || is_unused(*record) ||
                !policy().may_use_in(principal, record->company, kManageSessions)) {
                return done(
                    std::unexpected(Error::of(ErrorCode::kNotFound, "there is no such session")));
            }
            done(std::move(*record));
        });
}

void Gateway::list_sessions(const auth::Principal& principal, auth::SessionFilter filter,
                            Done<std::vector<auth::SessionRecord>> done) {
    if (s_.sessions == nullptr) return done(std::unexpected(no_store()));
    if (!filter.company && !principal.company.empty()) filter.company = principal.company;
    const auth::Decision everywhere = policy().may_use_everywhere(principal, kManageSessions);
    if (!filter.company && !everywhere && policy().may_use_somewhere(principal, kManageSessions))
        return done(std::unexpected(company_missing()));
    const auth::Decision allowed =
        filter.company ? policy().may_use_in(principal, *filter.company, kManageSessions)
                       : everywhere;
    if (!allowed) return done(std::unexpected(needs(kManageSessions)));
    filter.now = s_.clock.wall_now();
    filter.used_since = used_since();
    s_.sessions->list(std::move(filter), s_.mesh, [done = std::move(done)](auto found) mutable {
        if (!found) return done(std::unexpected(store_unavailable()));
        done(std::move(*found));
    });
}

void Gateway::delete_session(const auth::Principal& principal, SessionId id,
                             Done<auth::SessionRecord> done) {
    SessionId same = id;
    get_session(principal, std::move(same), [this, id, done = std::move(done)](auto known) mutable {
        if (!known) return done(std::unexpected(std::move(known.error())));
        s_.sessions->remove(id, s_.mesh, [this, done = std::move(done)](auto removed) mutable {
            if (!removed) return done(std::unexpected(store_unavailable()));
            if (!*removed)
                return done(
                    std::unexpected(Error::of(ErrorCode::kNotFound, "there is no such session")));
            close_revoked(**removed);
            done(std::move(**removed));
        });
    });
}

void Gateway::delete_sessions(const auth::Principal& principal, auth::SessionFilter filter,
                              Done<std::size_t> done) {
    if (s_.sessions == nullptr) return done(std::unexpected(no_store()));
    if (const CompanyId* only = principal.only_company(); !filter.company && only != nullptr)
        filter.company = *only;
    if (!filter.company) return done(std::unexpected(company_missing()));
    if (!policy().may_use_in(principal, *filter.company, kManageSessions))
        return done(std::unexpected(needs(kManageSessions)));
    remove_sessions(std::move(filter), 0, std::move(done));
}

void Gateway::remove_sessions(auth::SessionFilter filter, std::size_t before,
                              Done<std::size_t> done) {
    auth::SessionFilter same = filter;
    s_.sessions->remove_all(
        std::move(same), s_.mesh,
        [this, before, filter = std::move(filter), done = std::move(done)](auto removed) mutable {
            if (!removed) return done(std::unexpected(store_unavailable()));
            const std::size_t all = before + removed->size();
            const bool more = removed->size() >= auth::SessionStore::kRemovedAtOnce;
            if (!removed->empty()) close_all_revoked(*filter.company, *removed);
            if (!more) return done(all);
            remove_sessions(std::move(filter), all, std::move(done));
        });
}

void Gateway::close_revoked(const auth::SessionRecord& record) {
    close_all_revoked(record.company, {&record, 1});
}

void Gateway::close_all_revoked(const CompanyId& company,
                                std::span<const auth::SessionRecord> records) {
    std::vector<SessionId> sessions;
    for (const auth::SessionRecord& record : records) {
        s_.log.info("session.revoked", {{"sessionId", record.id.str()},
                                        {"userId", record.user.str()},
                                        {"companyId", record.company.str()}});
        sessions.push_back(record.id);
    }
    tell(home_of(company), [company, sessions = std::move(sessions)](Gateway& home) {
        for (const SessionId& session : sessions) home.revoke_at_home(company, session);
    });
}

void Gateway::revoke_at_home(const CompanyId& company, const SessionId& session) {
    for (const ConnectionRef& member : homes_.revoke(company, session, s_.clock.wall_now())) {
        tell(member.shard, [id = member.id](Gateway& peer) {
            peer.close_by_id(id.str(), {.code = "SESSION_INVALID",
                                        .event = "system.sessionRevoked",
                                        .data = R"({"reason":"revoked"})"});
        });
    }
}

void Gateway::close(Connection& connection, const Closing& closing) {
    if (connection.state != Connection::State::kOpen) return;
    if (!closing.event.empty()) send_system(connection, closing.event, closing.data);
    connection.close_code = std::make_unique<const std::string>(closing.code);
    connection.state = Connection::State::kClosing;
    connection.socket.close_transport(closing.reason);
}

void Gateway::close_by_id(const std::string& socket_id, const Closing& closing) {
    if (Connection* connection = find_connection(socket_id)) close(*connection, closing);
}

void Gateway::on_disconnect(socketio::Socket& socket, socketio::DisconnectReason reason) {
    auto& connection = static_cast<Connection&>(*socket.data);
    const bool entered = connection.connected_at != WallTime{};
    if (entered) {
        --stats_.connections_open;
        std::string code = connection.close_code ? *connection.close_code : "";
        if (reason == socketio::DisconnectReason::kSlowConsumer) code = "SLOW_CONSUMER";
        if (reason == socketio::DisconnectReason::kPayloadTooLarge) code = "PAYLOAD_TOO_LARGE";
        const auth::Principal& who = connection.principal;
        s_.log.info("connection.closed", {{"connectionId", socket.id()},
                                          {"userId", who.user.str()},
                                          {"companyId", who.company.str()},
                                          {"sessionId", who.session.str()},
                                          {"reason", socketio::to_string(reason)},
                                          {"code", code}});
        leave_home(connection, reason, std::move(code));
    }
}

namespace {

/// A pid ends with the client's own DISCONNECT, revocation and expiry.
bool ends_pid(socketio::DisconnectReason reason, std::string_view code) {
    return reason == socketio::DisconnectReason::kClientNamespaceDisconnect ||
           reason == socketio::DisconnectReason::kServerNamespaceDisconnect ||
           code == "SESSION_INVALID" || code == "SESSION_EXPIRED" || code == "TOKEN_EXPIRED";
}

}  // namespace

void Gateway::leave_home(Connection& connection, socketio::DisconnectReason reason,
                         std::string code) {
    const auth::Principal who = connection.principal;
    ConnectionRef ref{ConnectionId::trusted(std::string(connection.socket.id())), s_.mesh.self()};
    std::optional<ParkedConnection> parked;
    if (connection.recovery.on() && !ends_pid(reason, code) && !draining_) {
        parked = park_of(connection);
    }
    if (CompanyHere* company = std::exchange(connection.company, nullptr);
        company != nullptr && --company->connections == 0) {
        companies_here_.erase(who.company);
    }
    tell(home_of(who.company), [who, ref = std::move(ref), code = std::move(code),
                                parked = std::move(parked)](Gateway& home) mutable {
        if (parked) home.park(std::move(*parked));
        home.homes_.leave(who.company, who.user, who.session, ref, code, home.s_.clock.wall_now());
    });
}

void Gateway::on_slow_consumer(socketio::Socket& socket) {
    auto& connection = static_cast<Connection&>(*socket.data);
    if (connection.state != Connection::State::kOpen) return;
    ++stats_.slow_consumers;
    connection.state = Connection::State::kClosing;
    // Without an offset: the message before it was not sent, and is recovered.
    ++stats_.messages_sent;
    emit_message(connection, system_envelope("system.slowConsumer", "{}"), {});
}

void Gateway::for_each_connection(const std::function<void(Connection&)>& visit) {
    sockets_->for_each_in({}, {}, [&](socketio::Socket& socket) {
        if (socket.data) visit(static_cast<Connection&>(*socket.data));
    });
}

ConnectionInfo Gateway::info_of(Connection& connection) const {
    const auth::Principal& who = connection.principal;
    std::vector<ArtifactId> artifacts;
    for (const Subscription& one : connection.subscriptions) artifacts.push_back(one.artifact);
    return {.id = ConnectionId::trusted(std::string(connection.socket.id())),
            .user = who.user,
            .company = who.company,
            .session = who.session,
            .artifacts = std::move(artifacts),
            .transport = connection.socket.session().is_websocket() ? "websocket" : "polling",
            .peer = connection.socket.handshake().peer,
            .connected_at = connection.connected_at,
            .in_flight = connection.in_flight.size()};
}

void Gateway::list_connections(const auth::Principal& principal, std::optional<CompanyId> company,
                               Done<std::vector<ConnectionInfo>> done) {
    if (!policy().may_use_somewhere(principal, kManageConnections))
        return done(std::unexpected(needs(kManageConnections)));
    if (company && !policy().may_use_in(principal, *company, kManageConnections)) {
        return done(std::unexpected(needs(kManageConnections)));
    }
    if (!company && !principal.company.empty()) company = principal.company;
    using Part = std::vector<ConnectionInfo>;
    auto question = [principal, company](Gateway& peer) {
        Part part;
        peer.for_each_connection([&](Connection& connection) {
            const CompanyId& of = connection.principal.company;
            const bool wanted =
                company ? of == *company
                        : peer.policy().may_use_in(principal, of, kManageConnections).allowed();
            if (wanted && part.size() < kConnectionsListed)
                part.push_back(peer.info_of(connection));
        });
        return part;
    };
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    const bool asked = gather<Part>(question, [shared](std::vector<Part> parts) {
        Part all;
        for (Part& part : parts) std::ranges::move(part, std::back_inserter(all));
        if (all.size() > kConnectionsListed) all.resize(kConnectionsListed);
        (*shared)(std::move(all));
    });
    if (!asked) (*shared)(std::unexpected(busy()));
}

void Gateway::delete_connection(const auth::Principal& principal, ConnectionId id,
                                Done<ConnectionInfo> done) {
    if (!policy().may_use_somewhere(principal, kManageConnections))
        return done(std::unexpected(needs(kManageConnections)));
    using Found = std::optional<ConnectionInfo>;
    auto question = [principal, id](Gateway& peer) -> Found {
        Connection* connection = peer.find_connection(id.str());
        if (connection == nullptr || connection->state != Connection::State::kOpen ||
            !peer.policy().may_use_in(principal, connection->principal.company,
                                      kManageConnections)) {
            return std::nullopt;
        }
        ConnectionInfo info = peer.info_of(*connection);
        peer.s_.log.info("connection.deleted", {{"connectionId", info.id.str()},
                                                {"userId", info.user.str()},
                                                {"companyId", info.company.str()},
                                                {"sessionId", info.session.str()}});
        connection->socket.disconnect();
        return info;
    };
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    const bool asked = gather<Found>(question, [shared](std::vector<Found> answers) {
        for (Found& found : answers) {
            if (found) return (*shared)(std::move(*found));
        }
        (*shared)(std::unexpected(Error::of(ErrorCode::kNotFound, "there is no such connection")));
    });
    if (!asked) (*shared)(std::unexpected(busy()));
}

void Gateway::begin_drain(std::move_only_function<void()> drained) {
    draining_ = true;
    drained_ = std::move(drained);
    for_each_connection([&](Connection& connection) {
        if (connection.state != Connection::State::kOpen) return;
        const auto spread = static_cast<std::int64_t>(s_.random.below(kReconnectSpreadMs));
        std::string data;
        JsonWriter(data)
            .begin_object()
            .member("reconnectAfterMs", kReconnectSoonest.count() + spread)
            .end_object();
        send_system(connection, "system.serverShutdown", data);
        close_when_idle(connection);
    });
    check_drained();
}

void Gateway::close_when_idle(Connection& connection) {
    if (!connection.in_flight.empty()) return;
    close(connection, {.code = "SHUTTING_DOWN", .reason = engineio::CloseReason::kServerShutdown});
}

void Gateway::check_drained() {
    constexpr Milliseconds kLookAgain{20};
    if (!draining_ || !drained_) return;
    // A polling client hears of the close with its next GET: its session stays until then.
    const std::size_t executions = calls_running_ + executor_.running() + keyed_.running();
    if (executions > 0 || unfinished_sessions_() > 0) {
        return s_.wheel.arm_after(drain_timer_, kLookAgain);
    }
    auto drained = std::exchange(drained_, nullptr);
    drained();
}

void Gateway::end_drain() {
    executor_.abandon_all();
    // What was abandoned may still have to come from other shards.
    for_each_connection([&](Connection& connection) { close_when_idle(connection); });
}

}  // namespace signalbox::gateway
