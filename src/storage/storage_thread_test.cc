#include "storage/storage_thread.h"

#include <gtest/gtest.h>

#include <future>

#include "storage/test_support.h"

namespace signalbox::storage {
namespace {

using Outcome = StorageJob::Outcome;

struct Answers {
    std::mutex mutex;
    std::vector<std::pair<int, Outcome>> list;
};

/// Notes its number with its outcome; runs `work`.
class NumberedJob final : public StorageJob {
public:
    using Work = std::function<std::expected<void, SqliteError>()>;
    NumberedJob(int number, Answers& answers, Work work, Kind kind = Kind::kWrite)
        : StorageJob(kind), number_(number), answers_(answers), work_(std::move(work)) {}

    std::expected<void, SqliteError> run() override { return work_(); }
    void answer(Outcome outcome) override {
        const std::lock_guard lock(answers_.mutex);
        answers_.list.emplace_back(number_, outcome);
    }

private:
    int number_;
    Answers& answers_;
    Work work_;
};

std::expected<void, SqliteError> nothing() {
    return {};
}

class StorageThreadTest : public testing::Test {
protected:
    std::unique_ptr<StorageJob> job(int number, NumberedJob::Work work = nothing) {
        return std::make_unique<NumberedJob>(number, answers, std::move(work));
    }
    /// A job that holds the thread until release() is called.
    std::unique_ptr<StorageJob> blocking_job(int number) {
        return job(number, [this] {
            started.set_value();
            released.wait();
            return nothing();
        });
    }

    TempFolder folder;
    SqliteDatabase database = SqliteDatabase::open(folder.file("test.db")).value();
    Answers answers;
    std::promise<void> started, release;
    std::shared_future<void> released = release.get_future().share();
};

TEST_F(StorageThreadTest, RefusesAtOnceWhenItsQueueIsFull) {
    {
        StorageThread thread(database, 2);
        thread.submit(blocking_job(0));
        started.get_future().wait();
        for (int i = 1; i <= 3; ++i) thread.submit(job(i));
        {
            const std::lock_guard lock(answers.mutex);
            ASSERT_EQ(answers.list, (std::vector<std::pair<int, Outcome>>{{3, Outcome::kFailed}}));
        }
        release.set_value();
    }
    EXPECT_EQ(answers.list, (std::vector<std::pair<int, Outcome>>{{3, Outcome::kFailed},
                                                                  {0, Outcome::kCommitted},
                                                                  {1, Outcome::kCommitted},
                                                                  {2, Outcome::kCommitted}}));
}

TEST_F(StorageThreadTest, RollsAWholeBatchBackWhenOneOfItFails) {
    ASSERT_TRUE(database.execute("CREATE TABLE t (a)").has_value());
    const auto insert = [this] { return database.execute("INSERT INTO t VALUES (1)"); };
    {
        StorageThread thread(database, 10);
        thread.submit(blocking_job(0));
        started.get_future().wait();
        thread.submit(job(1, insert));
        thread.submit(
            job(2, [this] { return database.execute("INSERT INTO missing VALUES (1)"); }));
        thread.submit(job(3, insert));
        release.set_value();
    }
    EXPECT_EQ(answers.list, (std::vector<std::pair<int, Outcome>>{{0, Outcome::kCommitted},
                                                                  {1, Outcome::kFailed},
                                                                  {2, Outcome::kFailed},
                                                                  {3, Outcome::kFailed}}));
    EXPECT_EQ(database.query_integer("SELECT count(*) FROM t").value(), 0);
    EXPECT_FALSE(database.in_transaction());
}

TEST_F(StorageThreadTest, RunsWhatWaitsInOneTransaction) {
    std::vector<bool> inside;
    const auto note = [&] {
        inside.push_back(database.in_transaction());
        return nothing();
    };
    {
        StorageThread thread(database, 10);
        thread.submit(std::make_unique<NumberedJob>(0, answers, note, StorageJob::Kind::kRead));
    }
    {
        StorageThread thread(database, 10);
        thread.submit(blocking_job(1));
        started.get_future().wait();
        thread.submit(std::make_unique<NumberedJob>(2, answers, note, StorageJob::Kind::kRead));
        thread.submit(job(3, note));
        release.set_value();
    }
    EXPECT_EQ(inside, std::vector<bool>({false, true, true}));
}

TEST_F(StorageThreadTest, CommitsABatchAsDurablyAsItsMostDurableJobWants) {
    constexpr std::int64_t kNormal = 1, kFull = 2;
    std::vector<std::int64_t> levels;
    const auto note = [&] {
        levels.push_back(database.query_integer("PRAGMA synchronous").value());
        return nothing();
    };
    const auto run = [&](std::initializer_list<StorageJob::Kind> kinds) {
        std::promise<void> begun, go_on;
        StorageThread thread(database, 10);
        thread.submit(job(0, [&] {
            begun.set_value();
            go_on.get_future().wait();
            return nothing();
        }));
        begun.get_future().wait();
        for (const StorageJob::Kind kind : kinds)
            thread.submit(std::make_unique<NumberedJob>(1, answers, note, kind));
        go_on.set_value();
    };
    using enum StorageJob::Kind;
    run({kRead, kDurableWrite, kWrite});
    run({kRead, kWrite});
    EXPECT_EQ(levels, (std::vector<std::int64_t>{kFull, kFull, kFull, kNormal, kNormal}));
}

}  // namespace
}  // namespace signalbox::storage
