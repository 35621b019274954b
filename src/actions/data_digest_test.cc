#include "actions/data_digest.h"

#include <gtest/gtest.h>

namespace signalbox::actions {
namespace {

std::string digest(std::string_view text) {
    JsonParser parser;
    return data_digest(parser.parse(text).value());
}

TEST(DataDigest, IgnoresTheOrderOfMembersAtEveryDepth) {
    EXPECT_EQ(digest(R"({"a":1,"b":{"c":[1,{"d":2,"e":3}],"f":null}})"),
              digest(R"( { "b" : {"f":null,"c":[1,{"e":3,"d":2}]}, "a":1 } )"));
}

TEST(DataDigest, TakesNumbersByValue) {
    EXPECT_EQ(digest("[1,0.5,0,100]"), digest("[1.0,5e-1,-0.0,1e2]"));
    EXPECT_EQ(digest("[18446744073709551615]"), digest("[18446744073709551615]"));
    EXPECT_NE(digest("[9007199254740993]"), digest("[9007199254740992]"));
    EXPECT_NE(digest("[9007199254740993]"), digest("[9007199254740992.0]"));
}

TEST(DataDigest, TakesStringsByTheirCharacters) {
    EXPECT_EQ(digest(R"(["\u00e4\/"])"), digest("[\"ä/\"]"));
}

TEST(DataDigest, TellsDifferentValuesApart) {
    const char* values[] = {"null",
                            "0",
                            "\"0\"",
                            "false",
                            "[]",
                            "{}",
                            "[[]]",
                            "[1,2]",
                            "[12]",
                            "[2,1]",
                            "\"\"",
                            "[\"\"]",
                            R"(["a","b"])",
                            R"(["ab"])",
                            R"({"a":1})",
                            R"({"a":"1"})",
                            R"({"a":null})",
                            R"({"b":1})",
                            R"({"a":{"b":1}})",
                            "1",
                            "true"};
    for (const char* one : values) {
        for (const char* other : values) {
            EXPECT_EQ(digest(one) == digest(other), one == other) << one << ' ' << other;
        }
    }
}

TEST(DataDigest, IsSixtyFourHexDigits) {
    EXPECT_EQ(digest("{}").size(), 64U);
    EXPECT_EQ(digest("{}").find_first_not_of("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace signalbox::actions
