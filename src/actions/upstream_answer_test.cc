#include "actions/upstream_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace signalbox::actions {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Given {
    int status = 200;
    std::string type = "application/json";
    std::string retry_after = {};
};

/// The data, or "CODE details|message".
std::string told(const UpstreamOutcome& outcome) {
    if (outcome.result) return outcome.result->str();
    const Error& error = outcome.result.error();
    return error.code + (error.details.empty() ? "" : ' ' + error.details);
}

class UpstreamAnswerTest : public testing::Test {
protected:
    UpstreamOutcome read(const std::string& body, const Given& given = {},
                         std::size_t chunk = std::string::npos) {
        progress.clear();
        UpstreamAnswer answer(
            {.bytes_max = bytes_max,
             .deciding = deciding,
             .on_progress = [this](const JsonText& json) { progress.push_back(json.str()); }});
        HttpResponse head;
        head.status = given.status;
        head.headers.add("Content-Type", given.type);
        if (!given.retry_after.empty()) head.headers.add("Retry-After", given.retry_after);
        answer.head(head);
        for (std::size_t at = 0; at < body.size();) {
            const std::size_t size = std::min(chunk, body.size() - at);
            if (answer.part(std::string_view(body).substr(at, size))) return answer.take();
            at += size;
        }
        answer.end({});
        return answer.take();
    }
    std::string lines(const std::string& body, std::size_t chunk = std::string::npos) {
        return told(read(body, {.type = "application/x-ndjson; charset=utf-8"}, chunk));
    }
    std::string failure(int status, const std::string& body = "") {
        return told(read(body, {.status = status}));
    }

    std::size_t bytes_max = 1'000;
    Deciding deciding = Deciding::kUs;
    std::vector<std::string> progress;
};

TEST_F(UpstreamAnswerTest, TakesJsonAsItIs) {
    EXPECT_EQ(told(read(R"({ "n": 1.10 })")), R"({ "n": 1.10 })");
    EXPECT_EQ(told(read(R"({ "n": 1.10 })", {.status = 201, .type = "text/plain"}, 1)),
              R"({ "n": 1.10 })");
    EXPECT_EQ(told(read("", {.status = 204})), "null");
    EXPECT_EQ(told(read(R"({"error":{"code":"MINE"}})")), R"({"error":{"code":"MINE"}})");
}

TEST_F(UpstreamAnswerTest, CallsWhatIsNoJsonAFailure) {
    for (const char* bad : {"<html>", "{", "{}{}", "\xff\xfe", "[1e400]"}) {
        const UpstreamOutcome outcome = read(bad);
        EXPECT_EQ(told(outcome), "UPSTREAM_ERROR") << bad;
        EXPECT_EQ(outcome.fate, UpstreamFate::kFailed);
        EXPECT_EQ(outcome.try_again, TryAgain::kNever);
        EXPECT_THAT(outcome.cause, HasSubstr("no JSON"));
    }
    EXPECT_EQ(failure(302), "UPSTREAM_ERROR");
}

