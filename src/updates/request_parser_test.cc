#include "updates/request_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace signalbox::updates {
namespace {

using testing::HasSubstr;

/// What it gives is good until the next call.
std::expected<Request, EnvelopeFault> parse(std::string_view text) {
    static RequestParser parser;
    auto parsed = parser.parse(text);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    return **parsed;
}

/// "requestId|action|message"
std::string fault(std::string_view text) {
    const auto request = parse(text);
    if (request) return "accepted";
    return request.error().request_id + "|" + request.error().action + "|" +
           request.error().message;
}

std::string with(std::string_view members) {
    return R"({"type":"REQUEST","requestId":"r","action":"a")" + std::string(members) + "}";
}

TEST(ParseRequest, ReadsEveryMember) {
    const std::string text =
        R"( { "data" : { "n": 1.10 } , "type":"REQUEST","requestId":"r\u00e9","action":"a.b",)"
        R"("timeoutMs":86400000,"idempotencyKey":"k","progress":true,"other":[{}]} )";
    const auto request = parse(text);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->request_id, "r\xc3\xa9");
    EXPECT_EQ(request->action, "a.b");
    EXPECT_EQ(request->data, R"({ "n": 1.10 })");
    EXPECT_EQ(request->timeout, Milliseconds(86'400'000));
    EXPECT_EQ(request->idempotency_key, "k");
    EXPECT_TRUE(request->progress);
}

TEST(ParseRequest, LeavesAbsentMembersEmpty) {
    const auto request = parse(with(""));
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->data, "");
    EXPECT_FALSE(request->timeout.has_value());
    EXPECT_EQ(request->idempotency_key, "");
    EXPECT_FALSE(request->progress);
    EXPECT_EQ(parse(with(R"(,"data":null)"))->data, "null");
}

TEST(ParseRequest, GivesTheDatasOwnBytes) {
    for (const char* data : {"0.11935319286735585", "12345678901234567890", R"({"a":1,"a":2})",
                             "\"\xe2\x80\xa8\\u2028\"", "[1 , 2]", "1E+2", "\"}]\\\"\""}) {
        EXPECT_EQ(parse(with(",\"data\":" + std::string(data)))->data, data);
    }
}

TEST(ParseRequest, NamesTheMemberAtFault) {
    EXPECT_EQ(fault("[]"), "||the message must be an object: a REQUEST envelope");
    EXPECT_THAT(fault(R"({"requestId":"r","action":"a"})"), HasSubstr("r|a|type must be"));
    EXPECT_THAT(fault(R"({"type":"RESPONSE","requestId":"r","action":"a"})"),
                HasSubstr("type must"));
    EXPECT_THAT(fault(R"({"type":"REQUEST","action":"a"})"), HasSubstr("|a|requestId must be"));
    EXPECT_THAT(fault(R"({"type":"REQUEST","requestId":7,"action":"a"})"),
                HasSubstr("|a|requestId"));
    EXPECT_THAT(fault(R"({"type":"REQUEST","requestId":"","action":"a"})"),
                HasSubstr("|a|requestId"));
    EXPECT_THAT(fault(R"({"type":"REQUEST","requestId":"r"})"), HasSubstr("r||action must be"));
    EXPECT_THAT(fault(R"({"type":"REQUEST","requestId":"r","action":["a"]})"),
                HasSubstr("r||action"));
    EXPECT_THAT(fault(with(R"(,"progress":"true")")), HasSubstr("r|a|progress must be"));
    EXPECT_THAT(fault(with(R"(,"idempotencyKey":"a b")")), HasSubstr("r|a|idempotencyKey must be"));
    EXPECT_THAT(fault(with(R"(,"idempotencyKey":1)")), HasSubstr("r|a|idempotencyKey must be"));
    for (const char* timeout :
         {"0", "-1", "86400001", "1.5", "\"1\"", "null", "18446744073709551615"}) {
        EXPECT_THAT(fault(with(",\"timeoutMs\":" + std::string(timeout))),
                    HasSubstr("r|a|timeoutMs must be an integer from 1 to 86400000"));
    }
}

TEST(ParseRequest, HoldsTheRequestIdTo128Characters) {
    const auto of = [](const std::string& id) {
        return R"({"type":"REQUEST","requestId":")" + id + R"(","action":"a"})";
    };
    std::string wide;
    for (int i = 0; i < 128; ++i) wide += "\xf0\x9f\x98\x80";
    EXPECT_EQ(parse(of(wide))->request_id, wide);
    EXPECT_THAT(fault(of(wide + "x")), HasSubstr("|a|requestId must be a string of 1 to 128"));
}

TEST(ParseRequest, RefusesAnyMemberThatOccursTwice) {
    EXPECT_EQ(fault(with(R"(,"data":1,"data":1)")), "r|a|the member data occurs twice");
    EXPECT_EQ(fault(with(R"(,"\u0064ata":1,"data":1)")), "r|a|the member data occurs twice");
    EXPECT_EQ(fault(with(R"(,"x":1,"y":2,"x":1)")), "r|a|the member x occurs twice");
    EXPECT_EQ(fault(with(R"(,"action":"b")")), "r|b|the member action occurs twice");
    EXPECT_LT(
        fault(with(",\"" + std::string(5000, 'x') + "\":1,\"" + std::string(5000, 'x') + "\":1"))
            .size(),
        200U);
}

TEST(ParseRequest, AnswersMessagesBeyondTheLimitsOfJsonUnderTheirRequestId) {
    EXPECT_EQ(fault(with(R"(,"data":1e400)")),
              "r|a|the message cannot be read: a number is out of range");
    EXPECT_THAT(fault(with(R"(,"data":123456789012345678901)")),
                HasSubstr("r|a|the message cannot be read: "));
    EXPECT_THAT(fault(with(R"(,"data":"\ud800")")), HasSubstr("r|a|the message cannot be read: "));
    EXPECT_THAT(fault(with(",\"data\":" + std::string(10'000, '[') + std::string(10'000, ']'))),
                HasSubstr("r|a|the message cannot be read: nested deeper"));
    EXPECT_THAT(fault(R"({"data":1e400,"requestId":"late","action":"b"})"), HasSubstr("late|b|"));
}

TEST(ParseRequest, ReadsNothingOutOfAText) {
    EXPECT_THAT(fault(""), HasSubstr("||the message cannot be read: not valid JSON"));
    EXPECT_THAT(fault("{"), HasSubstr("||"));
    EXPECT_THAT(fault(R"({"requestId":"\ud800",)"), HasSubstr("||"));
    EXPECT_THAT(fault("{\"requestId\":\"\xff\","), HasSubstr("||"));
    EXPECT_THAT(fault(R"({"requestId":"r","action":)"), HasSubstr("r||"));
    const std::string whole = with(R"(,"data":{"x":["y\\",{}]},"timeoutMs":5)");
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        EXPECT_THAT(fault(std::string_view(whole).substr(0, cut)), HasSubstr("not valid JSON"))
            << cut;
    }
}

}  // namespace
}  // namespace signalbox::updates
