#include "storage/database_file.h"

#include <fmt/format.h>

#include "storage/schema.h"

namespace signalbox::storage {

std::expected<std::shared_ptr<DatabaseFile>, std::string> DatabaseFile::open(
    const std::string& path) {
    auto database = SqliteDatabase::open(path);
    if (!database) return std::unexpected(std::move(database).error());
    const auto refuse = [&](std::string_view why) {
        return std::unexpected(fmt::format("cannot open {}: {}", path, why));
    };
    if (const auto migrated = migrate(*database); !migrated) return refuse(migrated.error());
    auto sessions = SessionTable::prepare(*database);
    if (!sessions) return refuse(sessions.error().message);
    auto executions = ExecutionTable::prepare(*database);
    if (!executions) return refuse(executions.error().message);
    return std::make_shared<DatabaseFile>(std::move(*database), std::move(*sessions),
                                          std::move(*executions));
}

}  // namespace signalbox::storage
