#include <algorithm>
#include <set>

#include "gateway/connection.h"
#include "gateway/gateway.h"

/// Rights that change while connections are open: only what is no longer allowed ends.
namespace signalbox::gateway {
namespace {

std::string change_data(const auth::Permissions& permissions, const RightsChange& change) {
    constexpr std::string_view kCauses[] = {"token", "roles", "session", "authorizer"};
    std::string data;
    JsonWriter json(data);
    json.begin_object()
        .member("cause", kCauses[static_cast<std::size_t>(change.cause)])
        .key("permissions")
        .begin_array();
    for (const std::string& one : permissions.claimed()) json.string(one);
    json.end_array().key("endedSubscriptions").begin_array();
    for (const ArtifactId& one : change.ended_subscriptions) json.string(one.str());
    json.end_array().end_object();
    return data;
}

/// For an execution whose caller may no longer run its action.
std::optional<Error> loss_of(const auth::Policy& policy, const auth::Principal& who,
                             const actions::ExecutionRequest& request) {
    const std::string& needs = request.action->definition.permission;
    if (policy.may_run(who, needs)) return std::nullopt;
    return Error::of(ErrorCode::kForbidden,
                     "the permission `" + needs + "` was taken away while the action ran");
}

}  // namespace

void Gateway::take_rights(Connection& connection, auth::Permissions now, RightsChange change) {
    auth::Principal& who = connection.principal;
    const bool differs = now != who.permissions;
    change.differs = change.differs || differs;
    who.permissions = permissions_.shared(std::move(now));
    const socketio::Sid socket_id = connection.socket.id();
    end_what_is_lost(connection, std::move(change));
    Connection* still = find_connection(socket_id);
    if (still == nullptr || still->state != Connection::State::kOpen) return;
    review_watch_rights(*still, differs ? WatchReview::kAll : WatchReview::kOnlyNew);
}

void Gateway::end_what_is_lost(Connection& connection, RightsChange change) {
    const auth::Principal& who = connection.principal;
    auto& ended = change.ended_subscriptions;
    const std::size_t known = ended.size();
    for (const Subscription& one : connection.subscriptions) {
        if (policy().may_watch(who, one.artifact).refused()) ended.push_back(one.artifact);
    }
    for (std::size_t i = known; i < ended.size(); ++i) unsubscribe(connection, ended[i]);
    if (connection.artifact && policy().may_watch(who, *connection.artifact).refused())
        connection.artifact.reset();
    if (!change.differs && ended.empty()) return;
    ++stats_.rights_changed;
    // Before the client is told: that may end the connection.
    if (change.differs) end_forbidden_executions(connection);
    const socketio::Sid socket_id = connection.socket.id();
    Connection* still = find_connection(socket_id);
    if (still != nullptr && still->state == Connection::State::kOpen)
        tell_of_change(*still, change);
}

void Gateway::tell_of_change(Connection& connection, const RightsChange& change) {
    send_system(connection, "system.permissionsChanged",
                change_data(connection.principal.permissions, change));
}

void Gateway::end_forbidden_executions(const Connection& connection) {
    std::set<ShardIndex> origins;
    for (const InFlight& running : connection.in_flight) {
        if (running.id != 0) origins.insert(running.origin);
    }
    const auto end_there = [who = connection.principal,
                            socket_id = connection.socket.id()](Gateway& origin) {
        origin.executor_.end_where([&](const actions::ExecutionRequest& request) {
            return request.connection_id == socket_id.text()
                       ? loss_of(origin.policy(), who, request)
                       : std::nullopt;
        });
    };
    for (const ShardIndex origin : origins) tell(origin, end_there);
}

void Gateway::renew_all_rights() {
    for_each_connection([&](Connection& connection) {
        if (connection.state != Connection::State::kOpen) return;
        take_rights(connection, policy().renewed(connection.principal.permissions), {});
    });
    homes_.parked().change_each([this](ParkedConnection& parked) { lose_what_is_refused(parked); });
    executor_.end_where([&](const actions::ExecutionRequest& request) {
        const Connection* connection = find_connection(request.connection_id);
        if (connection != nullptr && connection->state == Connection::State::kOpen)
            return loss_of(policy(), connection->principal, request);
        auth::Principal who = request.principal;
        who.permissions = policy().renewed(who.permissions);
        return loss_of(policy(), who, request);
    });
}

auth::Principal Gateway::who_comes_back(const ParkedConnection& parked,
                                        const AdmissionRequest& request) const {
    // The token that lives longer counts, so that an old one in the client's auth ends nothing. An
    // API that decides about sessions has been asked about the one presented: nothing that it said
    // before counts.
    const bool is_renewed =
        session_judge_ || parked.principal.expires_at < request.principal.expires_at;
    auth::Principal who = is_renewed ? request.principal : parked.principal;
    if (request.introspected) who.permissions = *request.introspected;
    who.permissions = policy().renewed(who.permissions);
    return who;
}

auth::Principal Gateway::who_comes(const AdmissionRequest& request) const {
    auth::Principal who = request.principal;
    if (request.introspected) who.permissions = *request.introspected;
    who.permissions = policy().renewed(who.permissions);
    return who;
}

auth::Principal Gateway::who_comes_in(const ParkedConnection* parked,
                                      const AdmissionRequest& request) const {
    return parked == nullptr ? who_comes(request) : who_comes_back(*parked, request);
}

void Gateway::renew_rights(ParkedConnection& parked, const AdmissionRequest& request) const {
    RightsChange& change = parked.change;
    auth::Principal& who = parked.principal;
    const auth::Permissions before = who.permissions;
    if (session_judge_ || who.expires_at < request.principal.expires_at)
        change.cause = RightsChange::Cause::kToken;
    if (request.introspected) change.cause = RightsChange::Cause::kSession;
    who = who_comes_back(parked, request);
    change.differs = change.differs || before != who.permissions;
    const auto is_lost = [&](const Subscription& one) {
        return !may_still_watch(who, request.watch_answers, one.artifact);
    };
    for (EndedSubscription& one : parked.recovery.ended) one.is_lost = one.is_lost || is_lost(one);
    if (lose(parked, is_lost) && !change.differs)
        change.cause = cause_of_loss(who, change.ended_subscriptions.back());
}

void Gateway::lose_what_is_refused(ParkedConnection& parked) const {
    auth::Principal who = parked.principal;
    who.permissions = policy().renewed(who.permissions);
    (void)lose(parked, [&](const Subscription& one) {
        return policy().may_watch(who, one.artifact).refused();
    });
}

bool Gateway::lose(ParkedConnection& parked,
                   const std::function<bool(const Subscription&)>& is_lost) const {
    const std::uint64_t present = homes_.position_of(parked.principal.company).number;
    for (const Subscription& one : parked.subscriptions) {
        if (!is_lost(one)) continue;
        parked.change.ended_subscriptions.push_back(one.artifact);
        parked.recovery.note_end({one, true}, present);
    }
    return std::erase_if(parked.subscriptions, is_lost) > 0;
}

RightsChange::Cause Gateway::cause_of_loss(const auth::Principal& who,
                                           const ArtifactId& artifact) const {
    return policy().may_watch(who, artifact).is_open() ? RightsChange::Cause::kAuthorizer
                                                       : RightsChange::Cause::kRoles;
}

}  // namespace signalbox::gateway
