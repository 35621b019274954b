#include "engineio/cors.h"

#include <gtest/gtest.h>

#include "engineio/testing.h"

namespace signalbox::engineio {
namespace {

using enum OriginVerdict;

const HttpRequest& cross_request() {
    static const HttpRequest request =
        testing::request_of("GET", "/", {{"Origin", "https://app.example.com"}});
    return request;
}

std::shared_ptr<testing::ExchangeRecord> answered_through(OriginVerdict verdict) {
    auto answer = std::make_shared<testing::ExchangeRecord>();
    with_cors(cross_request(), verdict, std::make_unique<testing::FakeExchange>(answer))
        ->respond(HttpResponse::of(404, "text/plain", "none"));
    return answer;
}

TEST(Cors, AddsItsHeadersToErrorsToo) {
    const auto answer = answered_through(kListed);
    EXPECT_EQ(answer->status(), 404);
    EXPECT_EQ(testing::header_of(*answer, "Access-Control-Allow-Origin"),
              "https://app.example.com");
    EXPECT_EQ(testing::header_of(*answer, "Access-Control-Allow-Credentials"), "true");
    EXPECT_EQ(testing::header_of(*answer, "Vary"), "Origin");
}

TEST(Cors, AllowsNoCredentialsToAnyone) {
    const auto answer = answered_through(kAnyone);
    EXPECT_EQ(testing::header_of(*answer, "Access-Control-Allow-Origin"),
              "https://app.example.com");
    EXPECT_EQ(testing::header_of(*answer, "Access-Control-Allow-Credentials"), "");
}

TEST(Cors, SaysNothingToRefusedOrigins) {
    EXPECT_EQ(testing::header_of(*answered_through(kRefused), "Access-Control-Allow-Origin"), "");
    EXPECT_EQ(testing::header_of(*answered_through(kSameOrigin), "Access-Control-Allow-Origin"),
              "");
}

TEST(Cors, CoversStreams) {
    auto answer = std::make_shared<testing::ExchangeRecord>();
    auto exchange =
        with_cors(cross_request(), kListed, std::make_unique<testing::FakeExchange>(answer));
    exchange->start_stream(HttpResponse::of(200, "text/event-stream", ""));
    exchange->write("data: 1\n\n");
    exchange->finish();
    EXPECT_EQ(testing::header_of(*answer, "Access-Control-Allow-Origin"),
              "https://app.example.com");
    EXPECT_EQ(answer->stream, "data: 1\n\n");
    EXPECT_TRUE(answer->finished);
}

HttpRequest preflight() {
    return testing::request_of("OPTIONS", "/",
                               {{"Origin", "https://app.example.com"},
                                {"Access-Control-Request-Method", "DELETE"},
                                {"Access-Control-Request-Headers", "authorization,x-session-id"}});
}

TEST(Cors, KnowsAPreflight) {
    EXPECT_TRUE(is_preflight(preflight()));
    EXPECT_FALSE(is_preflight(testing::request_of("OPTIONS", "/", {{"Origin", "https://a"}})));
    EXPECT_FALSE(is_preflight(cross_request()));
}

TEST(Cors, AnswersAPreflightWithWhatItAsksFor) {
    const HttpResponse answer = answer_preflight(preflight(), kListed);
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.headers.find("Access-Control-Allow-Methods"), "DELETE");
    EXPECT_EQ(answer.headers.find("Access-Control-Allow-Headers"), "authorization,x-session-id");
    EXPECT_EQ(answer.headers.find("Access-Control-Max-Age"), "600");
    EXPECT_EQ(answer.headers.find("Access-Control-Allow-Origin"), "https://app.example.com");
    EXPECT_TRUE(answer.headers.find("Vary")->starts_with("Origin"));
}

TEST(Cors, AllowsNothingInThePreflightOfARefusedOrigin) {
    const HttpResponse answer = answer_preflight(preflight(), kRefused);
    EXPECT_EQ(answer.status, 204);
    for (const auto& [name, value] : answer.headers)
        EXPECT_FALSE(name.starts_with("Access")) << name;
}

}  // namespace
}  // namespace signalbox::engineio
