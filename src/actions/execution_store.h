#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "auth/session_store.h"
#include "base/clock.h"
#include "base/executor.h"

namespace signalbox::actions {

/// What an idempotency key names: it holds for one user of one company. A service has no company,
/// and the id of its own key as user.
struct ExecutionKey {
    std::string company;
    std::string user;
    std::string key;
    friend bool operator==(const ExecutionKey&, const ExecutionKey&) = default;
};

/// kLeased: begun and not ended, as far as the store knows. kUnknown: the same, of an earlier run of
/// the server.
enum class ExecutionState : std::uint8_t { kLeased, kSucceeded, kFailed, kUnknown };

/// One execution that was asked for with a key.
struct ExecutionRecord {
    ExecutionKey key;
    std::string action;
    std::string digest;      ///< of its data: data_digest.h
    std::string request_id;  ///< of the request that began it
    bool safe_to_retry = false;
    ExecutionState state = ExecutionState::kLeased;
    WallTime expires_at{};
    std::optional<std::string> outcome = {};  ///< stored_outcome.h; nullopt: none, or too large
    friend bool operator==(const ExecutionRecord&, const ExecutionRecord&) = default;
};

/// How an execution ended.
struct ExecutionEnd {
    ExecutionState state = ExecutionState::kSucceeded;
    std::optional<std::string> outcome;
    WallTime expires_at{};
};

/// 0: no limit.
struct LeaseLimits {
    std::uint64_t keys_per_user_max = 0;
    std::uint64_t bytes_per_company_max = 0;  ///< kRecordBytes and the outcome, for each record
};

/// What came of asking for a lease.
struct LeaseAnswer {
    enum class Kind : std::uint8_t { kGranted, kKnown, kUserFull, kCompanyFull };
    Kind kind = Kind::kGranted;
    ExecutionRecord known = {};  ///< with kKnown: what the key stands for already
};

/// Where executions with keys are remembered. The only writer is this process.
///
/// Threading:  calls from any thread; `done` runs as a task posted to `reply_on`.
/// Durability: a write's answer comes after a commit that survives the end of the machine.
/// Expiry:     a record that is no lease counts as none from `expires_at` on.
/// Errors:     kUnavailable when the store's queue is full or its disk fails: nothing was changed.
class ExecutionStore {
public:
    virtual ~ExecutionStore() = default;
    template <class T>
    using Done = std::move_only_function<void(std::expected<T, auth::StoreError>)>;
    /// What a record counts for, beside its outcome.
    static constexpr std::uint64_t kRecordBytes = 512;

    /// Puts `record` (kLeased) unless its key is known.
    virtual void lease(ExecutionRecord record, LeaseLimits limits, WallTime now,
                       signalbox::Executor& reply_on, Done<LeaseAnswer> done) = 0;
    /// @return false when there is no such lease.
    virtual void finish(ExecutionKey key, ExecutionEnd end, signalbox::Executor& reply_on,
                        Done<bool> done) = 0;
    /// Deletes a lease: nothing was done. @return false when there is none.
    virtual void release(ExecutionKey key, signalbox::Executor& reply_on, Done<bool> done) = 0;
    virtual void find(ExecutionKey key, WallTime now, signalbox::Executor& reply_on,
                      Done<std::optional<ExecutionRecord>> done) = 0;
    /// Deletes whatever the key stands for. @return false when it is nothing.
    virtual void forget(ExecutionKey key, WallTime now, signalbox::Executor& reply_on,
                        Done<bool> done) = 0;
    static constexpr std::uint64_t kRemovedAtOnce = 1'000;
    /// Deletes what is remembered of a company, what runs included: it then leaves nothing when it
    /// ends. At most kRemovedAtOnce. @return how many.
    virtual void remove_company(std::string company, signalbox::Executor& reply_on,
                                Done<std::uint64_t> done) = 0;
    /// Deletes what expired before `time`, at most kRemovedAtOnce. @return how many.
    virtual void remove_expired(WallTime time, signalbox::Executor& reply_on,
                                Done<std::uint64_t> done) = 0;
};

}  // namespace signalbox::actions
