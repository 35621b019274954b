#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "gateway/testing.h"

namespace signalbox::gateway {
namespace {

using ::testing::HasSubstr;
using testing::Login;
using ::testing::Not;
using testing::TestClient;
using testing::TestNode;

using actions::ActionContext;
using actions::ActionDefinition;
using actions::ActionResult;
using actions::ExecutionState;

const Login kPlain{.format = "object", .more_query = "&recovery=0"};
const std::string kKeyed = R"(,"idempotencyKey":"k1")";

std::string code(std::string_view name) {
    return R"("code":")" + std::string(name) + '"';
}

/// Actions that count how often they have run.
struct Work {
    int runs = 0;

    void add_to(TestNode& node) {
        ActionDefinition pay;
        pay.name = "pay";
        pay.handler = actions::ImmediateHandler([this](ActionContext&, JsonText data) {
            ++runs;
            return ActionResult(std::move(data));
        });
        add(node, std::move(pay));

        ActionDefinition fail;
        fail.name = "refuse";
        fail.handler = actions::ImmediateHandler([this](ActionContext&, JsonText) {
            ++runs;
            Error error;
            error.code = "OUT_OF_STOCK";
            error.message = "none left";
            return ActionResult(std::unexpected(error));
        });
        add(node, std::move(fail));

        ActionDefinition build;
        build.name = "build";
        build.permission = "build";
        build.input_schema = R"({"type":"object","properties":{"ms":{"type":"integer"}}})";
        build.timeout = std::chrono::seconds(10);
        build.handler = actions::AsyncHandler(
            [this](ActionContext& context, const JsonText&) { return run(context, runs); });
        add(node, std::move(build));
    }

    static Async<ActionResult> run(ActionContext& context, int& runs) {
        ++runs;
        for (int step = 1; step <= 3; ++step) {
            co_await context.sleep(std::chrono::seconds(1));
            context.progress(JsonText::trusted(std::to_string(step)));
        }
        co_return JsonText::trusted(R"({"built":true})");
    }
    static void add(TestNode& node, ActionDefinition definition) {
        SB_CHECK(node.registry.add(std::move(definition)).has_value());
    }
};

/// On one shard, and on three, where home, caller and second caller are on different ones.
class Keyed : public ::testing::TestWithParam<ShardIndex> {
protected:
    Keyed() { work.add_to(node); }
    TestClient client(const Login& login = kPlain, ShardIndex shard = 0) {
        return TestClient(node, login, static_cast<ShardIndex>(shard % GetParam()));
    }
    /// Sends it and takes all that comes at once.
    static std::string ask(TestClient& client, std::string_view id, std::string_view action,
                           std::string_view data = "{}", const std::string& more = kKeyed) {
        client.take();
        client.request(id, action, data, more);
        return client.take_joined();
    }
    std::string after(TestClient& client, Milliseconds by) {
        node.advance(by);
        return client.take_joined();
    }
    actions::ExecutionRecord& record() { return node.executions.records.at("acme/u1/k1"); }

