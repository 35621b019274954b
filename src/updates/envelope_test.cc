#include "updates/envelope.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"

namespace signalbox::updates {
namespace {

const WallTime kTime = *parse_time("2026-11-22T08:00:00.000Z");

TEST(Envelope, WritesAResponseWithTheDatasOwnBytes) {
    std::string out = "before ";
    append_response(out,
                    {"r1", "echo", R"({ "n":0.11935319286735585,"big":12345678901234567890})"});
    EXPECT_EQ(out, R"(before {"type":"RESPONSE","requestId":"r1","action":"echo",)"
                   R"("data":{ "n":0.11935319286735585,"big":12345678901234567890}})");
}

TEST(Envelope, MarksAReplayAndNothingElse) {
    std::string out;
    append_response(out, {"r1", "a", "{}"});
    const std::string before = out;
    mark_replay(out, Replay::kNo);
    EXPECT_EQ(out, before);
    mark_replay(out, Replay::kYes);
    EXPECT_EQ(out,
              R"({"type":"RESPONSE","requestId":"r1","action":"a","data":{},"replayed":true})");
}

TEST(Envelope, LeavesOutWhatIsAbsent) {
    std::string out;
    append_response(out, {"", "a", ""});
    EXPECT_EQ(out, R"({"type":"RESPONSE","requestId":"","action":"a"})");
    out.clear();
    append_response(out, {"r", "a", "null", "e-1"});
    EXPECT_EQ(out,
              R"({"type":"RESPONSE","requestId":"r","action":"a","data":null,"position":"e-1"})");
}

TEST(Envelope, WritesEachKindOfUpdate) {
    std::string out;
    append_update(out, {.request_id = "u1", .action = "news", .kind = Kind::kPush, .time = kTime},
                  "");
    EXPECT_EQ(out, R"({"type":"UPDATE","requestId":"u1","action":"news","kind":"push",)"
                   R"("time":"2026-11-22T08:00:00.000Z"})");
    out.clear();
    append_update(out,
                  {.request_id = "u1",
                   .action = "news",
                   .kind = Kind::kStatus,
                   .time = kTime,
                   .artifact = ArtifactId::trusted("a\"b"),
                   .position = "e-7"},
                  "[1.10]");
    EXPECT_EQ(out,
              R"({"type":"UPDATE","requestId":"u1","action":"news","data":[1.10],"kind":"status",)"
              R"("time":"2026-11-22T08:00:00.000Z","artifactId":"a\"b","position":"e-7"})");
    out.clear();
    append_update(
        out, {.request_id = "s", .action = "system.x", .kind = Kind::kSystem, .time = kTime}, "");
    EXPECT_NE(out.find(R"("kind":"system")"), std::string::npos);
}

TEST(Envelope, WritesAnErrorWithWhatTheRegistryKnows) {
    std::string out;
    Error error = Error::of(ErrorCode::kRateLimited, "too many");
    error.retry_after = Milliseconds(250);
    append_error(out, "r", "", error);
    EXPECT_EQ(
        out,
        R"({"type":"ERROR","requestId":"r","error":{"code":"RATE_LIMITED","message":"too many",)"
        R"("retryable":true,"retryAfterMs":250}})");
    out.clear();
    append_error(
        out, "r", "a",
        {.code = "OUT_OF_STOCK", .message = "m", .details = "[1]", .retry_after = {}, .ref = "x"});
    EXPECT_EQ(out, R"({"type":"ERROR","requestId":"r","action":"a","error":{"code":"OUT_OF_STOCK",)"
                   R"("message":"m","retryable":false,"details":[1],"ref":"x"}})");
}

TEST(Envelope, EscapesHostileIdsAndActions) {
    const std::string hostile = "\",\"type\":\"x\n\x01\\\xe2\x80\xa8";
    std::string out;
    append_response(out, {hostile, hostile, "", hostile});
    JsonParser parser;
    const auto root = parser.parse(out);
    ASSERT_TRUE(root.has_value()) << out;
    for (const char* member : {"requestId", "action", "position"}) {
        EXPECT_EQ(std::string_view((*root)[member]), hostile);
    }
    EXPECT_EQ(std::string_view((*root)["type"]), "RESPONSE");
}

}  // namespace
}  // namespace signalbox::updates
