#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "actions/execution_store.h"
#include "storage/sqlite.h"

namespace signalbox::storage {

/// The statements on table `executions`, prepared once. Triggers keep `execution_usage`, what users
/// and companies have there.
/// Ownership: must not outlive the database.
/// Threading: on the thread of the database.
class ExecutionTable {
public:
    template <class T>
    using Result = std::expected<T, SqliteError>;
    using Key = actions::ExecutionKey;
    using Record = actions::ExecutionRecord;

    [[nodiscard]] static Result<ExecutionTable> prepare(SqliteDatabase& database);

    [[nodiscard]] Result<actions::LeaseAnswer> lease(const Record& record,
                                                     const actions::LeaseLimits& limits,
                                                     WallTime now);
    [[nodiscard]] Result<bool> finish(const Key& key, const actions::ExecutionEnd& end);
    [[nodiscard]] Result<bool> release(const Key& key);
    [[nodiscard]] Result<std::optional<Record>> find(const Key& key, WallTime now);
    [[nodiscard]] Result<bool> forget(const Key& key, WallTime now);
    [[nodiscard]] Result<std::uint64_t> remove_company(std::string_view company);
    [[nodiscard]] Result<std::uint64_t> remove_expired(WallTime time);
    /// Before the first lease of a run: those there are of earlier ones.
    [[nodiscard]] Result<void> end_leases();

private:
    ExecutionTable() = default;
    [[nodiscard]] Result<std::int64_t> usage(SqliteStatement& statement, std::string_view company,
                                             std::string_view user);
    /// Runs it. @return the rows that it changed.
    [[nodiscard]] static Result<std::uint64_t> changed(SqliteStatement& statement);
    [[nodiscard]] static Result<bool> changes_any(SqliteStatement& statement);

    SqliteStatement find_, insert_, finish_, release_, remove_, remove_company_, remove_expired_,
        keys_, bytes_, free_safe_, make_unknown_;
};

}  // namespace signalbox::storage
