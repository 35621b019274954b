#include "storage/sqlite_session_store.h"

#include "storage/store_job.h"

namespace signalbox::storage {
namespace {

using auth::SessionFilter;
using auth::SessionRecord;

template <class T>
using Done = auth::SessionStore::Done<T>;

template <class T, class Ask>
void submit(DatabaseFile& file, StorageJob::Kind kind, Ask ask, Executor& reply_on, Done<T> done) {
    auto bound = [&table = file.sessions, ask = std::move(ask)] { return ask(table); };
    file.thread.submit(
        std::make_unique<StoreJob<T>>(kind, std::move(bound), reply_on, std::move(done)));
}

}  // namespace

std::expected<std::unique_ptr<SqliteSessionStore>, std::string> SqliteSessionStore::open(
    const std::string& path) {
    auto file = DatabaseFile::open(path);
    if (!file) return std::unexpected(std::move(file).error());
    return std::make_unique<SqliteSessionStore>(std::move(*file));
}

void SqliteSessionStore::find(SessionId id, Executor& reply_on,
                              Done<std::optional<SessionRecord>> done) {
    submit<std::optional<SessionRecord>>(
        *file_, StorageJob::Kind::kRead,
        [id = std::move(id)](SessionTable& t) { return t.find(id); }, reply_on, std::move(done));
}

void SqliteSessionStore::put(SessionRecord record, Executor& reply_on, Done<Put> done) {
    submit<Put>(
        *file_, StorageJob::Kind::kWrite,
        [record = std::move(record)](SessionTable& t) { return t.put(record); }, reply_on,
        std::move(done));
}

void SqliteSessionStore::remove(SessionId id, Executor& reply_on,
                                Done<std::optional<SessionRecord>> done) {
    submit<std::optional<SessionRecord>>(
        *file_, StorageJob::Kind::kWrite,
        [id = std::move(id)](SessionTable& t) { return t.remove(id); }, reply_on, std::move(done));
}

void SqliteSessionStore::remove_all(SessionFilter filter, Executor& reply_on,
                                    Done<std::vector<SessionRecord>> done) {
    submit<std::vector<SessionRecord>>(
        *file_, StorageJob::Kind::kWrite,
        [filter = std::move(filter)](SessionTable& t) { return t.remove_all(filter); }, reply_on,
        std::move(done));
}

void SqliteSessionStore::list(SessionFilter filter, Executor& reply_on,
                              Done<std::vector<SessionRecord>> done) {
    submit<std::vector<SessionRecord>>(
        *file_, StorageJob::Kind::kRead,
        [filter = std::move(filter)](SessionTable& t) { return t.list(filter); }, reply_on,
        std::move(done));
}

void SqliteSessionStore::touch(std::vector<SessionId> ids, WallTime time, Executor& reply_on,
                               Done<std::uint64_t> done) {
    submit<std::uint64_t>(
        *file_, StorageJob::Kind::kWrite,
        [ids = std::move(ids), time](SessionTable& t) { return t.touch(ids, time); }, reply_on,
        std::move(done));
}

void SqliteSessionStore::end_unused(std::optional<SessionId> id, WallTime used_since, WallTime now,
                                    Executor& reply_on, Done<std::uint64_t> done) {
    submit<std::uint64_t>(
        *file_, StorageJob::Kind::kWrite,
        [id = std::move(id), used_since, now](SessionTable& t) {
            return t.end_unused(id, used_since, now);
        },
        reply_on, std::move(done));
}

void SqliteSessionStore::remove_expired(WallTime time, Executor& reply_on,
                                        Done<std::uint64_t> done) {
    submit<std::uint64_t>(
        *file_, StorageJob::Kind::kWrite,
        [time](SessionTable& t) { return t.remove_expired(time); }, reply_on, std::move(done));
}

}  // namespace signalbox::storage
