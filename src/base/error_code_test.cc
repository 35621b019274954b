#include "base/error_code.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace signalbox {
namespace {

/// The design's table of errors: name, HTTP status.
const std::map<std::string_view, int> kStatuses = {
    {"INVALID_TOKEN", 401},      {"TOKEN_EXPIRED", 401},        {"SESSION_REQUIRED", 401},
    {"SESSION_INVALID", 401},    {"SESSION_EXPIRED", 401},      {"FORBIDDEN", 403},
    {"ARTIFACT_FORBIDDEN", 403}, {"INVALID_MESSAGE", 400},      {"ACTION_NOT_FOUND", 404},
    {"NOT_FOUND", 404},          {"METHOD_NOT_ALLOWED", 405},   {"IDEMPOTENCY_KEY_REUSED", 409},
    {"OUTCOME_UNKNOWN", 409},    {"PAYLOAD_TOO_LARGE", 413},    {"RATE_LIMITED", 429},
    {"QUOTA_EXCEEDED", 429},     {"TOO_MANY_CONNECTIONS", 429}, {"TIMEOUT", 504},
    {"CANCELLED", 499},          {"UPSTREAM_ERROR", 502},       {"UPSTREAM_UNAVAILABLE", 503},
    {"OVERLOADED", 503},         {"SHUTTING_DOWN", 503},        {"INTERNAL", 500},
    {"VALIDATION_FAILED", 422},
};

const std::set<std::string_view> kRetryable = {"RATE_LIMITED",         "QUOTA_EXCEEDED",
                                               "TOO_MANY_CONNECTIONS", "UPSTREAM_UNAVAILABLE",
                                               "OVERLOADED",           "SHUTTING_DOWN"};

TEST(ErrorRegistry, HasEachCodeWithTheStatusThatClientsRelyOn) {
    EXPECT_EQ(error_registry().size(), kStatuses.size());
    for (const ErrorInfo& info : error_registry()) {
        ASSERT_TRUE(kStatuses.contains(info.name)) << info.name;
        EXPECT_EQ(info.http_status, kStatuses.at(info.name)) << info.name;
        EXPECT_EQ(info.retryable, kRetryable.contains(info.name)) << info.name;
        EXPECT_TRUE(is_valid_error_name(info.name));
        EXPECT_TRUE(info.meaning.ends_with('.')) << info.name;
    }
}

TEST(ErrorRegistry, IsFoundByCodeAndByName) {
    for (const ErrorInfo& info : error_registry()) {
        EXPECT_EQ(&error_info(info.code), &info);
        EXPECT_EQ(find_error_code(info.name), info.code);
    }
    EXPECT_EQ(find_error_code("invalid_token"), std::nullopt);
    EXPECT_EQ(find_error_code(""), std::nullopt);
}

TEST(ErrorRegistry, TreatsOtherCodesAsAnActionsOwn) {
    EXPECT_EQ(http_status_of("OUT_OF_STOCK"), 422);
    EXPECT_FALSE(is_retryable("OUT_OF_STOCK"));
    EXPECT_EQ(http_status_of("OVERLOADED"), 503);
    EXPECT_TRUE(is_retryable("OVERLOADED"));
}

TEST(IsValidErrorName, TakesCapitalsDigitsAndUnderscoresFromALetterOn) {
    EXPECT_TRUE(is_valid_error_name("A"));
    EXPECT_TRUE(is_valid_error_name("OUT_OF_STOCK_2"));
    EXPECT_TRUE(is_valid_error_name(std::string(64, 'A')));
    EXPECT_FALSE(is_valid_error_name(std::string(65, 'A')));
    for (const char* name : {"", "a", "_A", "1A", "A-B", "A B", "Ä", "A\n"}) {
        EXPECT_FALSE(is_valid_error_name(name)) << name;
    }
}

TEST(Error, SaysWhenToComeBackIfThatHelps) {
    for (const ErrorInfo& info : error_registry()) {
        EXPECT_EQ(Error::of(info.code, "").retry_after.has_value(), info.retryable) << info.name;
    }
}

TEST(Error, CarriesTheNameOfItsCode) {
    const Error error = Error::of(ErrorCode::kTokenExpired, "the token expired");
    EXPECT_EQ(error.code, "TOKEN_EXPIRED");
    EXPECT_EQ(error.message, "the token expired");
    EXPECT_TRUE(error.is(ErrorCode::kTokenExpired));
    EXPECT_FALSE(error.is(ErrorCode::kInvalidToken));
    EXPECT_FALSE(error.retry_after.has_value());
}

}  // namespace
}  // namespace signalbox
