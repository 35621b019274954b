#include "gateway/keyed_executions.h"

#include <algorithm>
#include <utility>

#include "actions/stored_outcome.h"
#include "base/check.h"
#include "gateway/gateway.h"
#include "gateway/socket_sink.h"
#include "updates/envelope.h"

namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryWhenBusy{1'000};
constexpr Milliseconds kRetryWhenFull{std::chrono::minutes(1)};
constexpr Milliseconds kRetryWhenStoreFails{5'000};

Error retryable(ErrorCode code, std::string message, Milliseconds after) {
    Error error = Error::of(code, std::move(message));
    error.retry_after = after;
    return error;
}

Error reused() {
    return Error::of(ErrorCode::kIdempotencyKeyReused,
                     "this idempotency key stands for another action or other data");
}

Error unavailable() {
    return retryable(ErrorCode::kOverloaded, "the store of executions does not answer",
                     kRetryWhenStoreFails);
}

Error not_known() {
    return Error::of(ErrorCode::kNotFound, "nothing was run with this idempotency key");
}

Error still_runs() {
    return Error::of(ErrorCode::kOutcomeUnknown,
                     "it still runs: its outcome is not known yet; cancel it, or wait");
}

Error crowded() {
    return retryable(ErrorCode::kRateLimited, "too many callers wait for this execution already",
                     kRetryWhenBusy);
}

Error full(actions::LeaseAnswer::Kind kind) {
    const bool of_user = kind == actions::LeaseAnswer::Kind::kUserFull;
    return retryable(ErrorCode::kQuotaExceeded,
                     of_user ? "this user has as many idempotency keys as are kept"
                             : "this company has as many outcomes as are kept",
                     kRetryWhenFull);
}

/// Ids are percent-encoded so that keys cannot be confused.
std::string map_key(Remembrance remembrance, const actions::ExecutionKey& key) {
    std::string text = remembrance == Remembrance::kKey ? "key:" : "resend:";
    text.append(percent_encode_id(key.company)).append(":");
    text.append(percent_encode_id(key.user)).append(":");
    return text.append(key.key);
}

std::string session_key(const Claim& claim) {
    return percent_encode_id(claim.key.company) + ':' + percent_encode_id(claim.key.user);
}

std::size_t bytes_of(const KeptStatus& status) {
    return sizeof(KeptStatus) + status.progress.size();
}

/// Nothing was done: the same request may be sent again.
bool frees_the_key(const actions::ActionResult& result) {
    return !result && is_retryable(result.error().code);
}

std::string update_envelope(const Claim& claim, const KeptStatus& status) {
    std::string envelope;
    updates::append_update(envelope,
                           {.request_id = claim.request_id,
                            .action = claim.action,
                            .kind = updates::Kind::kStatus,
                            .time = status.time},
                           status_data(status.status, status.seq, status.progress));
    return envelope;
}

std::string final_envelope(const actions::ExecutionRecord& record) {
    if (record.state == actions::ExecutionState::kUnknown ||
        record.state == actions::ExecutionState::kLeased || !record.outcome)
        return "null";
    const actions::ActionResult result = actions::replayed_outcome(record);
    std::string envelope;
    if (result) {
        updates::append_response(
            envelope,
            {.request_id = record.request_id, .action = record.action, .data = result->str()});
    } else {
        updates::append_error(envelope, record.request_id, record.action, result.error());
    }
    return envelope;
}

std::string description_of(const actions::ExecutionRecord& record) {
    // A lease that nothing runs for: its outcome could not be written.
    constexpr std::string_view kStates[] = {"unknown", "succeeded", "failed", "unknown"};
    std::string text;
    JsonWriter(text)
        .begin_object()
        .member("state", kStates[static_cast<std::size_t>(record.state)])
        .member("action", record.action)
        .raw_member("updates", "[]")
        .raw_member("outcome", final_envelope(record))
        .end_object();
    return text;
}

}  // namespace

KeyedExecutions::~KeyedExecutions() = default;

KeyedExecutions::Entry* KeyedExecutions::find(KeyedId id) {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : found->second.get();
}

KeyedExecutions::Entry* KeyedExecutions::find(Remembrance remembrance,
                                              const actions::ExecutionKey& key) {
    const auto found = by_key_.find(map_key(remembrance, key));
    return found == by_key_.end() ? nullptr : find(found->second);
}

std::unique_ptr<KeyedExecutions::Entry> KeyedExecutions::take(KeyedId id) {
    auto node = entries_.extract(id);
    std::unique_ptr<Entry> entry = std::move(node.mapped());
    unlist(*entry);
    if (entry->state != State::kEnded) --running_;
    status_bytes_ -= entry->status_bytes;
    resend_bytes_ -= entry->outcome_bytes;
    return entry;
}

void KeyedExecutions::claim(Claim claim) {
    Entry* entry = find(claim.remembrance, claim.key);
    if (entry == nullptr) return begin(std::move(claim));
    if (entry->state != State::kLeasing) return join(*entry, claim);
    if (!has_room(entry->waiting.size())) return refuse(claim.caller, crowded());
    entry->waiting.push_back(
        [this, claim = std::move(claim)]() mutable { this->claim(std::move(claim)); });
}

void KeyedExecutions::begin(Claim claim) {
    const ReplayOptions& options = gateway_.s_.options.replay;
    if (claim.remembrance == Remembrance::kKey && gateway_.s_.executions == nullptr)
        return refuse(claim.caller, unavailable());
    if (claim.refusal) return recall(std::move(claim));
    if (running_ >= options.running_max) {
        return refuse(claim.caller,
                      retryable(ErrorCode::kOverloaded,
                                "as many executions with keys are running as may", kRetryWhenBusy));
    }
    constexpr unsigned kCounterBits = 48;
    const KeyedId id = (static_cast<KeyedId>(gateway_.s_.mesh.self()) << kCounterBits) | ++last_;
    Entry& entry = *entries_.emplace(id, std::make_unique<Entry>()).first->second;
    entry.id = id;
    entry.claim = std::move(claim);
    by_key_[map_key(entry.claim.remembrance, entry.claim.key)] = id;
    ++running_;
    if (entry.claim.remembrance == Remembrance::kKey) return lease(entry);
    remember(entry);
    start(entry);
}

/// What cannot begin now may have ended before.
void KeyedExecutions::recall(Claim claim) {
    if (claim.remembrance == Remembrance::kResend)
        return refuse(claim.caller, std::move(*claim.refusal));
    const actions::ExecutionKey key = claim.key;
    gateway_.s_.executions->find(key, gateway_.s_.clock.wall_now(), gateway_.s_.mesh,
                                 [this, claim = std::move(claim)](auto found) mutable {
                                     if (!found) return refuse(claim.caller, unavailable());
                                     if (*found) return answer_known(**found, claim);
                                     refuse(claim.caller, std::move(*claim.refusal));
                                 });
}

void KeyedExecutions::answer_known(const actions::ExecutionRecord& known, const Claim& claim) {
    if (known.action != claim.action || known.digest != claim.digest)
        return refuse(claim.caller, reused());
    replay(known, claim.caller);
}

void KeyedExecutions::lease(Entry& entry) {
    const ReplayOptions& options = gateway_.s_.options.replay;
    const Claim& claim = entry.claim;
    const WallTime now = gateway_.s_.clock.wall_now();
    actions::ExecutionRecord record{.key = claim.key,
                                    .action = claim.action,
                                    .digest = claim.digest,
                                    .request_id = claim.request_id,
                                    .safe_to_retry = claim.safe_to_retry,
                                    .expires_at = now + options.window};
    gateway_.s_.executions->lease(
        std::move(record), {options.keys_per_user_max, options.company_bytes_max}, now,
        gateway_.s_.mesh, [this, id = entry.id](auto answer) { on_leased(id, std::move(answer)); });
}

void KeyedExecutions::on_leased(KeyedId id,
                                std::expected<actions::LeaseAnswer, auth::StoreError> answer) {
    using Kind = actions::LeaseAnswer::Kind;
    Entry* entry = find(id);
    SB_CHECK(entry != nullptr);
    if (answer && answer->kind == Kind::kGranted) return start(*entry);
    const std::unique_ptr<Entry> gone = take(id);
    const Claim& claim = gone->claim;
    if (!answer) {
        refuse(claim.caller, unavailable());
    } else if (answer->kind != Kind::kKnown) {
        refuse(claim.caller, full(answer->kind));
    } else {
        answer_known(answer->known, claim);
    }
    if (gone->cancelled) gone->cancelled(false);
    for (auto& then : gone->waiting) then();
}

void KeyedExecutions::start(Entry& entry) {
    entry.state = State::kRunning;
    entry.followers.push_back(entry.claim.caller);
    auto waiting = std::move(entry.waiting);
    auto call = std::move(entry.claim.call);
    const KeyedId id = entry.id;
    if (auto cancelled = std::move(entry.cancelled)) {
        end(id, std::unexpected(Error::of(ErrorCode::kCancelled, "the execution was cancelled")));
        cancelled(true);
    } else {
        gateway_.tell(entry.claim.caller.shard,
                      [call = std::move(call), id, home = gateway_.s_.mesh.self()](
                          Gateway& origin) { origin.start_keyed(*call, id, home); });
    }
    for (auto& then : waiting) then();
}

void KeyedExecutions::join(Entry& entry, const Claim& claim) {
    if (entry.claim.action != claim.action || entry.claim.digest != claim.digest)
        return refuse(claim.caller, reused());
    follow(entry, claim.caller);
}

void KeyedExecutions::follow(Entry& entry, const Subscriber& caller) {
    if (entry.state == State::kEnded) {
        ++gateway_.stats_.executions_replayed;
        return gateway_.tell(
            caller.shard, [follower = caller.follower, outcome = *entry.outcome](Gateway&) mutable {
                follower->on_replay(std::move(outcome));
            });
    }
    if (!has_room(entry.followers.size())) return refuse(caller, crowded());
    ++gateway_.stats_.executions_attached;
    entry.followers.push_back(caller);
    const auto statuses = entry.statuses;
    for (const auto& status : statuses) pass(caller, status);
}

bool KeyedExecutions::has_room(std::size_t callers) const {
    return callers < gateway_.s_.options.replay.followers_max;
}

void KeyedExecutions::attach(KeyQuestion question, Subscriber caller) {
    Entry* entry = find(Remembrance::kKey, question.key);
    if (entry != nullptr && entry->state == State::kLeasing) {
        if (!has_room(entry->waiting.size())) return refuse(caller, crowded());
        return entry->waiting.push_back([this, question = std::move(question), caller]() mutable {
            attach(std::move(question), std::move(caller));
        });
    }
    if (entry != nullptr) {
        const auto allowed = gateway_.find_action(question.principal, entry->claim.action);
        if (!allowed) return refuse(caller, allowed.error());
        return follow(*entry, caller);
    }
    if (gateway_.s_.executions == nullptr) return refuse(caller, not_known());
    gateway_.s_.executions->find(question.key, gateway_.s_.clock.wall_now(), gateway_.s_.mesh,
                                 [this, who = std::move(question.principal), caller](auto found) {
                                     if (!found) return refuse(caller, unavailable());
                                     if (!*found) return refuse(caller, not_known());
                                     const auto allowed =
                                         gateway_.find_action(who, (*found)->action);
                                     if (!allowed) return refuse(caller, allowed.error());
                                     replay(**found, caller);
                                 });
}

void KeyedExecutions::replay(const actions::ExecutionRecord& record, const Subscriber& caller) {
    actions::ActionResult outcome = actions::replayed_outcome(record);
    if (!outcome && outcome.error().is(ErrorCode::kOutcomeUnknown))
        return refuse(caller, std::move(outcome.error()));
    ++gateway_.stats_.executions_replayed;
    gateway_.tell(caller.shard, [follower = caller.follower, outcome = std::move(outcome)](
                                    Gateway&) mutable { follower->on_replay(std::move(outcome)); });
}

void KeyedExecutions::refuse(const Subscriber& caller, Error error) {
    gateway_.tell(caller.shard,
                  [follower = caller.follower, error = std::move(error)](Gateway&) mutable {
                      follower->on_end(std::unexpected(std::move(error)));
                  });
}

void KeyedExecutions::note_status(KeyedId id, KeptStatus status) {
    Entry* entry = find(id);
    if (entry == nullptr || entry->state != State::kRunning) return;
    const auto shared = std::make_shared<const KeptStatus>(std::move(status));
    keep(*entry, shared);
    // Whatever a follower's sink brings about.
    const auto followers = entry->followers;
    for (const Subscriber& one : followers) pass(one, shared);
}

void KeyedExecutions::keep(Entry& entry, const std::shared_ptr<const KeptStatus>& status) {
    const ReplayOptions& options = gateway_.s_.options.replay;
    entry.statuses.push_back(status);
    entry.status_bytes += bytes_of(*status);
    status_bytes_ += bytes_of(*status);
    while (!entry.statuses.empty() && (entry.status_bytes > options.status_bytes_max ||
                                       status_bytes_ > options.status_total_bytes_max)) {
        const std::size_t bytes = bytes_of(*entry.statuses.front());
        entry.status_bytes -= bytes;
        status_bytes_ -= bytes;
        entry.statuses.pop_front();
    }
}

void KeyedExecutions::pass(const Subscriber& to, const std::shared_ptr<const KeptStatus>& status) {
    if (!to.wants_status || status->seq <= to.after_seq) return;
    std::move_only_function<void(Gateway&)> task = [follower = to.follower, status](Gateway&) {
        follower->on_status(status->status, status->seq, status->progress);
    };
    if (!gateway_.ask(to.shard, task)) ++gateway_.stats_.statuses_dropped;
}

void KeyedExecutions::end(KeyedId id, actions::ActionResult result) {
    Entry* entry = find(id);
    if (entry == nullptr || entry->state != State::kRunning) return;
    const bool frees = frees_the_key(result);
    // What was cut off may have taken effect: its lease stays.
    const bool is_unknown =
        frees && result.error().is(ErrorCode::kShuttingDown) && !entry->claim.safe_to_retry;
    entry->outcome = std::move(result);
    if (is_unknown || entry->claim.remembrance == Remembrance::kResend) return settle(*entry);
    entry->state = frees ? State::kReleasing : State::kSaving;
    save(*entry);
}

void KeyedExecutions::refuse_start(KeyedId id, Error error) {
    Entry* entry = find(id);
    if (entry == nullptr || entry->state != State::kRunning) return;
    entry->outcome = std::unexpected(std::move(error));
    if (entry->claim.remembrance == Remembrance::kResend) {
        forget_resend(id);
        return settle(*entry);
    }
    entry->state = State::kReleasing;
    save(*entry);
}

void KeyedExecutions::save(Entry& entry) {
    const ReplayOptions& options = gateway_.s_.options.replay;
    ++entry.attempts;
    auto done = [this, id = entry.id](const std::expected<bool, auth::StoreError>& saved) {
        on_saved(id, saved.has_value());
    };
    actions::ExecutionStore& store = *gateway_.s_.executions;
    if (entry.state == State::kReleasing)
        return store.release(entry.claim.key, gateway_.s_.mesh, std::move(done));
    auto end = actions::stored_outcome(*entry.outcome, options.outcome_bytes_max);
    end.expires_at = gateway_.s_.clock.wall_now() + options.window;
    store.finish(entry.claim.key, std::move(end), gateway_.s_.mesh, std::move(done));
}

void KeyedExecutions::on_saved(KeyedId id, bool saved) {
    const ReplayOptions& options = gateway_.s_.options.replay;
    Entry* entry = find(id);
    SB_CHECK(entry != nullptr);
    if (saved) return settle(*entry);
    if (entry->attempts < options.save_attempts_max) {
        unsaved_.push_back(id);
        if (!save_timer_.armed())
            gateway_.s_.wheel.arm_after(save_timer_, options.save_again_after);
        return;
    }
    ++gateway_.stats_.outcomes_unsaved;
    gateway_.s_.log.error("execution.outcome_unsaved", {{"action", entry->claim.action},
                                                        {"companyId", entry->claim.key.company},
                                                        {"userId", entry->claim.key.user}});
    if (entry->state == State::kSaving) {
        entry->outcome =
            std::unexpected(Error::of(ErrorCode::kOutcomeUnknown, "the outcome could not be kept"));
    }
    settle(*entry);
}

void KeyedExecutions::save_again() {
    for (const KeyedId id : std::exchange(unsaved_, {})) {
        if (Entry* entry = find(id)) save(*entry);
    }
}

/// Tells the followers. A resend's outcome stays for a while.
void KeyedExecutions::settle(Entry& entry) {
    const auto followers = std::move(entry.followers);
    actions::ActionResult outcome = *entry.outcome;
    const bool stays = entry.claim.remembrance == Remembrance::kResend &&
                       find(Remembrance::kResend, entry.claim.key) == &entry &&
                       !frees_the_key(outcome);
    if (stays) {
        entry.state = State::kEnded;
        --running_;
        status_bytes_ -= std::exchange(entry.status_bytes, 0);
        entry.statuses.clear();
        entry.outcome_bytes = actions::ExecutionStore::kRecordBytes + sizeof(Entry) +
                              (outcome ? outcome->str().size() : outcome.error().details.size());
        resend_bytes_ += entry.outcome_bytes;
        forget_resends();
    } else {
        static_cast<void>(take(entry.id));
    }
    for (const Subscriber& one : followers) {
        gateway_.tell(one.shard, [follower = one.follower, outcome](Gateway&) mutable {
            follower->on_end(std::move(outcome));
        });
    }
}

void KeyedExecutions::remember(Entry& entry) {
    const ReplayOptions& options = gateway_.s_.options.replay;
    entry.forget_at = gateway_.now() + options.resend_window;
    auto& of_session = resends_of_sessions_[session_key(entry.claim)];
    of_session.insert(entry.id);
    resends_.insert(entry.id);
    if (of_session.size() > options.resends_per_session_max) forget_resend(*of_session.begin());
    if (!forget_timer_.armed()) gateway_.s_.wheel.arm_after(forget_timer_, options.resend_window);
}

/// It goes on when it runs, but nobody joins any more.
void KeyedExecutions::forget_resend(KeyedId id) {
    Entry* entry = find(id);
    if (entry == nullptr) return;
    if (entry->state != State::kEnded) return unlist(*entry);
    static_cast<void>(take(id));
}

void KeyedExecutions::unlist(const Entry& entry) {
    const auto named = by_key_.find(map_key(entry.claim.remembrance, entry.claim.key));
    if (named != by_key_.end() && named->second == entry.id) by_key_.erase(named);
    if (entry.claim.remembrance == Remembrance::kKey) return;
    resends_.erase(entry.id);
    const auto session = resends_of_sessions_.find(session_key(entry.claim));
    if (session == resends_of_sessions_.end()) return;
    session->second.erase(entry.id);
    if (session->second.empty()) resends_of_sessions_.erase(session);
}

void KeyedExecutions::forget_resends() {
    const ReplayOptions& options = gateway_.s_.options.replay;
    while (!resends_.empty()) {
        const KeyedId oldest = *resends_.begin();
        const bool is_due = find(oldest)->forget_at <= gateway_.now() ||
                            resend_bytes_ > options.resend_total_bytes_max;
        if (!is_due) break;
        forget_resend(oldest);
    }
    if (resends_.empty() || forget_timer_.armed()) return;
    gateway_.s_.wheel.arm(forget_timer_, find(*resends_.begin())->forget_at);
}

void KeyedExecutions::describe(
    KeyQuestion question, std::move_only_function<void(std::expected<std::string, Error>)> done) {
    if (Entry* entry = find(Remembrance::kKey, question.key)) {
        if (entry->state == State::kLeasing) {
            if (!has_room(entry->waiting.size())) return done(std::unexpected(crowded()));
            return entry->waiting.push_back(
                [this, question = std::move(question), done = std::move(done)]() mutable {
                    describe(std::move(question), std::move(done));
                });
        }
        const auto allowed = gateway_.find_action(question.principal, entry->claim.action);
        if (!allowed) return done(std::unexpected(allowed.error()));
        std::string updates = "[";
        for (const auto& status : entry->statuses) {
            if (updates.size() > 1) updates += ',';
            updates += update_envelope(entry->claim, *status);
        }
        std::string text;
        JsonWriter(text)
            .begin_object()
            .member("state", "running")
            .member("action", entry->claim.action)
            .raw_member("updates", updates + ']')
            .raw_member("outcome", "null")
            .end_object();
        return done(std::move(text));
    }
    if (gateway_.s_.executions == nullptr) return done(std::unexpected(not_known()));
    gateway_.s_.executions->find(
        question.key, gateway_.s_.clock.wall_now(), gateway_.s_.mesh,
        [this, who = std::move(question.principal), done = std::move(done)](auto found) mutable {
            if (!found) return done(std::unexpected(unavailable()));
            if (!*found) return done(std::unexpected(not_known()));
            const auto allowed = gateway_.find_action(who, (*found)->action);
            if (!allowed) return done(std::unexpected(allowed.error()));
            done(description_of(**found));
        });
}

void KeyedExecutions::forget(const actions::ExecutionKey& key,
                             std::move_only_function<void(std::expected<void, Error>)> done) {
    if (Entry* entry = find(Remembrance::kKey, key)) {
        if (entry->state != State::kLeasing) return done(std::unexpected(still_runs()));
        if (!has_room(entry->waiting.size())) return done(std::unexpected(crowded()));
        return entry->waiting.push_back(
            [this, key, done = std::move(done)]() mutable { forget(key, std::move(done)); });
    }
    if (gateway_.s_.executions == nullptr) return done(std::unexpected(not_known()));
    gateway_.s_.executions->forget(key, gateway_.s_.clock.wall_now(), gateway_.s_.mesh,
                                   [done = std::move(done)](auto forgotten) mutable {
                                       if (!forgotten) return done(std::unexpected(unavailable()));
                                       if (!*forgotten) return done(std::unexpected(not_known()));
                                       done({});
                                   });
}

void KeyedExecutions::cancel(const actions::ExecutionKey& key,
                             std::move_only_function<void(bool)> done) {
    Entry* entry = find(Remembrance::kKey, key);
    if (entry == nullptr) return done(false);
    if (entry->state == State::kLeasing) {
        if (entry->cancelled) return done(false);
        entry->cancelled = std::move(done);
        return;
    }
    const ShardIndex home = gateway_.s_.mesh.self();
    gateway_.tell(entry->claim.caller.shard,
                  [id = entry->id, home, done = std::move(done)](Gateway& origin) mutable {
                      const bool cancelled = origin.cancel_keyed(id);
                      origin.tell(home, [cancelled, done = std::move(done)](Gateway&) mutable {
                          done(cancelled);
                      });
                  });
}

}  // namespace signalbox::gateway