    TestNode node{Options{}, GetParam()};
    Work work;
};
INSTANTIATE_TEST_SUITE_P(Shards, Keyed, ::testing::Values<ShardIndex>(1, 3));

TEST_P(Keyed, RunsOnceAndReplaysTheOutcomeUnderTheCallersRequestId) {
    auto first = client();
    EXPECT_EQ(
        ask(first, "r1", "pay", R"({"a":1,"b":2})"),
        R"(2["message",{"type":"RESPONSE","requestId":"r1","action":"pay","data":{"a":1,"b":2}}])"
        "\n");
    auto second = client(kPlain, 1);
    EXPECT_EQ(
        ask(second, "r2", "pay", R"({"b":2.0,"a":1})"),
        R"(2["message",{"type":"RESPONSE","requestId":"r2","action":"pay","data":{"a":1,"b":2},"replayed":true}])"
        "\n");
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Keyed, ReplaysFailuresOfTheActionItself) {
    auto caller = client();
    EXPECT_THAT(ask(caller, "r1", "refuse"), Not(HasSubstr("replayed")));
    const std::string again = ask(caller, "r2", "refuse");
    EXPECT_THAT(again, HasSubstr(code("OUT_OF_STOCK")));
    EXPECT_THAT(again, HasSubstr(R"("replayed":true)"));
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Keyed, RefusesAnotherActionOrOtherData) {
    auto caller = client();
    ask(caller, "r1", "pay", "1");
    EXPECT_THAT(ask(caller, "r2", "pay", "2"), HasSubstr(code("IDEMPOTENCY_KEY_REUSED")));
    EXPECT_THAT(ask(caller, "r3", "refuse", "1"), HasSubstr(code("IDEMPOTENCY_KEY_REUSED")));
    EXPECT_THAT(ask(caller, "r4", "pay", "1"), HasSubstr("replayed"));
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Keyed, RefusesOtherDataWhileItRuns) {
    auto caller = client();
    ask(caller, "r1", "build", R"({"ms":1})");
    auto second = client(kPlain, 1);
    EXPECT_THAT(ask(second, "r2", "build", R"({"ms":2})"),
                HasSubstr(code("IDEMPOTENCY_KEY_REUSED")));
}

TEST_P(Keyed, KeepsKeysOfUsersAndCompaniesApart) {
    auto one = client();
    auto other = client(Login{.user = "u2", .session = "s2", .format = "object"});
    auto foreign = client(Login{.company = "other", .session = "s3", .format = "object"});
    ask(one, "r1", "pay");
    EXPECT_THAT(ask(other, "r1", "pay"), Not(HasSubstr("replayed")));
    EXPECT_THAT(ask(foreign, "r1", "pay"), Not(HasSubstr("replayed")));
    EXPECT_EQ(work.runs, 3);
}

TEST_P(Keyed, CommitsTheLeaseBeforeTheHandlerRuns) {
    bool leased = false;
    ActionDefinition look;
    look.name = "look";
    look.handler = actions::ImmediateHandler([&](ActionContext&, JsonText) {
        leased = record().state == ExecutionState::kLeased;
        return ActionResult(JsonText());
    });
    Work::add(node, std::move(look));
    auto caller = client();
    ask(caller, "r1", "look");
    EXPECT_TRUE(leased);
    EXPECT_EQ(record().state, ExecutionState::kSucceeded);
}

TEST_P(Keyed, AttachesASecondCallerWhileItRuns) {
    auto first = client();
    ask(first, "r1", "build", "{}", kKeyed + R"(,"progress":true)");
    node.advance(std::chrono::milliseconds(1'500));
    auto second = client(kPlain, 1);
    const std::string known = ask(second, "r2", "build", "{}", kKeyed + R"(,"progress":true)");
    for (const char* seq : {"1", "2", "3"}) {
        EXPECT_THAT(known, HasSubstr(R"("seq":)" + std::string(seq)));
    }
    EXPECT_THAT(known, HasSubstr(R"("requestId":"r2")"));
    auto silent = client(kPlain, 2);
    EXPECT_EQ(ask(silent, "r3", "build"), "");
    const std::string rest = after(second, std::chrono::seconds(3));
    EXPECT_THAT(rest, HasSubstr(R"("seq":5,"progress":3)"));
    EXPECT_THAT(rest, HasSubstr(R"("type":"RESPONSE","requestId":"r2","action":"build","data":)"
                                R"({"built":true}})"));
    EXPECT_THAT(first.take_joined(), HasSubstr(R"("type":"RESPONSE","requestId":"r1")"));
    const std::string quiet = silent.take_joined();
    EXPECT_THAT(quiet, HasSubstr(R"("type":"RESPONSE","requestId":"r3")"));
    EXPECT_THAT(quiet, Not(HasSubstr("UPDATE")));
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Keyed, ReplayNeedsThePermissionOfNow) {
    auto first = client();
    ask(first, "r1", "build");
    node.advance(std::chrono::seconds(4));
    Login poorer = kPlain;
    poorer.permissions = {"none"};
    auto second = client(poorer);
    EXPECT_THAT(ask(second, "r2", "build"), HasSubstr(code("FORBIDDEN")));
    EXPECT_THAT(ask(second, "r3", "execution.attach", R"({"idempotencyKey":"k1"})", ""),
                HasSubstr(code("FORBIDDEN")));
}

TEST_P(Keyed, NeverStoresRefusals) {
    auto caller = client();
    EXPECT_THAT(ask(caller, "r1", "build", "7"), HasSubstr(code("VALIDATION_FAILED")));
    EXPECT_THAT(ask(caller, "r1", "none"), HasSubstr(code("ACTION_NOT_FOUND")));
    EXPECT_TRUE(node.executions.records.empty());
}

TEST_P(Keyed, FreesTheKeyWhenTheEndSaysTryAgain) {
    ActionDefinition busy;
    busy.name = "busy";
    busy.concurrency_max = 1;
    busy.waiting_max = 0;
    busy.handler = actions::AsyncHandler(
        [this](ActionContext& context, const JsonText&) { return Work::run(context, work.runs); });
    Work::add(node, std::move(busy));
    auto caller = client();
    ask(caller, "r1", "busy", "{}", "");
    EXPECT_THAT(ask(caller, "r2", "busy"), HasSubstr(code("OVERLOADED")));
    EXPECT_TRUE(node.executions.records.empty());
    node.advance(std::chrono::seconds(4));
    ask(caller, "r3", "busy");
    EXPECT_THAT(after(caller, std::chrono::seconds(4)), HasSubstr(R"("requestId":"r3")"));
    EXPECT_EQ(work.runs, 2);
}

TEST_P(Keyed, AttachesAndReplaysAlsoAtTheLimitOfWhatAUserRuns) {
    Options options;
    options.limits.in_flight_per_user = 1;
    TestNode small(options, GetParam());
    work.add_to(small);
    TestClient caller(small, kPlain);
    ask(caller, "r1", "build");
    EXPECT_EQ(ask(caller, "r2", "build"), "");
    small.advance(std::chrono::seconds(4));
    EXPECT_THAT(caller.take_joined(), HasSubstr(R"("type":"RESPONSE","requestId":"r2")"));
    ask(caller, "r3", "build", "{}", "");
    EXPECT_THAT(ask(caller, "r4", "build"), HasSubstr("replayed"));
    EXPECT_THAT(ask(caller, "r5", "build", R"({"ms":1})"), HasSubstr("IDEMPOTENCY_KEY_REUSED"));
    EXPECT_THAT(ask(caller, "r6", "build", "{}", R"(,"idempotencyKey":"k2")"),
                HasSubstr(code("RATE_LIMITED")));
    EXPECT_EQ(small.executions.records.size(), 1U);
    EXPECT_EQ(work.runs, 2);
}

TEST_P(Keyed, DoesNotRunWhatTheStoreCannotLease) {
    node.executions.down = true;
    auto caller = client();
    EXPECT_THAT(ask(caller, "r1", "pay"), HasSubstr(code("OVERLOADED")));
    node.executions.down = false;
    EXPECT_EQ(work.runs, 0);
    EXPECT_THAT(ask(caller, "r2", "pay"), HasSubstr("RESPONSE"));
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Keyed, HoldsTheEndUntilItsOutcomeIsStored) {
    auto caller = client();
    ask(caller, "r1", "build");
    node.executions.down = true;
    EXPECT_EQ(after(caller, std::chrono::milliseconds(3'600)), "");
    node.executions.down = false;
    EXPECT_THAT(after(caller, std::chrono::milliseconds(500)), HasSubstr(R"({"built":true})"));
    EXPECT_EQ(record().outcome, R"({"built":true})");
}

TEST_P(Keyed, SaysThatTheOutcomeIsUnknownWhenItCannotBeStored) {
    auto caller = client();
    ask(caller, "r1", "build");
    node.executions.down = true;
    EXPECT_THAT(after(caller, std::chrono::seconds(10)), HasSubstr(code("OUTCOME_UNKNOWN")));
    EXPECT_EQ(node.executions.refused, ReplayOptions().save_attempts_max);
    node.executions.down = false;
    const std::string again = ask(caller, "r2", "build");
    EXPECT_THAT(again, HasSubstr(code("OUTCOME_UNKNOWN")));
    EXPECT_THAT(again, Not(HasSubstr("replayed")));
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Keyed, SaysOutcomeUnknownAfterACrash) {
    auto caller = client();
    ask(caller, "r1", "pay");
    record().state = ExecutionState::kUnknown;
    EXPECT_THAT(ask(caller, "r2", "pay"), HasSubstr(code("OUTCOME_UNKNOWN")));
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Keyed, RunsAgainWhenTheWindowIsOver) {
    auto caller = client();
    ask(caller, "r1", "pay");
    record().expires_at = node.clock.wall_now();
    EXPECT_THAT(ask(caller, "r2", "pay"), Not(HasSubstr("replayed")));
    EXPECT_EQ(work.runs, 2);
}

TEST_P(Keyed, ReplaysTheTimeoutAndNotWhatCameLater) {
    auto caller = client();
    ask(caller, "r1", "build", "{}", kKeyed + R"(,"timeoutMs":1500)");
    EXPECT_THAT(after(caller, std::chrono::seconds(5)), HasSubstr(code("TIMEOUT")));
    const std::string again = ask(caller, "r2", "build");
    EXPECT_THAT(again, HasSubstr(code("TIMEOUT")));
    EXPECT_THAT(again, HasSubstr("replayed"));
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Keyed, RefusesKeysOverAUsersMaximum) {
    TestNode small(Options{.replay = {.keys_per_user_max = 1}}, GetParam());
    work.add_to(small);
    TestClient caller(small, kPlain);
    ask(caller, "r1", "pay");
    const std::string answer = ask(caller, "r2", "pay", "{}", R"(,"idempotencyKey":"k2")");
    EXPECT_THAT(answer, HasSubstr(code("QUOTA_EXCEEDED")));
    EXPECT_THAT(answer, HasSubstr("retryAfterMs"));
}

TEST_P(Keyed, RunsOnWhenItsCallerHasGone) {
    {
        auto caller = client();
        ask(caller, "r1", "build");
        caller.transport().drop();
    }
    node.advance(std::chrono::seconds(4));
    auto second = client(kPlain, 1);
    EXPECT_THAT(ask(second, "r2", "build"), HasSubstr(R"({"built":true},"replayed":true)"));
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Keyed, AttachTellsWhatWasMissedAndGoesOn) {
    auto first = client();
    ask(first, "r1", "build");
    node.advance(std::chrono::milliseconds(2'500));
    auto second = client(kPlain, 1);
    const std::string missed =
        ask(second, "r2", "execution.attach", R"({"idempotencyKey":"k1","lastSeq":3})", "");
    EXPECT_THAT(missed, HasSubstr(R"("requestId":"r2")"));
    EXPECT_THAT(missed, HasSubstr(R"("seq":4,"progress":2)"));
    EXPECT_THAT(missed, Not(HasSubstr(R"("seq":3)")));
    const std::string rest = after(second, std::chrono::seconds(2));
    EXPECT_THAT(rest, HasSubstr(R"("seq":5)"));
    EXPECT_THAT(rest, HasSubstr(R"("type":"RESPONSE","requestId":"r2")"));
    EXPECT_THAT(ask(second, "r3", "execution.attach", R"({"idempotencyKey":"k1"})", ""),
                HasSubstr(R"("replayed":true)"));
    EXPECT_THAT(ask(second, "r4", "execution.attach", R"({"idempotencyKey":"none"})", ""),
                HasSubstr(code("NOT_FOUND")));
}

TEST_P(Keyed, AttachFindsNothingOfOtherUsers) {
    auto first = client();
    ask(first, "r1", "build");
    auto other = client(Login{.user = "u2", .session = "s2", .format = "object"});
    EXPECT_THAT(ask(other, "r2", "execution.attach", R"({"idempotencyKey":"k1"})", ""),
                HasSubstr(code("NOT_FOUND")));
    EXPECT_THAT(ask(other, "r3", "execution.cancel", R"({"idempotencyKey":"k1"})", ""),
                HasSubstr(R"({"cancelled":0})"));
}

TEST_P(Keyed, CancelsByKeyFromAnotherConnection) {
    auto first = client();
    ask(first, "r1", "build");
    auto second = client(kPlain, 1);
    EXPECT_THAT(ask(second, "r2", "execution.cancel", R"({"idempotencyKey":"k1"})", ""),
                HasSubstr(R"({"cancelled":1})"));
    EXPECT_THAT(first.take_joined(), HasSubstr(code("CANCELLED")));
    const std::string again = ask(first, "r3", "build");
    EXPECT_THAT(again, HasSubstr(code("CANCELLED")));
    EXPECT_THAT(again, HasSubstr("replayed"));
}

TEST_P(Keyed, CancelsByTheRequestIdOfTheConnection) {
    auto caller = client();
    ask(caller, "r1", "build");
    const std::string answers = ask(caller, "r2", "execution.cancel", R"({"requestId":"r1"})", "");
    EXPECT_THAT(answers, HasSubstr(R"({"cancelled":1})"));
    EXPECT_THAT(answers, HasSubstr(code("CANCELLED")));
}

TEST_P(Keyed, RefusesTooManyCallersOfOneExecution) {
    TestNode small(Options{.replay = {.followers_max = 2}}, GetParam());
    work.add_to(small);
    TestClient caller(small, kPlain);
    ask(caller, "r1", "build");
    ask(caller, "r2", "build");
    EXPECT_THAT(ask(caller, "r3", "build"), HasSubstr(code("RATE_LIMITED")));
}

TEST_P(Keyed, ForgetsTheOldestStatusesOverTheirBound) {
    TestNode small(Options{.replay = {.status_bytes_max = 3 * sizeof(KeptStatus)}}, GetParam());
    work.add_to(small);
    TestClient caller(small, kPlain);
    ask(caller, "r1", "build");
    small.advance(std::chrono::milliseconds(3'000 - 50));
    const std::string known =
        ask(caller, "r2", "execution.attach", R"({"idempotencyKey":"k1"})", "");
    EXPECT_THAT(known, Not(HasSubstr(R"("seq":2)")));
    EXPECT_THAT(known, HasSubstr(R"("seq":4)"));
}

TEST_P(Keyed, LeavesTheLeaseWhenAShutdownCutsItOff) {
    auto caller = client();
    ask(caller, "r1", "build");
    for (ShardIndex i = 0; i < GetParam(); ++i) node.gateway(i).begin_drain([] {});
    for (ShardIndex i = 0; i < GetParam(); ++i) node.gateway(i).end_drain();
    node.turn();
    EXPECT_THAT(caller.take_joined(), HasSubstr(code("SHUTTING_DOWN")));
    EXPECT_EQ(record().state, ExecutionState::kLeased);
}

TEST_P(Keyed, DescribesAndForgetsByKey) {
    auth::Principal who;
    who.user = UserId::trusted("u1");
    who.company = CompanyId::trusted("acme");
    who.permissions = auth::Permissions(std::vector<std::string>{"build"});
    std::string described;
    const auto describe = [&] {
        node.gateway().describe_execution(who, "k1", [&](std::expected<std::string, Error> text) {
            described = text ? *text : text.error().code;
        });
        node.turn();
        return described;
    };
    const auto forget = [&] {
        std::string outcome;
        node.gateway().forget_execution(who, "k1", [&](std::expected<void, Error> forgotten) {
            outcome = forgotten ? "forgotten" : forgotten.error().code;
        });
        node.turn();
        return outcome;
    };
    EXPECT_EQ(describe(), "NOT_FOUND");
    EXPECT_EQ(forget(), "NOT_FOUND");
    auto caller = client();
    ask(caller, "r1", "build");
    EXPECT_THAT(describe(), HasSubstr(R"({"state":"running","action":"build","updates":[{)"));
    EXPECT_EQ(forget(), "OUTCOME_UNKNOWN");
    node.advance(std::chrono::seconds(4));
    EXPECT_EQ(describe(), R"({"state":"succeeded","action":"build","updates":[],"outcome":)"
                          R"({"type":"RESPONSE","requestId":"r1","action":"build","data":)"
                          R"({"built":true}}})");
    who.permissions = {};
    EXPECT_EQ(describe(), "FORBIDDEN");
    EXPECT_EQ(forget(), "forgotten");
    EXPECT_TRUE(node.executions.records.empty());
}

TEST_P(Keyed, IgnoresTheKeyOfWhatConcernsAConnection) {
    auto caller = client();
    EXPECT_THAT(ask(caller, "r1", "artifact.subscribe", R"({"artifactId":"a1"})"),
                HasSubstr("\"subscribed\":true"));
    EXPECT_TRUE(node.executions.records.empty());
}

TEST_P(Keyed, SendsUpdatesOnce) {
    auto caller = client();
    const std::string data = R"({"action":"moved"})";
    EXPECT_THAT(ask(caller, "r1", "updates.send", data), HasSubstr(R"("action":"moved")"));
    const std::string again = ask(caller, "r2", "updates.send", data);
    EXPECT_THAT(again, HasSubstr("replayed"));
    EXPECT_THAT(again, Not(HasSubstr(R"("action":"moved")")));
}

/// What the stock client's `retries` do: the same once more, with another ack.
class Resent : public Keyed {
protected:
    std::string send(TestClient& client, std::string_view ack, std::string_view id = "r1",
                     std::string_view data = "1", std::string_view action = "pay") {
        client.take();
        client.emit(R"("message",{"type":"REQUEST","requestId":")" + std::string(id) +
                        R"(","action":")" + std::string(action) + R"(","data":)" +
                        std::string(data) + '}',
                    ack);
        return client.take_joined();
    }
};
INSTANTIATE_TEST_SUITE_P(Shards, Resent, ::testing::Values<ShardIndex>(1, 3));

TEST_P(Resent, AttachesToTheFirstWithinAMinute) {
    auto caller = client();
    send(caller, "1");
    EXPECT_EQ(send(caller, "2"),
              R"(32[{"type":"RESPONSE","requestId":"r1","action":"pay","data":1,"replayed":true}])"
              "\n");
    auto later = client(kPlain, 1);
    EXPECT_THAT(send(later, "3"), HasSubstr("replayed"));
    EXPECT_EQ(work.runs, 1);
    node.advance(std::chrono::seconds(60));
    EXPECT_THAT(send(later, "4"), Not(HasSubstr("replayed")));
    EXPECT_EQ(work.runs, 2);
    EXPECT_TRUE(node.executions.records.empty());
}

TEST_P(Resent, AttachesWhileItRuns) {
    auto caller = client();
    send(caller, "1", "r1", "{}", "build");
    auto second = client(kPlain, 1);
    EXPECT_EQ(send(second, "2", "r1", "{}", "build"), "");
    EXPECT_THAT(after(second, std::chrono::seconds(4)), HasSubstr(R"(32[{"type":"RESPONSE")"));
    EXPECT_EQ(work.runs, 1);
}

TEST_P(Resent, RunsWhatDiffersOrIsOfAnotherSession) {
    auto caller = client();
    send(caller, "1");
    send(caller, "2", "r2");
    send(caller, "3", "r1", "2");
    Login other = kPlain;
    other.session = "s2";
    auto second = client(other);
    send(second, "4");
    EXPECT_EQ(work.runs, 4);
}

TEST_P(Resent, RunsWithoutAnAckEachTime) {
    auto caller = client();
    send(caller, "");
    send(caller, "");
    EXPECT_EQ(work.runs, 2);
}

TEST_P(Resent, ForgetsTheOldestOfASessionOverItsMaximum) {
    TestNode small(Options{.replay = {.resends_per_session_max = 2}}, GetParam());
    work.add_to(small);
    TestClient caller(small, kPlain);
    for (const char* id : {"r1", "r2", "r3"}) send(caller, "1", id);
    EXPECT_THAT(send(caller, "2", "r2"), HasSubstr("replayed"));
    EXPECT_THAT(send(caller, "3", "r1"), Not(HasSubstr("replayed")));
    EXPECT_EQ(work.runs, 4);
}

TEST_P(Resent, KeepsUsersApartWhoseTokensNameOneSession) {
    TestNode claimed(Options{.session_mode = SessionMode::kClaim}, GetParam());
    work.add_to(claimed);
    for (const char* user : {"alice", "bob"}) {
        TestClient caller(claimed, "&format=object&recovery=0");
        caller.connect(
            "{\"token\":\"" +
            claimed.sign({.user = UserId::trusted(user),
                          .company = CompanyId::trusted("acme"),
                          .permissions = {"*"},
                          .session = SessionId::trusted("shared"),
                          .issued_at = claimed.clock.wall_now(),
                          .expires_at = claimed.clock.wall_now() + std::chrono::hours(1)}) +
            "\"}");
        const std::string answer = send(caller, "1");
        EXPECT_THAT(answer, HasSubstr("RESPONSE"));
        EXPECT_THAT(answer, Not(HasSubstr("replayed")));
    }
    EXPECT_EQ(work.runs, 2);
}

TEST_P(Resent, HoldsTheMaximumOfASessionWhateverHasEndedInATryAgain) {
    TestNode small(Options{.replay = {.resends_per_session_max = 2}}, GetParam());
    work.add_to(small);
    ActionDefinition busy;
    busy.name = "busy";
    busy.concurrency_max = 1;
    busy.waiting_max = 0;
    busy.handler = actions::AsyncHandler(
        [this](ActionContext& context, const JsonText&) { return Work::run(context, work.runs); });
    Work::add(small, std::move(busy));
    TestClient caller(small, kPlain);
    caller.request("r0", "busy", "{}");
    for (const char* id : {"b1", "b2", "b3"})
        EXPECT_THAT(send(caller, "1", id, "{}", "busy"), HasSubstr(code("OVERLOADED")));
    for (const char* id : {"r1", "r2", "r3"}) send(caller, "2", id);
    EXPECT_THAT(send(caller, "3", "r3"), HasSubstr("replayed"));
    EXPECT_THAT(send(caller, "4", "r1"), Not(HasSubstr("replayed")));
}

TEST_P(Resent, DoesNotRememberWhatMayBeTriedAgain) {
    Options options;
    options.limits.in_flight_per_user = 1;
    TestNode small(options, GetParam());
    work.add_to(small);
    TestClient caller(small, kPlain);
    send(caller, "1", "r0", "{}", "build");
    EXPECT_THAT(send(caller, "2", "r1", "{}", "build"), HasSubstr(code("RATE_LIMITED")));
    small.advance(std::chrono::seconds(4));
    caller.take();
    send(caller, "3", "r1", "{}", "build");
    EXPECT_EQ(work.runs, 2);
}

}  // namespace
}  // namespace signalbox::gateway
