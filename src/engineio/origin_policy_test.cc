#include "engineio/origin_policy.h"

#include <gtest/gtest.h>

#include "engineio/testing.h"

namespace signalbox::engineio {
namespace {

using enum OriginVerdict;

OriginVerdict judge(const std::vector<std::string>& allowed, const std::string& origin) {
    return OriginPolicy(allowed).judge(testing::request_of("GET", "/", {{"Origin", origin}}));
}

TEST(OriginPolicy, HasNoWordOnRequestsWithoutOrigin) {
    EXPECT_EQ(OriginPolicy({}).judge(testing::request_of("GET", "/")), kNone);
}

TEST(OriginPolicy, AllowsThePageOfTheSameSchemeAndHost) {
    EXPECT_EQ(judge({}, "http://gateway.test"), kSameOrigin);
    EXPECT_EQ(judge({}, "http://GATEWAY.test:80"), kSameOrigin);
    EXPECT_EQ(judge({}, "https://gateway.test"), kRefused);
    EXPECT_EQ(judge({}, "http://gateway.test:8080"), kRefused);
}

TEST(OriginPolicy, KnowsItsOwnSchemeFromTheRequest) {
    auto request = testing::request_of("GET", "/", {{"Origin", "https://gateway.test"}});
    request.secure = true;
    EXPECT_EQ(OriginPolicy({}).judge(request), kSameOrigin);
}

TEST(OriginPolicy, AllowsExactOriginsOnly) {
    const std::vector<std::string> allowed{"https://app.example.com", "http://localhost:3000"};
    EXPECT_EQ(judge(allowed, "https://app.example.com"), kListed);
    EXPECT_EQ(judge(allowed, "https://App.Example.com:443"), kListed);
    EXPECT_EQ(judge(allowed, "http://localhost:3000"), kListed);
    for (const char* other : {"http://app.example.com", "https://app.example.com:444",
                              "https://app.example.com.evil.test", "https://xapp.example.com",
                              "http://localhost", "null", ""}) {
        EXPECT_EQ(judge(allowed, other), kRefused) << other;
    }
}

TEST(OriginPolicy, AllowsSubdomainsButNotTheHostItself) {
    const std::vector<std::string> allowed{"https://*.example.com"};
    EXPECT_EQ(judge(allowed, "https://a.example.com"), kListed);
    EXPECT_EQ(judge(allowed, "https://a.b.example.com"), kListed);
    for (const char* other : {"https://example.com", "https://.example.com", "http://a.example.com",
                              "https://a.example.com:8443", "https://evil.test/.example.com",
                              "https://evilexample.com", "https://a.example.com.evil.test",
                              "https://evil.test:1.example.com", "https://u@a.example.com"}) {
        EXPECT_EQ(judge(allowed, other), kRefused) << other;
    }
}

TEST(OriginPolicy, AllowsSubdomainsWithTheirPort) {
    EXPECT_EQ(judge({"http://*.example.com:81"}, "http://a.example.com:81"), kListed);
    EXPECT_EQ(judge({"http://*.example.com:81"}, "http://a.example.com"), kRefused);
}

TEST(OriginPolicy, TellsTheStarFromTheListed) {
    const std::vector<std::string> allowed{"*", "https://app.example.com"};
    EXPECT_EQ(judge(allowed, "https://app.example.com"), kListed);
    EXPECT_EQ(judge(allowed, "https://evil.test"), kAnyone);
    EXPECT_EQ(judge(allowed, "null"), kAnyone);
}

TEST(OriginPolicy, RefusesAnOriginThatNoBrowserSends) {
    EXPECT_EQ(judge({"*"}, "https://a b"), kRefused);
    EXPECT_EQ(judge({"*"}, "https://a\x01"), kRefused);
    const auto twice =
        testing::request_of("GET", "/", {{"Origin", "http://a"}, {"Origin", "http://b"}});
    EXPECT_EQ(OriginPolicy({"*"}).judge(twice), kRefused);
}

TEST(OriginPolicy, IgnoresEntriesOfAnotherShape) {
    EXPECT_EQ(judge({"*.example.com", "https://*", "https://a.*.com"}, "https://a.example.com"),
              kRefused);
}

}  // namespace
}  // namespace signalbox::engineio
