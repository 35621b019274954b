#include "storage/schema.h"

#include <fmt/format.h>

#include <iterator>

#include "actions/execution_store.h"

namespace signalbox::storage {
namespace {

constexpr std::int64_t kApplicationId = 0x53424f58;  // "SBOX"

/// Step n leads from version n to n + 1. A step that was released is never changed.
constexpr const char* kSteps[] = {
    "CREATE TABLE sessions ("
    "    id         TEXT PRIMARY KEY,"
    "    user       TEXT NOT NULL,"
    "    company    TEXT NOT NULL,"
    "    created_at INTEGER NOT NULL,"  // milliseconds since the Unix epoch, like expires_at
    "    expires_at INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX sessions_of_user ON sessions (user, company);"
    "CREATE INDEX sessions_of_company ON sessions (company);"
    "CREATE INDEX sessions_by_expiry ON sessions (expires_at);",
    "ALTER TABLE sessions ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;"
    "UPDATE sessions SET used_at = created_at;",
    "CREATE TABLE executions ("
    "    company    TEXT NOT NULL,"
    "    user       TEXT NOT NULL,"
    "    key        TEXT NOT NULL,"
    "    action     TEXT NOT NULL,"
    "    digest     TEXT NOT NULL,"
    "    request_id TEXT NOT NULL,"
    "    safe       INTEGER NOT NULL,"
    "    state      INTEGER NOT NULL,"  // actions::ExecutionState
    "    expires_at INTEGER NOT NULL,"  // milliseconds since the Unix epoch
    "    outcome    TEXT,"
    "    UNIQUE (company, user, key)"
    ") STRICT;"
    "CREATE INDEX executions_by_expiry ON executions (expires_at);"
    "CREATE INDEX executions_leased ON executions (state) WHERE state = 0;"
    // Of a user, and with user '' of the whole company; 512 bytes for a record.
    "CREATE TABLE execution_usage ("
    "    company TEXT NOT NULL,"
    "    user    TEXT NOT NULL,"
    "    keys    INTEGER NOT NULL,"
    "    bytes   INTEGER NOT NULL,"
    "    PRIMARY KEY (company, user)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER execution_added AFTER INSERT ON executions BEGIN"
    "    INSERT INTO execution_usage (company, user, keys, bytes)"
    "        VALUES (new.company, new.user, 1, 512), (new.company, '', 1, 512)"
    "        ON CONFLICT (company, user) DO UPDATE SET keys = keys + 1, bytes = bytes + 512;"
    "END;"
    "CREATE TRIGGER execution_ended AFTER UPDATE OF outcome ON executions BEGIN"
    "    UPDATE execution_usage"
    "        SET bytes = bytes + ifnull(length(CAST(new.outcome AS BLOB)), 0)"
    "                          - ifnull(length(CAST(old.outcome AS BLOB)), 0)"
    "        WHERE company = new.company AND user IN (new.user, '');"
    "END;"
    "CREATE TRIGGER execution_removed AFTER DELETE ON executions BEGIN"
    "    UPDATE execution_usage"
    "        SET keys = keys - 1,"
    "            bytes = bytes - 512 - ifnull(length(CAST(old.outcome AS BLOB)), 0)"
    "        WHERE company = old.company AND user IN (old.user, '');"
    "    DELETE FROM execution_usage"
    "        WHERE company = old.company AND user IN (old.user, '') AND keys <= 0;"
    "END;",
    "CREATE INDEX sessions_by_use ON sessions (used_at, expires_at);",
};
static_assert(actions::ExecutionStore::kRecordBytes == 512);
static_assert(std::size(kSteps) == kSchemaVersion);

std::string to_message(const SqliteError& error) {
    return error.message;
}

std::expected<void, SqliteError> take_step(SqliteDatabase& database, std::int64_t version) {
    const std::string sql =
        fmt::format("BEGIN; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
                    kSteps[version], kApplicationId, version + 1);
    auto taken = database.execute(sql.c_str());
    if (!taken && database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
    return taken;
}

/// @return why the file is not for this program, if so.
std::expected<void, std::string> check_owner(SqliteDatabase& database, std::int64_t version) {
    const auto owner = database.query_integer("PRAGMA application_id");
    const auto tables = database.query_integer("SELECT count(*) FROM sqlite_schema");
    if (!owner) return std::unexpected(to_message(owner.error()));
    if (!tables) return std::unexpected(to_message(tables.error()));
    const bool fresh = *owner == 0 && *tables == 0 && version == 0;
    if (*owner != kApplicationId && !fresh) {
        return std::unexpected("it is the database of another program");
    }
    if (version <= kSchemaVersion) return {};
    return std::unexpected(
        fmt::format("its schema version is {}, this program knows up to {}; use the newer program",
                    version, kSchemaVersion));
}

}  // namespace

std::expected<void, std::string> migrate(SqliteDatabase& database) {
    const auto version = database.query_integer("PRAGMA user_version");
    if (!version) return std::unexpected(to_message(version.error()));
    if (auto ours = check_owner(database, *version); !ours) return ours;
    for (std::int64_t at = *version; at < kSchemaVersion; ++at) {
        if (const auto taken = take_step(database, at); !taken) {
            return std::unexpected(to_message(taken.error()));
        }
    }
    return {};
}

}  // namespace signalbox::storage
