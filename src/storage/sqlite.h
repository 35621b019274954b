#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace signalbox::storage {

/// What SQLite says went wrong: the disk, the file, never a peer.
struct SqliteError {
    int code = SQLITE_ERROR;  ///< extended result code
    std::string message;
};

enum class Step : std::uint8_t { kRow, kDone };

/// One prepared statement, used again and again.
/// Ownership: must not outlive its database.
class SqliteStatement {
public:
    SqliteStatement() = default;

    /// Forgets the last use: call before binding.
    SqliteStatement& reset();
    /// Numbered from 1. `text` must live until the statement is reset or stepped to its end.
    SqliteStatement& bind(int parameter, std::string_view text);
    SqliteStatement& bind(int parameter, std::int64_t value);

    [[nodiscard]] std::expected<Step, SqliteError> step();
    /// Steps to the end, whatever rows there are.
    [[nodiscard]] std::expected<void, SqliteError> run();

    /// Rows that the last run() changed, without those that its triggers did.
    [[nodiscard]] std::uint64_t changes() const;

    /// Columns of the current row, from 0.
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;

private:
    friend class SqliteDatabase;
    struct Finalizer {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

/// One connection to a database file of ours.
/// Threading: used by one thread at a time.
class SqliteDatabase {
public:
    /// Opens `path`, creating it (mode 0600), in WAL mode with synchronous NORMAL.
    /// @return "cannot open var/signalbox.db: file is not a database".
    [[nodiscard]] static std::expected<SqliteDatabase, std::string> open(const std::string& path);

    [[nodiscard]] std::expected<void, SqliteError> execute(const char* sql);
    [[nodiscard]] std::expected<SqliteStatement, SqliteError> prepare(std::string_view sql);
    /// The single integer that `sql` selects.
    [[nodiscard]] std::expected<std::int64_t, SqliteError> query_integer(std::string_view sql);
    /// kNormal: a commit survives the end of the process; kFull: that of the machine too, for an
    /// fsync. Not inside a transaction.
    enum class Synchronous : std::uint8_t { kNormal, kFull };
    [[nodiscard]] std::expected<void, SqliteError> set_synchronous(Synchronous wanted);
    /// True between a BEGIN and its end; SQLite itself rolls back on some errors.
    [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

private:
    struct Closer {
        void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    };
    SqliteDatabase() = default;
    [[nodiscard]] SqliteError error() const;
    [[nodiscard]] std::expected<void, SqliteError> configure();

    std::unique_ptr<sqlite3, Closer> handle_;
    Synchronous synchronous_ = Synchronous::kNormal;
};

}  // namespace signalbox::storage
