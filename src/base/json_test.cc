#include "base/json.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace signalbox {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

std::optional<JsonError> error_of(std::string_view text) {
    JsonParser parser;
    const auto root = parser.parse(text);
    return root ? std::nullopt : std::optional(root.error());
}

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

Members members_of(std::string_view text) {
    EXPECT_EQ(error_of(text), std::nullopt) << text;
    Members members;
    for_each_raw_member(text, [&](std::string_view key, std::string_view value) {
        members.emplace_back(key, value);
        return true;
    });
    return members;
}

std::vector<std::string> elements_of(std::string_view text) {
    EXPECT_EQ(error_of(text), std::nullopt) << text;
    std::vector<std::string> elements;
    for_each_raw_element(text, [&](std::string_view element) {
        elements.emplace_back(element);
        return true;
    });
    return elements;
}

std::string stringified(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

TEST(JsonParser, AcceptsWhatRfc8259Does) {
    for (const char* text : {"0", "-0", "1.5e-3", "\"\"", "true", "null", " [1 , 2]\r\n\t", "{}",
                             "9223372036854775807", "18446744073709551615", "-9223372036854775808",
                             "1e308", "4.9e-324", "1e-400", "0.11935319286735585",
                             "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\\/\""}) {
        EXPECT_EQ(error_of(text), std::nullopt) << text;
    }
}

TEST(JsonParser, RefusesWhatIsNotJson) {
    for (const char* text : {"",
                             " ",
                             "[",
                             "[1,]",
                             "{\"a\":1,}",
                             "{a:1}",
                             "'a'",
                             "01",
                             "-",
                             "1.",
                             ".5",
                             "+1",
                             "1e",
                             "1e+",
                             "NaN",
                             "tru",
                             "[1] 2",
                             "\"a",
                             "\"\\x\"",
                             "\"\\u12\"",
                             "[1x]",
                             "\"\n\"",
                             "[1 2]",
                             "// c\n1",
                             "\xff",
                             "\"\xed\xa0\x80\"",
                             "[\"\\u12g4\"]",
                             "\"\\",
                             "[1e400,01]",
                             "[8\"x\"]",
                             "[8[1]]",
                             "[8{}]"}) {
        EXPECT_EQ(error_of(text), JsonError::kSyntax) << text;
    }
}

TEST(JsonParser, NamesNumbersThatWeCannotPassOnExactly) {
    for (const char* text :
         {"18446744073709551616", "-9223372036854775809", "12345678901234567890123",
          "[\"a\",1e400]", "{\"a\":-1e309}", "[99999999999999999999 ]"}) {
        EXPECT_EQ(error_of(text), JsonError::kNumberRange) << text;
    }
}

TEST(JsonParser, NamesLoneSurrogates) {
    for (const char* text : {R"("\ud800")", R"("\udc00")", R"("\ud800A")", R"("\ud800\ud800")",
                             R"(["a","\udfff\ud800"])", R"({"\uD800":1})", R"("\\\ud800")",
                             R"("\ud83d\n")", R"("\ud83dx\ude00")"}) {
        EXPECT_EQ(error_of(text), JsonError::kLoneSurrogate) << text;
    }
    EXPECT_EQ(error_of(R"("\\ud800")"), std::nullopt);
    EXPECT_EQ(error_of(R"("\ud83d\ude00\\ud83d")"), std::nullopt);
}

TEST(JsonParser, CountsLevelsOfNesting) {
    const std::string full =
        std::string(kJsonDepthMax, '[') + "1" + std::string(kJsonDepthMax, ']');
    EXPECT_EQ(error_of(full), std::nullopt);
    EXPECT_EQ(error_of("[" + full + "]"), JsonError::kTooDeep);
    EXPECT_EQ(error_of(nested(kJsonDepthMax)), std::nullopt);
    EXPECT_EQ(error_of(nested(kJsonDepthMax + 1)), JsonError::kTooDeep);
    EXPECT_EQ(error_of(nested(100'000)), JsonError::kTooDeep);
    EXPECT_EQ(error_of("[" + nested(kJsonDepthMax - 1) + ",1]"), std::nullopt);
    EXPECT_EQ(error_of("[[1]," + nested(kJsonDepthMax) + ",1]"), JsonError::kTooDeep);
    EXPECT_EQ(error_of("[\"" + nested(500) + "\\\"\"," + nested(kJsonDepthMax - 1) + "]"),
              std::nullopt);
    std::string objects;
    for (std::size_t i = 1; i < kJsonDepthMax; ++i) objects += R"({"a":)";
    EXPECT_EQ(error_of(objects + "[]" + std::string(kJsonDepthMax - 1, '}')), std::nullopt);
    EXPECT_EQ(error_of(objects + "[[]]" + std::string(kJsonDepthMax - 1, '}')),
              JsonError::kTooDeep);
}

TEST(JsonParser, GoesOnAfterErrorsAndLongTexts) {
    JsonParser parser;
    EXPECT_FALSE(parser.parse("[1,"));
    EXPECT_TRUE(parser.parse("[1]"));
    EXPECT_TRUE(parser.parse("\"" + std::string(3 << 20, 'x') + "\""));
    const auto root = parser.parse("[1,2]");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->get_array().size(), 2U);
}

TEST(JsonParser, KeepsDoublesAndDuplicateMembers) {
    JsonParser parser;
    EXPECT_EQ(parser.parse("0.11935319286735585")->get_double().value(), 0.11935319286735585);
    EXPECT_EQ(parser.parse(R"({"a":1,"a":2})")->get_object().size(), 2U);
}

TEST(RawJson, GivesMembersAsTheyAreSpelt) {
    EXPECT_EQ(members_of("{}"), Members{});
    EXPECT_EQ(members_of(" { } "), Members{});
    EXPECT_EQ(
        members_of(R"( { "a" : 1 ,"b":{"c":[1, "}"]} , "a":"x\"]\\","":null } )"),
        (Members{{"a", "1"}, {"b", R"({"c":[1, "}"]})"}, {"a", R"("x\"]\\")"}, {"", "null"}}));
    EXPECT_EQ(members_of(R"({"\u0061\"":-1.5e+3})"), (Members{{R"(\u0061\")", "-1.5e+3"}}));
}

