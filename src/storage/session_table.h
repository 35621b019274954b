#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "auth/session_store.h"
#include "storage/sqlite.h"

namespace signalbox::storage {

/// The statements on table `sessions`, prepared once.
/// Ownership: must not outlive the database.
/// Threading: on the thread of the database.
class SessionTable {
public:
    template <class T>
    using Result = std::expected<T, SqliteError>;
    using Record = auth::SessionRecord;

    [[nodiscard]] static Result<SessionTable> prepare(SqliteDatabase& database);

    [[nodiscard]] Result<std::optional<Record>> find(const SessionId& id);
    [[nodiscard]] Result<auth::SessionStore::Put> put(const Record& record);
    [[nodiscard]] Result<std::optional<Record>> remove(const SessionId& id);
    [[nodiscard]] Result<std::vector<Record>> remove_all(const auth::SessionFilter& filter);
    [[nodiscard]] Result<std::vector<Record>> list(const auth::SessionFilter& filter);
    [[nodiscard]] Result<std::uint64_t> touch(const std::vector<SessionId>& ids, WallTime time);
    [[nodiscard]] Result<std::uint64_t> end_unused(const std::optional<SessionId>& id,
                                                   WallTime used_since, WallTime now);
    [[nodiscard]] Result<std::uint64_t> remove_expired(WallTime time);

private:
    SessionTable() = default;

    SqliteStatement find_, put_, remove_, touch_, remove_expired_, end_unused_, end_one_;
    /// One for each set of given members of a filter, so that each uses its index.
    std::array<SqliteStatement, 4> list_, remove_all_;
};

}  // namespace signalbox::storage
