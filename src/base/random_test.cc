#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace signalbox {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

TEST(Random, MakesIdsOfTheAskedLengthInTheUrlSafeAlphabet) {
    SystemRandom random;
    for (const std::size_t length : {0, 1, 20, 5000}) {
        const std::string id = random.id(length);
        EXPECT_EQ(id.size(), length);
        EXPECT_EQ(id.find_first_not_of(kAlphabet), std::string::npos) << id;
    }
}

TEST(Random, UsesEveryCharacterAboutEquallyOften) {
    SystemRandom random;
    std::array<int, 256> counts{};
    constexpr int kEach = 1000;
    for (const char c : random.id(64 * kEach)) ++counts[static_cast<unsigned char>(c)];
    for (const char c : kAlphabet) {
        // Ten standard deviations: fails once in 10^22 runs.
        EXPECT_NEAR(counts[static_cast<unsigned char>(c)], kEach, 320) << c;
    }
}

TEST(Random, DrawsEveryNumberBelowTheBoundAndNoOther) {
    SeededRandom random(1);
    for (const std::uint64_t bound : {1, 2, 3, 7, 64}) {
        std::set<std::uint64_t> seen;
        for (int i = 0; i < 2000; ++i) seen.insert(random.below(bound));
        EXPECT_EQ(seen.size(), bound);
        EXPECT_EQ(*seen.rbegin(), bound - 1);
    }
}

TEST(SystemRandom, DoesNotRepeatItselfAcrossItsPools) {
    SystemRandom random;
    std::set<std::string> ids;
    for (int i = 0; i < 10'000; ++i) ids.insert(random.id(20));
    EXPECT_EQ(ids.size(), 10'000U);
    EXPECT_NE(SystemRandom().id(20), SystemRandom().id(20));
}

TEST(SeededRandom, RepeatsItsSequence) {
    SeededRandom a(42), b(42), c(43);
    const std::string first = a.id(50);
    EXPECT_EQ(first, b.id(50));
    EXPECT_NE(first, c.id(50));
    EXPECT_NE(first, a.id(50));
}

}  // namespace
}  // namespace signalbox
