#include "api/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing_node.h"
#include "gateway/testing.h"

/// REST from the request to the answer, through the real gateway.
namespace signalbox::api {
namespace {

using testing::ApiNode;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using testing::header_of;
using ::testing::Not;
using testing::request_of;
using ::testing::StartsWith;

class RoutesTest : public ::testing::Test {
protected:
    RoutesTest() { api_.node.add_session("s1", "u1", "acme"); }

    HttpRequest action_request(const std::string& name, std::string body,
                               std::vector<std::string> permissions = {}) {
        HttpRequest request = request_of("POST", "/api/v1/actions/" + name);
        request.headers.add("Authorization",
                            "Bearer " + api_.node.token("u1", "acme", std::move(permissions)));
        request.headers.add("X-Session-Id", "s1");
        request.body = std::move(body);
        return request;
    }

    ApiNode api_;
};

gateway::testing::Login login(std::string company, std::string session) {
    gateway::testing::Login who;
    who.company = std::move(company);
    who.session = std::move(session);
    return who;
}

/// Takes whatever is written, and never gets rid of it.
class StalledExchange final : public HttpExchange {
public:
    explicit StalledExchange(std::string& stream) : stream_(stream) {}
    void respond(HttpResponse) override {}
    void start_stream(HttpResponse) override {}
    void write(std::string_view part) override { stream_ += part; }
    void finish() override { stream_ += "end"; }
    void on_abort(std::move_only_function<void()>) override {}
    [[nodiscard]] std::size_t pending_bytes() const override { return Options().stream_bytes_max; }

private:
    std::string& stream_;
};

TEST_F(RoutesTest, ListOnlyTheCallersActions) {
    const auto answer = api_.send_as({}, "GET", "/api/v1/actions");
    EXPECT_EQ(answer->status(), 200);
    EXPECT_THAT(answer->body(), StartsWith(R"({"actions":[{"name":")"));
    EXPECT_THAT(answer->body(), HasSubstr(R"("name":"echo")"));
    EXPECT_THAT(answer->body(), Not(HasSubstr(R"("name":"updates.send")")));
    EXPECT_THAT(api_.send_as({"updates:send"}, "GET", "/api/v1/actions")->body(),
                HasSubstr(R"("name":"updates.send")"));
}

TEST_F(RoutesTest, AnswerAnActionWithItsResponseEnvelope) {
    const auto answer =
        api_.send(action_request("echo", R"({"requestId":"r1","data":{"x": 1.50}})"));
    EXPECT_EQ(answer->status(), 200);
    EXPECT_EQ(answer->body(),
              R"({"type":"RESPONSE","requestId":"r1","action":"echo","data":{"x": 1.50}})");
    EXPECT_EQ(header_of(*answer, "Content-Type"), "application/json");
}

TEST_F(RoutesTest, AnswerFailedActionsWithTheStatusOfTheirCode) {
    EXPECT_EQ(api_.send(action_request("nothing", "{}"))->status(), 404);
    EXPECT_EQ(api_.send(action_request("updates.send", "{}"))->status(), 403);
    const auto own =
        api_.send(action_request("fail", R"({"requestId":"r","data":{"code":"SOLD_OUT"}})"));
    EXPECT_EQ(own->status(), 422);
    EXPECT_THAT(own->body(), StartsWith(R"({"type":"ERROR","requestId":"r","action":"fail")"));
    EXPECT_THAT(own->body(), HasSubstr("SOLD_OUT"));
}

TEST_F(RoutesTest, NeedASessionForActions) {
    const auto without = api_.send_as({}, "POST", "/api/v1/actions/echo", "{}");
    EXPECT_EQ(without->status(), 401);
    EXPECT_THAT(without->body(), HasSubstr("SESSION_REQUIRED"));
    EXPECT_EQ(api_.send_as({}, "POST", "/api/v1/actions/echo?sessionId=s1", "{}")->status(), 200);
    const auto unknown = api_.send_as({}, "POST", "/api/v1/actions/echo?sessionId=s2", "{}");
    EXPECT_THAT(unknown->body(), HasSubstr("SESSION_INVALID"));
}

TEST_F(RoutesTest, TellWhatIsWrongWithAnActionsBody) {
    const auto types =
        api_.send(action_request("echo", R"({"requestId":"r1","timeoutMs":"5","progress":1})"));
    EXPECT_EQ(types->status(), 422);
    EXPECT_THAT(types->body(), HasSubstr(R"("requestId":"r1")"));
    EXPECT_THAT(types->body(), HasSubstr(R"("path":"/timeoutMs")"));
    EXPECT_THAT(types->body(), HasSubstr(R"("path":"/progress")"));
    EXPECT_EQ(api_.send(action_request("echo", "{"))->status(), 400);
    const auto large = api_.send(action_request("echo", std::string(256 * 1024 + 1, ' ')));
    EXPECT_EQ(large->status(), 413);
    EXPECT_THAT(large->body(), HasSubstr("PAYLOAD_TOO_LARGE"));
}

TEST_F(RoutesTest, FollowTheMessageLimitThatAReloadSets) {
    gateway::LimitOptions limits;
    limits.message_bytes_max = 1024;
    api_.node.set_limits(limits);
    const std::string large(1025, ' ');
    EXPECT_EQ(api_.send(action_request("echo", large))->status(), 413);
    EXPECT_EQ(api_.send_as({"updates:send"}, "POST", "/api/v1/updates", large)->status(), 413);
}

TEST_F(RoutesTest, StreamStatusesAndThenTheResponse) {
    HttpRequest request =
        action_request("longTask", R"({"requestId":"r1","data":{"steps":2,"ms":100}})");
    request.headers.add("Accept", "text/event-stream");
    const auto answer = api_.send(std::move(request));
    EXPECT_EQ(header_of(*answer, "Content-Type"), "text/event-stream; charset=utf-8");
    EXPECT_THAT(answer->stream, StartsWith("event: update\ndata: {\"type\":\"UPDATE\""));
    EXPECT_FALSE(answer->finished);
    api_.node.advance(std::chrono::seconds(5));
    EXPECT_TRUE(answer->finished);
    EXPECT_TRUE(answer->destroyed);
    EXPECT_THAT(answer->stream, HasSubstr(R"("status":"progress")"));
    const std::size_t last = answer->stream.rfind("event: ");
    EXPECT_THAT(answer->stream.substr(last),
                StartsWith("event: response\ndata: {\"type\":\"RESPONSE\",\"requestId\":\"r1\""));
}

TEST_F(RoutesTest, EndAStreamWithTheErrorOfTheAction) {
    HttpRequest request = action_request("fail", R"({"requestId":"r1"})");
    request.headers.add("Accept", "text/event-stream");
    const auto answer = api_.send(std::move(request));
    EXPECT_EQ(answer->status(), 200);
    EXPECT_THAT(answer->stream, StartsWith("event: error\ndata: {\"type\":\"ERROR\""));
    EXPECT_TRUE(answer->finished);
}

TEST_F(RoutesTest, LeaveStatusesOutForAReaderThatStalls) {
    HttpRequest request = action_request("longTask", R"({"data":{"steps":2,"ms":100}})");
    request.headers.add("Accept", "text/event-stream");
    std::string stream;
    api_.router().handle(std::move(request), std::make_unique<StalledExchange>(stream));
    api_.node.advance(std::chrono::seconds(5));
    EXPECT_THAT(stream, StartsWith("event: response\ndata: "));
    EXPECT_TRUE(stream.ends_with("\n\nend"));
}

TEST_F(RoutesTest, LetAnActionGoOnWhenItsClientGoesAway) {
    const auto answer = api_.send(action_request("longTask", R"({"data":{"steps":1,"ms":100}})"));
    EXPECT_TRUE(answer->pending());
    answer->abort();
    api_.node.advance(std::chrono::seconds(5));
    EXPECT_TRUE(answer->destroyed);
    EXPECT_EQ(api_.node.gateway().stats().executions_succeeded, 1U);
}

TEST_F(RoutesTest, SpendTheCallersLimitAndSayWhenToComeBack) {
    gateway::LimitOptions limits;
    limits.user_messages = {.per_second = 0.4, .burst = 1};
    api_.node.set_limits(limits);
    EXPECT_EQ(api_.send(action_request("echo", "{}"))->status(), 200);
    const auto limited = api_.send(action_request("echo", "{}"));
    EXPECT_EQ(limited->status(), 429);
    EXPECT_EQ(header_of(*limited, "Retry-After"), "3");
    EXPECT_THAT(limited->body(), HasSubstr(R"("retryAfterMs":2500)"));
}

TEST_F(RoutesTest, PushAnUpdateToTheConnectionsOfItsCompany) {
    gateway::testing::TestClient here(api_.node, login("acme", "s1"));
    gateway::testing::TestClient there(api_.node, login("other", "s9"));
    (void)here.take();
    (void)there.take();
    const auto answer = api_.send_as({"updates:send"}, "POST", "/api/v1/updates",
                                     R"({"action":"news","data":{"n":1}})");
    EXPECT_EQ(answer->status(), 202);
    EXPECT_THAT(answer->body(), ContainsRegex(R"(^\{"accepted":1,"positions":\["[^"]+"\]\}$)"));
    EXPECT_THAT(here.take_joined(), HasSubstr("news"));
    EXPECT_EQ(there.take_joined(), "");
}

TEST_F(RoutesTest, RefuseUpdatesWithoutPermissionOrSense) {
    const std::string good = R"({"action":"news"})";
    EXPECT_EQ(api_.send_as({}, "POST", "/api/v1/updates", good)->status(), 403);
    EXPECT_EQ(api_.send_as({"updates:send"}, "POST", "/api/v1/updates",
                           R"({"companyId":"other","action":"news"})")
                  ->status(),
              403);
    EXPECT_EQ(api_.send_as({"updates:send"}, "POST", "/api/v1/updates", "[]")->status(), 422);
    EXPECT_EQ(api_.send_as({"updates:send"}, "POST", "/api/v1/updates", "nonsense")->status(), 400);
    EXPECT_EQ(api_.send_as({"updates:send"}, "POST", "/api/v1/updates", "")->status(), 400);
}

TEST_F(RoutesTest, MakeReadReplaceAndRevokeASession) {
    const std::vector<std::string> manage{"sessions:manage"};
    const auto made =
        api_.send_as(manage, "PUT", "/api/v1/sessions/a%2Fb", R"({"userId":42,"ttlSeconds":60})");
    EXPECT_EQ(made->status(), 201);
    EXPECT_THAT(made->body(), HasSubstr(R"({"sessionId":"a/b","userId":"42","companyId":"acme",)"));
    EXPECT_EQ(header_of(*made, "Location"), "/api/v1/sessions/a%2Fb");
    EXPECT_EQ(api_.send_as(manage, "PUT", "/api/v1/sessions/a%2Fb", R"({"userId":"42"})")->status(),
              200);
    EXPECT_EQ(
        api_.send_as(manage, "POST", "/api/v1/sessions", R"({"userId":"42","sessionId":"a/b"})")
            ->status(),
        201);
    const auto read = api_.send_as(manage, "GET", "/api/v1/sessions/a%2Fb");
    EXPECT_EQ(read->status(), 200);
    EXPECT_THAT(read->body(), HasSubstr(R"("createdAt":")"));
    const auto gone = api_.send_as(manage, "DELETE", "/api/v1/sessions/a%2Fb");
    EXPECT_EQ(gone->status(), 204);
    EXPECT_EQ(gone->body(), "");
    EXPECT_EQ(api_.send_as(manage, "GET", "/api/v1/sessions/a%2Fb")->status(), 404);
}

TEST_F(RoutesTest, MakeASessionIdWhenNoneIsGiven) {
    const auto made =
        api_.send_as({"sessions:manage"}, "POST", "/api/v1/sessions", R"({"userId":"u2"})");
    EXPECT_EQ(made->status(), 201);
    EXPECT_THAT(made->body(), ContainsRegex(R"("sessionId":"[A-Za-z0-9_-]{20,}")"));
}

TEST_F(RoutesTest, NameTheFaultsOfASession) {
    const std::vector<std::string> manage{"sessions:manage"};
    const auto faults =
        api_.send_as(manage, "POST", "/api/v1/sessions", R"({"companyId":"a b","ttlSeconds":-1})");
    EXPECT_EQ(faults->status(), 422);
    for (const char* path : {"/userId", "/companyId", "/ttlSeconds"}) {
        EXPECT_THAT(faults->body(), HasSubstr(std::string(R"("path":")") + path));
    }
    EXPECT_EQ(api_.send_as(manage, "PUT", "/api/v1/sessions/a", R"({"userId":"u","sessionId":"b"})")
                  ->status(),
              422);
    EXPECT_EQ(api_.send_as(manage, "GET", "/api/v1/sessions/a%20b")->status(), 400);
    EXPECT_EQ(api_.send_as({}, "POST", "/api/v1/sessions", R"({"userId":"u"})")->status(), 403);
}

TEST_F(RoutesTest, HideSessionsOfOtherCompanies) {
    api_.node.add_session("foreign", "u9", "other");
    const std::vector<std::string> manage{"sessions:manage"};
    EXPECT_EQ(api_.send_as(manage, "GET", "/api/v1/sessions/foreign")->status(), 404);
    EXPECT_EQ(api_.send_as(manage, "DELETE", "/api/v1/sessions/foreign")->status(), 404);
    EXPECT_EQ(api_.send_as({"sessions:manage:any"}, "GET", "/api/v1/sessions/foreign")->status(),
              200);
}

TEST_F(RoutesTest, PageThroughSessions) {
    api_.node.add_session("s2", "u1", "acme");
    const std::vector<std::string> manage{"sessions:manage"};
    EXPECT_THAT(api_.send_as(manage, "GET", "/api/v1/sessions?limit=2")->body(),
                ContainsRegex(R"(^\{"sessions":\[\{"sessionId":"s1".*\],"next":"s2"\}$)"));
    EXPECT_THAT(api_.send_as(manage, "GET", "/api/v1/sessions")->body(), Not(HasSubstr("next")));
    for (const char* query : {"limit=0", "limit=1001", "limit=x", "limit=5x", "userId=a%20b"}) {
        EXPECT_EQ(api_.send_as(manage, "GET", std::string("/api/v1/sessions?") + query)->status(),
                  400)
            << query;
    }
}

TEST_F(RoutesTest, RevokeAllSessionsOfAUserAndNeverOfEverybody) {
    const std::vector<std::string> manage{"sessions:manage"};
    EXPECT_EQ(api_.send_as(manage, "DELETE", "/api/v1/sessions")->status(), 400);
    EXPECT_EQ(api_.send_as(manage, "DELETE", "/api/v1/sessions?userId=")->status(), 400);
    EXPECT_TRUE(api_.node.sessions.records.contains("s1"));
    EXPECT_EQ(api_.send_as(manage, "DELETE", "/api/v1/sessions?userId=u1")->status(), 204);
    EXPECT_FALSE(api_.node.sessions.records.contains("s1"));
}

TEST_F(RoutesTest, SayWhenTheStoreIsDown) {
    api_.node.sessions.down = true;
    const auto answer = api_.send_as({"sessions:manage"}, "GET", "/api/v1/sessions/s1");
    EXPECT_EQ(answer->status(), 503);
    EXPECT_THAT(answer->body(), HasSubstr("OVERLOADED"));
    EXPECT_NE(header_of(*answer, "Retry-After"), "");
}

TEST_F(RoutesTest, ListAndEndConnections) {
    gateway::testing::Login who = login("acme", "s1");
    who.artifact = "a1";
    gateway::testing::TestClient client(api_.node, who);
    const std::string packets = client.take_joined();
    const std::size_t at = packets.find(R"({"sid":")") + 8;
    const std::string id = packets.substr(at, packets.find('"', at) - at);
    const std::vector<std::string> manage{"connections:manage"};
    const auto listed = api_.send_as(manage, "GET", "/api/v1/connections");
    EXPECT_EQ(listed->status(), 200);
    EXPECT_THAT(
        listed->body(),
        StartsWith(R"({"connections":[{"connectionId":")" + id +
                   R"(","userId":"u1","companyId":"acme","sessionId":"s1","artifacts":["a1"],)"
                   R"("transport":"websocket")"));
    EXPECT_EQ(api_.send_as({}, "GET", "/api/v1/connections")->status(), 403);
    EXPECT_EQ(api_.send_as(manage, "DELETE", "/api/v1/connections/" + id)->status(), 204);
    EXPECT_EQ(client.take_joined(), "1\n");
    EXPECT_EQ(api_.send_as(manage, "DELETE", "/api/v1/connections/" + id)->status(), 404);
}

TEST_F(RoutesTest, TellHealthAndReadiness) {
    EXPECT_EQ(api_.get("/healthz")->body(), R"({"status":"ok"})");
    EXPECT_EQ(api_.get("/readyz")->body(), R"({"status":"ready"})");
    api_.node.gateway().begin_drain([] {});
    EXPECT_EQ(api_.get("/healthz")->status(), 200);
    const auto draining = api_.get("/readyz");
    EXPECT_EQ(draining->status(), 503);
    EXPECT_EQ(draining->body(), R"({"status":"draining"})");
}

TEST_F(RoutesTest, RefuseActionsWhileDrainingAndServeTheRest) {
    api_.node.gateway().begin_drain([] {});
    const auto refused = api_.send(action_request("echo", "{}"));
    EXPECT_EQ(refused->status(), 503);
    EXPECT_THAT(refused->body(), HasSubstr(R"("retryAfterMs":1000)"));
    EXPECT_EQ(header_of(*refused, "Retry-After"), "1");
    EXPECT_EQ(
        api_.send_as({"updates:send"}, "POST", "/api/v1/updates", R"({"action":"news"})")->status(),
        202);
    EXPECT_EQ(api_.send_as({"sessions:manage"}, "POST", "/api/v1/sessions", R"({"userId":"u"})")
                  ->status(),
              201);
}

TEST_F(RoutesTest, CountEveryErrorThatTheyTell) {
    const auto errors = [&](ErrorCode code) {
        return api_.node.gateway().stats().errors[static_cast<std::size_t>(code)];
    };
    EXPECT_EQ(api_.get("/api/v1/sessions")->status(), 401);
    EXPECT_EQ(errors(ErrorCode::kInvalidToken), 1U);
    EXPECT_EQ(api_.send(action_request("echo", "{"))->status(), 400);
    EXPECT_EQ(errors(ErrorCode::kInvalidMessage), 1U);
    EXPECT_EQ(api_.send(action_request("none", "{}"))->status(), 404);
    EXPECT_EQ(errors(ErrorCode::kActionNotFound), 1U);
}

TEST_F(RoutesTest, ShowMetricsToThisMachineButNotThroughAProxyOfIt) {
    HttpRequest request = request_of("GET", "/metrics");
    for (const char* peer : {"127.0.0.1", "127.8.8.8", "::1"}) {
        request.peer = peer;
        const auto answer = api_.send(request);
        EXPECT_EQ(answer->status(), 200) << peer;
        EXPECT_THAT(answer->body(), HasSubstr("\nsignalbox_connections 0\n"));
    }
    for (const char* name : {"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"}) {
        HttpRequest forwarded = request;
        forwarded.headers.add(name, "1.2.3.4");
        EXPECT_EQ(api_.send(std::move(forwarded))->status(), 401) << name;
    }
}

TEST_F(RoutesTest, ShowMetricsElsewhereWithThePermissionOnly) {
    EXPECT_EQ(api_.get("/metrics")->status(), 401);
    EXPECT_EQ(api_.send_as({"*"}, "GET", "/metrics")->status(), 403);
    EXPECT_EQ(api_.send_as({"metrics"}, "GET", "/metrics")->status(), 200);
}

TEST(OwnCompany, IsTheUsersOrTheOnlyOneOfAService) {
    auth::Principal user;
    user.company = CompanyId::trusted("c1");
    EXPECT_EQ(own_company(user), CompanyId::trusted("c1"));
    auth::Principal service;
    const auto of_service = [](std::vector<CompanyId> companies) {
        auth::Principal service;
        service.service = std::make_shared<const auth::Service>("k", std::move(companies));
        return own_company(service);
    };
    EXPECT_EQ(of_service({}), std::nullopt);
    EXPECT_EQ(of_service({CompanyId::trusted("c2")}), CompanyId::trusted("c2"));
    EXPECT_EQ(of_service({CompanyId::trusted("c2"), CompanyId::trusted("c3")}), std::nullopt);
}

TEST(RetryAfter, IsWholeSecondsRoundedUpAndNeverZero) {
    const auto seconds = [](int milliseconds) {
        HttpHeaders headers;
        add_retry_after(headers, Milliseconds(milliseconds));
        return std::string(*headers.find("Retry-After"));
    };
    EXPECT_EQ(seconds(0), "1");
    EXPECT_EQ(seconds(1), "1");
    EXPECT_EQ(seconds(1000), "1");
    EXPECT_EQ(seconds(1001), "2");
}

}  // namespace
}  // namespace signalbox::api
