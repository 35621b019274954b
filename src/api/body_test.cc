#include "api/body.h"

#include <gtest/gtest.h>

#include "api/testing.h"

namespace signalbox::api {
namespace {

class BodyTest : public ::testing::Test {
protected:
    std::expected<Body, Error> read(std::string text, std::string type = "application/json") {
        request_ = testing::request_of("POST", "/");
        if (!type.empty()) request_.headers.add("Content-Type", type);
        request_.body = std::move(text);
        return Body::read(parser_, request_, 64);
    }
    std::string code_of(std::string text, std::string type = "application/json") {
        const auto body = read(std::move(text), std::move(type));
        return body ? "" : body.error().code;
    }

    JsonParser parser_;
    HttpRequest request_;
};

TEST_F(BodyTest, ReadsMembersOfEachType) {
    auto body = read(R"({"userId":"u","requestId":"r\n1","progress":true,"n":7,"x":0})");
    ASSERT_TRUE(body);
    EXPECT_EQ(body->id<UserId>("userId", Need::kRequired)->str(), "u");
    EXPECT_EQ(body->request_id(), "r\n1");
    EXPECT_EQ(body->flag("progress"), true);
    EXPECT_EQ(body->positive("n", 7), 7);
    EXPECT_FALSE(body->fault());
}

TEST_F(BodyTest, TakesIntegersAsTheirDecimalText) {
    auto body = read(R"({"a":42,"b":-1,"c":18446744073709551615})");
    ASSERT_TRUE(body);
    EXPECT_EQ(body->id<UserId>("a", Need::kRequired)->str(), "42");
    EXPECT_EQ(body->id<UserId>("b", Need::kRequired)->str(), "-1");
    EXPECT_EQ(body->id<UserId>("c", Need::kRequired)->str(), "18446744073709551615");
}

TEST_F(BodyTest, NamesEveryFaultAtOnce) {
    auto body = read(R"({"userId":1.5,"requestId":7,"progress":1,"n":0,"more":8})");
    ASSERT_TRUE(body);
    EXPECT_FALSE(body->id<UserId>("userId", Need::kRequired));
    EXPECT_FALSE(body->id<CompanyId>("companyId", Need::kRequired));
    EXPECT_FALSE(body->request_id());
    EXPECT_FALSE(body->flag("progress"));
    EXPECT_FALSE(body->positive("n", 7));
    EXPECT_FALSE(body->positive("more", 7));
    const auto fault = body->fault();
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->code, "VALIDATION_FAILED");
    for (const char* path : {"/userId", "/companyId", "/requestId", "/progress", "/n", "/more"}) {
        EXPECT_NE(fault->details.find('"' + std::string(path) + '"'), std::string::npos) << path;
    }
}

TEST_F(BodyTest, CountsNullAsAbsent) {
    auto body = read(R"({"sessionId":null,"requestId":null})");
    ASSERT_TRUE(body);
    EXPECT_FALSE(body->id<SessionId>("sessionId", Need::kOptional));
    EXPECT_FALSE(body->request_id());
    EXPECT_FALSE(body->fault());
}

TEST_F(BodyTest, CountsCharactersOfARequestIdNotBytes) {
    std::string text;
    for (int i = 0; i < 128; ++i) text += "é";
    const auto request_id_of = [&](const std::string& id) {
        HttpRequest request;
        request.body = R"({"requestId":")" + id + "\"}";
        auto body = Body::read(parser_, request, 1000);
        return body->request_id();
    };
    EXPECT_EQ(request_id_of(text), text);
    EXPECT_FALSE(request_id_of(text + "é"));
    EXPECT_FALSE(request_id_of(""));
}

TEST_F(BodyTest, HandsDataOnByteForByte) {
    auto body = read("{ \"d\\u0061ta\" : [1.50 ,\"\\u00e9\"] }");
    ASSERT_TRUE(body);
    EXPECT_EQ(body->raw("data")->str(), "[1.50 ,\"\\u00e9\"]");
    EXPECT_FALSE(body->raw("dat"));
}

TEST_F(BodyTest, TakesNoBodyAsAnEmptyObject) {
    EXPECT_TRUE(read(""));
    EXPECT_TRUE(read("", "text/plain"));
}

TEST_F(BodyTest, RefusesWhatIsNoObject) {
    for (const char* text : {"{", "[]", "null", "\"x\"", "{\"a\":1}{", "{\"a\":\"\xff\"}",
                             R"({"a":1,"a":2})", R"({"a":1,"\u0061":2})", R"({"a":1e400})"}) {
        EXPECT_EQ(code_of(text), "INVALID_MESSAGE") << text;
    }
}

TEST_F(BodyTest, TakesEveryJsonMediaTypeOrNone) {
    for (const char* type : {"", "application/json", "Application/JSON ; charset=utf-8",
                             "application/merge-patch+json"}) {
        EXPECT_EQ(code_of("{}", type), "") << type;
    }
    for (const char* type :
         {"text/plain", "application/x-www-form-urlencoded", "+json", "application/jsonp"}) {
        EXPECT_EQ(code_of("{}", type), "INVALID_MESSAGE") << type;
    }
}

TEST_F(BodyTest, LimitsItsBytes) {
    const std::string frame = R"({"a":""})";
    EXPECT_EQ(code_of(R"({"a":")" + std::string(64 - frame.size(), 'x') + "\"}"), "");
    EXPECT_EQ(code_of(R"({"a":")" + std::string(65 - frame.size(), 'x') + "\"}"),
              "PAYLOAD_TOO_LARGE");
}

}  // namespace
}  // namespace signalbox::api
