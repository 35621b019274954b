#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "storage/execution_table.h"
#include "storage/session_table.h"
#include "storage/sqlite.h"
#include "storage/storage_thread.h"

namespace signalbox::storage {

/// The program's database: the file, its tables and the thread that alone touches them. Shared by
/// the stores over it.
///
/// Ownership: by its stores. The last one's end runs what waits, then closes the file.
/// Threading: thread.submit() from any thread; the rest on the storage thread, and before the first
///            submit() on the thread that opened it.
struct DatabaseFile {
    static constexpr std::size_t kQueueMax = 8'192;

    /// Opens or creates the file and brings its tables to this program's version.
    /// @return "cannot open var/signalbox.db: …" (unreadable, no database, of a newer version).
    [[nodiscard]] static std::expected<std::shared_ptr<DatabaseFile>, std::string> open(
        const std::string& path);

    // In the order of destruction, last first: the thread ends before what it uses.
    SqliteDatabase database;
    SessionTable sessions;
    ExecutionTable executions;
    StorageThread thread{database, kQueueMax};
};

}  // namespace signalbox::storage
