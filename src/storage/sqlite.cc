#include "storage/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace signalbox::storage {
namespace {

/// SQLite would create the file with the umask's mode; -wal and -shm copy the mode of this one.
int create_private_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return errno;
    ::close(file);
    return 0;
}

}  // namespace

SqliteStatement& SqliteStatement::reset() {
    sqlite3_reset(statement_.get());
    return *this;
}

SqliteStatement& SqliteStatement::bind(int parameter, std::string_view text) {
    // A null pointer would bind NULL.
    const char* bytes = text.data() == nullptr ? "" : text.data();
    SB_CHECK(sqlite3_bind_text64(statement_.get(), parameter, bytes, text.size(), SQLITE_STATIC,
                                 SQLITE_UTF8) == SQLITE_OK);
    return *this;
}

SqliteStatement& SqliteStatement::bind(int parameter, std::int64_t value) {
    SB_CHECK(sqlite3_bind_int64(statement_.get(), parameter, value) == SQLITE_OK);
    return *this;
}

std::expected<Step, SqliteError> SqliteStatement::step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return Step::kRow;
    if (code == SQLITE_DONE) return Step::kDone;
    const char* message = sqlite3_errmsg(sqlite3_db_handle(statement_.get()));
    return std::unexpected(SqliteError{code, message});
}

std::expected<void, SqliteError> SqliteStatement::run() {
    for (;;) {
        const auto stepped = step();
        if (!stepped) return std::unexpected(stepped.error());
        if (*stepped == Step::kDone) return {};
    }
}

std::uint64_t SqliteStatement::changes() const {
    return static_cast<std::uint64_t>(sqlite3_changes64(sqlite3_db_handle(statement_.get())));
}

std::string SqliteStatement::text(int column) const {
    const auto* bytes = sqlite3_column_text(statement_.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return bytes == nullptr ? std::string()
                            : std::string(reinterpret_cast<const char*>(bytes), size);
}

std::int64_t SqliteStatement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::expected<SqliteDatabase, std::string> SqliteDatabase::open(const std::string& path) {
    const auto refuse = [&](std::string_view why) {
        return std::unexpected(fmt::format("cannot open {}: {}", path, why));
    };
    if (const int fault = create_private_file(path)) return refuse(std::strerror(fault));
    SqliteDatabase database;
    sqlite3* handle = nullptr;
    constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(path.c_str(), &handle, kFlags, nullptr);
    database.handle_.reset(handle);
    if (code != SQLITE_OK) return refuse(sqlite3_errstr(code));
    if (const auto configured = database.configure(); !configured) {
        return refuse(configured.error().message);
    }
    return database;
}

std::expected<void, SqliteError> SqliteDatabase::configure() {
    sqlite3_busy_timeout(handle_.get(), 0);  // this process is the only writer
    return execute(
        "PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
}

SqliteError SqliteDatabase::error() const {
    return {sqlite3_extended_errcode(handle_.get()), sqlite3_errmsg(handle_.get())};
}

std::expected<void, SqliteError> SqliteDatabase::execute(const char* sql) {
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return std::unexpected(error());
}

std::expected<SqliteStatement, SqliteError> SqliteDatabase::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return std::unexpected(error());
    SqliteStatement prepared;
    prepared.statement_.reset(statement);
    return prepared;
}

std::expected<std::int64_t, SqliteError> SqliteDatabase::query_integer(std::string_view sql) {
    auto statement = prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    const auto stepped = statement->step();
    if (!stepped) return std::unexpected(stepped.error());
    SB_CHECK(*stepped == Step::kRow);
    return statement->integer(0);
}

std::expected<void, SqliteError> SqliteDatabase::set_synchronous(Synchronous wanted) {
    if (wanted == synchronous_) return {};
    auto set = execute(wanted == Synchronous::kFull ? "PRAGMA synchronous = FULL"
                                                    : "PRAGMA synchronous = NORMAL");
    if (set) synchronous_ = wanted;
    return set;
}

}  // namespace signalbox::storage
