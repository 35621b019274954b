#include "storage/session_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace signalbox::storage {
namespace {

using auth::SessionFilter;
using auth::SessionRecord;
using auth::SessionStore;

std::int64_t milliseconds(WallTime time) {
    return time.time_since_epoch().count();
}

SessionRecord record_of(const SqliteStatement& row) {
    return {SessionId::trusted(row.text(0)),        UserId::trusted(row.text(1)),
            CompanyId::trusted(row.text(2)),        WallTime(Milliseconds(row.integer(3))),
            WallTime(Milliseconds(row.integer(4))), WallTime(Milliseconds(row.integer(5)))};
}

/// The first row, and on to the end: a RETURNING is done only then.
std::expected<std::optional<SessionRecord>, SqliteError> one_record(SqliteStatement& statement) {
    const auto stepped = statement.step();
    if (!stepped) return std::unexpected(stepped.error());
    if (*stepped == Step::kDone) return std::nullopt;
    SessionRecord record = record_of(statement);
    if (const auto rest = statement.run(); !rest) return std::unexpected(rest.error());
    return record;
}

std::expected<std::vector<SessionRecord>, SqliteError> all_records(SqliteStatement& statement) {
    std::vector<SessionRecord> records;
    for (;;) {
        const auto stepped = statement.step();
        if (!stepped) return std::unexpected(stepped.error());
        if (*stepped == Step::kDone) return records;
        records.push_back(record_of(statement));
    }
}

constexpr std::size_t kByCompany = 1, kByUser = 2;

std::size_t variant_of(const SessionFilter& filter) {
    return (filter.company ? kByCompany : 0) + (filter.user ? kByUser : 0);
}

/// Parameters ?1 company, ?2 user, ?3 now, ?6 used since.
std::string condition_of(std::size_t variant) {
    std::string condition = "expires_at > ?3 AND used_at >= ?6";
    if ((variant & kByCompany) != 0) condition += " AND company = ?1";
    if ((variant & kByUser) != 0) condition += " AND user = ?2";
    return condition;
}

/// Binds what condition_of() names; the texts borrow from `filter`.
SqliteStatement& bind_filter(SqliteStatement& statement, const SessionFilter& filter) {
    statement.reset().bind(3, milliseconds(filter.now)).bind(6, milliseconds(filter.used_since));
    if (filter.company) statement.bind(1, filter.company->str());
    if (filter.user) statement.bind(2, filter.user->str());
    return statement;
}

constexpr std::string_view kColumns = "id, user, company, created_at, expires_at, used_at";

}  // namespace

SessionTable::Result<SessionTable> SessionTable::prepare(SqliteDatabase& database) {
    SessionTable table;
    std::vector<std::pair<SqliteStatement*, std::string>> wanted = {
        {&table.find_, fmt::format("SELECT {} FROM sessions WHERE id = ?1", kColumns)},
        {&table.put_, fmt::format("INSERT INTO sessions ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                                  " ON CONFLICT (id) DO UPDATE SET user = ?2, company = ?3,"
                                  " created_at = ?4, expires_at = ?5, used_at = ?6",
                                  kColumns)},
        {&table.remove_, fmt::format("DELETE FROM sessions WHERE id = ?1 RETURNING {}", kColumns)},
        {&table.touch_, "UPDATE sessions SET used_at = max(used_at, ?2) WHERE id = ?1"},
        {&table.end_unused_,
         fmt::format("UPDATE sessions SET expires_at = ?2 WHERE id IN (SELECT id FROM sessions"
                     " WHERE used_at < ?1 AND expires_at > ?2 LIMIT {})",
                     SessionStore::kRemovedAtOnce)},
        {&table.end_one_,
         "UPDATE sessions SET expires_at = ?2 WHERE id = ?3 AND used_at < ?1 AND expires_at > ?2"},
        {&table.remove_expired_,
         fmt::format("DELETE FROM sessions WHERE id IN"
                     " (SELECT id FROM sessions WHERE expires_at < ?1 LIMIT {})",
                     SessionStore::kRemovedAtOnce)},
    };
    for (std::size_t variant = 0; variant < table.list_.size(); ++variant) {
        const std::string condition = condition_of(variant);
        wanted.emplace_back(
            &table.list_[variant],
            fmt::format("SELECT {} FROM sessions WHERE {} AND id > ?4 ORDER BY id LIMIT ?5",
                        kColumns, condition));
        wanted.emplace_back(
            &table.remove_all_[variant],
            fmt::format(
                "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE {} LIMIT {})"
                " RETURNING {}",
                condition, SessionStore::kRemovedAtOnce, kColumns));
    }
    for (auto& [statement, sql] : wanted) {
        auto prepared = database.prepare(sql);
        if (!prepared) return std::unexpected(std::move(prepared).error());
        *statement = std::move(*prepared);
    }
    return table;
}

