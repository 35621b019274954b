#include "storage/sqlite_execution_store.h"

#include <gtest/gtest.h>

#include "storage/test_support.h"

namespace signalbox::storage {
namespace {

using actions::ExecutionEnd;
using actions::ExecutionKey;
using actions::ExecutionRecord;
using actions::ExecutionState;
using actions::LeaseAnswer;
using actions::LeaseLimits;
using auth::StoreError;
using Kind = LeaseAnswer::Kind;

const WallTime kNow{std::chrono::seconds(1'790'000'000)};
constexpr auto kHour = std::chrono::hours(1);

ExecutionRecord record_of(const char* key, const char* user = "u1", const char* company = "c1") {
    return {.key = {company, user, key},
            .action = "orders.create",
            .digest = "d1",
            .request_id = "r1",
            .expires_at = kNow + kHour};
}

ExecutionEnd success(std::optional<std::string> data) {
    return {ExecutionState::kSucceeded, std::move(data), kNow + 2 * kHour};
}

/// A store whose calls wait for their answers; closed and opened like the server.
class Store {
public:
    explicit Store(const std::string& path) {
        auto file = DatabaseFile::open(path);
        if (!file) throw std::runtime_error(file.error());
        store_ = std::move(*SqliteExecutionStore::open(std::move(*file)));
    }
    auto lease(const ExecutionRecord& record, LeaseLimits limits = {}, WallTime now = kNow) {
        return ask<LeaseAnswer>(
            [&](auto done) { store_->lease(record, limits, now, executor_, std::move(done)); });
    }
    Kind lease_kind(const ExecutionRecord& record, LeaseLimits limits = {}) {
        return lease(record, limits).value().kind;
    }
    auto finish(const ExecutionKey& key, const ExecutionEnd& end) {
        return ask<bool>([&](auto done) { store_->finish(key, end, executor_, std::move(done)); });
    }
    auto release(const ExecutionKey& key) {
        return ask<bool>([&](auto done) { store_->release(key, executor_, std::move(done)); });
    }
    auto find(const ExecutionKey& key, WallTime now = kNow) {
        return ask<std::optional<ExecutionRecord>>(
            [&](auto done) { store_->find(key, now, executor_, std::move(done)); });
    }
    auto forget(const ExecutionKey& key, WallTime now = kNow) {
        return ask<bool>([&](auto done) { store_->forget(key, now, executor_, std::move(done)); });
    }
    auto remove_company(const std::string& company) {
        return ask<std::uint64_t>(
            [&](auto done) { store_->remove_company(company, executor_, std::move(done)); });
    }
    auto remove_expired(WallTime time) {
        return ask<std::uint64_t>(
            [&](auto done) { store_->remove_expired(time, executor_, std::move(done)); });
    }

private:
    template <class T, class Call>
    std::expected<T, StoreError> ask(Call call) {
        std::optional<std::expected<T, StoreError>> answer;
        call([&](std::expected<T, StoreError> reply) { answer = std::move(reply); });
        executor_.run_one();
        return std::move(answer.value());
    }

    TestExecutor executor_;
    std::unique_ptr<SqliteExecutionStore> store_;
};

class SqliteExecutionStoreTest : public testing::Test {
protected:
    TempFolder folder;
    std::string path = folder.file("signalbox.db");
};

TEST_F(SqliteExecutionStoreTest, LeasesAKeyOnceAndThenSaysWhatItStandsFor) {
    Store store(path);
    const ExecutionRecord record = record_of("k'1\"");
    EXPECT_EQ(store.lease_kind(record), Kind::kGranted);
    ExecutionRecord other = record;
    other.action = "other";
    other.digest = "d2";
    const LeaseAnswer answer = store.lease(other).value();
    EXPECT_EQ(answer.kind, Kind::kKnown);
    EXPECT_EQ(answer.known, record);
}

TEST_F(SqliteExecutionStoreTest, KeepsKeysOfUsersAndCompaniesApart) {
    Store store(path);
    EXPECT_EQ(store.lease_kind(record_of("k", "u1", "c1")), Kind::kGranted);
    EXPECT_EQ(store.lease_kind(record_of("k", "u2", "c1")), Kind::kGranted);
    EXPECT_EQ(store.lease_kind(record_of("k", "u1", "c2")), Kind::kGranted);
    EXPECT_EQ(store.lease_kind(record_of("k", "u1", "")), Kind::kGranted);
}

TEST_F(SqliteExecutionStoreTest, KeepsAnOutcomeOverARestart) {
    ExecutionRecord record = record_of("k");
    {
        Store store(path);
        EXPECT_EQ(store.lease_kind(record), Kind::kGranted);
        EXPECT_EQ(store.finish(record.key, success(R"({"id":7})")), true);
    }
    Store store(path);
    record.state = ExecutionState::kSucceeded;
    record.outcome = R"({"id":7})";
    record.expires_at = kNow + 2 * kHour;
    EXPECT_EQ(store.find(record.key).value(), record);
    EXPECT_EQ(store.lease(record).value().known, record);
}

TEST_F(SqliteExecutionStoreTest, TellsAnEmptyOutcomeFromNone) {
    Store store(path);
    const auto kept = [&](const char* key, std::optional<std::string> outcome) {
        EXPECT_EQ(store.lease_kind(record_of(key)), Kind::kGranted);
        EXPECT_EQ(store.finish(record_of(key).key, success(std::move(outcome))), true);
        return store.find(record_of(key).key).value()->outcome;
    };
    EXPECT_EQ(kept("a", ""), "");
    EXPECT_EQ(kept("b", std::nullopt), std::nullopt);
}

TEST_F(SqliteExecutionStoreTest, EndsOnlyALeaseAndOnlyOnce) {
    Store store(path);
    const ExecutionKey key = record_of("k").key;
    EXPECT_EQ(store.finish(key, success("1")), false);
    EXPECT_EQ(store.lease_kind(record_of("k")), Kind::kGranted);
    EXPECT_EQ(store.finish(key, success("1")), true);
    EXPECT_EQ(store.finish(key, success("2")), false);
    EXPECT_EQ(store.release(key), false);
    EXPECT_EQ(store.find(key).value()->outcome, "1");
}

TEST_F(SqliteExecutionStoreTest, FreesAKeyWhoseLeaseIsReleased) {
    Store store(path);
    EXPECT_EQ(store.lease_kind(record_of("k")), Kind::kGranted);
    EXPECT_EQ(store.release(record_of("k").key), true);
    EXPECT_EQ(store.find(record_of("k").key).value(), std::nullopt);
    EXPECT_EQ(store.lease_kind(record_of("k")), Kind::kGranted);
}

TEST_F(SqliteExecutionStoreTest, DoesNotKnowHowTheLeasesOfAnEarlierRunEnded) {
    ExecutionRecord safe = record_of("safe");
    safe.safe_to_retry = true;
    {
        Store store(path);
        EXPECT_EQ(store.lease_kind(record_of("k")), Kind::kGranted);
        EXPECT_EQ(store.lease_kind(safe), Kind::kGranted);
        EXPECT_EQ(store.find(safe.key).value()->state, ExecutionState::kLeased);
    }
    Store store(path);
    EXPECT_EQ(store.find(record_of("k").key).value()->state, ExecutionState::kUnknown);
    EXPECT_EQ(store.finish(record_of("k").key, success("1")), false);
    EXPECT_EQ(store.lease_kind(record_of("k")), Kind::kKnown);
    EXPECT_EQ(store.lease_kind(safe), Kind::kGranted);
}

TEST_F(SqliteExecutionStoreTest, TakesWhatHasExpiredForNothingButNeverALease) {
    Store store(path);
    const ExecutionRecord record = record_of("k");
    const WallTime end = kNow + 2 * kHour;
    EXPECT_EQ(store.lease_kind(record), Kind::kGranted);
    EXPECT_EQ(store.lease(record, {}, end).value().kind, Kind::kKnown);
    EXPECT_EQ(store.finish(record.key, success("1")), true);
    EXPECT_TRUE(store.find(record.key, end - Milliseconds(1)).value().has_value());
    EXPECT_EQ(store.find(record.key, end).value(), std::nullopt);
    EXPECT_EQ(store.forget(record.key, end), false);
    EXPECT_EQ(store.lease(record, {}, end).value().kind, Kind::kGranted);
    EXPECT_EQ(store.find(record.key, end).value()->state, ExecutionState::kLeased);
}

TEST_F(SqliteExecutionStoreTest, ForgetsWhatItIsToldTo) {
    Store store(path);
    EXPECT_EQ(store.forget(record_of("k").key), false);
    EXPECT_EQ(store.lease_kind(record_of("k")), Kind::kGranted);
    EXPECT_EQ(store.finish(record_of("k").key, success("1")), true);
    EXPECT_EQ(store.forget(record_of("k").key), true);
    EXPECT_EQ(store.lease_kind(record_of("k")), Kind::kGranted);
}

TEST_F(SqliteExecutionStoreTest, DeletesAllOfACompanyInPortions) {
    Store store(path);
    const auto most = actions::ExecutionStore::kRemovedAtOnce;
    for (std::uint64_t i = 0; i < most; ++i)
        ASSERT_EQ(store.lease_kind(record_of(std::to_string(i).c_str())), Kind::kGranted);
    ASSERT_EQ(store.finish(record_of("0").key, success("1")), true);
    ExecutionRecord more = record_of("0");
    more.key.user = "another user";
    ASSERT_EQ(store.lease_kind(more), Kind::kGranted);
    ExecutionRecord other = record_of("0");
    other.key.company += "-other";
    ASSERT_EQ(store.lease_kind(other), Kind::kGranted);
    const std::string company = more.key.company;
    EXPECT_EQ(store.remove_company(company), most);
    EXPECT_EQ(store.remove_company(company), 1U);
    EXPECT_EQ(store.remove_company(company), 0U);
    EXPECT_EQ(store.finish(more.key, success("late")), false);
    EXPECT_EQ(store.lease_kind(more), Kind::kGranted);
    EXPECT_EQ(store.lease_kind(other), Kind::kKnown);
}

TEST_F(SqliteExecutionStoreTest, DeletesWhatHasExpiredInPortions) {
    Store store(path);
    const auto most = actions::ExecutionStore::kRemovedAtOnce;
    for (std::uint64_t i = 0; i <= most; ++i) {
        const ExecutionRecord record = record_of(std::to_string(i).c_str());
        ASSERT_EQ(store.lease_kind(record), Kind::kGranted);
        ASSERT_EQ(store.finish(record.key, success("1")), true);
    }
    EXPECT_EQ(store.lease_kind(record_of("runs")), Kind::kGranted);
    const WallTime later = kNow + 3 * kHour;
    EXPECT_EQ(store.remove_expired(kNow), 0U);
    EXPECT_EQ(store.remove_expired(later), most);
    EXPECT_EQ(store.remove_expired(later), 1U);
    EXPECT_EQ(store.remove_expired(later), 0U);
    EXPECT_EQ(store.lease_kind(record_of("runs")), Kind::kKnown);
}

TEST_F(SqliteExecutionStoreTest, LeasesAsManyKeysToAUserAsItMayHave) {
    Store store(path);
    const LeaseLimits two{.keys_per_user_max = 2};
    EXPECT_EQ(store.lease_kind(record_of("1"), two), Kind::kGranted);
    EXPECT_EQ(store.lease_kind(record_of("2"), two), Kind::kGranted);
    EXPECT_EQ(store.lease_kind(record_of("3"), two), Kind::kUserFull);
    EXPECT_EQ(store.lease_kind(record_of("2"), two), Kind::kKnown);
    EXPECT_EQ(store.lease_kind(record_of("3", "u2"), two), Kind::kGranted);
    EXPECT_EQ(store.forget(record_of("1").key), true);
    EXPECT_EQ(store.lease_kind(record_of("3"), two), Kind::kGranted);
}

TEST_F(SqliteExecutionStoreTest, LeasesUntilTheCompanysBytesAreUsedUp) {
    Store store(path);
    const LeaseLimits limits{.bytes_per_company_max = 1'100};
    EXPECT_EQ(store.lease_kind(record_of("1"), limits), Kind::kGranted);
    EXPECT_EQ(store.finish(record_of("1").key, success(std::string(100, 'x'))), true);
    EXPECT_EQ(store.lease_kind(record_of("2", "u2"), limits), Kind::kGranted);
    EXPECT_EQ(store.lease_kind(record_of("3", "u3"), limits), Kind::kCompanyFull);
    EXPECT_EQ(store.lease_kind(record_of("3", "u3", "c2"), limits), Kind::kGranted);
    EXPECT_EQ(store.forget(record_of("1").key), true);
    EXPECT_EQ(store.lease_kind(record_of("3", "u3"), limits), Kind::kGranted);
}

TEST_F(SqliteExecutionStoreTest, CountsNothingForWhatIsGone) {
    {
        Store store(path);
        EXPECT_EQ(store.lease_kind(record_of("1")), Kind::kGranted);
        EXPECT_EQ(store.finish(record_of("1").key, success("123")), true);
        EXPECT_EQ(store.lease_kind(record_of("2")), Kind::kGranted);
        EXPECT_EQ(store.release(record_of("2").key), true);
        EXPECT_EQ(store.remove_expired(kNow + 3 * kHour), 1U);
    }
    auto database = SqliteDatabase::open(path).value();
    EXPECT_EQ(database.query_integer("SELECT count(*) FROM execution_usage").value(), 0);
}

TEST_F(SqliteExecutionStoreTest, AnswersUnavailableWhileAnotherProgramHoldsTheDatabase) {
    Store store(path);
    auto other = SqliteDatabase::open(path).value();
    ASSERT_TRUE(other.execute("BEGIN IMMEDIATE").has_value());
    EXPECT_EQ(store.lease(record_of("k")).error(), StoreError::kUnavailable);
    ASSERT_TRUE(other.execute("ROLLBACK").has_value());
    EXPECT_EQ(store.lease_kind(record_of("k")), Kind::kGranted);
}

}  // namespace
}  // namespace signalbox::storage
