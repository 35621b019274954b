#pragma once

#include <expected>
#include <memory>
#include <string>

#include "actions/execution_store.h"
#include "storage/database_file.h"

namespace signalbox::storage {

/// Executions with keys in a SQLite file (table `executions`), committed with synchronous FULL.
///
/// Ownership: shares the file. The end of its last store first runs and answers what waits; the
///            executors given to its calls must outlive it.
class SqliteExecutionStore final : public actions::ExecutionStore {
public:
    /// Makes the leases of earlier runs unknown, and deletes those of actions that are safe to
    /// retry: only this process may have the file open. Before the first call of any store over it.
    /// @return what SQLite says went wrong.
    [[nodiscard]] static std::expected<std::unique_ptr<SqliteExecutionStore>, std::string> open(
        std::shared_ptr<DatabaseFile> file);

    void lease(actions::ExecutionRecord record, actions::LeaseLimits limits, WallTime now,
               Executor& reply_on, Done<actions::LeaseAnswer> done) override;
    void finish(actions::ExecutionKey key, actions::ExecutionEnd end, Executor& reply_on,
                Done<bool> done) override;
    void release(actions::ExecutionKey key, Executor& reply_on, Done<bool> done) override;
    void find(actions::ExecutionKey key, WallTime now, Executor& reply_on,
              Done<std::optional<actions::ExecutionRecord>> done) override;
    void forget(actions::ExecutionKey key, WallTime now, Executor& reply_on,
                Done<bool> done) override;
    void remove_company(std::string company, Executor& reply_on, Done<std::uint64_t> done) override;
    void remove_expired(WallTime time, Executor& reply_on, Done<std::uint64_t> done) override;

private:
    explicit SqliteExecutionStore(std::shared_ptr<DatabaseFile> file) : file_(std::move(file)) {}
    std::shared_ptr<DatabaseFile> file_;
};

}  // namespace signalbox::storage
