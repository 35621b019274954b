#include "base/http.h"

#include <gtest/gtest.h>

namespace signalbox {
namespace {

TEST(HttpHeaders, FindTheFirstFieldWithoutRegardToCase) {
    HttpHeaders headers;
    headers.add("X-Session-Id", "one");
    headers.add("x-session-id", "two");
    EXPECT_EQ(headers.find("X-SESSION-ID"), "one");
    EXPECT_EQ(headers.count("x-Session-id"), 2U);
    EXPECT_EQ(headers.find("X-Session"), std::nullopt);
    EXPECT_EQ(headers.count("X-Session"), 0U);
}

TEST(HttpHeaders, SetReplacesEveryFieldOfTheName) {
    HttpHeaders headers;
    headers.add("Vary", "a");
    headers.add("Other", "b");
    headers.add("vary", "c");
    headers.set("VARY", "d");
    EXPECT_EQ(headers.count("vary"), 1U);
    EXPECT_EQ(headers.find("vary"), "d");
    EXPECT_EQ(headers.find("other"), "b");
}

TEST(EqualIgnoringCase, FoldsAsciiLettersOnly) {
    EXPECT_TRUE(equal_ignoring_case("Content-TYPE", "content-type"));
    EXPECT_TRUE(equal_ignoring_case("", ""));
    EXPECT_FALSE(equal_ignoring_case("a", "ab"));
    EXPECT_FALSE(equal_ignoring_case("[", "{"));
    EXPECT_FALSE(equal_ignoring_case("\xc4", "\xe4"));
}

TEST(PercentDecode, DecodesEscapesAndKeepsBrokenOnes) {
    EXPECT_EQ(percent_decode("a%20b%2Fc%c3%A4", PlusSign::kLiteral), "a b/cä");
    for (const char* broken : {"%", "%2", "%g0", "%0g", "a%", "%%"}) {
        EXPECT_EQ(percent_decode(broken, PlusSign::kLiteral), broken);
    }
    EXPECT_EQ(percent_decode("%%41", PlusSign::kLiteral), "%A");
    EXPECT_EQ(percent_decode("%2541", PlusSign::kLiteral), "%41");
    EXPECT_EQ(percent_decode("%00", PlusSign::kLiteral), std::string(1, '\0'));
}

TEST(PercentDecode, TakesPlusAsASpaceOnlyWhereFormsDo) {
    EXPECT_EQ(percent_decode("a+b%2B", PlusSign::kLiteral), "a+b+");
    EXPECT_EQ(percent_decode("a+b%2B", PlusSign::kSpace), "a b+");
}

TEST(QueryParameters, GiveTheFirstValueOfAKey) {
    const QueryParameters query("EIO=4&sessionId=a%3Ab&EIO=3&empty=&flag&x=1=2&k%65y=v+w");
    EXPECT_EQ(query.find("EIO"), "4");
    EXPECT_EQ(query.find("sessionId"), "a:b");
    EXPECT_EQ(query.find("empty"), "");
    EXPECT_EQ(query.find("flag"), "");
    EXPECT_EQ(query.find("x"), "1=2");
    EXPECT_EQ(query.find("key"), "v w");
    EXPECT_EQ(query.find("eio"), std::nullopt);
}

TEST(QueryParameters, SurviveStrangeQueries) {
    EXPECT_EQ(QueryParameters().find("a"), std::nullopt);
    EXPECT_EQ(QueryParameters("").find(""), std::nullopt);
    EXPECT_EQ(QueryParameters("&&&").find(""), std::nullopt);
    EXPECT_EQ(QueryParameters("&a=1&").find("a"), "1");
    EXPECT_EQ(QueryParameters("=v").find(""), "v");
}

TEST(HttpResponse, OfHasItsContentType) {
    const HttpResponse response = HttpResponse::of(404, "application/json", "{}");
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.headers.find("content-type"), "application/json");
    EXPECT_EQ(response.body, "{}");
}

}  // namespace
}  // namespace signalbox
