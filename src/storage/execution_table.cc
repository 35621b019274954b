#include "storage/execution_table.h"

#include <fmt/format.h>

#include <utility>

namespace signalbox::storage {
namespace {

using actions::ExecutionState;
using actions::ExecutionStore;
using actions::LeaseAnswer;

std::int64_t milliseconds(WallTime time) {
    return time.time_since_epoch().count();
}

constexpr std::string_view kColumns =
    "action, digest, request_id, safe, state, expires_at, outcome IS NOT NULL, outcome";

actions::ExecutionRecord record_of(const actions::ExecutionKey& key, const SqliteStatement& row) {
    return {.key = key,
            .action = row.text(0),
            .digest = row.text(1),
            .request_id = row.text(2),
            .safe_to_retry = row.integer(3) != 0,
            .state = static_cast<ExecutionState>(row.integer(4)),
            .expires_at = WallTime(Milliseconds(row.integer(5))),
            .outcome = row.integer(6) != 0 ? std::optional(row.text(7)) : std::nullopt};
}

SqliteStatement& bind_key(SqliteStatement& statement, const actions::ExecutionKey& key) {
    return statement.reset().bind(1, key.company).bind(2, key.user).bind(3, key.key);
}

bool counts(const actions::ExecutionRecord& record, WallTime now) {
    return record.state == ExecutionState::kLeased || record.expires_at > now;
}

}  // namespace

ExecutionTable::Result<ExecutionTable> ExecutionTable::prepare(SqliteDatabase& database) {
    ExecutionTable table;
    constexpr std::string_view kOfKey = "company = ?1 AND user = ?2 AND key = ?3";
    const int leased = static_cast<int>(ExecutionState::kLeased);
    const std::pair<SqliteStatement*, std::string> wanted[] = {
        {&table.find_, fmt::format("SELECT {} FROM executions WHERE {}", kColumns, kOfKey)},
        {&table.insert_,
         fmt::format("INSERT INTO executions (company, user, key, action, digest, request_id, safe,"
                     " state, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, {}, ?8)",
                     leased)},
        {&table.finish_, fmt::format("UPDATE executions SET state = ?4, expires_at = ?5,"
                                     " outcome = iif(?6, ?7, NULL) WHERE {} AND state = {}",
                                     kOfKey, leased)},
        {&table.release_,
         fmt::format("DELETE FROM executions WHERE {} AND state = {}", kOfKey, leased)},
        {&table.remove_, fmt::format("DELETE FROM executions WHERE {}", kOfKey)},
        {&table.remove_company_,
         fmt::format("DELETE FROM executions WHERE rowid IN (SELECT rowid FROM executions"
                     " WHERE company = ?1 LIMIT {})",
                     ExecutionStore::kRemovedAtOnce)},
        {&table.remove_expired_,
         fmt::format("DELETE FROM executions WHERE rowid IN (SELECT rowid FROM executions"
                     " WHERE expires_at < ?1 AND state != {} LIMIT {})",
                     leased, ExecutionStore::kRemovedAtOnce)},
        {&table.keys_, "SELECT keys FROM execution_usage WHERE company = ?1 AND user = ?2"},
        {&table.bytes_, "SELECT bytes FROM execution_usage WHERE company = ?1 AND user = ?2"},
        {&table.free_safe_,
         fmt::format("DELETE FROM executions WHERE state = {} AND safe", leased)},
        {&table.make_unknown_, fmt::format("UPDATE executions SET state = {} WHERE state = {}",
                                           static_cast<int>(ExecutionState::kUnknown), leased)},
    };
    for (const auto& [statement, sql] : wanted) {
        auto prepared = database.prepare(sql);
        if (!prepared) return std::unexpected(std::move(prepared).error());
        *statement = std::move(*prepared);
    }
    return table;
}

ExecutionTable::Result<LeaseAnswer> ExecutionTable::lease(const Record& record,
                                                          const actions::LeaseLimits& limits,
                                                          WallTime now) {
    const Key& key = record.key;
    auto known = find(key, now);
    if (!known) return std::unexpected(std::move(known).error());
    if (*known) return LeaseAnswer{LeaseAnswer::Kind::kKnown, std::move(**known)};
    // What has expired.
    if (const auto removed = bind_key(remove_, key).run(); !removed)
        return std::unexpected(removed.error());
    const auto keys = usage(keys_, key.company, key.user);
    if (!keys) return std::unexpected(keys.error());
    const auto is_full = [](std::int64_t used, std::uint64_t most) {
        return most != 0 && std::cmp_greater_equal(used, most);
    };
    if (is_full(*keys, limits.keys_per_user_max)) return LeaseAnswer{LeaseAnswer::Kind::kUserFull};
    const auto bytes = usage(bytes_, key.company, "");
    if (!bytes) return std::unexpected(bytes.error());
    if (is_full(*bytes, limits.bytes_per_company_max))
        return LeaseAnswer{LeaseAnswer::Kind::kCompanyFull};
    bind_key(insert_, key).bind(4, record.action).bind(5, record.digest);
    insert_.bind(6, record.request_id).bind(7, std::int64_t{record.safe_to_retry});
    if (const auto done = insert_.bind(8, milliseconds(record.expires_at)).run(); !done)
        return std::unexpected(done.error());
    return LeaseAnswer{};
}

ExecutionTable::Result<std::int64_t> ExecutionTable::usage(SqliteStatement& statement,
                                                           std::string_view company,
                                                           std::string_view user) {
    const auto stepped = statement.reset().bind(1, company).bind(2, user).step();
    if (!stepped) return std::unexpected(stepped.error());
    const std::int64_t used = *stepped == Step::kRow ? statement.integer(0) : 0;
    statement.reset();
    return used;
}

ExecutionTable::Result<std::uint64_t> ExecutionTable::changed(SqliteStatement& statement) {
    if (const auto done = statement.run(); !done) return std::unexpected(done.error());
    return statement.changes();
}

ExecutionTable::Result<bool> ExecutionTable::changes_any(SqliteStatement& statement) {
    const auto rows = changed(statement);
    if (!rows) return std::unexpected(rows.error());
    return *rows > 0;
}

ExecutionTable::Result<bool> ExecutionTable::finish(const Key& key,
                                                    const actions::ExecutionEnd& end) {
    bind_key(finish_, key).bind(4, static_cast<std::int64_t>(end.state));
    finish_.bind(5, milliseconds(end.expires_at)).bind(6, std::int64_t{end.outcome.has_value()});
    finish_.bind(7, end.outcome ? std::string_view(*end.outcome) : std::string_view());
    return changes_any(finish_);
}

ExecutionTable::Result<bool> ExecutionTable::release(const Key& key) {
    return changes_any(bind_key(release_, key));
}

ExecutionTable::Result<std::optional<ExecutionTable::Record>> ExecutionTable::find(const Key& key,
                                                                                   WallTime now) {
    const auto stepped = bind_key(find_, key).step();
    if (!stepped) return std::unexpected(stepped.error());
    if (*stepped == Step::kDone) return std::nullopt;
    Record record = record_of(key, find_);
    find_.reset();
    return counts(record, now) ? std::optional(std::move(record)) : std::nullopt;
}

ExecutionTable::Result<bool> ExecutionTable::forget(const Key& key, WallTime now) {
    const auto known = find(key, now);
    if (!known) return std::unexpected(known.error());
    const auto removed = bind_key(remove_, key).run();
    if (!removed) return std::unexpected(removed.error());
    return known->has_value();
}

ExecutionTable::Result<std::uint64_t> ExecutionTable::remove_company(std::string_view company) {
    return changed(remove_company_.reset().bind(1, company));
}

ExecutionTable::Result<std::uint64_t> ExecutionTable::remove_expired(WallTime time) {
    return changed(remove_expired_.reset().bind(1, milliseconds(time)));
}

ExecutionTable::Result<void> ExecutionTable::end_leases() {
    if (const auto freed = free_safe_.reset().run(); !freed) return std::unexpected(freed.error());
    return make_unknown_.reset().run();
}

}  // namespace signalbox::storage
