#include "base/json_string.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/random.h"

namespace signalbox {
namespace {

/// What the string at the front of `text` stands for; nullopt where that is refused.
std::optional<std::string> decoded(std::string_view text) {
    std::string out = "before ";
    const auto length = append_checked_json_string(out, text);
    if (!length) return out == "before " ? std::nullopt : std::optional("left behind: " + out);
    EXPECT_EQ(text[*length - 1], '"');
    return out.substr(7);
}

/// The same by the parser.
std::optional<std::string> parsed(std::string_view text) {
    JsonParser parser;
    const auto root = parser.parse(text);
    std::string_view string;
    if (!root || root->get(string) != simdjson::SUCCESS) return std::nullopt;
    return std::string(string);
}

TEST(CheckedJsonString, DecodesEveryEscapeWhateverItsPlace) {
    for (std::size_t before = 0; before < 20; ++before) {
        const std::string plain(before, 'x');
        for (const char* escape : {R"(\")", R"(\\)", R"(\/)", R"(\b)", R"(\f)", R"(\n)", R"(\r)",
                                   R"(\t)", R"(\u0041)", R"(\u20AC)", R"(\ud83d\ude00)"}) {
            const std::string text = '"' + plain + escape + plain + '"';
            ASSERT_TRUE(parsed(text)) << text;
            EXPECT_EQ(decoded(text), parsed(text)) << text;
            EXPECT_EQ(decoded(text + "]"), parsed(text)) << text;
        }
    }
}

TEST(CheckedJsonString, RefusesWhatIsNoStringWhateverItsPlace) {
    for (std::size_t before = 0; before < 20; ++before) {
        const std::string plain(before, 'x');
        for (const char* fault :
             {"\n", "\x1f", R"(\x)", R"(\u12g4)", R"(\ud800)", R"(\ud800\n)", R"(\ud800\u0041)",
              R"(\udc00)", "\xff", "\xc3", "\xed\xa0\x80", "\\"}) {
            EXPECT_EQ(decoded('"' + plain + fault + '"'), std::nullopt) << before << fault;
        }
        EXPECT_EQ(decoded('"' + plain), std::nullopt);
        EXPECT_EQ(decoded('"' + plain + R"(\u00)"), std::nullopt);
    }
}

TEST(CheckedJsonString, AgreesWithTheParser) {
    constexpr std::string_view kPieces[] = {
        "\"",   "\\",   "u",    "00e9",     "d83d",     "de00",
        "\\u",  "\\n",  "\\\"", "abcdefgh", "\xc3\xa9", "\xf0\x9f\x98\x80",
        "\x01", "\x80", "b",    "0",        "9",        "F"};
    SeededRandom random(1);
    int accepted = 0;
    for (int run = 0; run < 20'000; ++run) {
        std::string text = "\"";
        for (std::uint64_t n = random.below(40); n > 0; --n) {
            text += kPieces[random.below(std::size(kPieces))];
        }
        text += '"';
        std::string out;
        const auto length = append_checked_json_string(out, text);
        const auto whole = length == text.size() ? std::optional(out) : std::nullopt;
        ASSERT_EQ(whole, parsed(text)) << text;
        accepted += whole ? 1 : 0;
    }
    EXPECT_GT(accepted, 500);
}

TEST(AppendJsonString, IsReadBackWhateverIsInIt) {
    constexpr std::string_view kPieces[] = {"\"",   "\\",   "abcdefg",  "\n",
                                            "\x1f", "\x7f", "\xc3\xa9", "z"};
    SeededRandom random(2);
    for (int run = 0; run < 20'000; ++run) {
        std::string text;
        for (std::uint64_t n = random.below(40); n > 0; --n) {
            text += kPieces[random.below(std::size(kPieces))];
        }
        std::string written;
        append_json_string(written, text);
        ASSERT_EQ(parsed(written), text);
        ASSERT_EQ(decoded(written), text);
    }
}

}  // namespace
}  // namespace signalbox
