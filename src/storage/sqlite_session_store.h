#pragma once

#include <expected>
#include <memory>
#include <string>

#include "auth/session_store.h"
#include "storage/database_file.h"

namespace signalbox::storage {

/// Sessions in a SQLite file (table `sessions`). A write's answer comes after its commit in WAL
/// mode with synchronous NORMAL: it survives the end of the process, not always that of the
/// machine.
///
/// Ownership: shares the file. The end of its last store first runs and answers what waits; the
///            executors given to its calls must outlive it.
/// Errors:    kUnavailable when the queue is full, the disk fails or the file is damaged; the next
///            call tries again.
class SqliteSessionStore final : public auth::SessionStore {
public:
    /// Of a file of its own. Errors: DatabaseFile::open().
    [[nodiscard]] static std::expected<std::unique_ptr<SqliteSessionStore>, std::string> open(
        const std::string& path);
    explicit SqliteSessionStore(std::shared_ptr<DatabaseFile> file) : file_(std::move(file)) {}

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
    void end_unused(std::optional<SessionId> id, WallTime used_since, WallTime now,
                    Executor& reply_on, Done<std::uint64_t> done) override;
    void remove_expired(WallTime time, Executor& reply_on, Done<std::uint64_t> done) override;

private:
    std::shared_ptr<DatabaseFile> file_;
};

}  // namespace signalbox::storage
