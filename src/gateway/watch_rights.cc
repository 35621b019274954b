#include "gateway/watch_rights.h"

#include "auth/service_keys.h"
#include "base/check.h"
#include "gateway/connection.h"
#include "gateway/faults.h"
#include "gateway/gateway.h"

/// Artifacts about which the API is asked: at the connect, when a broken connection comes back, with
/// `artifact.subscribe`, and again and again while they are watched. The home shard of a company asks
/// for all its connections, so that one question serves them.
namespace signalbox::gateway {
namespace {

/// For a right whose end the API has named.
constexpr Milliseconds kAnswerWait{1'000};
/// After a question without an answer.
constexpr Milliseconds kAskAgainAfter{1'000};

Question question_about(const auth::Principal& who, const ArtifactId& artifact) {
    std::string body;
    JsonWriter json(body);
    json.begin_object()
        .member("action", "watch")
        .member("artifactId", artifact.str())
        .member("userId", who.user.str())
        .member("companyId", who.company.str());
    if (!who.session.empty()) json.member("sessionId", who.session.str());
    json.key("permissions").begin_array();
    for (const std::string& one : who.permissions.claimed()) json.string(one);
    json.end_array().end_object();
    std::string key = auth::sha256(body);
    return {std::move(key), std::move(body), who.company, who.user};
}

WatchAnswer answer_of(const auth::Principal& who, const ArtifactId& artifact,
                      const Verdict& verdict, WallTime now) {
    const bool is_over = verdict.expires_at && *verdict.expires_at <= now;
    return {artifact, who.permissions,
            verdict.yes && !is_over ? auth::Ground::kAuthorizer : auth::Ground::kAuthorizerRefused,
            verdict.answered_at, verdict.expires_at};
}

const WatchAnswer* find_answer(const std::vector<WatchAnswer>& answers, const auth::Principal& who,
                               const ArtifactId& artifact) {
    const auto found = std::ranges::find_if(answers, [&](const WatchAnswer& one) {
        return one.artifact == artifact && one.permissions == who.permissions;
    });
    return found == answers.end() ? nullptr : &*found;
}

bool is_allowed(const std::vector<WatchAnswer>& answers, const auth::Principal& who,
                const ArtifactId& artifact) {
    const WatchAnswer* answer = find_answer(answers, who, artifact);
    return answer != nullptr && answer->allowed();
}

WatchRights& rights_of(Connection& connection) {
    if (!connection.watch_rights)
        connection.watch_rights = std::make_unique<WatchRights>(connection);
    return *connection.watch_rights;
}

}  // namespace

WatchRights::WatchRights(Connection& owner)
    : timer(Timer::calling<&Connection::on_watch_rights_due>(&owner)) {}

void Gateway::ask_api(std::optional<RemoteJudge> Gateway::* judge, Question question,
                      Done<Verdict> done) {
    struct Waiting {
        Question question;
        Done<Verdict> done;
    };
    const ShardIndex home_shard = home_of(question.company);
    auto waiting = std::make_shared<Waiting>(std::move(question), std::move(done));
    PeerTask task = [waiting, judge, asker = s_.mesh.self()](Gateway& home) {
        auto tell_asker = [waiting, asker, &home](std::expected<Verdict, Error> verdict) {
            home.tell(asker, [waiting, verdict = std::move(verdict)](Gateway&) mutable {
                waiting->done(std::move(verdict));
            });
        };
        (home.*judge)->ask(std::move(waiting->question), std::move(tell_asker));
    };
    if (ask(home_shard, task)) return;
    waiting->done(std::unexpected(Error::of(ErrorCode::kOverloaded, "the server is busy")));
}

void Gateway::ask_authorizer(const auth::Principal& principal, const ArtifactId& artifact,
                             Done<WatchAnswer> done) {
    SB_CHECK(watch_judge_.has_value());
    ask_api(&Gateway::watch_judge_, question_about(principal, artifact),
            [this, principal, artifact,
             done = std::move(done)](std::expected<Verdict, Error> verdict) mutable {
                if (!verdict) return done(std::unexpected(std::move(verdict.error())));
                done(answer_of(principal, artifact, *verdict, s_.clock.wall_now()));
            });
}

void Gateway::judge_artifact(AdmissionRequest request, Done<Admitted> done) {
    if (!request.artifact) return free_predecessor(std::move(request), std::move(done));
    const auth::Principal who = who_comes(request);
    if (may_still_watch(who, request.watch_answers, *request.artifact))
        return free_predecessor(std::move(request), std::move(done));
    const auth::Decision decision = policy().may_watch(who, *request.artifact);
    if (!decision.is_open()) return done(std::unexpected(artifact_forbidden(decision.ground)));
    const ArtifactId artifact = *request.artifact;
    const WatchAnswer* known = find_answer(request.watch_answers, who, artifact);
    if (known != nullptr) return done(std::unexpected(artifact_forbidden(known->ground)));
    ask_authorizer(who, artifact,
                   [this, revocations = homes_.revocations(), request = std::move(request),
                    done = std::move(done)](std::expected<WatchAnswer, Error> answer) mutable {
                       if (!answer) return done(std::unexpected(std::move(answer.error())));
                       request.watch_answers.push_back(std::move(*answer));
                       // Nothing that was known of the session before counts.
                       if (homes_.revocations() != revocations)
                           return admit_at_home(std::move(request), std::move(done));
                       // The policy may be another, and the answer one about other permissions.
                       judge_artifact(std::move(request), std::move(done));
                   });
}

std::vector<ArtifactId> Gateway::unanswered_of(const AdmissionRequest& request) {
    const ParkedConnection* parked = find_claimed(request);
    const auth::Principal who = who_comes_in(parked, request);
    std::vector<ArtifactId> unanswered;
    const auto note = [&](const ArtifactId& artifact) {
        const bool is_known = find_answer(request.watch_answers, who, artifact) != nullptr ||
                              std::ranges::find(unanswered, artifact) != unanswered.end();
        if (!is_known && policy().may_watch(who, artifact).is_open())
            unanswered.push_back(artifact);
    };
    if (parked != nullptr) {
        for (const Subscription& one : parked->subscriptions) note(one.artifact);
    }
    if (request.artifact) note(*request.artifact);
    return unanswered;
}

void Gateway::judge_parked(AdmissionRequest request, Done<Admitted> done) {
    const std::vector<ArtifactId> unanswered = unanswered_of(request);
    if (unanswered.empty()) return find_room(std::move(request), std::move(done));
    const auth::Principal who = who_comes_in(find_claimed(request), request);
    struct Asking {
        AdmissionRequest request;
        Done<Admitted> done;
        std::size_t left;
    };
    auto asking = std::make_shared<Asking>(std::move(request), std::move(done), unanswered.size());
    for (const ArtifactId& artifact : unanswered) {
        ask_authorizer(
            who, artifact,
            [this, asking, refused = WatchAnswer{artifact, who.permissions},
             revocations = homes_.revocations()](std::expected<WatchAnswer, Error> answer) {
                auto& [kept, finish, left] = *asking;
                // Without an answer that counts it is lost.
                kept.watch_answers.push_back(answer ? std::move(*answer) : refused);
                if (--left > 0) return;
                if (homes_.revocations() != revocations)
                    return admit_at_home(std::move(kept), std::move(finish));
                judge_parked(std::move(kept), std::move(finish));
            });
    }
}

bool Gateway::may_still_watch(const auth::Principal& who, const std::vector<WatchAnswer>& answers,
                              const ArtifactId& artifact) const {
    const auth::Decision decision = policy().may_watch(who, artifact);
    return decision.is_open() ? is_allowed(answers, who, artifact) : decision.allowed();
}

void Gateway::take_watch_answers(Connection& connection, const std::vector<WatchAnswer>& answers) {
    const bool is_plain = !connection.artifact ||
                          policy().may_watch(connection.principal, *connection.artifact).allowed();
    if (answers.empty() && is_plain) return;
    auth::Principal who = connection.principal;
    who.permissions = policy().renewed(who.permissions);
    for (const WatchAnswer& answer : answers) {
        if (answer.allowed() && answer.permissions == who.permissions)
            take_right(connection, right_by(answer));
    }
    if (!connection.artifact || may_still_watch(who, answers, *connection.artifact)) return;
    // It was asked for with a token that is not the one that counts, or the rules are others now.
    const ArtifactId lost = *std::exchange(connection.artifact, std::nullopt);
    RightsChange& untold = connection.joining->untold;
    auto& ended = untold.ended_subscriptions;
    if (!untold.differs && ended.empty()) untold.cause = cause_of_loss(who, lost);
    if (std::ranges::find(ended, lost) == ended.end()) ended.push_back(lost);
}

WatchRight Gateway::right_by(const WatchAnswer& answer) {
    const Options& options = s_.options;
    const JudgeOptions& api = options.authorization;
    const MonotonicTime old_at = answer.answered_at + options.authorize_recheck;
    WatchRight right{.artifact = answer.artifact,
                     .ask_again_at = ask_again_at(answer.answered_at, options.authorize_recheck),
                     .counts_until = old_at + api.stale_for,
                     .ends_at = old_at + std::max(api.stale_for, api.timeout)};
    if (!answer.end) return right;
    constexpr Milliseconds kFar = std::chrono::hours(24 * 365);  // the end may be centuries away
    const MonotonicTime end =
        now() + std::clamp(*answer.end - s_.clock.wall_now(), Milliseconds(0), kFar);
    right.ask_again_at = std::min(right.ask_again_at, end);
    right.counts_until = std::min(right.counts_until, end);
    right.ends_at = std::min(right.ends_at, end + kAnswerWait);
    return right;
}

MonotonicTime Gateway::ask_again_at(MonotonicTime answered_at, Milliseconds recheck) {
    // Those who came at one moment shall not all ask at another.
    const auto earlier = static_cast<std::uint64_t>(recheck.count()) / 8;
    const MonotonicTime due = answered_at + recheck - Milliseconds(s_.random.below(earlier + 1));
    // An answer of before an outage may be too old already.
    return std::max(due, now() + kAskAgainAfter);
}

void Gateway::take_right(Connection& connection, WatchRight right) {
    WatchRights& known = rights_of(connection);
    WatchRight* held = known.find(right.artifact);
    if (held == nullptr) held = &known.rights.emplace_back();
    *held = std::move(right);
    wake_for(known, *held);
}

void Gateway::wake_for(WatchRights& rights, const WatchRight& right) {
    const MonotonicTime due = right.due_at();
    if (!rights.timer.armed() || due < rights.timer.deadline()) s_.wheel.arm(rights.timer, due);
}

std::vector<ArtifactId> Gateway::open_artifacts(const Connection& connection) const {
    std::vector<ArtifactId> open;
    const auto note = [&](const ArtifactId& artifact) {
        const bool is_new = std::ranges::find(open, artifact) == open.end();
        if (is_new && policy().may_watch(connection.principal, artifact).is_open())
            open.push_back(artifact);
    };
    for (const Subscription& one : connection.subscriptions) note(one.artifact);
    if (connection.artifact) note(*connection.artifact);
    return open;
}

void Gateway::review_watch_rights(Connection& connection, WatchReview review) {
    const std::vector<ArtifactId> open = open_artifacts(connection);
    if (open.empty() && !connection.watch_rights) return;
    WatchRights& known = rights_of(connection);
    std::erase_if(known.rights, [&](const WatchRight& right) {
        return std::ranges::find(open, right.artifact) == open.end();
    });
    // What allowed it until now does not any more, or was said about other permissions.
    const MonotonicTime answered_until = now() + s_.options.authorization.timeout;
    std::vector<ArtifactId> due;
    for (const ArtifactId& artifact : open) {
        WatchRight* held = known.find(artifact);
        if (held != nullptr && review == WatchReview::kOnlyNew) continue;
        due.push_back(artifact);
        if (held == nullptr) {
            take_right(connection, {artifact, now(), now(), answered_until});
        } else {
            held->ends_at = std::min(held->ends_at, answered_until);
        }
    }
    const std::string socket_id(connection.socket.id());
    for (const ArtifactId& artifact : due) ask_watch_again(socket_id, artifact);
}

void Gateway::watch_rights_due(Connection& connection) {
    if (connection.state != Connection::State::kOpen) return;
    WatchRights& known = *connection.watch_rights;
    std::vector<ArtifactId> over, due;
    for (const WatchRight& right : known.rights) {
        if (now() >= right.ends_at) {
            over.push_back(right.artifact);
        } else if (now() >= right.due_at()) {
            due.push_back(right.artifact);
        } else {
            wake_for(known, right);
        }
    }
    const std::string socket_id(connection.socket.id());
    for (const ArtifactId& artifact : over) end_unanswered_watch(socket_id, artifact);
    for (const ArtifactId& artifact : due) ask_watch_again(socket_id, artifact);
}

WatchRight* Gateway::find_right(Connection* connection, const ArtifactId& artifact) {
    const bool may_have = connection != nullptr && connection->state == Connection::State::kOpen &&
                          connection->watch_rights != nullptr;
    return may_have ? connection->watch_rights->find(artifact) : nullptr;
}

void Gateway::end_unanswered_watch(const std::string& socket_id, const ArtifactId& artifact) {
    Connection* connection = find_connection(socket_id);
    if (find_right(connection, artifact) == nullptr) return;
    end_watch(*connection, artifact,
              Error::of(ErrorCode::kUpstreamUnavailable,
                        "the API that decides this has not answered in time"));
}

void Gateway::ask_watch_again(const std::string& socket_id, const ArtifactId& artifact) {
    Connection* connection = find_connection(socket_id);
    WatchRight* right = find_right(connection, artifact);
    if (right == nullptr) return;
    const std::uint64_t question = right->question = ++watch_questions_;
    wake_for(*connection->watch_rights, *right);
    ask_authorizer(connection->principal, artifact,
                   [this, socket_id, artifact, question](std::expected<WatchAnswer, Error> answer) {
                       take_watch_answer(socket_id, {artifact, question}, answer);
                   });
}

void Gateway::take_watch_answer(const std::string& socket_id, const WatchRequest& asked,
                                const std::expected<WatchAnswer, Error>& answer) {
    Connection* connection = find_connection(socket_id);
    WatchRight* right = find_right(connection, asked.artifact);
    // After other rights, the answer to an older question says nothing.
    if (right == nullptr || right->question != asked.question) return;
    if (answer && answer->allowed()) return take_right(*connection, right_by(*answer));
    if (answer || now() >= right->counts_until) {
        return end_watch(*connection, asked.artifact,
                         answer ? artifact_forbidden(answer->ground) : answer.error());
    }
    right->question = 0;
    right->ask_again_at = std::min(now() + kAskAgainAfter, right->counts_until);
    wake_for(*connection->watch_rights, *right);
}

void Gateway::end_watch(Connection& connection, const ArtifactId& artifact, const Error& why) {
    audit_watch(connection, "subscription.ended", artifact, why);
    std::erase_if(connection.watch_rights->rights,
                  [&](const WatchRight& right) { return right.artifact == artifact; });
    if (connection.artifact == artifact) connection.artifact.reset();
    const bool was_watched =
        std::ranges::find(connection.subscriptions, artifact, &Subscription::artifact) !=
        connection.subscriptions.end();
    if (!was_watched) return;
    unsubscribe(connection, artifact);
    ++stats_.rights_changed;
    tell_of_change(connection,
                   {.cause = RightsChange::Cause::kAuthorizer, .ended_subscriptions = {artifact}});
}

void Gateway::audit_watch(const Connection& connection, std::string_view event,
                          const ArtifactId& artifact, const Error& why) const {
    const auth::Principal& who = connection.principal;
    s_.log.audit(AuditSubject::kRefusal, event,
                 {{"actor", who.user.str()},
                  {"actorCompany", who.company.str()},
                  {"connectionId", connection.socket.id()},
                  {"action", "artifact.subscribe"},
                  {"artifactId", artifact.str()},
                  {"code", why.code},
                  {"reason", why.message},
                  {"peer", connection.socket.handshake().peer}});
}

void Gateway::request_watch(Connection& connection, const ArtifactId& artifact,
                            std::unique_ptr<actions::ExecutionSink> sink) {
    PendingWatch pending{.socket_id = std::string(connection.socket.id()),
                         .incarnation = connection.incarnation,
                         .request = {artifact, ++watch_questions_},
                         .permissions = connection.principal.permissions,
                         .sink = std::move(sink)};
    rights_of(connection).requests.push_back(pending.request);
    ask_authorizer(connection.principal, artifact,
                   [this, pending = std::move(pending)](auto answer) mutable {
                       end_watch_request(std::move(pending), answer);
                   });
}

void Gateway::end_watch_request(PendingWatch pending,
                                const std::expected<WatchAnswer, Error>& answer) {
    Connection* connection = find_connection(pending.socket_id);
    const auto refuse_with = [&](Error error) {
        pending.sink->on_end(std::unexpected(std::move(error)));
    };
    if (connection == nullptr || connection->state != Connection::State::kOpen ||
        connection->incarnation != pending.incarnation) {
        return refuse_with(broke_meanwhile());
    }
    const auto& [artifact, question] = pending.request;
    const std::size_t taken =
        std::erase_if(rights_of(*connection).requests,
                      [&](const WatchRequest& one) { return one.question == question; });
    if (taken == 0)
        return refuse_with(Error::of(ErrorCode::kCancelled, "it was unsubscribed meanwhile"));
    if (!answer) return refuse_with(answer.error());
    const bool is_open = policy().may_watch(connection->principal, artifact).is_open();
    if (is_open && connection->principal.permissions != pending.permissions)
        return request_watch(*connection, artifact, std::move(pending.sink));
    auto refusal = refuse_subscription(*connection, artifact);
    if (!refusal && is_open && !answer->allowed()) refusal = artifact_forbidden(answer->ground);
    if (refusal) {
        if (refusal->is(ErrorCode::kArtifactForbidden))
            audit_watch(*connection, "action.refused", artifact, *refusal);
        return refuse_with(std::move(*refusal));
    }
    subscribe(*connection, artifact);
    if (is_open) take_right(*connection, right_by(*answer));
    pending.sink->on_end(subscription_answer(artifact, "artifact.subscribe"));
}

void Gateway::forget_watch(Connection& connection, const ArtifactId& artifact) {
    if (!connection.watch_rights) return;
    auto& rights = connection.watch_rights->rights;
    std::erase_if(connection.watch_rights->requests,
                  [&](const WatchRequest& one) { return one.artifact == artifact; });
    if (connection.artifact == artifact) return;  // executions are given it still
    std::erase_if(rights, [&](const WatchRight& one) { return one.artifact == artifact; });
}

}  // namespace signalbox::gateway
