#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace signalbox {
namespace {

WallTime at(std::int64_t milliseconds) {
    return WallTime(Milliseconds(milliseconds));
}

TEST(FormatTime, IsRfc3339InUtcWithMilliseconds) {
    EXPECT_EQ(format_time(at(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_time(at(1'790'000'000'007)), "2026-09-21T14:13:20.007Z");
    EXPECT_EQ(format_time(at(951'782'399'999)), "2000-02-28T23:59:59.999Z");
    EXPECT_EQ(format_time(at(951'782'400'000)), "2000-02-29T00:00:00.000Z");
    EXPECT_EQ(format_time(at(-1)), "1969-12-31T23:59:59.999Z");
    EXPECT_EQ(format_time(at(253'402'300'799'999)), "9999-12-31T23:59:59.999Z");
}

TEST(ParseTime, ReadsWhatFormatTimeWrites) {
    SeededRandom random(9);
    for (int i = 0; i < 10'000; ++i) {
        const WallTime time = at(static_cast<std::int64_t>(random.below(253'402'300'800'000)));
        ASSERT_EQ(parse_time(format_time(time)), time);
    }
}

TEST(ParseTime, RefusesEverythingElse) {
    for (const char* text :
         {"", "2026-11-22", "2026-11-22T08:00:00Z", "2026-11-22T08:00:00.000",
          "2026-11-22 08:00:00.000Z", "2026-11-22T08:00:00.000z", "2026-11-22T08:00:00.0000Z",
          "2026-11-22T08:00:00.000+", "2026-13-22T08:00:00.000Z", "2026-02-29T08:00:00.000Z",
          "2026-00-10T08:00:00.000Z", "2026-11-22T24:00:00.000Z", "2026-11-22T08:60:00.000Z",
          "2026-11-22T08:00:60.000Z", "2026-11-22T08:00:00,000Z", "+026-11-22T08:00:00.000Z",
          "2026-11- 2T08:00:00.000Z"}) {
        EXPECT_EQ(parse_time(text), std::nullopt) << text;
    }
}

TEST(ManualClock, StandsStillUntilAdvanced) {
    ManualClock clock;
    const auto monotonic = clock.monotonic_now();
    const auto wall = clock.wall_now();
    EXPECT_EQ(clock.monotonic_now(), monotonic);
    clock.advance(Milliseconds(1500));
    EXPECT_EQ(clock.monotonic_now() - monotonic, Milliseconds(1500));
    EXPECT_EQ(clock.wall_now() - wall, Milliseconds(1500));
}

TEST(SystemClock, NeverGoesBack) {
    const SystemClock clock;
    auto last = clock.monotonic_now();
    for (int i = 0; i < 1000; ++i) {
        const auto now = clock.monotonic_now();
        ASSERT_GE(now, last);
        last = now;
    }
    EXPECT_GT(clock.wall_now(), at(1'700'000'000'000));
}

}  // namespace
}  // namespace signalbox
