#include "storage/sqlite_session_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "storage/test_support.h"

namespace signalbox::storage {
namespace {

using auth::SessionFilter;
using auth::SessionRecord;
using auth::StoreError;
using Put = auth::SessionStore::Put;

const WallTime kNow{std::chrono::seconds(1'790'000'000)};
constexpr auto kHour = std::chrono::hours(1);

SessionRecord record_of(const char* id, const char* user = "u1", const char* company = "c1",
                        Milliseconds ttl = kHour) {
    return {SessionId::trusted(id),
            UserId::trusted(user),
            CompanyId::trusted(company),
            kNow,
            kNow + ttl,
            kNow};
}

/// A store whose calls wait for their answers.
class Store {
public:
    explicit Store(const std::string& path) {
        auto opened = SqliteSessionStore::open(path);
        if (!opened) throw std::runtime_error(opened.error());
        store_ = std::move(*opened);
    }

    auto put(const SessionRecord& record) {
        return ask<Put>([&](auto done) { store_->put(record, executor_, std::move(done)); });
    }
    auto find(const char* id) {
        return ask<std::optional<SessionRecord>>(
            [&](auto done) { store_->find(SessionId::trusted(id), executor_, std::move(done)); });
    }
    auto remove(const char* id) {
        return ask<std::optional<SessionRecord>>(
            [&](auto done) { store_->remove(SessionId::trusted(id), executor_, std::move(done)); });
    }
    auto list(const SessionFilter& filter) {
        return ids(ask<std::vector<SessionRecord>>(
            [&](auto done) { store_->list(filter, executor_, std::move(done)); }));
    }
    auto remove_all(const SessionFilter& filter) {
        return ids(ask<std::vector<SessionRecord>>(
            [&](auto done) { store_->remove_all(filter, executor_, std::move(done)); }));
    }
    auto touch(std::vector<SessionId> ids, WallTime time) {
        return ask<std::uint64_t>(
            [&](auto done) { store_->touch(std::move(ids), time, executor_, std::move(done)); });
    }
    auto remove_expired(WallTime now) {
        return ask<std::uint64_t>(
            [&](auto done) { store_->remove_expired(now, executor_, std::move(done)); });
    }

private:
    template <class T, class Call>
    std::expected<T, StoreError> ask(Call call) {
        std::optional<std::expected<T, StoreError>> answer;
        call([&](std::expected<T, StoreError> reply) { answer = std::move(reply); });
        executor_.run_one();
        return std::move(answer.value());
    }

    static std::vector<std::string> ids(
        const std::expected<std::vector<SessionRecord>, StoreError>& records) {
        if (!records) return {"unavailable"};
        std::vector<std::string> found;
        for (const SessionRecord& record : *records) found.push_back(record.id.str());
        return found;
    }

    TestExecutor executor_;
    std::unique_ptr<SqliteSessionStore> store_;
};

using Ids = std::vector<std::string>;

SessionFilter of_company(const char* company, WallTime now = {}) {
    SessionFilter filter;
    filter.company = CompanyId::trusted(company);
    filter.now = now;
    return filter;
}

class SqliteSessionStoreTest : public testing::Test {
protected:
    TempFolder folder;
    std::string path = folder.file("signalbox.db");
};

TEST_F(SqliteSessionStoreTest, FindsWhatWasPutUntilItIsRemoved) {
    Store store(path);
    const SessionRecord record = record_of("s'1\"", "ü:1", "a:b");
    EXPECT_EQ(store.find("s'1\"").value(), std::nullopt);
    EXPECT_EQ(store.put(record), Put::kCreated);
    EXPECT_EQ(store.find("s'1\"").value(), record);
    EXPECT_EQ(store.remove("s'1\"").value(), record);
    EXPECT_EQ(store.remove("s'1\"").value(), std::nullopt);
    EXPECT_EQ(store.find("s'1\"").value(), std::nullopt);
}

TEST_F(SqliteSessionStoreTest, ReplacesTheSameUsersSession) {
    Store store(path);
    ASSERT_EQ(store.put(record_of("s1")), Put::kCreated);
    const SessionRecord longer = record_of("s1", "u1", "c1", 2 * kHour);
    EXPECT_EQ(store.put(longer), Put::kReplaced);
    EXPECT_EQ(store.find("s1").value(), longer);
}

TEST_F(SqliteSessionStoreTest, LeavesASessionOfAnotherUserOrCompanyAlone) {
    Store store(path);
    ASSERT_EQ(store.put(record_of("s1")), Put::kCreated);
    EXPECT_EQ(store.put(record_of("s1", "u2", "c1", 2 * kHour)), Put::kForeign);
    EXPECT_EQ(store.put(record_of("s1", "u1", "c2", 2 * kHour)), Put::kForeign);
    EXPECT_EQ(store.find("s1").value(), record_of("s1"));
}

TEST_F(SqliteSessionStoreTest, ListsByFilterInPagesOfAscendingIds) {
    Store store(path);
    for (const char* id : {"s3", "s1", "s2", "S9"})
        ASSERT_TRUE(store.put(record_of(id)).has_value());
    ASSERT_TRUE(store.put(record_of("s4", "u2")).has_value());
    ASSERT_TRUE(store.put(record_of("s5", "u1", "c2")).has_value());
    EXPECT_EQ(store.list({}), Ids({"S9", "s1", "s2", "s3", "s4", "s5"}));
    EXPECT_EQ(store.list(of_company("c1")), Ids({"S9", "s1", "s2", "s3", "s4"}));
    EXPECT_EQ(store.list(of_company("none")), Ids());
    SessionFilter filter;
    filter.user = UserId::trusted("u1");
    EXPECT_EQ(store.list(filter), Ids({"S9", "s1", "s2", "s3", "s5"}));
    filter.company = CompanyId::trusted("c1");
    filter.limit = 2;
    EXPECT_EQ(store.list(filter), Ids({"S9", "s1"}));
    filter.after = SessionId::trusted("s1");
    EXPECT_EQ(store.list(filter), Ids({"s2", "s3"}));
}

TEST_F(SqliteSessionStoreTest, LeavesExpiredSessionsOutOfListsButFindsThem) {
    Store store(path);
    ASSERT_TRUE(store.put(record_of("short", "u1", "c1", Milliseconds(10))).has_value());
    ASSERT_TRUE(store.put(record_of("long", "u1", "c1", Milliseconds(11))).has_value());
    EXPECT_EQ(store.list(of_company("c1", kNow + Milliseconds(9))), Ids({"long", "short"}));
    EXPECT_EQ(store.list(of_company("c1", kNow + Milliseconds(10))), Ids({"long"}));
    EXPECT_TRUE(store.find("short").value().has_value());
}

TEST_F(SqliteSessionStoreTest, DeletesWhatExpiredBeforeATime) {
    Store store(path);
    ASSERT_TRUE(store.put(record_of("short", "u1", "c1", Milliseconds(10))).has_value());
    ASSERT_TRUE(store.put(record_of("long", "u1", "c1", Milliseconds(11))).has_value());
    EXPECT_EQ(store.remove_expired(kNow + Milliseconds(10)), 0U);
    EXPECT_EQ(store.remove_expired(kNow + Milliseconds(11)), 1U);
    EXPECT_EQ(store.list({}), Ids({"long"}));
}

TEST_F(SqliteSessionStoreTest, GivesTheIdOfAnExpiredSessionToWhoeverPutsIt) {
    Store store(path);
    ASSERT_TRUE(store.put(record_of("s1", "u1", "c1", Milliseconds(10))).has_value());
    SessionRecord other = record_of("s1", "u2", "c2");
    other.created_at = kNow + Milliseconds(9);
    EXPECT_EQ(store.put(other), Put::kForeign);
    other.created_at = other.used_at = kNow + Milliseconds(10);
    EXPECT_EQ(store.put(other), Put::kCreated);
    EXPECT_EQ(store.find("s1").value(), other);
    EXPECT_EQ(store.list(of_company("c2")), Ids({"s1"}));
}

TEST_F(SqliteSessionStoreTest, DeletesExpiredSessionsInPortions) {
    Store store(path);
    const auto most = auth::SessionStore::kRemovedAtOnce;
    for (std::uint64_t i = 0; i <= most; ++i) {
        ASSERT_TRUE(store.put(record_of(std::to_string(i).c_str())).has_value());
    }
    const WallTime later = kNow + 2 * kHour;
    EXPECT_EQ(store.remove_expired(later), most);
    EXPECT_EQ(store.remove_expired(later), 1U);
}

TEST_F(SqliteSessionStoreTest, RemovesAllOfAUserInItsCompanyOnly) {
    Store store(path);
    ASSERT_TRUE(store.put(record_of("s2")).has_value());
    ASSERT_TRUE(store.put(record_of("s1")).has_value());
    ASSERT_TRUE(store.put(record_of("s3", "u2", "c1")).has_value());
    ASSERT_TRUE(store.put(record_of("s4", "u1", "c2")).has_value());
    SessionFilter filter = of_company("c1");
    filter.user = UserId::trusted("u1");
    filter.limit = 1;
    filter.after = SessionId::trusted("zzz");
    EXPECT_EQ(store.remove_all(filter), Ids({"s1", "s2"}));
    EXPECT_EQ(store.list({}), Ids({"s3", "s4"}));
    EXPECT_EQ(store.remove_all(of_company("c1")), Ids({"s3"}));
    EXPECT_EQ(store.remove_all(of_company("c1")), Ids());
}

TEST_F(SqliteSessionStoreTest, RemovesMoreThanAPortionPortionByPortion) {
    Store store(path);
    constexpr std::size_t most = auth::SessionStore::kRemovedAtOnce;
    for (std::size_t i = 0; i <= most; ++i)
        ASSERT_TRUE(store.put(record_of(std::to_string(i).c_str())).has_value());
    EXPECT_EQ(store.remove_all(of_company("c1")).size(), most);
    EXPECT_EQ(store.remove_all(of_company("c1")).size(), 1U);
}

TEST_F(SqliteSessionStoreTest, KnowsWhenASessionWasLastUsed) {
    Store store(path);
    ASSERT_TRUE(store.put(record_of("s1")).has_value());
    ASSERT_TRUE(store.put(record_of("s2")).has_value());
    const WallTime later = kNow + std::chrono::minutes(5);
    EXPECT_EQ(store.touch({SessionId::trusted("s1"), SessionId::trusted("none")}, later), 1U);
    EXPECT_EQ((*store.find("s1"))->used_at, later);
    EXPECT_EQ(store.touch({SessionId::trusted("s1")}, kNow), 1U);
    EXPECT_EQ((*store.find("s1"))->used_at, later);
    SessionFilter filter;
    filter.used_since = later;
    EXPECT_EQ(store.list(filter), Ids({"s1"}));
}

TEST_F(SqliteSessionStoreTest, KeepsSessionsOverARestart) {
    {
        EXPECT_EQ(Store(path).put(record_of("s1")), Put::kCreated);
    }
    EXPECT_EQ(Store(path).find("s1").value(), record_of("s1"));
}

TEST_F(SqliteSessionStoreTest, FinishesWhatWaitsBeforeItEnds) {
    TestExecutor executor;
    std::size_t answered = 0;
    {
        auto store = SqliteSessionStore::open(path).value();
        for (int i = 0; i < 2000; ++i) {
            store->put(
                record_of(("s" + std::to_string(i)).c_str()), executor,
                [&](std::expected<Put, StoreError> put) { answered += put == Put::kCreated; });
        }
    }
    EXPECT_EQ(executor.waiting(), 2000U);
    for (int i = 0; i < 2000; ++i) executor.run_one();
    EXPECT_EQ(answered, 2000U);
    EXPECT_TRUE(Store(path).find("s1999").value().has_value());
}

TEST_F(SqliteSessionStoreTest, AnswersInTheOrderOfTheCallsAndReadsSeeEarlierWrites) {
    TestExecutor executor;
    auto store = SqliteSessionStore::open(path).value();
    std::vector<bool> found;
    const auto look = [&] {
        store->find(SessionId::trusted("s1"), executor,
                    [&](auto record) { found.push_back(record.value().has_value()); });
    };
    look();
    store->put(record_of("s1"), executor, [](auto) {});
    look();
    store->remove(SessionId::trusted("s1"), executor, [](auto) {});
    look();
    for (int i = 0; i < 5; ++i) executor.run_one();
    EXPECT_EQ(found, std::vector<bool>({false, true, false}));
}

TEST_F(SqliteSessionStoreTest, KeepsItsFilesToItsOwner) {
    Store store(path);
    ASSERT_TRUE(store.put(record_of("s1")).has_value());
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        struct stat status{};
        ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0600U) << entry.path();
    }
}

std::string refusal(const std::string& path) {
    const auto opened = SqliteSessionStore::open(path);
    return opened ? "opened" : opened.error();
}

void run_sql(const std::string& path, const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
}

TEST_F(SqliteSessionStoreTest, RefusesPathsThatAreNoFile) {
    EXPECT_EQ(refusal(folder.path()), "cannot open " + folder.path().string() + ": Is a directory");
    const std::string missing = folder.file("none/signalbox.db");
    EXPECT_EQ(refusal(missing), "cannot open " + missing + ": No such file or directory");
}

TEST_F(SqliteSessionStoreTest, RefusesAFileThatIsNoDatabase) {
    std::ofstream(path) << std::string(5000, 'x');
    EXPECT_EQ(refusal(path), "cannot open " + path + ": file is not a database");
}

TEST_F(SqliteSessionStoreTest, RefusesTheDatabaseOfAnotherProgram) {
    run_sql(path, "CREATE TABLE theirs (a)");
    EXPECT_EQ(refusal(path), "cannot open " + path + ": it is the database of another program");
}

TEST_F(SqliteSessionStoreTest, RefusesTheSchemaOfANewerProgram) {
    {
        Store store(path);
    }
    run_sql(path, "PRAGMA user_version = 1000");
    EXPECT_NE(refusal(path).find("its schema version is 1000"), std::string::npos) << refusal(path);
}

TEST_F(SqliteSessionStoreTest, AnswersUnavailableWhereTheFileIsDamaged) {
    {
        Store store(path);
        for (int i = 0; i < 500; ++i) {
            ASSERT_TRUE(store.put(record_of(("s" + std::to_string(i)).c_str())).has_value());
        }
    }
    constexpr std::size_t kPage = 4096;  // the first one has the schema and stays
    const std::size_t size = std::filesystem::file_size(path);
    ASSERT_GT(size, 2 * kPage);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(kPage);
    file << std::string(size - kPage, '\xff');
    file.close();
    Store store(path);
    EXPECT_EQ(store.find("s7"), std::unexpected(StoreError::kUnavailable));
    EXPECT_EQ(store.put(record_of("new")), std::unexpected(StoreError::kUnavailable));
}

/// While it lives no file of this process can grow over `bytes`: what a full disk looks like.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

private:
    rlimit before_{};
};

TEST_F(SqliteSessionStoreTest, AnswersUnavailableWhileTheDiskIsFullAndServesAgainAfterwards) {
    Store store(path);
    ASSERT_EQ(store.put(record_of("before")), Put::kCreated);
    std::expected<Put, StoreError> during;
    std::expected<std::optional<SessionRecord>, StoreError> read;
    {
        const FileSizeLimit full(std::filesystem::file_size(path + "-wal"));
        during = store.put(record_of("during"));
        read = store.find("before");
    }
    EXPECT_EQ(during, std::unexpected(StoreError::kUnavailable));
    EXPECT_EQ(read.value(), record_of("before"));
    EXPECT_EQ(store.find("during").value(), std::nullopt);
    EXPECT_EQ(store.put(record_of("after")), Put::kCreated);
    EXPECT_EQ(store.list({}), Ids({"after", "before"}));
}

TEST_F(SqliteSessionStoreTest, AnswersUnavailableWhileAnotherProgramHoldsTheDatabase) {
    Store store(path);
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    EXPECT_EQ(store.put(record_of("s1")), std::unexpected(StoreError::kUnavailable));
    EXPECT_TRUE(store.find("s1").has_value());
    sqlite3_close(other);
    EXPECT_EQ(store.put(record_of("s1")), Put::kCreated);
}

}  // namespace
}  // namespace signalbox::storage
