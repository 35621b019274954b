#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/ids.h"
#include "base/random.h"

namespace signalbox::auth {

/// The longest life of a session, whoever makes it.
inline constexpr std::chrono::days kSessionTtlMax{366};

/// A login that the company's API owns.
struct SessionRecord {
    SessionId id;
    UserId user;
    CompanyId company;
    WallTime created_at{};
    WallTime expires_at{};
    WallTime used_at{};  ///< about when it was last used; see `auth.sessions.idle_timeout`
    friend bool operator==(const SessionRecord&, const SessionRecord&) = default;
};

/// 24 random characters, the first no '-': an id that nobody guesses and no command line takes for
/// a flag.
[[nodiscard]] SessionId new_session_id(Random& random);

enum class StoreError : std::uint8_t {
    kUnavailable,  ///< disk full, I/O error, or the store's queue is full: try again later
};

/// Selects sessions; empty members select all.
struct SessionFilter {
    std::optional<CompanyId> company;
    std::optional<UserId> user;
    WallTime now{};         ///< sessions expired at it are left out
    WallTime used_since{};  ///< so are those that were last used before it
    std::size_t limit = 1000;
    SessionId after;  ///< ids greater than it, ascending; empty: from the start
};

/// Where sessions live. The only writer is this process.
///
/// Threading: calls from any thread; `done` runs as a task posted to `reply_on`.
/// Durability: a write's answer comes after the commit.
/// Bounds:    at most queue_max requests wait (8,192); then kUnavailable.
class SessionStore {
public:
    virtual ~SessionStore() = default;
    template <class T>
    using Done = std::move_only_function<void(std::expected<T, StoreError>)>;

    virtual void find(SessionId id, Executor& reply_on,
                      Done<std::optional<SessionRecord>> done) = 0;
    /// Creates or replaces; kForeign, and nothing changed, when the id is of another user or
    /// company. A session that has expired by record.created_at counts as none.
    enum class Put : std::uint8_t { kCreated, kReplaced, kForeign };
    virtual void put(SessionRecord record, Executor& reply_on, Done<Put> done) = 0;
    /// @return what was removed, or nullopt when there was none.
    virtual void remove(SessionId id, Executor& reply_on,
                        Done<std::optional<SessionRecord>> done) = 0;
    /// Removes what the filter selects (its limit and `after` are ignored), at most kRemovedAtOnce:
    /// when as many were removed there may be more. @return what was removed.
    virtual void remove_all(SessionFilter filter, Executor& reply_on,
                            Done<std::vector<SessionRecord>> done) = 0;
    virtual void list(SessionFilter filter, Executor& reply_on,
                      Done<std::vector<SessionRecord>> done) = 0;
    /// Notes that sessions are used; unknown ones are left out. @return how many there are.
    virtual void touch(std::vector<SessionId> ids, WallTime time, Executor& reply_on,
                       Done<std::uint64_t> done) = 0;
    /// Lets sessions last used before `used_since` expire at `now`, so that nothing brings them back:
    /// the one of `id`, or of all at most kRemovedAtOnce. @return how many.
    virtual void end_unused(std::optional<SessionId> id, WallTime used_since, WallTime now,
                            Executor& reply_on, Done<std::uint64_t> done) = 0;
    /// Deletes what expired before `time`, at most kRemovedAtOnce, so that others need not wait
    /// long.
    /// @return how many.
    static constexpr std::uint64_t kRemovedAtOnce = 1'000;
    virtual void remove_expired(WallTime time, Executor& reply_on, Done<std::uint64_t> done) = 0;
};

}  // namespace signalbox::auth
