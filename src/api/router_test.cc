#include "api/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing_node.h"

namespace signalbox::api {
namespace {

using testing::ApiNode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::header_of;
using testing::request_of;
using ::testing::StartsWith;

constexpr const char* kEvil = "https://evil.test";

TEST(Router, LeadsEachSocketPathToTheSocketEndpoint) {
    ApiNode api({.base_path = "/gw"});
    for (const char* path : {"/realtime", "/realtime/", "/socket.io", "/socket.io/?EIO=4"}) {
        EXPECT_EQ(api.get(path)->body(), "socket") << path;
    }
    EXPECT_THAT(api.endpoint.requests,
                ElementsAre("/realtime", "/realtime/", "/socket.io", "/socket.io/"));
    for (const char* path : {"/realtime//", "/realtime/x", "/realtimes", "/gw/realtime", "/"}) {
        EXPECT_EQ(api.get(path)->status(), 404) << path;
    }
}

TEST(Router, LeadsUpgradesToTheSocketEndpointOnly) {
    ApiNode api;
    const auto good = engineio::testing::upgrade(api.router(), request_of("GET", "/realtime/"));
    EXPECT_EQ(good->refusal->body, "socket");
    const auto other = engineio::testing::upgrade(api.router(), request_of("GET", "/healthz"));
    EXPECT_EQ(other->refusal->status, 404);
    EXPECT_THAT(api.endpoint.upgrades, ElementsAre("/realtime/"));
}

TEST(Router, RefusesForeignOriginsOnBothTransports) {
    ApiNode api;
    const auto polling = api.send(request_of("GET", "/realtime", {{"Origin", kEvil}}));
    EXPECT_EQ(polling->status(), 403);
    EXPECT_EQ(polling->body(), R"({"code":4,"message":"Forbidden"})");
    const auto upgrade = engineio::testing::upgrade(
        api.router(), request_of("GET", "/realtime", {{"Origin", kEvil}}));
    EXPECT_EQ(upgrade->refusal->status, 400);
    EXPECT_EQ(upgrade->refusal->body, "Forbidden");
    EXPECT_TRUE(api.endpoint.requests.empty());
    EXPECT_TRUE(api.endpoint.upgrades.empty());
}

TEST(Router, LetsAllowedOriginsIn) {
    ApiNode api({.allowed_origins = {"https://app.example.com"}});
    const HttpHeaders::Field origin{"Origin", "https://app.example.com"};
    const auto polling = api.send(request_of("GET", "/realtime", {origin}));
    EXPECT_EQ(polling->body(), "socket");
    EXPECT_EQ(header_of(*polling, "Access-Control-Allow-Origin"), "https://app.example.com");
    engineio::testing::upgrade(api.router(), request_of("GET", "/realtime", {origin}));
    EXPECT_EQ(api.endpoint.upgrades.size(), 1U);
    EXPECT_EQ(api.send(request_of("GET", "/realtime", {{"Origin", "http://gateway.test"}}))->body(),
              "socket");
}

TEST(Router, AnswersRestOfForeignOriginsWithoutCorsHeaders) {
    ApiNode api({.allowed_origins = {"https://app.example.com"}});
    const auto foreign = api.send(request_of("GET", "/healthz", {{"Origin", kEvil}}));
    EXPECT_EQ(foreign->status(), 200);
    EXPECT_EQ(header_of(*foreign, "Access-Control-Allow-Origin"), "");
    const auto listed =
        api.send(request_of("GET", "/api/v1/nothing", {{"Origin", "https://app.example.com"}}));
    EXPECT_EQ(listed->status(), 404);
    EXPECT_EQ(header_of(*listed, "Access-Control-Allow-Origin"), "https://app.example.com");
}

TEST(Router, AnswersPreflightsEverywhere) {
    ApiNode api({.allowed_origins = {"*"}});
    for (const char* path : {"/realtime", "/api/v1/updates"}) {
        const auto answer = api.send(request_of(
            "OPTIONS", path, {{"Origin", kEvil}, {"Access-Control-Request-Method", "POST"}}));
        EXPECT_EQ(answer->status(), 204) << path;
        EXPECT_EQ(header_of(*answer, "Access-Control-Allow-Methods"), "POST") << path;
    }
    EXPECT_TRUE(api.endpoint.requests.empty());
}

TEST(Router, PutsAllButTheSocketUnderTheBasePath) {
    ApiNode api({.base_path = "/gw"});
    EXPECT_EQ(api.get("/gw/healthz")->status(), 200);
    for (const char* path : {"/healthz", "/gwhealthz", "/gw", "/gw/", "/gw/gw/healthz"}) {
        EXPECT_EQ(api.get(path)->status(), 404) << path;
    }
}

TEST(Router, TellsUnknownPathsAndMethodsAsErrorEnvelopes) {
    ApiNode api;
    const auto unknown = api.get("/api/v1/nothing");
    EXPECT_EQ(unknown->status(), 404);
    EXPECT_THAT(unknown->body(),
                StartsWith(R"({"type":"ERROR","requestId":"","error":{"code":"NOT_)"));
    const auto method = api.send(request_of("PATCH", "/api/v1/sessions/s1"));
    EXPECT_EQ(method->status(), 405);
    EXPECT_THAT(method->body(), HasSubstr("METHOD_NOT_ALLOWED"));
    EXPECT_EQ(header_of(*method, "Allow"), "GET, HEAD, PUT, DELETE");
    EXPECT_EQ(api.get("/api/v1/sessions/")->status(), 404);
    EXPECT_EQ(api.get("/api/v1/sessions/a/b")->status(), 404);
}

TEST(Router, TakesHeadWhereItTakesGet) {
    ApiNode api;
    EXPECT_EQ(api.send(request_of("HEAD", "/healthz"))->status(), 200);
    EXPECT_EQ(api.send(request_of("HEAD", "/api/v1/updates"))->status(), 405);
}

TEST(Router, AsksForATokenBeforeItReadsABody) {
    ApiNode api;
    HttpRequest request = request_of("POST", "/api/v1/updates");
    request.body = "{";
    const auto answer = api.send(std::move(request));
    EXPECT_EQ(answer->status(), 401);
    EXPECT_THAT(answer->body(), HasSubstr("INVALID_TOKEN"));
    EXPECT_EQ(header_of(*answer, "WWW-Authenticate"), "Bearer");
    EXPECT_EQ(header_of(*answer, "Cache-Control"), "no-store");
}

TEST(Router, MovesManagementToTheInternalListener) {
    ApiNode api({.management = ManagementDoor::kInternalListener});
    for (const char* path : {"/metrics", "/api/v1/sessions", "/api/v1/sessions/s",
                             "/api/v1/connections", "/api/v1/connections/c"}) {
        HttpRequest request = request_of("DELETE", path);
        EXPECT_EQ(api.send(request)->status(), 404) << path;
        request.internal_listener = true;
        EXPECT_NE(api.send(request)->status(), 404) << path;
    }
    HttpRequest health = request_of("GET", "/healthz");
    EXPECT_EQ(api.send(health)->status(), 200);
    health.internal_listener = true;
    EXPECT_EQ(api.send(health)->status(), 200);
    EXPECT_EQ(api.send(request_of("POST", "/api/v1/updates"))->status(), 401);
}

TEST(Router, ServesNoTestClientUnlessAsked) {
    ApiNode off;
    EXPECT_EQ(off.get("/")->status(), 404);
    EXPECT_EQ(off.get("/test-client")->status(), 404);
    ApiNode home({.base_path = "/gw", .test_client = TestClient::kServedAndHome});
    EXPECT_EQ(home.get("/gw/")->status(), 302);
    EXPECT_EQ(header_of(*home.get("/gw/"), "Location"), "/gw/test-client");
    ApiNode served({.test_client = TestClient::kServed});
    EXPECT_EQ(served.get("/")->status(), 404);
}

TEST(Routes, FitWholeSegmentsAndDecodeThem) {
    std::string value;
    EXPECT_TRUE(fits("/a/{id}", "/a/x%2Fy%20+", value));
    EXPECT_EQ(value, "x/y +");
    EXPECT_FALSE(fits("/a/{id}", "/a/", value));
    EXPECT_FALSE(fits("/a/{id}", "/a/x/", value));
    EXPECT_FALSE(fits("/a/{id}", "/b/x", value));
    EXPECT_TRUE(fits("/a", "/a", value));
    EXPECT_FALSE(fits("/a", "/a/", value));
}

}  // namespace
}  // namespace signalbox::api
