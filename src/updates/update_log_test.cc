#include "updates/update_log.h"

#include <gtest/gtest.h>

#include <optional>

namespace signalbox::updates {
namespace {

using Numbers = std::vector<std::uint64_t>;
constexpr Milliseconds kAge{1'000};

class UpdateLogTest : public ::testing::Test {
protected:
    const CompanyId acme = CompanyId::trusted("acme"), other = CompanyId::trusted("other");
    MonotonicTime now{std::chrono::hours(1)};
    static std::size_t size_of_one() { return make(1)->bytes(); }
    UpdateLog log{{3 * size_of_one(), 5 * size_of_one(), kAge}};

    static std::shared_ptr<const PositionedUpdate> make(std::uint64_t number) {
        PositionedUpdate update;
        update.number = number;
        update.position = "e-1";
        update.rooms = {"company:acme"};
        update.envelope = std::string(100, 'x');
        return std::make_shared<const PositionedUpdate>(std::move(update));
    }
    void append(const CompanyId& company, std::uint64_t number) {
        log.append(company, make(number), now);
    }
    /// nullopt: some may have been forgotten.
    [[nodiscard]] std::optional<Numbers> after(const CompanyId& company,
                                               std::uint64_t number) const {
        Numbers numbers;
        const bool whole = log.for_each_after(
            company, number, [&](const auto& update) { numbers.push_back(update->number); });
        return whole ? std::optional(numbers) : std::nullopt;
    }
};

TEST_F(UpdateLogTest, GivesWhatCameAfterANumber) {
    log.open(acme, 4);
    append(acme, 5);
    append(acme, 7);
    EXPECT_EQ(after(acme, 4), (Numbers{5, 7}));
    EXPECT_EQ(after(acme, 5), (Numbers{7}));
    EXPECT_EQ(after(acme, 6), (Numbers{7}));
    EXPECT_EQ(after(acme, 7), Numbers{});
    EXPECT_EQ(after(acme, 100), Numbers{});
}

TEST_F(UpdateLogTest, KnowsNothingBeforeItBegan) {
    EXPECT_EQ(after(acme, 0), std::nullopt);
    append(acme, 3);
    log.open(acme, 3);
    log.open(acme, 1);
    EXPECT_EQ(after(acme, 2), std::nullopt);
    EXPECT_EQ(after(acme, 3), Numbers{});
}

TEST_F(UpdateLogTest, ForgetsTheOldestOfACompanyOverItsBytes) {
    log.open(acme, 0);
    for (std::uint64_t n = 1; n <= 4; ++n) append(acme, n);
    EXPECT_EQ(after(acme, 0), std::nullopt);
    EXPECT_EQ(after(acme, 1), (Numbers{2, 3, 4}));
    EXPECT_EQ(log.bytes(), 3 * size_of_one());
}

TEST_F(UpdateLogTest, ForgetsTheOldestOfAllOverTheTotal) {
    log.open(acme, 0);
    log.open(other, 0);
    append(acme, 1);
    for (std::uint64_t n = 1; n <= 3; ++n) append(other, n);
    append(acme, 2);
    append(acme, 3);
    EXPECT_EQ(after(acme, 0), std::nullopt);
    EXPECT_EQ(after(acme, 1), (Numbers{2, 3}));
    EXPECT_EQ(after(other, 0), (Numbers{1, 2, 3}));
    EXPECT_EQ(log.bytes(), 5 * size_of_one());
}

TEST_F(UpdateLogTest, ForgetsWithAge) {
    log.open(acme, 0);
    append(acme, 1);
    now += kAge;
    log.expire(now);
    EXPECT_EQ(after(acme, 0), Numbers{1});
    append(acme, 2);
    now += Milliseconds(1);
    log.expire(now);
    EXPECT_EQ(after(acme, 0), std::nullopt);
    EXPECT_EQ(after(acme, 1), Numbers{2});
}

TEST_F(UpdateLogTest, KeepsNothingLargerThanACompanyMayHave) {
    log.open(acme, 0);
    PositionedUpdate large;
    large.number = 1;
    large.envelope = std::string(4 * size_of_one(), 'x');
    log.append(acme, std::make_shared<const PositionedUpdate>(std::move(large)), now);
    EXPECT_EQ(log.bytes(), 0U);
    EXPECT_EQ(after(acme, 0), std::nullopt);
    EXPECT_EQ(after(acme, 1), Numbers{});
}

TEST_F(UpdateLogTest, ReturnsAllMemoryOfACompanyThatCloses) {
    log.open(acme, 0);
    log.open(other, 0);
    append(acme, 1);
    append(other, 1);
    log.close(acme);
    log.close(acme);
    EXPECT_EQ(after(acme, 1), std::nullopt);
    EXPECT_EQ(after(other, 0), Numbers{1});
    EXPECT_EQ(log.bytes(), size_of_one());
    now += 2 * kAge;
    log.expire(now);
    EXPECT_EQ(log.bytes(), 0U);
}

}  // namespace
}  // namespace signalbox::updates
