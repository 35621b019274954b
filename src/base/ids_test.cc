#include "base/ids.h"

#include <gtest/gtest.h>

#include <set>
#include <unordered_set>

namespace signalbox {
namespace {

std::string times(std::string_view text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
}

TEST(IsValidId, TakesOneTo128PrintableCharacters) {
    EXPECT_FALSE(is_valid_id(""));
    EXPECT_TRUE(is_valid_id("a"));
    EXPECT_TRUE(is_valid_id(times("a", 128)));
    EXPECT_FALSE(is_valid_id(times("a", 129)));
    EXPECT_TRUE(is_valid_id("user@example.com|{}\"'<>:/%"));
}

TEST(IsValidId, CountsCharactersNotBytes) {
    EXPECT_TRUE(is_valid_id(times("\U0001F600", 128)));
    EXPECT_FALSE(is_valid_id(times("\U0001F600", 129)));
    EXPECT_TRUE(is_valid_id("Zoë漢字"));
}

TEST(IsValidId, RefusesWhiteSpaceControlsAndInvisibleMarks) {
    for (const char* text :
         {" ", "a b", "a\t", "\n", "\x7f", "\x1b[0m", "\u0085", "\u00a0", "\u1680", "\u2003",
          "\u200b", "\u200f", "\u2028", "\u2029", "\u202e", "\u3000", "\u2066", "\ufeff"}) {
        EXPECT_FALSE(is_valid_id(text)) << text;
    }
    EXPECT_FALSE(is_valid_id(std::string_view("a\0b", 3)));
}

TEST(IsValidId, RefusesInvalidUtf8) {
    for (const char* text : {"\xff", "\x80", "a\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                             "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "\xe2\x28\xa1"}) {
        EXPECT_FALSE(is_valid_id(text));
    }
}

TEST(PercentEncodeId, KeepsOnlyTheHarmlessCharacters) {
    EXPECT_EQ(percent_encode_id("azAZ09._~@|-"), "azAZ09._~@|-");
    EXPECT_EQ(percent_encode_id("a:b"), "a%3Ab");
    EXPECT_EQ(percent_encode_id("%3A"), "%253A");
    EXPECT_EQ(percent_encode_id("ü*#/"), "%C3%BC%2A%23%2F");
}

TEST(PercentEncodeId, NeverLetsJoinedIdsMeet) {
    const std::string parts[] = {"a", "b", "a:b", "b:c", ":", "a%3Ab", "%", "a:", ":a"};
    std::set<std::string> joined;
    std::size_t pairs = 0;
    for (const auto& left : parts) {
        for (const auto& right : parts) {
            joined.insert(percent_encode_id(left) + ':' + percent_encode_id(right));
            ++pairs;
        }
    }
    EXPECT_EQ(joined.size(), pairs);
}

TEST(Id, IsMadeOfValidTextOnly) {
    EXPECT_EQ(UserId::parse("u 1"), std::nullopt);
    ASSERT_TRUE(UserId::parse("u1").has_value());
    EXPECT_EQ(UserId::parse("u1")->str(), "u1");
    EXPECT_TRUE(UserId().empty());
    EXPECT_EQ(UserId::trusted("x"), *UserId::parse("x"));
    EXPECT_LT(UserId::trusted("a"), UserId::trusted("b"));
    EXPECT_EQ(std::unordered_set<UserId>({UserId::trusted("a"), UserId::trusted("a")}).size(), 1U);
    static_assert(!std::is_convertible_v<UserId, CompanyId> &&
                  !std::is_convertible_v<std::string, UserId>);
}

}  // namespace
}  // namespace signalbox
