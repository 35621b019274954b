#include "base/json_string.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/json.h"
#include "base/random.h"

namespace signalbox {
namespace {

/// What this processor can of both.
std::vector<JsonWidth> widths() {
    std::vector<JsonWidth> all{JsonWidth::kNarrow};
    if (best_json_width() != all.front()) all.push_back(best_json_width());
    return all;
}

/// What the string at the front of `text` stands for; nullopt where that is refused.
std::optional<std::string> decoded(std::string_view text, JsonWidth width) {
    const std::vector<char> exact(text.begin(), text.end());  // so that a sanitizer sees its end
    std::string out = "before ";
    const auto length = append_checked_json_string(out, {exact.data(), exact.size()}, width);
    if (!length) return out == "before " ? std::nullopt : std::optional("left behind: " + out);
    EXPECT_EQ(text[*length - 1], '"');
    return out.substr(7);
}

/// The same in each width.
std::optional<std::string> decoded(std::string_view text) {
    const auto narrow = decoded(text, JsonWidth::kNarrow);
    for (const JsonWidth width : widths()) EXPECT_EQ(decoded(text, width), narrow) << text;
    return narrow;
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
    for (std::size_t before = 0; before < 70; ++before) {
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

TEST(CheckedJsonString, FindsTheEndOfAStringOfAnyLength) {
    for (std::size_t length = 0; length < 200; ++length) {
        std::string dense;
        for (std::size_t n = 0; n < length; ++n) dense += n % 3 == 0 ? R"(\")" : "x";
        for (const std::string& inside : {std::string(length, 'x'), dense}) {
            const std::string text = '"' + inside + '"';
            ASSERT_EQ(decoded(text), parsed(text)) << text;
            ASSERT_EQ(decoded(text + std::string(length, '"')), parsed(text)) << text;
            ASSERT_EQ(decoded('"' + inside), std::nullopt) << text;
            ASSERT_EQ(decoded('"' + inside + '\\'), std::nullopt) << text;
        }
    }
}

TEST(CheckedJsonString, RefusesWhatIsNoStringWhateverItsPlace) {
    for (std::size_t before = 0; before < 70; ++before) {
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
        for (const JsonWidth width : widths()) {
            std::string out;
            const auto length = append_checked_json_string(out, text, width);
            const auto whole = length == text.size() ? std::optional(out) : std::nullopt;
            ASSERT_EQ(whole, parsed(text)) << text;
            accepted += whole ? 1 : 0;
        }
    }
    EXPECT_GT(accepted, 500);
}

/// Byte for byte, each by itself.
std::string escaped(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        std::string one;
        append_json_string(one, std::string_view(&c, 1));
        out += one.substr(1, one.size() - 2);
    }
    return out + '"';
}

/// In memory of its own, so that a sanitizer sees what is read beyond it.
std::string written(std::string_view text, JsonWidth width) {
    const std::vector<char> exact(text.begin(), text.end());
    std::string out = "before ";
    append_json_string(out, {exact.data(), exact.size()}, width);
    EXPECT_TRUE(out.starts_with("before "));
    return out.substr(7);
}

/// The same in each width.
std::string written(std::string_view text) {
    const std::string narrow = written(text, JsonWidth::kNarrow);
    for (const JsonWidth width : widths()) EXPECT_EQ(written(text, width), narrow) << text;
    return narrow;
}

TEST(AppendJsonString, WritesEachByteAloneAsTheStandardHasIt) {
    for (const auto& [byte, expected] :
         std::vector<std::pair<char, std::string>>{{'"', R"("\"")"},
                                                   {'\\', R"("\\")"},
                                                   {'/', R"("/")"},
                                                   {'\b', R"("\b")"},
                                                   {'\f', R"("\f")"},
                                                   {'\n', R"("\n")"},
                                                   {'\r', R"("\r")"},
                                                   {'\t', R"("\t")"},
                                                   {'\0', R"("\u0000")"},
                                                   {'\x1f', R"("\u001f")"},
                                                   {' ', R"(" ")"},
                                                   {'\x7f', "\"\x7f\""}})
        EXPECT_EQ(written({&byte, 1}), expected);
}

TEST(AppendJsonString, EscapesAtAnyPlaceOfATextOfAnyLength) {
    for (std::size_t length = 0; length < 100; ++length) {
        const std::string plain(length, 'x');
        ASSERT_EQ(written(plain), '"' + plain + '"');
        for (const char special : {'"', '\\', '\n', '\x01', '\x1f'}) {
            const std::string all(length, special);
            ASSERT_EQ(written(all), escaped(all));
            for (std::size_t at = 0; at < length; ++at) {
                std::string text = plain;
                text[at] = special;
                ASSERT_EQ(written(text), escaped(text)) << at << " of " << length;
            }
        }
    }
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
        const std::string json = written(text);
        ASSERT_EQ(parsed(json), text);
        ASSERT_EQ(decoded(json), text);
    }
}

}  // namespace
}  // namespace signalbox
