#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "gateway/recovery_for_tests.h"

namespace signalbox::gateway {
namespace {

using auth::ArtifactRule;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Login;
using ::testing::Not;
using testing::StockClient;
using testing::TestClient;

const auth::RoleTable kEditors{{"editor", {"job:run", "artifact:a:watch"}}};

/// Alice is an editor, and may watch artifact a and run `job` as that; b she may watch by herself.
class Rights : public testing::RecoveryFixture {
protected:
    Rights() {
        actions::ActionDefinition job;
        job.name = "job";
        job.description = "Takes long.";
        job.permission = "job:run";
        job.handler =
            actions::AsyncHandler([](actions::ActionContext& context,
                                     const JsonText& data) -> Async<actions::ActionResult> {
                co_await context.sleep(std::chrono::seconds(20));
                co_return data;
            });
        SB_CHECK(node.registry.add(std::move(job)).has_value());
        set_roles(kEditors);
    }
    void set_roles(auth::RoleTable roles) {
        node.set_policy({.roles = std::move(roles), .artifact_rules = {ArtifactRule::kPermission}});
        node.turn();
    }
    void watch(TestClient& client, std::string_view artifact) {
        client.request("w", "artifact.subscribe",
                       "{\"artifactId\":\"" + std::string(artifact) + "\"}");
    }
    void publish_to(std::string_view artifact) {
        publish(R"({"action":"of )" + std::string(artifact) + R"(","artifactId":")" +
                std::string(artifact) + "\"}");
    }
    std::string refresh(TestClient& client, const Login& login) {
        client.request("f", "auth.refresh", "{\"token\":\"" + login.token(node) + "\"}");
        return client.take_joined();
    }

