#pragma once

#include <expected>
#include <string>

#include "storage/sqlite.h"

namespace signalbox::storage {

/// The version of the tables that this program reads and writes (PRAGMA user_version).
inline constexpr std::int64_t kSchemaVersion = 4;

/// Brings the tables of `database` to kSchemaVersion, each step in a transaction of its own; a new
/// file begins at 0. The file carries our application_id, so that another program's is left alone.
/// @return why it cannot: a newer version, another program's file, an error of SQLite.
[[nodiscard]] std::expected<void, std::string> migrate(SqliteDatabase& database);

}  // namespace signalbox::storage
