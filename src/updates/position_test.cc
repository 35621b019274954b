#include "updates/position.h"

#include <gtest/gtest.h>

namespace signalbox::updates {
namespace {

TEST(Offset, ComesBackAsItWasWritten) {
    for (const std::string_view text :
         {"abc-0", "abc-41", "a-b-41.0", "-_-x-18446744073709551615.18446744073709551615"}) {
        const auto offset = parse_offset(text);
        ASSERT_TRUE(offset.has_value()) << text;
        EXPECT_EQ(offset_text(*offset), text);
    }
    EXPECT_EQ(parse_offset("a-b-41.7")->epoch, "a-b");
    EXPECT_EQ(parse_offset("a-b-41.7")->number, 41U);
    EXPECT_EQ(parse_offset("a-b-41.7")->private_number, 7U);
    EXPECT_EQ(parse_offset("a-b-41")->private_number, std::nullopt);
}

TEST(Offset, IsNothingElse) {
    for (const std::string_view text :
         {"", "x", "-", "-1", "a-", "a-x", "a-1x", "a-01", "a- 1", "a-+1", "a-1.", "a-.1",
          "a-1.2.3", "a-1.02", "a-18446744073709551616", "PhKzbt3", "1.5"}) {
        EXPECT_FALSE(parse_offset(text).has_value()) << text;
    }
}

}  // namespace
}  // namespace signalbox::updates
