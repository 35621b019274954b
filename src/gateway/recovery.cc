#include <algorithm>

#include "gateway/connection.h"
#include "gateway/courier.h"
#include "gateway/gateway.h"
#include "gateway/peers.h"
#include "updates/position.h"

/// Connections that come back: docs/decisions/0004-recovery.md.
namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryWhenBusy{1'000};
/// How often what is too old is looked for, unless max_disconnection is shorter.
constexpr Milliseconds kForgetEvery{10'000};

}  // namespace

void Gateway::free_predecessor(AdmissionRequest request, Done<Admitted> done) {
    const auto pid = request.claim ? parse_pid(request.claim->pid) : std::nullopt;
    const auto& who = request.principal;
    const auto alive =
        pid ? homes_.locate(who.company, who.session, ConnectionId::trusted(std::string(pid->sid)))
            : std::nullopt;
    if (!alive) return judge_parked(std::move(request), std::move(done));
    struct Waiting {
        AdmissionRequest request;
        Done<Admitted> done;
    };
    auto waiting = std::make_shared<Waiting>(std::move(request), std::move(done));
    PeerTask task = [waiting, revocations = homes_.revocations(),
                     home = s_.mesh.self()](Gateway& peer) {
        peer.supersede(waiting->request);
        // What it parks is on its way to the home already.
        peer.tell(home, [waiting, revocations](Gateway& self) {
            auto& [request, done] = *waiting;
            if (self.homes_.revocations() != revocations) {
                return self.admit_at_home(std::move(request), std::move(done));
            }
            self.judge_parked(std::move(request), std::move(done));
        });
    };
    if (ask(*alive, task)) return;
    Error error = Error::of(ErrorCode::kOverloaded, "the server is busy");
    error.retry_after = kRetryWhenBusy;
    waiting->done(std::unexpected(std::move(error)));
}

void Gateway::supersede(const AdmissionRequest& request) {
    const auto pid = parse_pid(request.claim->pid);
    Connection* connection = find_connection(std::string(pid->sid));
    if (connection == nullptr || !connection->recovery.on()) return;
    if (!equal_secrets(connection->recovery.secret.text(), pid->secret)) return;
    if (connection->socket.session().opened_at() > request.transport_opened_at) return;
    ++stats_.connections_superseded;
    connection->socket.supersede();
}

/// One turn from what is parked to the new member: every update is either among the missed ones or
/// posted behind the answer.
std::expected<Admitted, Error> Gateway::enter(AdmissionRequest& request) {
    ParkedConnection* parked = find_claimed(request);
    auto missed = parked != nullptr ? find_missed(*parked, request) : std::nullopt;
    if (!missed && request.token_age == TokenAge::kExpired) {
        return std::unexpected(Error::of(ErrorCode::kTokenExpired, "the token has expired"));
    }
    if (request.claim) ++(missed ? stats_.connections_recovered : stats_.recoveries_failed);
    if (missed) {
        request.principal = parked->principal;
        request.connection.id = parked->id;
    }
    Admitted admitted = homes_.enter(request, s_.clock.wall_now());
    if (parked == nullptr) return admitted;
    ParkedConnection taken = homes_.parked().take(*parked);
    if (missed) {
        admitted.resumed = std::make_unique<Resumed>(std::move(taken), std::move(*missed));
    }
    return admitted;
}

ParkedConnection* Gateway::find_claimed(const AdmissionRequest& request) {
    const auto pid = request.claim ? parse_pid(request.claim->pid) : std::nullopt;
    if (!pid) return nullptr;
    const auth::Principal& who = request.principal;
    ParkedConnection* parked = homes_.parked().find(who.company, who.session, pid->sid);
    const bool is_theirs = parked != nullptr && parked->principal.user == who.user &&
                           parked->expires_at > now() &&
                           parked->transport_opened_at <= request.transport_opened_at &&
                           equal_secrets(parked->recovery.secret.text(), pid->secret);
    return is_theirs ? parked : nullptr;
}

std::optional<std::vector<MissedMessage>> Gateway::find_missed(ParkedConnection& parked,
                                                               const AdmissionRequest& request) {
    renew_rights(parked, request);
    const auto& expires_at = parked.principal.expires_at;
    if (expires_at && *expires_at + s_.options.token_leeway <= s_.clock.wall_now()) {
        return std::nullopt;
    }
    return missed_messages(parked, request.claim->offset,
                           homes_.position_of(parked.principal.company), homes_.log(),
                           s_.options.recovery.replay_bytes_max);
}

void Gateway::restore(Connection& connection, ParkedConnection& parked) {
    connection.principal = std::move(parked.principal);
    connection.recovery = std::move(parked.recovery);
    connection.subscriptions = std::move(parked.subscriptions);
    connection.in_flight = std::move(parked.in_flight);
    connection.next_token = parked.next_token;
    connection.incarnation = parked.incarnation + 1;
}

void Gateway::accept_on_socket(Connection& connection, const Admitted& admitted) {
    RecoveryState& recovery = connection.recovery;
    const bool may_recover = connection.joining->may_recover;
    recovery.position = admitted.position;
    if (!admitted.resumed) {
        recovery.start = admitted.position;
        if (!may_recover) return connection.socket.accept();
        const std::string secret = s_.random.id(kPidSecretCharacters);
        recovery.secret = PidSecret(secret);
        const std::string pid = std::string(connection.socket.id()) + secret;
        return connection.socket.accept({.pid = pid});
    }
    has_rings_ = true;
    keep_forgetting();
    const std::vector<MissedMessage>& missed = admitted.resumed->missed;
    std::vector<std::string> texts;
    std::vector<socketio::RecoverableEvent> events;
    texts.reserve(missed.size());
    for (const MissedMessage& message : missed) {
        std::string_view args = message.envelope();
        if (connection.format == MessageFormat::kString) {
            append_json_string(texts.emplace_back(), args);
            args = texts.back();
        }
        events.push_back({.name = "message", .args = args, .offset = message.offset()});
    }
    stats_.messages_sent += missed.size();
    const std::string sid = admitted.resumed->state.id.str();
    const std::string pid = sid + std::string(recovery.secret.text());
    connection.socket.accept({sid, pid, events});
}

ParkedConnection Gateway::park_of(Connection& connection) {
    ParkedConnection parked;
    parked.id = ConnectionId::trusted(std::string(connection.socket.id()));
    parked.principal = connection.principal;
    parked.seen = seen_by(connection);
    parked.recovery = std::move(connection.recovery);
    parked.subscriptions = std::move(connection.subscriptions);
    parked.in_flight = std::move(connection.in_flight);
    parked.next_token = connection.next_token;
    parked.incarnation = connection.incarnation;
    if (connection.joining) parked.change = std::move(connection.joining->untold);
    parked.transport_opened_at = connection.socket.session().opened_at();
    connection.recovery = RecoveryState();
    return parked;
}

void Gateway::park(ParkedConnection parked) {
    // It may have been on its way from another shard while the policy changed.
    lose_what_is_refused(parked);
    parked.expires_at = now() + s_.options.recovery.max_disconnection;
    homes_.parked().park(std::move(parked));
    keep_forgetting();
}

std::uint64_t Gateway::seen_by(const Connection& connection) const {
    const std::uint64_t seen = connection.company == nullptr ? 0 : connection.company->seen;
    return std::max(seen, connection.recovery.position);
}

void Gateway::subscribe(Connection& connection, const ArtifactId& artifact) {
    auto& held = connection.subscriptions;
    if (std::ranges::find(held, artifact, &Subscription::artifact) != held.end()) return;
    held.push_back({artifact, seen_by(connection)});
    connection.socket.join(updates::artifact_room(connection.principal.company, artifact));
}

void Gateway::unsubscribe(Connection& connection, const ArtifactId& artifact) {
    auto& held = connection.subscriptions;
    const auto found = std::ranges::find(held, artifact, &Subscription::artifact);
    if (found == held.end()) return;
    connection.recovery.note_end({std::move(*found)}, seen_by(connection));
    held.erase(found);
    connection.socket.leave(updates::artifact_room(connection.principal.company, artifact));
}

void Gateway::carry(Carriage carriage) {
    const ShardIndex home = home_of(carriage.address.company);
    tell(home, [carriage = std::move(carriage)](Gateway& self) { self.route(carriage); });
}

void Gateway::route(const Carriage& carriage) {
    const auto& [company, session, socket_id] = carriage.address;
    ParkedConnection* parked = homes_.parked().find(company, session, socket_id);
    const auto shard = homes_.locate(company, session, ConnectionId::trusted(socket_id));
    if (parked == nullptr && shard) {
        return tell(*shard, [carriage](Gateway& peer) { peer.receive_letter(carriage); });
    }
    if (parked != nullptr) {
        std::erase_if(parked->in_flight, [&](const InFlight& running) {
            return running.token == carriage.letter->ended;
        });
        const std::string& envelope = carriage.letter->envelope;
        if (!envelope.empty()) homes_.parked().record(*parked, envelope, now());
    }
    const auto arrival = parked != nullptr ? Courier::Arrival::kReached : Courier::Arrival::kNobody;
    tell(carriage.origin,
         [courier = carriage.courier, arrival](Gateway&) { courier->arrived(arrival); });
}

void Gateway::receive_letter(const Carriage& carriage) {
    Connection* connection = find_connection(carriage.address.socket_id);
    // It broke meanwhile, and what it parked is ahead of this on the way to the home.
    if (connection == nullptr) return carry(carriage);
    const Letter& letter = *carriage.letter;
    if (!letter.envelope.empty()) send_envelope(*connection, letter.envelope, std::nullopt);
    if (letter.ended) execution_ended(carriage.address.socket_id, *letter.ended);
    tell(carriage.origin,
         [courier = carriage.courier](Gateway&) { courier->arrived(Courier::Arrival::kReached); });
}

void Gateway::keep_forgetting() {
    if (forget_timer_.armed()) return;
    const Milliseconds step = std::min(kForgetEvery, s_.options.recovery.max_disconnection / 4);
    s_.wheel.arm(forget_timer_, now() + std::max(step, Milliseconds(1)));
}

void Gateway::forget_old() {
    homes_.expire(now());
    if (has_rings_ && sockets_ != nullptr) {
        has_rings_ = false;
        const MonotonicTime oldest = now() - s_.options.recovery.max_disconnection;
        for_each_connection([&](Connection& connection) {
            PrivateRing* ring = connection.recovery.ring.get();
            if (ring == nullptr) return;
            ring->forget_before(oldest);
            has_rings_ = has_rings_ || !ring->empty();
        });
    }
    if (has_rings_ || homes_.parked().size() > 0 || homes_.log().bytes() > 0) keep_forgetting();
}

}  // namespace signalbox::gateway
