#include "limits/token_bucket.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace signalbox::limits {
namespace {

const MonotonicTime kStart{std::chrono::hours(5)};
constexpr Rate kRate{.per_second = 10, .burst = 3};

TEST(TokenBucket, GivesTheBurstAtOnceThenTheRate) {
    TokenBucket bucket;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(kRate, kStart), std::nullopt);
    EXPECT_EQ(bucket.take(kRate, kStart), Milliseconds(100));
    EXPECT_EQ(bucket.take(kRate, kStart + Milliseconds(99)), Milliseconds(1));
    EXPECT_EQ(bucket.take(kRate, kStart + Milliseconds(100)), std::nullopt);
    EXPECT_EQ(bucket.take(kRate, kStart + Milliseconds(100)), Milliseconds(100));
}

TEST(TokenBucket, HasNoLimitAtRateZero) {
    TokenBucket bucket;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(bucket.take(Rate{}, kStart, 100), std::nullopt);
    EXPECT_TRUE(bucket.full(kRate, kStart));
}

TEST(TokenBucket, IsFullAgainAfterTheTimeOfItsBurstAndHoldsNoMore) {
    TokenBucket bucket;
    EXPECT_TRUE(bucket.full(kRate, kStart));
    for (int i = 0; i < 3; ++i) ASSERT_EQ(bucket.take(kRate, kStart), std::nullopt);
    EXPECT_FALSE(bucket.full(kRate, kStart + Milliseconds(299)));
    EXPECT_TRUE(bucket.full(kRate, kStart + Milliseconds(300)));
    const auto later = kStart + std::chrono::hours(1);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(bucket.take(kRate, later), std::nullopt);
    EXPECT_NE(bucket.take(kRate, later), std::nullopt);
}

TEST(TokenBucket, LetsACostOverTheBurstInWhenFullAndLaterCollectsTheDebt) {
    TokenBucket bucket;
    EXPECT_EQ(bucket.take(kRate, kStart, 5), std::nullopt);
    EXPECT_EQ(bucket.take(kRate, kStart, 1), Milliseconds(300));
    EXPECT_EQ(bucket.take(kRate, kStart, 5), Milliseconds(500));
}

TEST(TokenBucket, TakesNothingWhenItRefuses) {
    TokenBucket bucket;
    ASSERT_EQ(bucket.take(kRate, kStart, 2), std::nullopt);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(bucket.take(kRate, kStart, 2), Milliseconds(100));
    EXPECT_EQ(bucket.take(kRate, kStart, 1), std::nullopt);
}

TEST(TokenBucket, TakesTimeThatGoesBackAsStandingStill) {
    TokenBucket bucket;
    ASSERT_EQ(bucket.take(kRate, kStart, 3), std::nullopt);
    EXPECT_EQ(bucket.take(kRate, kStart - std::chrono::hours(1)), Milliseconds(100));
    EXPECT_EQ(bucket.take(kRate, kStart), Milliseconds(100));
}

TEST(TokenBucket, BoundsTheWaitOfATinyRate) {
    const Rate slow{.per_second = 1e-300, .burst = 1};
    TokenBucket bucket;
    ASSERT_EQ(bucket.take(slow, kStart), std::nullopt);
    EXPECT_EQ(bucket.take(slow, kStart), TokenBucket::kWaitMax);
}

/// The same in whole units: a token is `kUnits` units, `per_ms` of them flow in each millisecond.
struct ModelBucket {
    static constexpr std::int64_t kUnits = 1000;
    std::int64_t per_ms, burst, held = burst;

    void pass(std::int64_t ms) { held = std::min(burst, held + ms * per_ms); }
    std::int64_t wait_for(std::int64_t cost) const {
        const std::int64_t lacking = std::min(cost, burst) - held;
        return lacking <= 0 ? 0 : (lacking + per_ms - 1) / per_ms;
    }
};