    const Login kEditor{.user = "alice",
                        .session = "s-alice",
                        .permissions = {"artifact:b:watch"},
                        .format = "object",
                        .roles = {"editor"}};
    const Login kPlain{.user = "alice",
                       .session = "s-alice",
                       .permissions = {"artifact:b:watch"},
                       .format = "object"};
};

INSTANTIATE_TEST_SUITE_P(Shards, Rights, ::testing::Values(1, 3));

TEST_P(Rights, EndWithARoleThatTheConfigurationTakesAway) {
    TestClient alice(node, kEditor, elsewhere());
    watch(alice, "a"), watch(alice, "b");
    alice.request("j", "job");
    alice.take();
    set_roles({});
    EXPECT_THAT(
        alice.take_joined(),
        AllOf(
            HasSubstr(R"("action":"system.permissionsChanged","data":{"cause":"roles",)"
                      R"("permissions":["artifact:b:watch"],"endedSubscriptions":["a"]})"),
            HasSubstr(
                R"({"type":"ERROR","requestId":"j","action":"job","error":{"code":"FORBIDDEN")")));
    publish_to("a"), publish_to("b"), publish_named("all");
    EXPECT_THAT(alice.take_joined(),
                AllOf(Not(HasSubstr("of a")), HasSubstr("of b"), HasSubstr("all")));
    alice.request("j2", "job");
    EXPECT_THAT(alice.take_joined(), HasSubstr("FORBIDDEN"));
    watch(alice, "a");
    EXPECT_THAT(alice.take_joined(), HasSubstr("ARTIFACT_FORBIDDEN"));
}

TEST_P(Rights, GrowWithARoleThatTheConfigurationAdds) {
    set_roles({});
    TestClient alice(node, kEditor, elsewhere());
    alice.take();
    set_roles(kEditors);
    EXPECT_THAT(alice.take_joined(),
                HasSubstr(R"("permissions":["artifact:a:watch","artifact:b:watch","job:run"],)"
                          R"("endedSubscriptions":[])"));
    alice.request("j", "job");
    node.advance(std::chrono::seconds(21));
    EXPECT_THAT(alice.take_joined(), HasSubstr("\"RESPONSE\""));
}

TEST_P(Rights, StayAndNothingIsSaidWhenNothingChangesForTheConnection) {
    TestClient alice(node, kEditor, elsewhere());
    alice.request("j", "job");
    alice.take();
    set_roles({{"editor", kEditors.at("editor")}, {"other", {"x"}}});
    EXPECT_EQ(alice.take_joined(), "");
    EXPECT_EQ(stats().rights_changed, 0U);
    node.advance(std::chrono::seconds(21));
    EXPECT_THAT(alice.take_joined(), HasSubstr("\"RESPONSE\""));
}

TEST_P(Rights, EndWithATokenThatHasThemNoLonger) {
    TestClient alice(node, kEditor, elsewhere());
    watch(alice, "a"), watch(alice, "b");
    alice.request("j", "job");
    alice.take();
    EXPECT_THAT(refresh(alice, kPlain),
                AllOf(HasSubstr(R"("cause":"token","permissions":["artifact:b:watch"],)"
                                R"("endedSubscriptions":["a"])"),
                      HasSubstr(R"("requestId":"j","action":"job","error":{"code":"FORBIDDEN")"),
                      HasSubstr(R"("permissionsChanged":true)")));
    publish_to("a"), publish_to("b");
    EXPECT_THAT(alice.take_joined(), AllOf(Not(HasSubstr("of a")), HasSubstr("of b")));
}

TEST_P(Rights, OfAnArtifactsClaimEndWithIt) {
    node.set_policy({});
    const Login all{.user = "alice", .session = "s-alice", .format = "object"};
    Login some = all;
    some.artifacts = {"b*"};
    TestClient alice(node, all, elsewhere());
    watch(alice, "a"), watch(alice, "b1");
    alice.take();
    EXPECT_THAT(refresh(alice, some), HasSubstr(R"("endedSubscriptions":["a"])"));
    publish_to("a"), publish_to("b1");
    EXPECT_THAT(alice.take_joined(), AllOf(Not(HasSubstr("of a")), HasSubstr("of b1")));
}

TEST_P(Rights, OfOtherConnectionsStayWithARefresh) {
    TestClient one(node, kEditor, elsewhere()), other(node, kEditor);
    one.request("j", "job"), other.request("j", "job");
    watch(other, "a");
    one.take(), other.take();
    refresh(one, kPlain);
    EXPECT_EQ(other.take_joined(), "");
    publish_to("a");
    EXPECT_THAT(other.take_joined(), HasSubstr("of a"));
    node.advance(std::chrono::seconds(21));
    EXPECT_THAT(other.take_joined(), HasSubstr("\"RESPONSE\""));
}

TEST_P(Rights, OfABrokenConnectionAreThoseOfTheDayItComesBack) {
    StockClient alice(node, kEditor);
    alice.connect(elsewhere());
    alice.request("wa", "artifact.subscribe", R"({"artifactId":"a"})");
    alice.request("wb", "artifact.subscribe", R"({"artifactId":"b"})");
    alice.request("j", "job");
    node.turn();
    alice.read();
    alice.messages.clear();
    alice.cut();
    publish_to("a"), publish_to("b");
    set_roles({});
    alice.connect();
    EXPECT_TRUE(alice.recovered);
    const auto told = alice.messages.back().text;
    EXPECT_THAT(alice.take_names(),
                ElementsAre("j", "of b", "system.connected", "system.permissionsChanged"));
    EXPECT_THAT(told, HasSubstr(R"("cause":"roles","permissions":["artifact:b:watch"],)"
                                R"("endedSubscriptions":["a"])"));
    publish_to("a"), publish_to("b");
    alice.read();
    EXPECT_THAT(alice.take_names(), ElementsAre("of b"));
    alice.cut();
    alice.connect();
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected"));
}

TEST_P(Rights, OfABrokenConnectionEndAtTheMomentOfTheReload) {
    StockClient alice(node, kEditor);
    alice.connect(elsewhere());
    alice.request("wa", "artifact.subscribe", R"({"artifactId":"a"})");
    node.turn();
    alice.read();
    alice.messages.clear();
    alice.cut();
    publish(R"({"action":"before","audience":{"except":{"artifacts":["a"]}}})");
    set_roles({});
    publish(R"({"action":"after","audience":{"except":{"artifacts":["a"]}}})");
    set_roles(kEditors);
    publish_to("a");
    alice.connect();
    ASSERT_TRUE(alice.recovered);
    const auto told = alice.messages.back().text;
    EXPECT_THAT(alice.take_names(),
                ElementsAre("after", "system.connected", "system.permissionsChanged"));
    EXPECT_THAT(told, HasSubstr(R"("cause":"roles","permissions":["artifact:a:watch",)"
                                R"("artifact:b:watch","job:run"],"endedSubscriptions":["a"])"));
}

TEST_P(Rights, OfARecoveredConnectionAreThoseOfTheTokenThatLivesLonger) {
    StockClient alice(node, kEditor);
    alice.connect();
    alice.request("wa", "artifact.subscribe", R"({"artifactId":"a"})");
    node.turn();
    alice.read();
    alice.messages.clear();
    alice.cut();
    alice.token = kPlain.token(node, std::chrono::hours(2));
    alice.connect(elsewhere());
    ASSERT_TRUE(alice.recovered);
    EXPECT_THAT(alice.messages.back().text,
                HasSubstr(R"("cause":"token","permissions":["artifact:b:watch"],"endedSub)"));
}

TEST_P(Rights, AreLostByAConnectionThatIsBeingLetIn) {
    node.add_session("s-alice", "alice", "acme");
    TestClient alice(node, "&format=object&artifactId=a&sessionId=s-alice", elsewhere());
    alice.transport().send_text("0{\"token\":\"" + kEditor.token(node) + "\"}");
    node.set_policy({.roles = {}, .artifact_rules = {ArtifactRule::kPermission}});
    node.turn();
    EXPECT_THAT(alice.take_joined(), HasSubstr("ARTIFACT_FORBIDDEN"));
    publish_to("a");
    EXPECT_EQ(alice.take_joined(), "");
}

TEST_P(Rights, AreToldOfAlsoWhenTheReplayBreaksTheTransport) {
    StockClient alice(node, kEditor);
    alice.connect(elsewhere());
    alice.request("wa", "artifact.subscribe", R"({"artifactId":"a"})");
    alice.request("wb", "artifact.subscribe", R"({"artifactId":"b"})");
    node.turn();
    alice.read();
    alice.cut();
    publish_to("a"), publish_to("b");
    set_roles({});
    alice.open(elsewhere());
    alice.transport().websocket().buffered_bytes = 2U << 20;
    alice.say_hello();
    node.turn();
    ASSERT_TRUE(alice.transport().closed());
    alice.cut();
    alice.messages.clear();
    alice.connect();
    ASSERT_TRUE(alice.recovered);
    const auto told = alice.messages.back().text;
    EXPECT_THAT(alice.take_names(),
                ElementsAre("of b", "system.connected", "system.permissionsChanged"));
    EXPECT_THAT(told, HasSubstr(R"("endedSubscriptions":["a"])"));
}

/// Keeps the end of a call.
struct Listener final : CallListener {
    void on_update(std::string_view) override {}
    void on_final(int status, std::string_view envelope, std::optional<Milliseconds>) override {
        answer = std::to_string(status) + ' ' + std::string(envelope);
    }
    std::string answer;
};

ActionCall job_of_an_editor() {
    ActionCall call;
    call.action = "job";
    call.request_id = "j";
    call.principal.user = UserId::trusted("alice");
    call.principal.company = CompanyId::trusted("acme");
    call.principal.permissions =
        auth::Permissions({.permissions = {}, .roles = {"editor"}, .artifacts = {}}, kEditors);
    return call;
}

TEST_P(Rights, AreLookedAtOnceMoreWhenACallOverRestHasBeenCharged) {
    node.options_.limits.user_messages = {100, 100};
    node.set_limits(node.options_.limits);
    std::vector<std::shared_ptr<Listener>> listeners;
    for (ShardIndex shard = 0; shard < GetParam(); ++shard) {
        listeners.push_back(std::make_shared<Listener>());
        node.gateway(shard).call_action(job_of_an_editor(), listeners.back());
    }
    node.set_policy({});
    node.turn();
    for (const auto& listener : listeners)
        EXPECT_THAT(listener->answer, AllOf(HasSubstr("403 "), HasSubstr("FORBIDDEN")));
    EXPECT_LE(stats().executions_started, 1U) << "on the home shard nothing waits";
}

TEST_P(Rights, EndTheExecutionsOfRestToo) {
    auto listener = std::make_shared<Listener>();
    node.gateway(elsewhere()).call_action(job_of_an_editor(), listener);
    node.turn();
    EXPECT_EQ(listener->answer, "");
    set_roles({});
    EXPECT_THAT(listener->answer, AllOf(HasSubstr("403 "), HasSubstr("FORBIDDEN")));
}

}  // namespace
}  // namespace signalbox::gateway
