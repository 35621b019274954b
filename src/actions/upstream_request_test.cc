#include "actions/upstream_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/hmac.h"

namespace signalbox::actions {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

class UpstreamRequestTest : public testing::Test {
protected:
    UpstreamRequestTest() {
        request.request_id = "r1";
        request.action_name = "orders.create";
        request.connection_id = "conn";
        request.principal.user = UserId::trusted("u1");
        request.principal.company = CompanyId::trusted("acme");
        request.principal.session = SessionId::trusted("s1");
        request.principal.permissions = auth::Permissions({"orders:write", "a"});
        spec.name = "orders.create";
        spec.url = "http://api/actions";
    }
    std::expected<HttpClientRequest, Error> make() {
        const auto url = UrlTemplate::parse(spec.url);
        EXPECT_TRUE(url.has_value());
        return make_upstream_request({spec, *url, request, secret, Milliseconds(1'500), now},
                                     random);
    }
    /// "GET http://…" and, behind a blank, the body; or the error.
    std::string rest(std::string method, std::string url, std::string data) {
        spec.mode = UpstreamMode::kRest;
        spec.method = std::move(method);
        spec.url = std::move(url);
        request.data = JsonText::trusted(std::move(data));
        const auto made = make();
        if (!made) return made.error().code + ' ' + made.error().details;
        return made->method + ' ' + made->url + (made->body.empty() ? "" : ' ' + made->body);
    }
    std::string header(std::string_view name) {
        const auto made = make();
        if (!made) return made.error().code;
        return std::string(made->headers.find(name).value_or("(none)"));
    }

    UpstreamSpec spec;
    ExecutionRequest request;
    std::string secret;
    WallTime now{std::chrono::seconds(1'790'000'000)};
    SeededRandom random{1};
};

TEST_F(UpstreamRequestTest, WaitsForItsTurnAmongThoseOfItsCompany) {
    spec.cost = 3;
    EXPECT_EQ(make()->source, "acme");
    EXPECT_EQ(make()->cost, 3);
}

TEST_F(UpstreamRequestTest, TellsTheWholeRequestInAnEnvelope) {
    request.data = JsonText::trusted(R"({"n":1.10})");
    request.idempotency_key = "k\"1";
    request.artifact = ArtifactId::trusted("art");
    const auto made = make();
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(made->method, "POST");
    EXPECT_EQ(made->url, "http://api/actions");
    EXPECT_EQ(made->body,
              R"({"requestId":"r1","action":"orders.create","data":{"n":1.10},"timeoutMs":1500,)"
              R"("idempotencyKey":"k\"1","context":{"userId":"u1","companyId":"acme",)"
              R"("sessionId":"s1","artifactId":"art","connectionId":"conn",)"
              R"("permissions":["a","orders:write"]}})");
    EXPECT_EQ(made->headers.find("content-type"), "application/json");
    EXPECT_EQ(made->timeout, Milliseconds(1'500));
    EXPECT_EQ(made->resend, Resend::kNever);
    EXPECT_TRUE(JsonText::parse(made->body).has_value());
}

TEST_F(UpstreamRequestTest, LeavesOutOfTheContextWhatThereIsNot) {
    request.principal = {};
    request.connection_id.clear();
    EXPECT_THAT(make()->body,
                HasSubstr(R"("data":null,"timeoutMs":1500,"context":{"permissions":[]}})"));
}

TEST_F(UpstreamRequestTest, PutsTheRestOfTheDataIntoTheQueryOfAGet) {
    EXPECT_EQ(rest("GET", "http://api/orders/{id}",
                   R"({"id":7,"q":"a b&c","tag":["x",1,null],"none":null,"on":true})"),
              "GET http://api/orders/7?q=a%20b%26c&tag=x&tag=1&on=true");
    EXPECT_EQ(rest("DELETE", "http://api/orders/{id}?hard=1", R"({"id":7,"why":"x"})"),
              "DELETE http://api/orders/7?hard=1&why=x");
    EXPECT_EQ(rest("GET", "http://api/orders", "null"), "GET http://api/orders");
    EXPECT_EQ(rest("GET", "http://api/orders", R"({"a/b":{}})"),
              R"(VALIDATION_FAILED [{"path":"/a~1b","message":"must be a text, a number, true, )"
              R"(false or a list of these"}])");
    EXPECT_THAT(rest("GET", "http://api/orders", "[1]"), HasSubstr("must be an object"));
}

TEST_F(UpstreamRequestTest, PutsTheRestOfTheDataIntoTheBodyOfOthers) {
    EXPECT_EQ(rest("POST", "http://api/orders", R"({ "a": 1.0 })"),
              R"(POST http://api/orders { "a": 1.0 })");
    EXPECT_EQ(rest("POST", "http://api/orders", "[1]"), "POST http://api/orders [1]");
    EXPECT_EQ(rest("POST", "http://api/orders", "null"), "POST http://api/orders");
    EXPECT_EQ(rest("PATCH", "http://api/orders/{id}", R"({"a":1e2,"id":"x","b":{"c":[ ]}})"),
              R"(PATCH http://api/orders/x {"a":1e2,"b":{"c":[ ]}})");
    EXPECT_EQ(rest("PUT", "http://api/orders/{id}", "null"),
              R"(VALIDATION_FAILED [{"path":"/id","message":"is required"}])");
}

TEST_F(UpstreamRequestTest, PutsWhatTheStarStandsForIntoTheUrl) {
    spec.name = "orders.*";
    EXPECT_EQ(rest("POST", "http://api/{*}", "null"), "POST http://api/create");
    spec.mode = UpstreamMode::kEnvelope;
    EXPECT_EQ(make()->url, "http://api/create");
    EXPECT_THAT(make()->body, HasSubstr(R"("action":"orders.create")"));
}

TEST_F(UpstreamRequestTest, SignsTimeAndBody) {
    EXPECT_EQ(header("Signalbox-Signature"), "(none)");
    secret = "shh";
    EXPECT_EQ(header("Signalbox-Signature"),
              "t=1790000000,v1=" + auth::hmac_sha256_hex("shh", "1790000000." + make()->body));
}

TEST_F(UpstreamRequestTest, ForwardsTheTokenOnlyWhenToldTo) {
    request.principal.token = std::make_shared<const std::string>("a.b.c");
    EXPECT_EQ(header("Authorization"), "(none)");
    spec.forward_authorization = true;
    EXPECT_EQ(header("Authorization"), "Bearer a.b.c");
    request.principal.token = nullptr;
    EXPECT_EQ(header("Authorization"), "INVALID_TOKEN");
    request.principal.service = std::make_shared<const auth::Service>();
    EXPECT_EQ(header("Authorization"), "(none)");
}

TEST_F(UpstreamRequestTest, SendsTheConfiguredHeaders) {
    spec.headers = {{"Content-Type", "application/vnd.api+json"}, {"X-Api-Key", "k"}};
    EXPECT_EQ(header("X-Api-Key"), "k");
    EXPECT_EQ(header("Content-Type"), "application/vnd.api+json");
    EXPECT_EQ(make()->headers.count("content-type"), 1U);
}

TEST_F(UpstreamRequestTest, GivesARestEndpointTheIdempotencyKeyAsAHeader) {
    request.idempotency_key = "k 1";
    EXPECT_EQ(header("Idempotency-Key"), "(none)");
    spec.mode = UpstreamMode::kRest;
    EXPECT_EQ(header("Idempotency-Key"), "k%201");
}

TEST_F(UpstreamRequestTest, ContinuesTheCallersTrace) {
    const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    request.traceparent = "00-" + trace + "-00f067aa0ba902b7-00";
    EXPECT_THAT(header("traceparent"), MatchesRegex("00-" + trace + "-[0-9a-f]{16}-00"));
    EXPECT_THAT(header("traceparent"), testing::Not(HasSubstr("00f067aa0ba902b7")));
    for (const std::string& bad : {std::string(), "00-" + trace + "-0000000000000000-01",
                                   "01" + request.traceparent.substr(2),
                                   "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01",
                                   "00-" + std::string(32, 'Z') + "-00f067aa0ba902b7-01"}) {
        request.traceparent = bad;
        EXPECT_THAT(header("traceparent"), MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-01")) << bad;
        EXPECT_THAT(header("traceparent"), testing::Not(StartsWith("00-" + trace))) << bad;
    }
}

TEST_F(UpstreamRequestTest, AllowsTheClientToRepeatOnlyWhatIsSafe) {
    spec.safe_to_retry = true;
    EXPECT_EQ(make()->resend, Resend::kAllowed);
}

}  // namespace
}  // namespace signalbox::actions