TEST(TokenBucket, AgreesWithAModelInIntegers) {
    SeededRandom random(11);
    for (int round = 0; round < 200; ++round) {
        ModelBucket model{static_cast<std::int64_t>(1 + random.below(300)),
                          static_cast<std::int64_t>(1 + random.below(20)) * ModelBucket::kUnits};
        const Rate rate{static_cast<double>(model.per_ms),
                        static_cast<double>(model.burst / ModelBucket::kUnits)};
        TokenBucket bucket;
        MonotonicTime now = kStart;
        for (int step = 0; step < 300; ++step) {
            const auto pause = static_cast<std::int64_t>(random.below(1ULL << random.below(11)));
            now += Milliseconds(pause);
            model.pass(pause);
            const auto cost = static_cast<std::int64_t>(1 + random.below(25));
            const std::int64_t wait = model.wait_for(cost * ModelBucket::kUnits);
            const auto answer = bucket.take(rate, now, static_cast<double>(cost));
            ASSERT_EQ(answer.value_or(Milliseconds(0)), Milliseconds(wait)) << round << ' ' << step;
            if (wait == 0) model.held -= cost * ModelBucket::kUnits;
            ASSERT_EQ(bucket.full(rate, now), model.held == model.burst);
        }
    }
}

TEST(BucketTable, KeepsKeysApart) {
    BucketTable table(10);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(table.take("a", kRate, kStart), std::nullopt);
    EXPECT_EQ(table.take("a", kRate, kStart), Milliseconds(100));
    EXPECT_EQ(table.take("b", kRate, kStart), std::nullopt);
    EXPECT_EQ(table.take("", kRate, kStart), std::nullopt);
    EXPECT_EQ(table.size(), 3U);
}

TEST(BucketTable, RemembersNothingWithoutALimit) {
    BucketTable table(10);
    EXPECT_EQ(table.take("a", Rate{}, kStart), std::nullopt);
    EXPECT_EQ(table.size(), 0U);
}

TEST(BucketTable, ForgetsTheLeastRecentlyUsedOverItsMaximum) {
    BucketTable table(2);
    ASSERT_EQ(table.take("a", kRate, kStart, 3), std::nullopt);
    ASSERT_EQ(table.take("b", kRate, kStart, 3), std::nullopt);
    ASSERT_NE(table.take("a", kRate, kStart), std::nullopt);  // used again: `b` is the oldest now
    ASSERT_EQ(table.take("c", kRate, kStart, 3), std::nullopt);
    EXPECT_EQ(table.size(), 2U);
    EXPECT_NE(table.take("a", kRate, kStart), std::nullopt);
    EXPECT_EQ(table.take("b", kRate, kStart), std::nullopt);
}

TEST(BucketTable, ForgetsFullBucketsAsItIsUsed) {
    BucketTable table(1000);
    for (int i = 0; i < 500; ++i)
        ASSERT_EQ(table.take(std::to_string(i), kRate, kStart), std::nullopt);
    EXPECT_EQ(table.size(), 500U);
    const auto later = kStart + Milliseconds(100);
    for (int i = 0; i < 250; ++i) ASSERT_FALSE(table.take("busy", kRate, later, 0.001).has_value());
    EXPECT_LE(table.size(), 2U);
}

TEST(BucketTable, AnswersAsUnboundedBucketsWouldWhileItHasRoom) {
    SeededRandom random(5);
    BucketTable table(64);
    std::map<std::string, TokenBucket> buckets;
    MonotonicTime now = kStart;
    for (int step = 0; step < 50'000; ++step) {
        now += Milliseconds(random.below(20));
        const std::string key = std::to_string(random.below(64));
        ASSERT_EQ(table.take(key, kRate, now), buckets[key].take(kRate, now)) << step;
        ASSERT_LE(table.size(), 64U);
    }
}

TEST(BucketTable, NeverHoldsMoreThanItsMaximumWhateverTheKeys) {
    BucketTable table(100);
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_EQ(table.take("key" + std::to_string(i), kRate, kStart), std::nullopt);
        ASSERT_LE(table.size(), 100U);
    }
}

}  // namespace
}  // namespace signalbox::limits
