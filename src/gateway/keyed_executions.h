#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "actions/execution_store.h"
#include "actions/executor.h"
#include "auth/principal.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/timer_wheel.h"

namespace signalbox::gateway {

class Gateway;

/// One entry of KeyedExecutions; not 0.
using KeyedId = std::uint64_t;

/// A caller of an execution: the sink of its request, told at most one end.
/// Threading: confined to the caller's shard; only the pointer travels.
class Follower {
public:
    explicit Follower(std::unique_ptr<actions::ExecutionSink> sink) : sink_(std::move(sink)) {}

    void on_status(actions::Status status, std::uint64_t seq, std::string_view progress) {
        if (sink_ != nullptr) sink_->on_status(status, seq, progress);
    }
    void on_end(actions::ActionResult result) {
        if (const auto sink = std::move(sink_)) sink->on_end(std::move(result));
    }
    void on_replay(actions::ActionResult result) {
        if (const auto sink = std::move(sink_)) sink->on_replay(std::move(result));
    }

private:
    std::unique_ptr<actions::ExecutionSink> sink_;
};

/// Where a follower is, and what it wants to hear.
struct Subscriber {
    ShardIndex shard = 0;
    std::shared_ptr<Follower> follower;
    bool wants_status = false;
    std::uint64_t after_seq = 0;  ///< the last status that it has
};

/// What the shard of an execution needs to start it.
struct KeyedCall {
    actions::ExecutionRequest request;
    MonotonicTime asked_at{};
    std::string socket_id;    ///< empty over REST
    std::uint64_t token = 0;  ///< InFlight::token
};

/// kKey: an idempotency key, kept by the store. kResend: what the stock client's `retries` send
/// again, remembered for a minute; its key's user is the session.
enum class Remembrance : std::uint8_t { kKey, kResend };

/// Somebody wants an action run once.
struct Claim {
    Remembrance remembrance = Remembrance::kKey;
    actions::ExecutionKey key;
    std::string action;
    std::string digest;
    std::string request_id;
    bool safe_to_retry = false;
    std::shared_ptr<KeyedCall> call;  ///< of the caller's shard
    Subscriber caller;
    std::optional<Error> refusal = {};  ///< of a limit: it may be repeated, but not begun
};

/// Somebody asks about a key.
struct KeyQuestion {
    actions::ExecutionKey key;
    auth::Principal principal;
};

struct KeptStatus {
    actions::Status status = actions::Status::kAccepted;
    std::uint64_t seq = 0;
    std::string progress;
    WallTime time{};
};

/// Which keys run, of the companies whose home is this shard: whoever wants one joins, and what has
/// ended is asked of the store. docs/decisions/0008-at-most-once.md.
///
/// Flow of claim(): lease → start on the caller's shard → statuses → end → outcome stored → each
/// follower told.
/// Ownership: of the entries; borrows the gateway, whose member it is.
/// Threading: confined to its shard. Followers and calls are only passed on.
/// Bounds:    ReplayOptions.
/// Errors:    told to the caller: OVERLOADED, QUOTA_EXCEEDED, RATE_LIMITED, IDEMPOTENCY_KEY_REUSED,
///            OUTCOME_UNKNOWN.
class KeyedExecutions {
public:
    explicit KeyedExecutions(Gateway& gateway) : gateway_(gateway) {}
    ~KeyedExecutions();
    KeyedExecutions(const KeyedExecutions&) = delete;
    KeyedExecutions& operator=(const KeyedExecutions&) = delete;

    void claim(Claim claim);
    /// Follows what runs with that key, or gets its stored end.
    void attach(KeyQuestion question, Subscriber caller);

    /// From the shard of the execution.
    void note_status(KeyedId id, KeptStatus status);
    void end(KeyedId id, actions::ActionResult result);
    /// It was not begun.
    void refuse_start(KeyedId id, Error error);

    /// {state, action, updates, outcome}
    void describe(KeyQuestion question,
                  std::move_only_function<void(std::expected<std::string, Error>)> done);
    /// Of one that has ended. NOT_FOUND, OUTCOME_UNKNOWN while it runs.
    void forget(const actions::ExecutionKey& key,
                std::move_only_function<void(std::expected<void, Error>)> done);
    /// `done` hears whether it was cancelled.
    void cancel(const actions::ExecutionKey& key, std::move_only_function<void(bool)> done);

    /// How many run, or are about to.
    [[nodiscard]] std::size_t running() const { return running_; }

private:
    enum class State : std::uint8_t { kLeasing, kRunning, kSaving, kReleasing, kEnded };
    struct Entry {
        KeyedId id = 0;
        Claim claim;
        State state = State::kLeasing;
        std::vector<Subscriber> followers;
        /// To be done once it is known what the key stands for.
        std::vector<std::move_only_function<void()>> waiting;
        /// Somebody has cancelled it while leasing, and waits to hear whether there was anything.
        std::move_only_function<void(bool)> cancelled;
        std::deque<std::shared_ptr<const KeptStatus>> statuses;
        std::size_t status_bytes = 0;
        std::optional<actions::ActionResult> outcome;
        std::size_t outcome_bytes = 0;  ///< while kEnded
        unsigned attempts = 0;          ///< to write the outcome
        MonotonicTime forget_at{};      ///< of a resend
    };
    using Entries = std::unordered_map<KeyedId, std::unique_ptr<Entry>>;

    [[nodiscard]] Entry* find(KeyedId id);
    [[nodiscard]] Entry* find(Remembrance remembrance, const actions::ExecutionKey& key);
    [[nodiscard]] std::unique_ptr<Entry> take(KeyedId id);
    void begin(Claim claim);
    void recall(Claim claim);
    void answer_known(const actions::ExecutionRecord& known, const Claim& claim);
    void lease(Entry& entry);
    void on_leased(KeyedId id, std::expected<actions::LeaseAnswer, auth::StoreError> answer);
    void start(Entry& entry);
    void join(Entry& entry, const Claim& claim);
    void follow(Entry& entry, const Subscriber& caller);
    [[nodiscard]] bool has_room(std::size_t callers) const;
    void pass(const Subscriber& to, const std::shared_ptr<const KeptStatus>& status);
    void keep(Entry& entry, const std::shared_ptr<const KeptStatus>& status);
    void save(Entry& entry);
    void on_saved(KeyedId id, bool saved);
    void save_again();
    void settle(Entry& entry);
    void replay(const actions::ExecutionRecord& record, const Subscriber& caller);
    void refuse(const Subscriber& caller, Error error);

    // Resends.
    void remember(Entry& entry);
    void forget_resends();
    void forget_resend(KeyedId id);
    /// What finds the entry: its key, and the lists of resends.
    void unlist(const Entry& entry);

    Gateway& gateway_;
    Entries entries_;
    std::unordered_map<std::string, KeyedId> by_key_;
    std::size_t running_ = 0;
    std::uint64_t last_ = 0;
    std::size_t status_bytes_ = 0;
    std::vector<KeyedId> unsaved_;
    Timer save_timer_ = Timer::calling<&KeyedExecutions::save_again>(this);
    // By age, since ids only grow.
    std::set<KeyedId> resends_;
    std::unordered_map<std::string, std::set<KeyedId>> resends_of_sessions_;
    std::size_t resend_bytes_ = 0;
    Timer forget_timer_ = Timer::calling<&KeyedExecutions::forget_resends>(this);
};

}  // namespace signalbox::gateway
