#include "storage/sqlite_execution_store.h"

#include "storage/store_job.h"

namespace signalbox::storage {
namespace {

using actions::ExecutionEnd;
using actions::ExecutionKey;
using actions::ExecutionRecord;
using actions::LeaseAnswer;
using actions::LeaseLimits;
using Kind = StorageJob::Kind;

template <class T>
using Done = actions::ExecutionStore::Done<T>;

template <class T, class Ask>
void submit(DatabaseFile& file, Kind kind, Ask ask, Executor& reply_on, Done<T> done) {
    auto bound = [&table = file.executions, ask = std::move(ask)] { return ask(table); };
    file.thread.submit(
        std::make_unique<StoreJob<T>>(kind, std::move(bound), reply_on, std::move(done)));
}

}  // namespace

std::expected<std::unique_ptr<SqliteExecutionStore>, std::string> SqliteExecutionStore::open(
    std::shared_ptr<DatabaseFile> file) {
    if (const auto ended = file->executions.end_leases(); !ended)
        return std::unexpected("cannot read the executions: " + ended.error().message);
    return std::unique_ptr<SqliteExecutionStore>(new SqliteExecutionStore(std::move(file)));
}

void SqliteExecutionStore::lease(ExecutionRecord record, LeaseLimits limits, WallTime now,
                                 Executor& reply_on, Done<LeaseAnswer> done) {
    submit<LeaseAnswer>(
        *file_, Kind::kDurableWrite,
        [record = std::move(record), limits, now](ExecutionTable& table) {
            return table.lease(record, limits, now);
        },
        reply_on, std::move(done));
}

void SqliteExecutionStore::finish(ExecutionKey key, ExecutionEnd end, Executor& reply_on,
                                  Done<bool> done) {
    submit<bool>(
        *file_, Kind::kDurableWrite,
        [key = std::move(key), end = std::move(end)](ExecutionTable& table) {
            return table.finish(key, end);
        },
        reply_on, std::move(done));
}

void SqliteExecutionStore::release(ExecutionKey key, Executor& reply_on, Done<bool> done) {
    submit<bool>(
        *file_, Kind::kDurableWrite,
        [key = std::move(key)](ExecutionTable& table) { return table.release(key); }, reply_on,
        std::move(done));
}

void SqliteExecutionStore::find(ExecutionKey key, WallTime now, Executor& reply_on,
                                Done<std::optional<ExecutionRecord>> done) {
    submit<std::optional<ExecutionRecord>>(
        *file_, Kind::kRead,
        [key = std::move(key), now](ExecutionTable& table) { return table.find(key, now); },
        reply_on, std::move(done));
}

void SqliteExecutionStore::forget(ExecutionKey key, WallTime now, Executor& reply_on,
                                  Done<bool> done) {
    submit<bool>(
        *file_, Kind::kDurableWrite,
        [key = std::move(key), now](ExecutionTable& table) { return table.forget(key, now); },
        reply_on, std::move(done));
}

void SqliteExecutionStore::remove_company(std::string company, Executor& reply_on,
                                          Done<std::uint64_t> done) {
    submit<std::uint64_t>(
        *file_, Kind::kDurableWrite,
        [company = std::move(company)](ExecutionTable& table) {
            return table.remove_company(company);
        },
        reply_on, std::move(done));
}

void SqliteExecutionStore::remove_expired(WallTime time, Executor& reply_on,
                                          Done<std::uint64_t> done) {
    submit<std::uint64_t>(
        *file_, Kind::kWrite, [time](ExecutionTable& table) { return table.remove_expired(time); },
        reply_on, std::move(done));
}

}  // namespace signalbox::storage
