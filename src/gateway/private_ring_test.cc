#include "gateway/private_ring.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace signalbox::gateway {
namespace {

constexpr std::size_t kHead = 32;
const MonotonicTime kStart{std::chrono::hours(1)};

std::vector<std::uint64_t> numbers_in(const PrivateRing& ring) {
    std::vector<std::uint64_t> numbers;
    ring.for_each([&](const PrivateMessage& message) { numbers.push_back(message.number); });
    return numbers;
}

TEST(PrivateRing, GivesBackWhatItTook) {
    PrivateRing ring;
    EXPECT_TRUE(ring.empty());
    EXPECT_TRUE(ring.complete_after_number(0));
    EXPECT_TRUE(ring.complete_from_base(0));
    ring.append({1, 7, kStart, "one"}, 1000);
    ring.append({2, 9, kStart + Milliseconds(5), ""}, 1000);
    std::vector<std::string> seen;
    ring.for_each([&](const PrivateMessage& m) {
        seen.push_back(
            std::to_string(m.number) + '@' + std::to_string(m.base) + '+' +
            std::to_string(std::chrono::duration_cast<Milliseconds>(m.time - kStart).count()) +
            std::string(m.envelope));
    });
    EXPECT_EQ(seen, (std::vector<std::string>{"1@7+0one", "2@9+5"}));
}

TEST(PrivateRing, ForgetsTheOldestOverItsBytesAndSaysSo) {
    PrivateRing ring;
    const std::size_t three = 3 * (kHead + 10);
    for (std::uint64_t n = 1; n <= 3; ++n) ring.append({n, 5, kStart, "0123456789"}, three);
    EXPECT_EQ(numbers_in(ring), (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_TRUE(ring.complete_after_number(0));
    ring.append({4, 6, kStart, "0123456789"}, three);
    EXPECT_EQ(numbers_in(ring), (std::vector<std::uint64_t>{2, 3, 4}));
    EXPECT_FALSE(ring.complete_after_number(0));
    EXPECT_TRUE(ring.complete_after_number(1));
    EXPECT_FALSE(ring.complete_from_base(5));
    EXPECT_TRUE(ring.complete_from_base(6));
}

TEST(PrivateRing, ForgetsAllForAMessageThatIsTooLong) {
    PrivateRing ring;
    ring.append({1, 1, kStart, "x"}, kHead + 10);
    ring.append({2, 3, kStart, "0123456789x"}, kHead + 10);
    EXPECT_TRUE(ring.empty());
    EXPECT_FALSE(ring.complete_after_number(1));
    EXPECT_TRUE(ring.complete_after_number(2));
    EXPECT_FALSE(ring.complete_from_base(3));
    EXPECT_TRUE(ring.complete_from_base(4));
}

TEST(PrivateRing, ReturnsMemoryWithAge) {
    PrivateRing ring;
    ring.append({1, 1, kStart, std::string(1000, 'x')}, 10'000);
    ring.append({2, 1, kStart + Milliseconds(10), "y"}, 10'000);
    ring.forget_before(kStart);
    EXPECT_EQ(numbers_in(ring), (std::vector<std::uint64_t>{1, 2}));
    ring.forget_before(kStart + Milliseconds(10));
    EXPECT_EQ(numbers_in(ring), (std::vector<std::uint64_t>{2}));
    ring.forget_before(kStart + Milliseconds(11));
    EXPECT_TRUE(ring.empty());
    EXPECT_LT(ring.bytes(), 100U);
    EXPECT_FALSE(ring.complete_after_number(1));
    EXPECT_TRUE(ring.complete_after_number(2));
}

TEST(PrivateRing, KeepsAllButABlockOfItsBytes) {
    PrivateRing ring;
    constexpr std::size_t kMax = 64 * 1024, kOne = kHead + 100;
    for (std::uint64_t n = 1; n <= 5'000; ++n) {
        ring.append({n, n, kStart, std::string(100, 'x')}, kMax);
        ASSERT_LE(ring.bytes(), kMax);
    }
    const auto numbers = numbers_in(ring);
    EXPECT_GE(numbers.size(), 15 * (kMax / 16 / kOne));
    EXPECT_TRUE(ring.complete_after_number(numbers.front() - 1));
    EXPECT_FALSE(ring.complete_after_number(numbers.front() - 2));
    EXPECT_TRUE(ring.complete_from_base(numbers.front()));
    EXPECT_FALSE(ring.complete_from_base(numbers.front() - 1));
}

TEST(PrivateRing, KeepsAMessageWhileLittleWasSentSince) {
    constexpr std::size_t kMax = 64 * 1024, kLittle = kMax / 16 * 7;
    SeededRandom random(3);
    PrivateRing ring;
    std::vector<std::size_t> taken{0};  // by the messages up to each number
    for (std::uint64_t n = 1; n <= 20'000; ++n) {
        const std::size_t most = n % 500 == 0 ? kMax - kHead : n % 50 == 0 ? 10'000 : 300;
        const std::string envelope(random.below(most), 'x');
        taken.push_back(taken.back() + kHead + envelope.size());
        ring.append({n, n, kStart, envelope}, kMax);
        ASSERT_LE(ring.bytes(), kMax);
        std::uint64_t oldest = n;
        while (oldest > 1 && taken[n] - taken[oldest - 2] <= kLittle) --oldest;
        if (taken[n] - taken[oldest - 1] <= kLittle) {
            ASSERT_TRUE(ring.complete_after_number(oldest - 1)) << n;
        }
    }
}

TEST(PrivateRing, TakesMemoryAsItFills) {
    PrivateRing ring;
    ring.append({1, 1, kStart, std::string(100, 'x')}, 64 * 1024);
    EXPECT_EQ(ring.bytes(), kHead + 100);
    ring.append({2, 1, kStart, "y"}, 64 * 1024);
    EXPECT_EQ(ring.bytes(), 2 * (kHead + 100));
}

TEST(PrivateRing, KeepsEachEnvelopeWholeWhereverItsMemoryEnds) {
    PrivateRing ring;
    const auto envelope = [](std::uint64_t number) {
        return std::string(number % 37, static_cast<char>('a' + number % 26)) +
               std::to_string(number);
    };
    for (std::uint64_t n = 1; n <= 2'000; ++n) {
        ring.append({n, 2 * n, kStart + Milliseconds(n), envelope(n)}, 1000);
        std::uint64_t expected = n;
        ring.for_each([&](const PrivateMessage&) { --expected; });
        ring.for_each([&](const PrivateMessage& message) {
            ++expected;
            ASSERT_EQ(message.number, expected);
            ASSERT_EQ(message.base, 2 * expected);
            ASSERT_EQ(message.time, kStart + Milliseconds(expected));
            ASSERT_EQ(message.envelope, envelope(expected));
        });
        ASSERT_EQ(expected, n);
    }
}

TEST(PrivateRing, StaysWithinItsBytesHoweverMuchPasses) {
    PrivateRing ring;
    for (std::uint64_t n = 1; n <= 10'000; ++n) {
        ring.append({n, n, kStart, std::string(n % 300, 'x')}, 4096);
        ASSERT_LE(ring.bytes(), 4096U);
    }
    const auto numbers = numbers_in(ring);
    ASSERT_FALSE(numbers.empty());
    EXPECT_EQ(numbers.back(), 10'000U);
    EXPECT_EQ(numbers.front() + numbers.size() - 1, 10'000U);
}

}  // namespace
}  // namespace signalbox::gateway
