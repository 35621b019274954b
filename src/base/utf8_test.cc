#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace signalbox {
namespace {

std::string encode(std::uint32_t c) {
    if (c < 0x80) return {static_cast<char>(c)};
    if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
    if (c < 0x10000) {
        return {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                static_cast<char>(0x80 | (c & 63))};
    }
    return {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
            static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
}

TEST(Utf8Validator, AcceptsExactlyTheScalarValues) {
    for (std::uint32_t c = 0; c < 0x120000; ++c) {
        const bool scalar = c < 0xD800 || (c > 0xDFFF && c <= 0x10FFFF);
        ASSERT_EQ(is_valid_utf8(encode(c)), scalar) << std::hex << c;
    }
}

TEST(Utf8Validator, RefusesWhatIsNoCharacter) {
    for (const char* bad :
         {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF",
          "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF5\x80\x80\x80", "\xFE", "\xFF", "\xC3(",
          "\xE2\x82", "\xF0\x9F\x98", "12345678\xC3", "1234567\xED\xA0\x80"}) {
        EXPECT_FALSE(is_valid_utf8(bad)) << bad;
    }
}

TEST(Utf8Validator, KeepsItsPlaceAtEverySplitPoint) {
    const std::string text =
        "plain \xCE\xBA\xE1\xBD\xB9\xCF\x83 \xF0\x9F\x98\x80 and a longer tail";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        Utf8Validator validator;
        ASSERT_TRUE(validator.feed(std::string_view(text).substr(0, cut)));
        ASSERT_TRUE(validator.feed(std::string_view(text).substr(cut)));
        ASSERT_TRUE(validator.complete());
    }
}

TEST(Utf8Validator, RefusesAtTheFirstImpossibleByte) {
    Utf8Validator validator;
    ASSERT_TRUE(validator.feed("\xF4"));
    EXPECT_FALSE(validator.complete());
    EXPECT_FALSE(validator.feed("\x90"));
}

}  // namespace
}  // namespace signalbox
