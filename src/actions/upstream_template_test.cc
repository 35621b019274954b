#include "actions/upstream_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace signalbox::actions {
namespace {

using testing::HasSubstr;

std::string wrong(std::string_view text) {
    const auto parsed = UrlTemplate::parse(text);
    return parsed ? "" : parsed.error();
}

/// The URL, or the faults as details.
std::string expanded(std::string_view text, std::string_view data, std::string_view rest = "") {
    const auto parsed = UrlTemplate::parse(text);
    if (!parsed) return parsed.error();
    const auto url = parsed->expand(members_of(data).value_or(std::vector<DataMember>{}), rest);
    return url ? *url : details_of(url.error());
}

TEST(UrlTemplate, PutsValuesInTheirPlaces) {
    EXPECT_EQ(expanded("http://a:1/orders/{id}", R"({"id":"x"})"), "http://a:1/orders/x");
    EXPECT_EQ(expanded("https://a/{a}/{b}?c={c}&d=1", R"({"a":1.50,"b":true,"c":"é &/?"})"),
              "https://a/1.50/true?c=%C3%A9%20%26%2F%3F&d=1");
    EXPECT_EQ(expanded("http://a/{id}x", R"({ "\u0069d" : "a\u002eb c" })"), "http://a/a.b%20cx");
    EXPECT_EQ(expanded("http://a/{*}", "null", "orders.create"), "http://a/orders.create");
    EXPECT_EQ(expanded("http://a", "null"), "http://a");
}

TEST(UrlTemplate, RefusesValuesThatCannotStandThere) {
    constexpr std::string_view kUrl = "http://a/orders/{id}";
    EXPECT_EQ(expanded(kUrl, "{}"), R"([{"path":"/id","message":"is required"}])");
    EXPECT_EQ(expanded(kUrl, "[1]"), R"([{"path":"/id","message":"is required"}])");
    for (const std::string_view bad :
         {R"({"id":null})", R"({"id":{}})", R"({"id":[1]})", R"({"id":""})"}) {
        EXPECT_THAT(expanded(kUrl, bad), HasSubstr("must be a text, a number")) << bad;
    }
    EXPECT_THAT(expanded(kUrl, R"({"id":1,"id":2})"), HasSubstr("must be there once"));
    EXPECT_EQ(expanded("http://a/{b}/{c}", "{}"),
              R"([{"path":"/b","message":"is required"},{"path":"/c","message":"is required"}])");
}

TEST(UrlTemplate, LetsNoValueLeaveItsPlace) {
    constexpr std::string_view kUrl = "http://a/orders/{id}";
    for (const std::string_view bad : {R"({"id":"a/b"})", R"({"id":"..\\b"})", R"({"id":"a\nb"})"})
        EXPECT_THAT(expanded(kUrl, bad), HasSubstr("no slash")) << bad;
    for (const std::string_view bad : {R"({"id":".."})", R"({"id":"."})"})
        EXPECT_THAT(expanded(kUrl, bad), HasSubstr("only dots")) << bad;
    EXPECT_THAT(expanded("http://a/x/{b}{c}/y", R"({"b":".","c":"."})"), HasSubstr("only dots"));
    EXPECT_EQ(expanded(kUrl, R"({"id":"..."})"), "http://a/orders/...");
    EXPECT_EQ(expanded("http://a/x?up={id}", R"({"id":"../y"})"), "http://a/x?up=..%2Fy");
}

TEST(UrlTemplate, RefusesUrlsThatCannotWork) {
    EXPECT_THAT(wrong("ftp://a/"), HasSubstr("http://"));
    EXPECT_THAT(wrong("http:///x"), HasSubstr("host"));
    EXPECT_THAT(wrong("http://{host}/x"), HasSubstr("before its path"));
    EXPECT_THAT(wrong("http://user:secret@a/x"), HasSubstr("user information"));
    EXPECT_THAT(wrong("http://a/{id"), HasSubstr("brace"));
    EXPECT_THAT(wrong("http://a/id}"), HasSubstr("brace"));
    EXPECT_THAT(wrong("http://a/{}"), HasSubstr("placeholder"));
    EXPECT_THAT(wrong("http://a/{a b}"), HasSubstr("blanks"));
    EXPECT_THAT(wrong("http://a/#x"), HasSubstr("fragments"));
    EXPECT_EQ(wrong("http://[::1]:80/{a}?b={b}"), "");
}

TEST(UrlTemplate, KnowsWhatItUses) {
    const auto parsed = UrlTemplate::parse("http://a/{id}/x?y={y}");
    EXPECT_TRUE(parsed->uses("id") && parsed->uses("y") && parsed->uses_data());
    EXPECT_FALSE(parsed->uses("x") || parsed->uses_star());
    EXPECT_TRUE(parsed->has_query());
    const auto starred = UrlTemplate::parse("http://a/{*}");
    EXPECT_TRUE(starred->uses_star());
    EXPECT_FALSE(starred->uses_data() || starred->has_query());
}

}  // namespace
}  // namespace signalbox::actions
