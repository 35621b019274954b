#pragma once

#include <expected>
#include <memory>
#include <string>

#include "auth/session_store.h"

namespace signalbox::storage {

/// Sessions in a SQLite file (table `sessions`). A write's answer comes after its commit in WAL
/// mode with synchronous NORMAL: it survives the end of the process, not always that of the
/// machine.
///
/// Ownership: owns the connection and the storage thread. The destructor first runs and answers
///            what waits; the executors given to its calls must outlive it.
/// Errors:    kUnavailable when the queue is full, the disk fails or the file is damaged; the next
///            call tries again.
class SqliteSessionStore final : public auth::SessionStore {
public:
    static constexpr std::size_t kQueueMax = 8'192;

    /// Opens or creates the file and brings its tables to this program's version.
    /// @return "cannot open var/signalbox.db: …" (unreadable, no database, of a newer version).
    [[nodiscard]] static std::expected<std::unique_ptr<SqliteSessionStore>, std::string> open(
        const std::string& path);
    ~SqliteSessionStore() override;

    void find(SessionId id, Executor& reply_on,
              Done<std::optional<auth::SessionRecord>> done) override;
    void put(auth::SessionRecord record, Executor& reply_on, Done<Put> done) override;
    void remove(SessionId id, Executor& reply_on,
                Done<std::optional<auth::SessionRecord>> done) override;
    void remove_all(auth::SessionFilter filter, Executor& reply_on,
                    Done<std::vector<auth::SessionRecord>> done) override;
    void list(auth::SessionFilter filter, Executor& reply_on,
              Done<std::vector<auth::SessionRecord>> done) override;
    void touch(std::vector<SessionId> ids, WallTime time, Executor& reply_on,
               Done<std::uint64_t> done) override;
    void remove_expired(WallTime time, Executor& reply_on, Done<std::uint64_t> done) override;

private:
    struct State;
    explicit SqliteSessionStore(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace signalbox::storage
