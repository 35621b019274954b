#include "base/log.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/json.h"

namespace signalbox {
namespace {

constexpr std::string_view kTime = "2026-11-22T08:00:00.000Z";

std::string text(std::initializer_list<LogField> fields, LogLevel level = LogLevel::kInfo) {
    return format_log_line(LogFormat::kText, kTime, level, "connection.accepted", fields);
}

std::string json(std::initializer_list<LogField> fields) {
    return format_log_line(LogFormat::kJson, kTime, LogLevel::kWarn, "connection.accepted", fields);
}

std::string text_of_value_of(const LogField& field) {
    const std::string line = text({field});
    return line.substr(line.find("v=") + 2);
}

std::string text_of_value(std::string_view value) {
    return text_of_value_of({"v", value});
}

TEST(FormatLogLine, WritesTextInTheDocumentedForm) {
    EXPECT_EQ(
        text({{"connectionId", "abc"}, {"n", 5}, {"ms", 1.5}, {"ok", true}, {"big", INT64_MIN}}),
        "2026-11-22T08:00:00.000Z info  connection.accepted connectionId=abc n=5 ms=1.5 ok=true "
        "big=-9223372036854775808");
    EXPECT_EQ(text_of_value_of({"v", UINT64_MAX}), "18446744073709551615");
    EXPECT_EQ(text({}, LogLevel::kError), "2026-11-22T08:00:00.000Z error connection.accepted");
    EXPECT_EQ(text({}, LogLevel::kWarn), "2026-11-22T08:00:00.000Z warn  connection.accepted");
}

TEST(FormatLogLine, WritesJsonInTheDocumentedForm) {
    EXPECT_EQ(json({{"connectionId", "abc"}, {"n", 5}, {"ms", 1.5}, {"ok", false}}),
              R"({"time":"2026-11-22T08:00:00.000Z","level":"warn","event":"connection.accepted",)"
              R"("connectionId":"abc","n":5,"ms":1.5,"ok":false})");
    EXPECT_EQ(
        json({}),
        R"({"time":"2026-11-22T08:00:00.000Z","level":"warn","event":"connection.accepted"})");
}

TEST(FormatLogLine, QuotesTextThatCouldBeTakenForSomethingElse) {
    EXPECT_EQ(text_of_value("a:b/c?d"), "a:b/c?d");
    EXPECT_EQ(text_of_value(""), R"("")");
    EXPECT_EQ(text_of_value("a b"), R"("a b")");
    EXPECT_EQ(text_of_value("x userId=root"), R"("x userId=root")");
    EXPECT_EQ(text_of_value("a=b"), R"("a=b")");
    EXPECT_EQ(text_of_value("\"a"), R"("\"a")");
    EXPECT_EQ(text_of_value("a\\"), R"("a\\")");
    EXPECT_EQ(text_of_value("Zoë"), "\"Zoë\"");
}

TEST(FormatLogLine, LetsNoValueForgeALineOrSteerATerminal) {
    EXPECT_EQ(text_of_value("a\n2026 info forged"), R"("a\n2026 info forged")");
    EXPECT_EQ(text_of_value("\x1b[31m\x7f"), R"("\u001b[31m\u007f")");
    EXPECT_EQ(text_of_value("\xc2\x85\xc2\x9b\xc2\xa0"), "\"\\u0085\\u009b\xc2\xa0\"");
    EXPECT_EQ(text_of_value("\u2027\u2028\u2029\u202e\u202f\u2066\u200f"),
              "\"\u2027\\u2028\\u2029\\u202e\u202f\\u2066\\u200f\"");
    EXPECT_EQ(text_of_value("\xff\xfe"), "\"\ufffd\ufffd\"");
    EXPECT_EQ(text_of_value(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(FormatLogLine, IsOneLineOfValidJsonWhateverTheBytes) {
    JsonParser parser;
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    bytes += "\u2028\u2029\xe2\x80";
    for (const double number :
         {0.1, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        const std::string line = json({{"v", bytes}, {bytes, "v"}, {"d", number}});
        EXPECT_TRUE(parser.parse(line).has_value()) << line;
        for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
        EXPECT_EQ(line.find("\u2028"), std::string::npos);
    }
}

}  // namespace
}  // namespace signalbox
