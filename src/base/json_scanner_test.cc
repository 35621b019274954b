#include "base/json_scanner.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"
#include "base/random.h"

namespace signalbox {
namespace {

/// Whether a walk over one value goes to the end.
bool scans(std::string_view text) {
    JsonScanner json(text);
    return !json.value().empty() && json.ends();
}

TEST(JsonScanner, GivesMembersAsTheyStand) {
    JsonScanner json(R"( { "a" : { "b": [1, {}, []] } ,"c":"x\"y" } )");
    ASSERT_TRUE(json.take('{'));
    EXPECT_EQ(json.plain_string(), "a");
    ASSERT_TRUE(json.take(':'));
    EXPECT_EQ(json.value(), R"({ "b": [1, {}, []] })");
    ASSERT_TRUE(json.take(','));
    EXPECT_EQ(json.plain_string(), "c");
    ASSERT_TRUE(json.take(':'));
    EXPECT_EQ(json.value(), R"("x\"y")");
    EXPECT_FALSE(json.take(','));
    ASSERT_TRUE(json.take('}'));
    EXPECT_TRUE(json.ends());
}

TEST(JsonScanner, PassesPlainValues) {
    for (const char* plain :
         {"0", "-0", "12", "-1.50", "123456789012345678", "true", "false", "null", "\"\"", "[]",
          "{}", "[1,2]", "[[],{}]", "{\"\":\"\"}", " [ 1 , 2 ] ", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
          "\"a text that is longer than sixteen bytes\"", "0.000000000000000000000000001"})
        EXPECT_TRUE(scans(plain)) << plain;
    EXPECT_TRUE(scans(std::string(32, '[') + std::string(32, ']')));
}

TEST(JsonScanner, FindsTheEndOfAStringOfAnyLengthWhateverComesBehindIt) {
    for (std::size_t length = 0; length < 50; ++length) {
        for (std::size_t behind = 0; behind < 20; ++behind) {
            const std::string plain(length, 'x');
            const std::string text = '"' + plain + '"' + std::string(behind, ' ');
            EXPECT_EQ(JsonScanner(text).value(), '"' + plain + '"');
            EXPECT_EQ(JsonScanner(text).plain_string(), plain);
            EXPECT_TRUE(scans(text));
            EXPECT_FALSE(scans(text.substr(0, length + 1)));
            EXPECT_FALSE(scans('"' + plain + "\x01\"" + std::string(behind, ' ')));
        }
    }
}

TEST(JsonScanner, TakesATokenAfterSpaces) {
    JsonScanner json(R"( "type" : "tyke")");
    EXPECT_FALSE(json.take(R"("tyke")"));
    ASSERT_TRUE(json.take(R"("type")"));
    ASSERT_TRUE(json.take(':'));
    EXPECT_FALSE(json.take(R"("tyke", )"));
    EXPECT_EQ(json.rest(), R"("tyke")");
}

TEST(JsonScanner, GivesUpAtWhatIsNotPlain) {
    EXPECT_FALSE(JsonScanner(R"("a\n")").plain_string());
    for (const char* unusual : {"1e3", "1234567890123456789", "\"\\u0041\"", "\"\xc3\xa9\"",
                                "\"a text that is longer than sixteen bytes: \xc3\xa9\""}) {
        EXPECT_FALSE(scans(unusual)) << unusual;
        EXPECT_TRUE(JsonParser().parse(unusual)) << unusual;
    }
    EXPECT_FALSE(scans(std::string(33, '[') + std::string(33, ']')));
}

TEST(JsonScanner, GivesUpAtWhatIsNoJson) {
    for (const char* bad : {"",
                            " ",
                            "tru",
                            "nul",
                            "truex",
                            "01",
                            "-",
                            "-01",
                            "1.",
                            ".5",
                            "+1",
                            "1.2.3",
                            "0x1",
                            "'a'",
                            "\"",
                            "\"a",
                            "\"\\",
                            "\"\\x\"",
                            "\"a\nb\"",
                            "\"sixteen bytes and\x01 more\"",
                            "[",
                            "[1",
                            "[1,",
                            "[1,]",
                            "[,1]",
                            "[1 2]",
                            "[1}",
                            "{",
                            "{\"a\"",
                            "{\"a\":",
                            "{\"a\":1",
                            "{\"a\":1,}",
                            "{\"a\" 1}",
                            "{a:1}",
                            "{1:1}",
                            "{\"a\":1]",
                            "1 2",
                            "[] []",
                            "\"\xff\"",
                            "\"\xed\xa0\x80\"",
                            "\xc3\xa9",
                            "NaN",
                            "\"a text that is longer than sixteen bytes \xff\""})
        EXPECT_FALSE(scans(bad)) << bad;
}

TEST(JsonScanner, AcceptsNothingThatTheParserRefuses) {
    const std::string alphabet = "{}[]:,\"\\ \n0123456789.-eEtrufalsn\x01\xc3\xa9";
    const std::string text =
        R"({"a":[1,-2.5,true,{"b":"x\ny"}],"some longer text":"that, and \" and more of it",  "c":null})";
    SeededRandom random(7);
    int accepted = 0;
    for (int round = 0; round < 200'000; ++round) {
        std::string changed = text;
        for (std::uint64_t changes = random.below(3); changes > 0; --changes) {
            const std::size_t at = random.below(changed.size());
            if (random.below(2) == 0) changed.erase(at, 1 + random.below(4));
            changed.insert(at, 1, alphabet[random.below(alphabet.size())]);
        }
        if (!scans(changed)) continue;
        ++accepted;
        ASSERT_TRUE(JsonParser().parse(changed)) << changed;
    }
    EXPECT_GT(accepted, 50'000);
}

}  // namespace
}  // namespace signalbox
