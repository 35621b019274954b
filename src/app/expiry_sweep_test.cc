#include "app/expiry_sweep.h"

#include <gtest/gtest.h>

#include "storage/sqlite_session_store.h"
#include "storage/test_support.h"

namespace signalbox::app {
namespace {

class ExpirySweepTest : public ::testing::Test {
protected:
    void add(const std::string& id, Milliseconds expired_for) {
        const WallTime end = clock_.wall_now() - expired_for;
        store_->put(
            {SessionId::trusted(id), UserId::trusted("u"), CompanyId::trusted("c"), {}, end},
            executor_, [](auto stored) { EXPECT_TRUE(stored.has_value()); });
        executor_.run_one();
    }
    bool has(const std::string& id) {
        bool found = false;
        store_->find(SessionId::trusted(id), executor_,
                     [&](auto record) { found = record.value().has_value(); });
        executor_.run_one();
        return found;
    }

    static constexpr Milliseconds kOld = kSessionSweep.kept + Milliseconds(1);

    storage::TempFolder folder_;
    ManualClock clock_;
    NullLog log_;
    TimerWheel wheel_{clock_.monotonic_now()};
    storage::TestExecutor executor_;
    std::unique_ptr<auth::SessionStore> store_ =
        storage::SqliteSessionStore::open(folder_.file("signalbox.db")).value();
    ExpirySweep::Ports ports_of(auth::SessionStore& store) {
        return {[this, &store](WallTime before, ExpirySweep::Done done) {
                    store.remove_expired(before, executor_, std::move(done));
                },
                clock_, wheel_, log_};
    }
    ExpirySweep sweep_{ports_of(*store_), kSessionSweep};
};

TEST_F(ExpirySweepTest, DeletesAtTheStartWhatHasBeenExpiredForADay) {
    add("old", kOld);
    add("recent", kSessionSweep.kept);
    add("alive", Milliseconds(-1));
    sweep_.run();
    executor_.run_one();
    EXPECT_FALSE(has("old"));
    EXPECT_TRUE(has("recent"));
    EXPECT_TRUE(has("alive"));
}

TEST_F(ExpirySweepTest, DeletesAgainAfterItsInterval) {
    sweep_.run();
    executor_.run_one();
    add("old", kOld);
    clock_.advance(ExpirySweep::kInterval);
    wheel_.advance(clock_.monotonic_now());
    executor_.run_one();
    EXPECT_FALSE(has("old"));
}

TEST_F(ExpirySweepTest, EndsWhatNobodyUsesForGood) {
    using std::chrono::minutes;
    const auth::SessionIdle idle{minutes(16), clock_.wall_now()};
    ExpirySweep sweep({[&](WallTime now, ExpirySweep::Done done) {
                           const WallTime used_since = idle.used_since(now);
                           if (used_since == WallTime{}) return done(0);
                           store_->end_unused(std::nullopt, used_since, now, executor_,
                                              std::move(done));
                       },
                       clock_, wheel_, log_},
                      idle_session_sweep(idle));
    /// Behind all that was asked before.
    const auto end_of = [&](const std::string& id) {
        std::optional<WallTime> end;
        store_->find(SessionId::trusted(id), executor_,
                     [&](auto record) { end = record.value()->expires_at; });
        while (!end) executor_.run_one();
        return *end;
    };
    add("unused", Milliseconds(-std::chrono::hours(48)));
    add("used", Milliseconds(-std::chrono::hours(48)));
    sweep.run();
    for (int minute = 0; minute < 20; ++minute) {
        store_->touch({SessionId::trusted("used")}, clock_.wall_now(), executor_, [](auto) {});
        clock_.advance(minutes(1));
        wheel_.advance(clock_.monotonic_now());
        const bool is_over = end_of("unused") <= clock_.wall_now();
        EXPECT_EQ(is_over, minute >= 18) << minute;
    }
    EXPECT_GT(end_of("used"), clock_.wall_now());
}

/// Answers with the numbers that the test says.
class CountingStore final : public auth::SessionStore {
public:
    void touch(std::vector<SessionId>, WallTime, Executor&, Done<std::uint64_t>) override {}
    void end_unused(std::optional<SessionId>, WallTime, WallTime, Executor&,
                    Done<std::uint64_t>) override {}
    void remove_expired(WallTime, Executor& reply_on, Done<std::uint64_t> done) override {
        ++asked;
        reply_on.post([done = std::move(done), answer = answer]() mutable { done(answer); });
    }
    void find(SessionId, Executor&, Done<std::optional<auth::SessionRecord>>) override {}
    void put(auth::SessionRecord, Executor&, Done<Put>) override {}
    void remove(SessionId, Executor&, Done<std::optional<auth::SessionRecord>>) override {}
    void remove_all(auth::SessionFilter, Executor&,
                    Done<std::vector<auth::SessionRecord>>) override {}
    void list(auth::SessionFilter, Executor&, Done<std::vector<auth::SessionRecord>>) override {}

    int asked = 0;
    std::expected<std::uint64_t, auth::StoreError> answer = 0;
};

TEST_F(ExpirySweepTest, GoesOnAtOnceWhileThereIsMore) {
    CountingStore store;
    ExpirySweep sweep(ports_of(store), kSessionSweep);
    store.answer = auth::SessionStore::kRemovedAtOnce;
    sweep.run();
    store.answer = 0;
    executor_.run_one();
    EXPECT_EQ(store.asked, 2);
    executor_.run_one();
    EXPECT_EQ(store.asked, 2);
}

TEST_F(ExpirySweepTest, AsksAStoreThatIsDownAgainLater) {
    CountingStore store;
    store.answer = std::unexpected(auth::StoreError::kUnavailable);
    ExpirySweep sweep(ports_of(store), kSessionSweep);
    sweep.run();
    executor_.run_one();
    EXPECT_EQ(store.asked, 1);
    clock_.advance(ExpirySweep::kInterval);
    wheel_.advance(clock_.monotonic_now());
    EXPECT_EQ(store.asked, 2);
}

}  // namespace
}  // namespace signalbox::app