SessionTable::Result<std::optional<SessionRecord>> SessionTable::find(const SessionId& id) {
    return one_record(find_.reset().bind(1, id.str()));
}

SessionTable::Result<SessionStore::Put> SessionTable::put(const SessionRecord& record) {
    const auto existing = find(record.id);
    if (!existing) return std::unexpected(existing.error());
    const bool known = *existing && (*existing)->expires_at > record.created_at;
    if (known && ((*existing)->user != record.user || (*existing)->company != record.company)) {
        return SessionStore::Put::kForeign;
    }
    put_.reset().bind(1, record.id.str()).bind(2, record.user.str()).bind(3, record.company.str());
    put_.bind(4, milliseconds(record.created_at)).bind(5, milliseconds(record.expires_at));
    put_.bind(6, milliseconds(std::max(record.used_at, record.created_at)));
    if (const auto done = put_.run(); !done) return std::unexpected(done.error());
    return known ? SessionStore::Put::kReplaced : SessionStore::Put::kCreated;
}

SessionTable::Result<std::optional<SessionRecord>> SessionTable::remove(const SessionId& id) {
    return one_record(remove_.reset().bind(1, id.str()));
}

SessionTable::Result<std::vector<SessionRecord>> SessionTable::remove_all(
    const SessionFilter& filter) {
    auto removed = all_records(bind_filter(remove_all_[variant_of(filter)], filter));
    if (removed) std::ranges::sort(*removed, {}, &SessionRecord::id);
    return removed;
}

SessionTable::Result<std::vector<SessionRecord>> SessionTable::list(const SessionFilter& filter) {
    constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
    const auto limit = static_cast<std::int64_t>(std::min(filter.limit, kMost));
    SqliteStatement& statement = bind_filter(list_[variant_of(filter)], filter);
    return all_records(statement.bind(4, filter.after.str()).bind(5, limit));
}

SessionTable::Result<std::uint64_t> SessionTable::touch(const std::vector<SessionId>& ids,
                                                        WallTime time) {
    std::uint64_t touched = 0;
    for (const SessionId& id : ids) {
        const auto done = touch_.reset().bind(1, id.str()).bind(2, milliseconds(time)).run();
        if (!done) return std::unexpected(done.error());
        touched += touch_.changes();
    }
    return touched;
}

SessionTable::Result<std::uint64_t> SessionTable::end_unused(const std::optional<SessionId>& id,
                                                             WallTime used_since, WallTime now) {
    SqliteStatement& statement = id ? end_one_ : end_unused_;
    statement.reset().bind(1, milliseconds(used_since)).bind(2, milliseconds(now));
    if (id) statement.bind(3, id->str());
    if (const auto done = statement.run(); !done) return std::unexpected(done.error());
    return statement.changes();
}

SessionTable::Result<std::uint64_t> SessionTable::remove_expired(WallTime time) {
    const auto done = remove_expired_.reset().bind(1, milliseconds(time)).run();
    if (!done) return std::unexpected(done.error());
    return remove_expired_.changes();
}

}  // namespace signalbox::storage
