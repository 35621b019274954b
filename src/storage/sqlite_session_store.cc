#include "storage/sqlite_session_store.h"

#include <fmt/format.h>

#include "storage/schema.h"
#include "storage/session_table.h"
#include "storage/storage_thread.h"

namespace signalbox::storage {
namespace {

using auth::SessionFilter;
using auth::SessionRecord;
using auth::StoreError;

/// One call of the store: what to ask of the table, and whom to tell.
template <class T>
class SessionJob final : public StorageJob {
public:
    using Ask = std::move_only_function<SessionTable::Result<T>()>;
    using Done = auth::SessionStore::Done<T>;

    SessionJob(Kind kind, Ask ask, Executor& reply_on, Done done)
        : StorageJob(kind), ask_(std::move(ask)), reply_on_(reply_on), done_(std::move(done)) {}

    std::expected<void, SqliteError> run() override {
        auto result = ask_();
        if (!result) return std::unexpected(std::move(result).error());
        result_ = std::move(*result);
        return {};
    }

    void answer(Outcome outcome) override {
        std::expected<T, StoreError> reply = std::unexpected(StoreError::kUnavailable);
        if (outcome == Outcome::kCommitted) reply = std::move(result_);
        reply_on_.post([done = std::move(done_), reply = std::move(reply)]() mutable {
            done(std::move(reply));
        });
    }

private:
    Ask ask_;
    Executor& reply_on_;
    Done done_;
    T result_{};
};

}  // namespace

/// In the order of destruction, last first: the thread ends before what it uses.
struct SqliteSessionStore::State {
    SqliteDatabase database;
    std::optional<SessionTable> table;
    std::optional<StorageThread> thread;

    explicit State(SqliteDatabase opened) : database(std::move(opened)) {}

    template <class T, class Ask>
    void submit(StorageJob::Kind kind, Ask ask, Executor& reply_on, Done<T> done) {
        auto bound = [this, ask = std::move(ask)] { return ask(*table); };
        thread->submit(
            std::make_unique<SessionJob<T>>(kind, std::move(bound), reply_on, std::move(done)));
    }
};

SqliteSessionStore::SqliteSessionStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
SqliteSessionStore::~SqliteSessionStore() = default;

std::expected<std::unique_ptr<SqliteSessionStore>, std::string> SqliteSessionStore::open(
    const std::string& path) {
    auto database = SqliteDatabase::open(path);
    if (!database) return std::unexpected(std::move(database).error());
    const auto refuse = [&](std::string_view why) {
        return std::unexpected(fmt::format("cannot open {}: {}", path, why));
    };
    auto state = std::make_unique<State>(std::move(*database));
    if (const auto migrated = migrate(state->database); !migrated) return refuse(migrated.error());
    auto table = SessionTable::prepare(state->database);
    if (!table) return refuse(table.error().message);
    state->table.emplace(std::move(*table));
    state->thread.emplace(state->database, kQueueMax);
    return std::unique_ptr<SqliteSessionStore>(new SqliteSessionStore(std::move(state)));
}

void SqliteSessionStore::find(SessionId id, Executor& reply_on,
                              Done<std::optional<SessionRecord>> done) {
    state_->submit<std::optional<SessionRecord>>(
        StorageJob::Kind::kRead, [id = std::move(id)](SessionTable& t) { return t.find(id); },
        reply_on, std::move(done));
}

void SqliteSessionStore::put(SessionRecord record, Executor& reply_on, Done<Put> done) {
    state_->submit<Put>(
        StorageJob::Kind::kWrite,
        [record = std::move(record)](SessionTable& t) { return t.put(record); }, reply_on,
        std::move(done));
}

void SqliteSessionStore::remove(SessionId id, Executor& reply_on,
                                Done<std::optional<SessionRecord>> done) {
    state_->submit<std::optional<SessionRecord>>(
        StorageJob::Kind::kWrite, [id = std::move(id)](SessionTable& t) { return t.remove(id); },
        reply_on, std::move(done));
}

void SqliteSessionStore::remove_all(SessionFilter filter, Executor& reply_on,
                                    Done<std::vector<SessionRecord>> done) {
    state_->submit<std::vector<SessionRecord>>(
        StorageJob::Kind::kWrite,
        [filter = std::move(filter)](SessionTable& t) { return t.remove_all(filter); }, reply_on,
        std::move(done));
}

void SqliteSessionStore::list(SessionFilter filter, Executor& reply_on,
                              Done<std::vector<SessionRecord>> done) {
    state_->submit<std::vector<SessionRecord>>(
        StorageJob::Kind::kRead,
        [filter = std::move(filter)](SessionTable& t) { return t.list(filter); }, reply_on,
        std::move(done));
}

void SqliteSessionStore::touch(std::vector<SessionId> ids, WallTime time, Executor& reply_on,
                               Done<std::uint64_t> done) {
    state_->submit<std::uint64_t>(
        StorageJob::Kind::kWrite,
        [ids = std::move(ids), time](SessionTable& t) { return t.touch(ids, time); }, reply_on,
        std::move(done));
}

void SqliteSessionStore::remove_expired(WallTime time, Executor& reply_on,
                                        Done<std::uint64_t> done) {
    state_->submit<std::uint64_t>(
        StorageJob::Kind::kWrite, [time](SessionTable& t) { return t.remove_expired(time); },
        reply_on, std::move(done));
}

}  // namespace signalbox::storage