TEST(RawJson, GivesElementsAsTheyAreSpelt) {
    EXPECT_EQ(elements_of("[]"), std::vector<std::string>{});
    EXPECT_EQ(elements_of("[ 1,\"]\" ,[[],{\"a\":\"[\"}],{} ,true]\n"),
              (std::vector<std::string>{"1", "\"]\"", "[[],{\"a\":\"[\"}]", "{}", "true"}));
    EXPECT_EQ(elements_of("[18446744073709551615, 0.10]"),
              (std::vector<std::string>{"18446744073709551615", "0.10"}));
}

TEST(RawJson, StopsWhenToldTo) {
    int calls = 0;
    EXPECT_FALSE(for_each_raw_element("[1,2,3]", [&](std::string_view) { return ++calls < 2; }));
    EXPECT_EQ(calls, 2);
    EXPECT_FALSE(for_each_raw_member(R"({"a":1,"b":2})",
                                     [](std::string_view, std::string_view) { return false; }));
}

TEST(UnescapeJson, DecodesEveryEscape) {
    EXPECT_EQ(unescape_json("plain"), "plain");
    EXPECT_EQ(unescape_json(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
    EXPECT_EQ(unescape_json(R"(\u0041\u00e9\u20AC)"), "A\u00e9\u20ac");
    EXPECT_EQ(unescape_json(R"(a\ud83d\ude00b\udbff\udfff)"), "a\U0001F600b\U0010FFFF");
    EXPECT_EQ(unescape_json(R"(\u0000)"), std::string(1, '\0'));
}

TEST(AppendJsonString, EqualsJsonStringifyForControlCharacters) {
    const std::string expected[32] = {
        "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
        "\\b",     "\\t",     "\\n",     "\\u000b", "\\f",     "\\r",     "\\u000e", "\\u000f",
        "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017",
        "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f"};
    for (int c = 0; c < 32; ++c) {
        EXPECT_EQ(stringified(std::string(1, static_cast<char>(c))), "\"" + expected[c] + "\"");
    }
}

TEST(AppendJsonString, EscapesNothingElse) {
    EXPECT_EQ(stringified(""), "\"\"");
    EXPECT_EQ(stringified("a\"b\\c/d"), R"("a\"b\\c/d")");
    EXPECT_EQ(stringified("\x7f\u2028\u2029\U0001F600"), "\"\x7f\u2028\u2029\U0001F600\"");
}

TEST(AppendJsonString, ReplacesInvalidUtf8) {
    EXPECT_EQ(stringified("a\xff"
                          "b"),
              "\"a\ufffd"
              "b\"");
    EXPECT_EQ(stringified("\xc3"), "\"\ufffd\"");
    EXPECT_EQ(stringified("\u00e9\xc0\xaf"), "\"\u00e9\ufffd\ufffd\"");
}

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
    std::string out;
    JsonWriter json(out);
    json.begin_object()
        .member("type", "ERROR")
        .member("n", 42)
        .member("big", std::int64_t{-9223372036854775807})
        .member("half", 0.5)
        .member("yes", true)
        .key("list")
        .begin_array()
        .begin_object()
        .end_object()
        .number(1)
        .string("a\n")
        .null();
    json.begin_array().end_array().boolean(false).end_array();
    json.raw_member("data", R"({"x":1e2})").end_object();
    EXPECT_EQ(out, R"({"type":"ERROR","n":42,"big":-9223372036854775807,"half":0.5,"yes":true,)"
                   R"("list":[{},1,"a\n",null,[],false],"data":{"x":1e2}})");
}

TEST(JsonWriter, WritesIntegersOfAllSizesAsTheyAre) {
    std::string out;
    JsonWriter json(out);
    json.begin_array().number(INT64_MIN).number(UINT64_MAX).number(std::uint8_t{7}).number(-1);
    json.end_array();
    EXPECT_EQ(out, "[-9223372036854775808,18446744073709551615,7,-1]");
}

TEST(JsonNumbers, AreTheShortestThatReadBack) {
    std::string out;
    append_json_number(out, 0.11935319286735585);
    out += ' ';
    append_json_number(out, std::int64_t{-1});
    EXPECT_EQ(out, "0.11935319286735585 -1");
}

TEST(JsonText, HoldsOnlyJson) {
    EXPECT_EQ(JsonText().str(), "null");
    EXPECT_EQ(JsonText::parse("{\"a\": 1}")->str(), "{\"a\": 1}");
    EXPECT_EQ(JsonText::parse("{").error(), JsonError::kSyntax);
}

}  // namespace
}  // namespace signalbox
