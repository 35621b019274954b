#include "storage/schema.h"

#include <fmt/format.h>

#include <iterator>

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
};
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
