#include "gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing.h"

namespace signalbox::gateway {
namespace {

using ::testing::HasSubstr;
using testing::Login;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TestClient;
using testing::TestNode;

const Login kObject{.format = "object"};

TEST(Messages, EchoReturnsTheSendersBytes) {
    TestNode node;
    TestClient client(node, Login{.format = "object", .more_query = "&recovery=0"});
    client.take();
    client.request("r1", "echo",
                   R"({"n":0.11935319286735585,"a":[1,2],"a":"\u2028","b": 12345678901234567890})");
    EXPECT_EQ(client.take_joined(),
              R"(2["message",{"type":"RESPONSE","requestId":"r1","action":"echo","data":)"
              R"({"n":0.11935319286735585,"a":[1,2],"a":"\u2028","b": 12345678901234567890}}])"
              "\n");
}

TEST(Messages, AcceptsAStringAndAnswersAsAString) {
    TestNode node;
    TestClient client(node, Login{.more_query = "&recovery=0"});
    client.take();
    client.emit(
        R"("message","{\"type\":\"REQUEST\",\"requestId\":\"r1\",\"action\":\"echo\",\"data\":{\"k\":\"\\u0041\"}}")");
    EXPECT_EQ(
        client.take_joined(),
        R"(2["message","{\"type\":\"RESPONSE\",\"requestId\":\"r1\",\"action\":\"echo\",\"data\":{\"k\":\"\\u0041\"}}"])"
        "\n");
}

TEST(Messages, AnswersAnAckWithAnObject) {
    TestNode node;
    TestClient client(node, Login{});
    client.take();
    client.emit(R"("message",{"type":"REQUEST","requestId":"r1","action":"echo","data":1})", "7");
    EXPECT_EQ(client.take_joined(),
              R"(37[{"type":"RESPONSE","requestId":"r1","action":"echo","data":1}])"
              "\n");
}

TEST(Messages, RunsANamedEventWithAnAck) {
    TestNode node;
    TestClient client(node, Login{});
    client.take();
    client.emit(R"("echo",{"x":1})", "3");
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("action":"echo","data":{"x":1}})"));
    client.emit(R"("echo",1,2)", "4");
    EXPECT_THAT(client.take_joined(), HasSubstr("INVALID_MESSAGE"));
    client.emit(R"("echo",1)");
    EXPECT_THAT(client.take_joined(), HasSubstr("acknowledgement"));
}

struct InvalidCase {
    std::string name, argument, request_id, hint;
};
class Invalid : public ::testing::TestWithParam<InvalidCase> {};

TEST_P(Invalid, GetsAnErrorThatNamesTheFault) {
    TestNode node;
    TestClient client(node, kObject);
    client.take();
    client.emit("\"message\"" + GetParam().argument);
    const std::string answer = client.take_joined();
    EXPECT_THAT(answer, HasSubstr(R"("type":"ERROR","requestId":")" + GetParam().request_id + '"'));
    EXPECT_THAT(answer, HasSubstr(R"("code":"INVALID_MESSAGE")"));
    EXPECT_THAT(answer, HasSubstr(GetParam().hint));
    EXPECT_FALSE(client.closed());
}

INSTANTIATE_TEST_SUITE_P(
    All, Invalid,
    ::testing::Values(
        InvalidCase{"Number", ",1", "", "string or an object"},
        InvalidCase{"NoArgument", "", "", "one argument"},
        InvalidCase{"TwoArguments", ",{},{}", "", "one argument"},
        InvalidCase{"NotJson", R"(,"hello")", "", "not valid JSON"},
        InvalidCase{"WrongType", R"(,{"type":"RESPONSE","requestId":"a","action":"echo"})", "a",
                    "type"},
        InvalidCase{"NoRequestId", R"(,{"type":"REQUEST","action":"echo"})", "", "requestId"},
        InvalidCase{"NumberRequestId", R"(,{"type":"REQUEST","requestId":1,"action":"echo"})", "",
                    "requestId"},
        InvalidCase{"NoAction", R"(,{"type":"REQUEST","requestId":"a"})", "a", "action"},
        InvalidCase{"Twice", R"(,{"type":"REQUEST","requestId":"a","action":"echo","action":"x"})",
                    "a", "twice"},
        InvalidCase{"Timeout",
                    R"(,{"type":"REQUEST","requestId":"a","action":"echo","timeoutMs":"1"})", "a",
                    "timeoutMs"},
        InvalidCase{"Overflow",
                    R"(,{"type":"REQUEST","requestId":"a","action":"echo","data":1e400})", "a",
                    "number"},
        InvalidCase{
            "BigInteger",
            R"(,{"type":"REQUEST","requestId":"a","action":"echo","data":123456789012345678901})",
            "a", "number"},
        InvalidCase{"LoneSurrogate",
                    R"(,{"type":"REQUEST","requestId":"a","action":"echo","data":"\ud800"})", "a",
                    "surrogate"}),
    [](const auto& param) { return param.param.name; });

TEST(Messages, SaysPayloadTooLargeAndStays) {
    Options options;
    options.limits.message_bytes_max = 200;
    TestNode node(options);
    TestClient client(node, kObject);
    client.take();
    client.request("big", "echo", '"' + std::string(300, 'x') + '"');
    EXPECT_THAT(
        client.take_joined(),
        HasSubstr(R"("requestId":"big","action":"echo","error":{"code":"PAYLOAD_TOO_LARGE")"));
    client.request("ok", "echo", "1");
    EXPECT_THAT(client.take_joined(), HasSubstr("RESPONSE"));
}

TEST(Messages, ChecksPermissionAndExistence) {
    TestNode node;
    TestClient client(node, Login{.permissions = {}, .format = "object"});
    client.take();
    client.request("1", "updates.send", R"({"action":"x"})");
    EXPECT_THAT(client.take_joined(), HasSubstr("FORBIDDEN"));
    client.request("2", "nothing.here");
    EXPECT_THAT(client.take_joined(), HasSubstr("ACTION_NOT_FOUND"));
}

TEST(Messages, LimitsAConnectionAndClosesAfterManyViolations) {
    Options options;
    options.limits.connection_messages = {1, 2};
    options.limits.violations_before_close = 4;
    TestNode node(options);
    TestClient client(node, kObject);
    client.take();
    for (int i = 0; i < 2; ++i) client.request("ok", "echo", "1");
    EXPECT_THAT(client.take_joined(), Not(HasSubstr("RATE_LIMITED")));
    client.request("no", "echo", "1");
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("code":"RATE_LIMITED","message")"));
    for (int i = 0; i < 3; ++i) client.request("no", "echo", "1");
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("closing":true)"));
    EXPECT_TRUE(client.closed());
    TestClient again(node, kObject);
    EXPECT_THAT(again.take_joined(), HasSubstr(R"("lastClose":{"code":"RATE_LIMITED")"));
}

TEST(Messages, FollowLimitsThatChangeWhileConnected) {
    TestNode node;
    TestClient client(node, kObject);
    client.take();
    LimitOptions limits;
    limits.connection_messages = {1, 1};
    auth::TokenOptions token_options;
    token_options.secret = "another secret of more than thirty-two bytes";
    node.gateway().reconfigure(
        {limits, node.options_.token_leeway, *auth::TokenVerifier::create(token_options),
         std::make_shared<auth::ServiceKeys>(), std::make_shared<auth::Policy>()});
    client.request("1", "echo", "1");
    EXPECT_THAT(client.take_joined(), HasSubstr("RESPONSE"));
    client.request("2", "echo", "1");
    EXPECT_THAT(client.take_joined(), HasSubstr("RATE_LIMITED"));
    TestClient stranger(node, kObject);
    EXPECT_THAT(stranger.take_joined(), HasSubstr("INVALID_TOKEN")) << "signed with the old key";
}

TEST(Messages, LimitsUsersAcrossShards) {
    Options options;
    options.limits.user_messages = {1, 2};
    TestNode node(options, 3);
    TestClient one(node, kObject, 0), two(node, kObject, 1);
    one.take();
    two.take();
    one.request("1", "echo", "1");
    two.request("2", "echo", "1");
    EXPECT_THAT(one.take_joined() + two.take_joined(), Not(HasSubstr("RATE_LIMITED")));
    one.request("3", "echo", "1");
    EXPECT_THAT(one.take_joined(), HasSubstr("RATE_LIMITED"));
}

TEST(Messages, LimitsWhatIsInFlightAndCancels) {
    Options options;
    options.limits.in_flight_per_connection = 1;
    TestNode node(options);
    TestClient client(node, kObject);
    client.take();
    client.request("a", "slow", R"({"ms":5000})");
    client.request("b", "echo", "1");
    EXPECT_THAT(client.take_joined(),
                HasSubstr(R"("requestId":"b","action":"echo","error":{"code":"RATE_LIMITED")"));
}

TEST(Messages, CancelAndPingNeedNoFreeSlot) {
    Options options;
    options.limits.in_flight_per_connection = 1;
    TestNode node(options);
    TestClient client(node, kObject);
    client.take();
    client.request("a", "slow", R"({"ms":5000})");
    client.request("p", "system.ping");
    EXPECT_THAT(client.take_joined(), HasSubstr(R"("RESPONSE","requestId":"p")"));
    client.request("c", "execution.cancel", R"({"requestId":"a"})");
    EXPECT_THAT(client.take_joined(), HasSubstr(R"({"cancelled":1})"));
}

TEST(Messages, LimitsWhatIsInFlightAlsoWhileAnotherShardIsAskedForTokens) {
    Options options;
    options.limits.in_flight_per_connection = 2;
    options.limits.user_messages = {1000, 1000};
    TestNode node(options, 3);
    for (ShardIndex shard = 0; shard < 3; ++shard) {
        TestClient client(node, kObject, shard);
        client.take();
        for (const char* id : {"1", "2", "3", "4"}) {
            client.transport().send_text(std::string("2[\"message\",{\"type\":\"REQUEST\",") +
                                         "\"requestId\":\"" + id +
                                         "\",\"action\":\"slow\",\"data\":{\"ms\":9000}}]");
        }
        node.turn();
        const std::string answers = client.take_joined();
        EXPECT_THAT(answers,
                    HasSubstr(R"("requestId":"3","action":"slow","error":{"code":"RATE_)"));
        EXPECT_THAT(answers,
                    HasSubstr(R"("requestId":"4","action":"slow","error":{"code":"RATE_)"));
    }
}

TEST(Messages, NameTheRequestOfAnObjectThatCannotBeRead) {
    TestNode node;
    TestClient client(node, kObject);
    client.take();
    for (const char* data : {"1e400", R"("\ud800")", "123456789012345678901"}) {
        client.request("r1", "echo", data);
        EXPECT_THAT(
            client.take_joined(),
            HasSubstr(R"("requestId":"r1","action":"echo","error":{"code":"INVALID_MESSAGE")"))
            << data;
    }
}

TEST(Messages, CountTheEventsNameAsPartOfTheMessage) {
    TestNode node;
    TestClient client(node, kObject);
    client.take();
    client.emit('"' + std::string(300'000, 'x') + "\",1", "7");
    const std::string answer = client.take_joined();
    EXPECT_THAT(answer, HasSubstr("PAYLOAD_TOO_LARGE"));
    EXPECT_LT(answer.size(), 1000U);
}

TEST(Executions, AreBoundedForAUserWhoseConnectionsGo) {
    Options options;
    options.limits.in_flight_per_user = 3;
    TestNode node(options);
    for (int i = 0; i < 3; ++i) {
        TestClient client(node, kObject);
        client.take();
        client.request("a", "slow", R"({"ms":5000})");
        EXPECT_THAT(client.take_joined(), Not(HasSubstr("RATE_LIMITED")));
        client.transport().drop();
    }
    TestClient again(node, kObject),
        other(node, Login{.user = "u2", .session = "s2", .format = "object"});
    again.take();
    again.request("b", "slow", R"({"ms":1})");
    EXPECT_THAT(again.take_joined(), HasSubstr("3 actions of this user are running already"));
    other.take();
    other.request("b", "slow", R"({"ms":1})");
    EXPECT_THAT(other.take_joined(), Not(HasSubstr("RATE_LIMITED")));
    node.advance(std::chrono::seconds(6));
    again.take();
    again.request("c", "slow", R"({"ms":1})");
    EXPECT_THAT(again.take_joined(), Not(HasSubstr("RATE_LIMITED")));
}

TEST(Executions, OfABuiltInWithBadDataSendNoStatus) {
    TestNode node;
    TestClient client(node, kObject);
    client.take();
    client.request("a", "artifact.subscribe", "{}", R"(,"progress":true)");
    const std::string answer = client.take_joined();
    EXPECT_THAT(answer, HasSubstr("VALIDATION_FAILED"));
    EXPECT_THAT(answer, Not(HasSubstr("accepted")));
}

TEST(Executions, CancelEndsTheRunningRequest) {
    TestNode node;
    TestClient client(node, kObject);
    client.take();
    client.request("a", "slow", R"({"ms":5000})");
    client.request("c", "execution.cancel", R"({"requestId":"a"})");
    const std::string answers = client.take_joined();
    EXPECT_THAT(answers, HasSubstr(R"("code":"CANCELLED")"));
    EXPECT_THAT(answers, HasSubstr(R"("data":{"cancelled":1})"));
}

TEST(Executions, SendStatusesInOrderThenOneResponse) {
    TestNode node;
    TestClient client(node, Login{});
    client.take();
    client.emit(
        R"("message",{"type":"REQUEST","requestId":"a","action":"longTask","data":{"steps":2,"ms":10}})",
        "1");
    node.advance(std::chrono::seconds(3));
    const auto packets = client.take();
    ASSERT_EQ(packets.size(), 5U);
    EXPECT_THAT(packets[0],
                HasSubstr(R"(\"data\":{\"status\":\"accepted\",\"seq\":1},\"kind\":\"status\")"));
    EXPECT_THAT(packets[1], HasSubstr(R"(\"status\":\"running\",\"seq\":2)"));
    EXPECT_THAT(packets[2], HasSubstr(R"(\"status\":\"progress\",\"seq\":3,\"progress\")"));
    EXPECT_THAT(packets[4], StartsWith(R"(31[{"type":"RESPONSE")"));
}

TEST(Executions, OutliveTheirConnection) {
    TestNode node;
    TestClient client(node, kObject);
    client.request("a", "slow", R"({"ms":1000})");
    client.transport().drop();
    node.turn();
    EXPECT_EQ(node.gateway().stats().executions_running, 1U);
    node.advance(std::chrono::seconds(2));
    EXPECT_EQ(node.gateway().stats().executions_succeeded, 1U);
}

TEST(Updates, ReachTheCompanyAndNobodyElse) {
    TestNode node({}, 3);
    TestClient sender(node, kObject, 0);
    TestClient colleague(node, Login{.user = "u2", .session = "s2", .format = "object"}, 1);
    TestClient stranger(
        node, Login{.user = "u1", .company = "other", .session = "s3", .format = "object"}, 2);
    sender.take(), colleague.take(), stranger.take();
    sender.request("p", "updates.send", R"({"action":"news","data":{"v": 1}})");
    EXPECT_THAT(sender.take_joined(), HasSubstr(R"("data":{"accepted":1,"positions":[")"));
    EXPECT_THAT(colleague.take_joined(),
                HasSubstr(R"("action":"news","data":{"v": 1},"kind":"push")"));
    EXPECT_TRUE(stranger.take().empty());
    EXPECT_EQ(node.mesh.reserved, 0U);
}

TEST(Updates, OfAnArtifactReachItsWatchersOnly) {
    TestNode node({}, 2);
    TestClient watcher(node, Login{.artifact = "a:b", .format = "object"}, 0);
    TestClient other(node,
                     Login{.user = "u2", .session = "s2", .artifact = "a", .format = "object"}, 1);
    TestClient same_id(node,
                       Login{.user = "u3",
                             .company = "other",
                             .session = "s3",
                             .artifact = "a:b",
                             .format = "object"},
                       0);
    watcher.take(), other.take(), same_id.take();
    other.request("p", "updates.send", R"({"action":"n","artifactId":"a:b"})");
    EXPECT_THAT(watcher.take_joined(), HasSubstr(R"("artifactId":"a:b")"));
    EXPECT_THAT(other.take_joined(), Not(HasSubstr(R"("kind":"push")")));
    EXPECT_TRUE(same_id.take().empty());
    watcher.request("u", "artifact.unsubscribe", R"({"artifactId":"a:b"})");
    watcher.take();
    other.request("p", "updates.send", R"({"action":"n","artifactId":"a:b"})");
    EXPECT_TRUE(watcher.take().empty());
}

TEST(Updates, OverTheActionTakeWhatTheRouteTakes) {
    TestNode node;
    TestClient client(node, Login{.company = "42", .format = "object"});
    client.take();
    for (const char* data :
         {R"({"companyId":42,"action":"n"})", R"({"action":"n","artifactId":null})",
          R"({"action":"n","audience":null})", R"({"action":"n","artifactId":7})",
          R"({"action":"n","audience":{"users":[7]}})"}) {
        client.request("p", "updates.send", data);
        EXPECT_THAT(client.take_joined(), HasSubstr(R"("accepted":1)")) << data;
    }
}

TEST(Updates, ToAnotherCompanyNeedTheLiteralPermission) {
    TestNode node;
    TestClient client(node, kObject);
    client.take();
    client.request("p", "updates.send", R"({"action":"n","companyId":"other"})");
    EXPECT_THAT(client.take_joined(), HasSubstr("updates:send:any"));
}

TEST(Updates, AreRefusedWholeWithoutCredit) {
    TestNode node({}, 2);
    TestClient client(node, kObject, 0);
    client.take();
    node.mesh.full = true;
    client.request("p", "updates.send", R"([{"action":"n"},{"action":"m"}])");
    EXPECT_THAT(client.take_joined(), HasSubstr("OVERLOADED"));
    EXPECT_EQ(node.gateway().stats().updates_published + node.gateway(1).stats().updates_published,
              0U);
}

TEST(Sessions, OfAServiceWithTwoCompaniesAreListedOneCompanyAtATime) {
    TestNode node;
    auth::Principal service;
    service.service = std::make_shared<const auth::Service>(
        "k", std::vector{CompanyId::trusted("a"), CompanyId::trusted("b")});
    std::string told;
    const auto list = [&](auth::SessionFilter filter) {
        node.gateway().list_sessions(service, std::move(filter), [&](auto listed) {
            told = listed ? "listed" : listed.error().code + ": " + listed.error().message;
        });
        node.turn();
        return told;
    };
    EXPECT_THAT(list({}), HasSubstr("FORBIDDEN"));
    service.permissions = auth::Permissions({"sessions:manage"});
    EXPECT_THAT(list({}), HasSubstr("INVALID_MESSAGE: companyId is missing"));
    auth::SessionFilter of_a;
    of_a.company = CompanyId::trusted("a");
    EXPECT_EQ(list(of_a), "listed");
}

TEST(Sessions, RevocationTellsAndClosesTheConnections) {
    TestNode node({}, 2);
    TestClient client(node, kObject, 1);
    client.take();
    auth::Principal manager;
    manager.permissions = auth::Permissions({"sessions:manage:any"});
    bool done = false;
    node.gateway(0).delete_session(manager, *SessionId::parse("s1"),
                                   [&](auto result) { done = result.has_value(); });
    node.turn();
    EXPECT_TRUE(done);
    EXPECT_THAT(client.take_joined(), HasSubstr("system.sessionRevoked"));
    EXPECT_TRUE(client.closed());
}

TEST(Expiry, WarnsThenRefusesThenCloses) {
    TestNode node;
    node.add_session("s1", "u1", "acme");
    TestClient client(node, "&sessionId=s1&format=object");
    client.connect("{\"token\":\"" + node.token("u1", "acme", {}, std::chrono::seconds(90)) +
                   "\"}");
    client.take();
    node.advance(std::chrono::seconds(31));
    EXPECT_THAT(client.take_joined(), HasSubstr("system.tokenExpiring"));
    node.advance(std::chrono::seconds(65));
    client.request("1", "echo", "1");
    EXPECT_THAT(client.take_joined(), HasSubstr("TOKEN_EXPIRED"));
    client.request("2", "system.ping", "{}");
    EXPECT_THAT(client.take_joined(), HasSubstr("RESPONSE"));
    node.advance(std::chrono::seconds(30));
    EXPECT_TRUE(client.closed());
}

TEST(Drain, TellsClosesIdleOnesAndWaitsForExecutions) {
    TestNode node;
    TestClient idle(node, kObject);
    TestClient busy(node, Login{.user = "u2", .session = "s2", .format = "object"});
    busy.request("a", "slow", R"({"ms":1000})");
    idle.take(), busy.take();
    bool drained = false;
    node.gateway().begin_drain([&] { drained = true; });
    node.turn();
    EXPECT_THAT(idle.take_joined(), HasSubstr("system.serverShutdown"));
    EXPECT_TRUE(idle.closed());
    EXPECT_FALSE(busy.closed());
    EXPECT_FALSE(drained);
    node.advance(std::chrono::milliseconds(1100));
    EXPECT_THAT(busy.take_joined(), HasSubstr("RESPONSE"));
    EXPECT_TRUE(busy.closed());
    EXPECT_TRUE(drained);
    engineio::testing::FakeClient late(node.shard().engine);
    ASSERT_TRUE(late.refusal().has_value());
    EXPECT_EQ(late.refusal()->status, 503);
}

TEST(SlowConsumer, HearsWhyBeforeTheClose) {
    TestNode node;
    TestClient client(node, kObject);
    client.take();
    client.transport().websocket().buffered_bytes = 2'000'000;
    client.request("1", "echo", "1");
    EXPECT_THAT(client.take_joined(), HasSubstr("system.slowConsumer"));
    EXPECT_TRUE(client.closed());
    TestClient again(node, kObject);
    EXPECT_THAT(again.take_joined(), HasSubstr(R"("code":"SLOW_CONSUMER")"));
}

}  // namespace
}  // namespace signalbox::gateway