TEST_F(UpstreamAnswerTest, BoundsTheAnswer) {
    EXPECT_EQ(told(read('"' + std::string(998, 'x') + '"')).size(), 1'000U);
    EXPECT_EQ(told(read('"' + std::string(999, 'x') + '"')), "UPSTREAM_ERROR");
    EXPECT_EQ(told(read('"' + std::string(999, 'x') + '"', {}, 7)), "UPSTREAM_ERROR");
    EXPECT_EQ(failure(404, std::string(2'000, 'x')), "NOT_FOUND");
}

TEST_F(UpstreamAnswerTest, ReadsLinesCutAnywhere) {
    const std::string body =
        "{\"progress\":{\"p\":1.0}}\r\n\n{\"progress\":2}\n{\"result\":[ 3 ]}\n";
    for (std::size_t chunk = 1; chunk <= body.size(); ++chunk) {
        EXPECT_EQ(lines(body, chunk), "[ 3 ]") << chunk;
        EXPECT_THAT(progress, ElementsAre(R"({"p":1.0})", "2")) << chunk;
    }
    EXPECT_EQ(lines(R"({"result":null})"), "null");
    EXPECT_EQ(lines("{\"result\":1}\ngarbage"), "1");
}

TEST_F(UpstreamAnswerTest, EndsAStreamWithItsError) {
    EXPECT_EQ(lines(R"({"error":{"code":"OUT_OF_STOCK","message":"none","details":{"left":0}}})"),
              R"(OUT_OF_STOCK {"left":0})");
    EXPECT_EQ(lines(R"({"error":{"code":"TIMEOUT"}})"), "UPSTREAM_ERROR");
    EXPECT_EQ(lines(R"({"error":"no"})"), "UPSTREAM_ERROR");
}

TEST_F(UpstreamAnswerTest, CallsAStreamThatMakesNoSenseAFailure) {
    for (const char* bad :
         {"", "\n", "{\"progress\":1}\n", "{}\n", "[]\n", "nonsense\n", "{\"resu"})
        EXPECT_EQ(lines(bad), "UPSTREAM_ERROR") << bad;
}

TEST_F(UpstreamAnswerTest, BoundsEachLineAndNotTheirNumber) {
    std::string many;
    for (int i = 0; i < 100; ++i) many += "{\"progress\":\"" + std::string(900, 'x') + "\"}\n";
    EXPECT_EQ(lines(many + "{\"result\":1}"), "1");
    EXPECT_EQ(progress.size(), 100U);
    EXPECT_EQ(lines("{\"result\":\"" + std::string(1'000, 'x') + "\"}\n", 10), "UPSTREAM_ERROR");
}

TEST_F(UpstreamAnswerTest, MapsEachStatus) {
    struct Row {
        int status;
        const char* code;
        UpstreamFate fate;
        TryAgain again;
        Health health;
    };
    using enum UpstreamFate;
    constexpr auto kNever = TryAgain::kNever, kIfSafe = TryAgain::kIfSafe;
    for (const Row& row : {Row{400, "UPSTREAM_ERROR", kFailed, kNever, Health::kGood},
                           Row{401, "UPSTREAM_ERROR", kFailed, kNever, Health::kGood},
                           Row{403, "FORBIDDEN", kRefused, kNever, Health::kGood},
                           Row{404, "NOT_FOUND", kRefused, kNever, Health::kGood},
                           Row{408, "TIMEOUT", kTimedOut, kIfSafe, Health::kBad},
                           Row{409, "UPSTREAM_ERROR", kFailed, kNever, Health::kGood},
                           Row{422, "VALIDATION_FAILED", kRefused, kNever, Health::kGood},
                           Row{429, "RATE_LIMITED", kRefused, kNever, Health::kGood},
                           Row{500, "UPSTREAM_ERROR", kFailed, kNever, Health::kGood},
                           Row{502, "UPSTREAM_ERROR", kFailed, kIfSafe, Health::kBad},
                           Row{503, "UPSTREAM_UNAVAILABLE", kUnavailable, kIfSafe, Health::kBad},
                           Row{504, "TIMEOUT", kTimedOut, kIfSafe, Health::kBad}}) {
        const UpstreamOutcome outcome = read("Secret: stack trace", {.status = row.status});
        EXPECT_EQ(told(outcome), row.code) << row.status;
        EXPECT_EQ(outcome.fate, row.fate) << row.status;
        EXPECT_EQ(outcome.try_again, row.again) << row.status;
        EXPECT_EQ(outcome.health, row.health) << row.status;
        EXPECT_THAT(outcome.result.error().message, testing::Not(HasSubstr("Secret")));
        EXPECT_THAT(outcome.cause, testing::Not(HasSubstr("Secret")));
    }
    deciding = Deciding::kUpstream;
    EXPECT_EQ(failure(401), "INVALID_TOKEN");
}

TEST_F(UpstreamAnswerTest, LetsAnOwnErrorWinOverTheStatus) {
    for (const int status : {400, 401, 404, 409, 500, 503})
        EXPECT_EQ(failure(status, R"({"error":{"code":"TAKEN","message":"m"}})"), "TAKEN");
    EXPECT_EQ(failure(400, R"({"error":{"code":"VALIDATION_FAILED","details":[{"path":"/a"}]}})"),
              R"(VALIDATION_FAILED [{"path":"/a"}])");
    EXPECT_EQ(failure(500, R"({"error":{"code":"FORBIDDEN"}})"), "FORBIDDEN");
    EXPECT_EQ(failure(500, R"({"error":{"code":"TOKEN_EXPIRED"}})"), "UPSTREAM_ERROR");
    EXPECT_EQ(failure(404, R"({"error":{"code":"not_found"}})"), "NOT_FOUND");
    EXPECT_EQ(failure(404, R"({"error":"x"})"), "NOT_FOUND");
    EXPECT_EQ(failure(404, R"(["error"])"), "NOT_FOUND");
}

TEST_F(UpstreamAnswerTest, ShortensALongMessageBetweenCharacters) {
    std::string text;
    while (text.size() < 3'000) text += "é€";
    bytes_max = 10'000;
    const UpstreamOutcome outcome =
        read(R"({"error":{"code":"LONG","message":")" + text + "\"}}", {.status = 400});
    const std::string& message = outcome.result.error().message;
    EXPECT_GT(message.size(), 1'000U);
    EXPECT_LE(message.size(), 1'024U);
    EXPECT_TRUE(JsonText::parse('"' + message + '"').has_value());
}

TEST_F(UpstreamAnswerTest, PassesOnWhenToTryAgain) {
    const auto wait = [&](int status, const char* header) {
        return read("", {.status = status, .retry_after = header}).result.error().retry_after;
    };
    EXPECT_EQ(wait(429, "7"), Milliseconds(7'000));
    EXPECT_EQ(wait(503, "7"), Milliseconds(7'000));
    EXPECT_EQ(wait(503, "999999999"), Milliseconds(3'600'000));
    EXPECT_EQ(wait(429, ""), Milliseconds(1'000));
    EXPECT_EQ(wait(429, "Fri, 31 Dec 1999 23:59:59 GMT"), Milliseconds(1'000));
    EXPECT_EQ(wait(429, "-1"), Milliseconds(1'000));
}

TEST(UpstreamOutcome, SaysWhatAMissingAnswerMeans) {
    using enum HttpClientFault;
    const auto code = [](HttpClientFault fault) { return told(outcome_of({fault, "why"})); };
    const auto again = [](HttpClientFault fault) { return outcome_of({fault, ""}).try_again; };
    EXPECT_EQ(code(kUnreachable), "UPSTREAM_UNAVAILABLE");
    EXPECT_EQ(code(kTls), "UPSTREAM_UNAVAILABLE");
    EXPECT_EQ(code(kTimeout), "TIMEOUT");
    EXPECT_EQ(code(kBroken), "UPSTREAM_ERROR");
    EXPECT_EQ(code(kTooLarge), "UPSTREAM_ERROR");
    EXPECT_EQ(code(kInvalidRequest), "UPSTREAM_ERROR");
    EXPECT_EQ(code(kOverloaded), "OVERLOADED");
    EXPECT_EQ(code(kStopped), "SHUTTING_DOWN");
    EXPECT_EQ(again(kUnreachable), TryAgain::kAlways);
    EXPECT_EQ(again(kBroken), TryAgain::kIfSafe);
    EXPECT_EQ(again(kTimeout), TryAgain::kNever);
    EXPECT_EQ(outcome_of({kBroken, "why"}).cause, "broken: why");
}

}  // namespace
}  // namespace signalbox::actions
