#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/recovery_for_tests.h"

namespace signalbox::gateway {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Login;
using ::testing::Not;
using ::testing::StartsWith;
using testing::StockClient;
using testing::TestClient;
using testing::TestNode;

class Recovery : public testing::RecoveryFixture {};

INSTANTIATE_TEST_SUITE_P(Shards, Recovery, ::testing::Values(1, 3));

TEST_P(Recovery, GivesEachMessageAnOffset) {
    StockClient alice(node, kAlice);
    alice.connect();
    EXPECT_EQ(alice.pid.substr(0, 20), alice.sid);
    EXPECT_EQ(alice.pid.size(), 42U);
    publish_named("a");
    alice.request("r", "echo");
    node.turn();
    alice.read();
    ASSERT_EQ(alice.messages.size(), 3U);
    EXPECT_THAT(alice.messages[0].offset, ::testing::EndsWith("-0.0"));
    EXPECT_THAT(alice.messages[1].offset, ::testing::EndsWith("-1"));
    EXPECT_THAT(alice.messages[2].offset, ::testing::EndsWith("-1.1"));
    EXPECT_EQ(alice.messages[1].position, 1U);
}

TEST_P(Recovery, EndsVolatileTextInNull) {
    TestClient text(node, Login{}), object(node, Login{.format = "object"});
    text.take(), object.take();
    publish(R"({"action":"v","volatile":true})");
    EXPECT_THAT(text.take_joined(), HasSubstr("\",null]"));
    EXPECT_THAT(object.take_joined(), HasSubstr("\"}]"));
}

TEST_P(Recovery, SendsWhatWasMissedOnceInOrderBeforeTheAnswer) {
    StockClient alice(node, kAlice);
    alice.connect();
    const std::string sid = alice.sid, pid = alice.pid;
    publish_named("a");
    alice.read();
    publish_named("b");
    alice.request("r1", "echo");
    node.turn();
    publish_named("c");
    alice.cut();
    publish_named("d");
    publish(R"({"action":"not hers","audience":{"users":["bob"]}})");
    publish(R"({"action":"hers","audience":{"users":["alice"]}})");
    publish(
        R"({"action":"nor this","audience":{"users":["alice"],"except":{"sessions":["s-alice"]}}})");
    publish(R"({"action":"lost","volatile":true})");
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected", "a"));
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_EQ(alice.sid, sid);
    EXPECT_EQ(alice.pid, pid);
    EXPECT_THAT(alice.messages.back().text, HasSubstr(R"("recovered":true)"));
    EXPECT_THAT(alice.messages.back().text, HasSubstr(sid));
    EXPECT_THAT(alice.take_names(), ElementsAre("b", "r1", "c", "d", "hers", "system.connected"));
    publish_named("e");
    alice.read();
    EXPECT_THAT(alice.take_names(), ElementsAre("e"));
    EXPECT_EQ(stats().connections_recovered, 1U);
    EXPECT_EQ(stats().connections_parked, 0U);
    EXPECT_EQ(stats().connections_open, 1U);
}

TEST_P(Recovery, KeepsTheAnswerOfAnActionInsideOfWhichTheConnectionBroke) {
    StockClient alice(node, kAlice);
    actions::ActionDefinition cut;
    cut.name = "cut";
    cut.handler = [&](actions::ActionContext& context, const JsonText& data) {
        alice.cut();
        EXPECT_EQ(context.principal().user.str(), "alice");
        return actions::ActionResult(data);
    };
    ASSERT_TRUE(node.registry.add(std::move(cut)));
    alice.connect();
    alice.read();
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected"));
    alice.request("r1", "cut");
    node.turn();
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("r1", "system.connected"));
}

TEST_P(Recovery, GivesReplayedMessagesTheirOwnOffsets) {
    StockClient alice(node, kAlice);
    alice.connect();
    publish_named("a");
    alice.request("r1", "echo");
    node.turn();
    alice.cut();
    alice.connect(elsewhere());
    ASSERT_EQ(alice.messages.size(), 4U);
    EXPECT_THAT(alice.messages[1].offset, ::testing::EndsWith("-1"));
    EXPECT_THAT(alice.messages[2].offset, ::testing::EndsWith("-1.1"));
    // Half of it again: only the offset says what has arrived.
    alice.offset = alice.messages[1].offset;
    alice.messages.clear();
    alice.cut();
    alice.connect();
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("r1", "system.connected"));
}

TEST_P(Recovery, TakesOverAConnectionThatIsStillBelievedAlive) {
    StockClient alice(node, kAlice);
    alice.connect();
    const std::string sid = alice.sid;
    alice.stall();
    publish_named("a");
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_EQ(alice.sid, sid);
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected", "a", "system.connected"));
    EXPECT_TRUE(alice.stalled().closed());
    EXPECT_THAT(alice.stalled().take_texts(), Not(Contains("1")));
    EXPECT_EQ(stats().connections_superseded, 1U);
    EXPECT_EQ(stats().connections_open, 1U);
    publish_named("b");
    alice.read();
    EXPECT_THAT(alice.take_names(), ElementsAre("b"));
}

/// The attempt of a client that has given it up for a later one, its CONNECT still on the way.
class AbandonedAttempt : public Recovery {
protected:
    AbandonedAttempt() {
        alice.connect();
        alice.stall();
        first.pid = alice.pid;
        first.offset = alice.offset;
        node.advance(Milliseconds(50));
        first.open();
        node.advance(Milliseconds(50));
        alice.connect(elsewhere());
        alice.messages.clear();
    }
    void let_first_arrive() {
        first.say_hello();
        node.turn();
        first.read();
        EXPECT_TRUE(first.connected);
        EXPECT_FALSE(first.recovered);
        EXPECT_NE(first.sid, alice.sid);
    }
    StockClient alice{node, kAlice};
    StockClient first{node, kAlice};
};

INSTANTIATE_TEST_SUITE_P(Shards, AbandonedAttempt, ::testing::Values(1, 3));

TEST_P(AbandonedAttempt, LeavesTheLaterConnectionAlone) {
    let_first_arrive();
    EXPECT_FALSE(alice.transport().closed());
    publish_named("a");
    alice.read();
    EXPECT_THAT(alice.take_names(), ElementsAre("a"));
    EXPECT_EQ(stats().connections_superseded, 1U) << "the one that was stalled";
}

TEST_P(AbandonedAttempt, DoesNotUseUpWhatTheLaterConnectionLeft) {
    alice.cut();
    publish_named("a");
    let_first_arrive();
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("a", "system.connected"));
}

TEST_P(AbandonedAttempt, LosesARaceWithTheLaterOneWhicheverIsFirst) {
    StockClient early(node, kAlice), late(node, kAlice);
    early.pid = late.pid = alice.pid;
    early.offset = late.offset = alice.offset;
    node.advance(Milliseconds(50));
    early.open();
    node.advance(Milliseconds(50));
    late.open(elsewhere());
    early.say_hello();
    late.say_hello();
    node.turn();
    early.read(), late.read();
    EXPECT_TRUE(late.recovered);
    EXPECT_EQ(late.sid, alice.sid);
    EXPECT_FALSE(late.transport().closed());
    EXPECT_TRUE(early.transport().closed() || early.sid != alice.sid);
}

TEST_P(Recovery, NeedsNoMessageToHaveArrived) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.cut();
    alice.offset.reset();
    alice.messages.clear();
    publish_named("a");
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("a", "system.connected"));
}

TEST_P(Recovery, RefusesPidsThatAreNotTheirs) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.cut();
    publish_named("secret");
    const std::string pid = alice.pid;
    for (const Login& login :
         {Login{.user = "alice", .session = "another"}, Login{.user = "bob", .session = "s-bob"},
          Login{.user = "alice", .company = "other", .session = "s-other"}}) {
        StockClient thief(node, login);
        thief.pid = pid;
        thief.offset = alice.offset;
        thief.connect(elsewhere());
        EXPECT_TRUE(thief.connected);
        EXPECT_FALSE(thief.recovered);
        EXPECT_NE(thief.sid, alice.sid);
        EXPECT_THAT(thief.take_names(), ElementsAre("system.connected"));
    }
    StockClient guesser(node, kAlice);
    guesser.pid = pid.substr(0, 20) + std::string(22, 'A');
    guesser.connect(elsewhere());
    EXPECT_FALSE(guesser.recovered);
    alice.connect();
    EXPECT_TRUE(alice.recovered) << "none of them has used it up";
}

TEST_P(Recovery, LeavesAConnectionAloneWhoseSecretIsGuessedWrong) {
    StockClient alice(node, kAlice);
    alice.connect();
    StockClient guesser(node, kAlice);
    guesser.pid = alice.sid + std::string(22, 'A');
    guesser.connect(elsewhere());
    EXPECT_FALSE(guesser.recovered);
    EXPECT_FALSE(alice.transport().closed());
}

struct OffsetCase {
    std::string offset;  ///< EPOCH stands for the right one
    bool recovered;
};

TEST_P(Recovery, TreatsNonsenseOffsetsAsAHole) {
    const OffsetCase cases[] = {{"x", false},         {"", false},          {"EPOCH-999999", false},
                                {"EPOCH-2.5", false}, {"EPOCH-02", false},  {"EPOCH-2.", false},
                                {"EPOCH--2", false},  {"EPOCH-2", true},    {"EPOCH-2.0", true},
                                {"EPOCH-0", true},    {"another-2", false}, {"older_-7.9", true}};
    for (const auto& [offset, recovered] : cases) {
        TestNode fresh({}, GetParam());
        StockClient alice(fresh, kAlice);
        const auto publish_in = [&] {
            fresh.gateway().publish_trusted(
                *updates::parse_updates(R"({"action":"a"})", *CompanyId::parse("acme")),
                [](auto) {});
            fresh.turn();
        };
        publish_in();
        alice.connect();
        publish_in();
        alice.read();
        const std::string epoch = alice.offset->substr(0, alice.offset->rfind('-'));
        const std::size_t at = offset.find("EPOCH");
        alice.offset = at == std::string::npos ? offset : epoch + offset.substr(at + 5);
        alice.cut();
        alice.connect(elsewhere());
        ASSERT_TRUE(alice.connected);
        EXPECT_EQ(alice.recovered, recovered) << offset;
        EXPECT_THAT(alice.messages.back().text,
                    HasSubstr(recovered ? R"("recovered":true)" : R"("recovered":false)"));
    }
}

TEST_P(Recovery, ClampsOldOffsetsToTheStartOfThePid) {
    StockClient alice(node, kAlice);
    alice.connect();
    publish_named("a");
    alice.read();
    alice.cut();
    node.advance(std::chrono::minutes(3));
    publish_named("b");
    alice.connect();
    EXPECT_FALSE(alice.recovered);
    // Cut before anything of the new pid has arrived: the offset is still the old one's.
    const std::string old_offset = alice.messages[1].offset;
    publish_named("c");
    alice.cut();
    alice.offset = old_offset;
    alice.messages.clear();
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("c", "system.connected"));
}

TEST_P(Recovery, EndsWithTheClientsDisconnect) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.send("1");
    node.turn();
    alice.cut();
    EXPECT_EQ(stats().connections_parked, 0U);
    alice.connect(elsewhere());
    EXPECT_FALSE(alice.recovered);
}

TEST_P(Recovery, EndsWithRevocation) {
    StockClient alice(node, kAlice), bob(node, Login{.user = "bob", .session = "s-bob"});
    alice.connect();
    bob.connect();
    alice.cut();
    node.turn();
    EXPECT_EQ(stats().connections_parked, 1U);
    for (const char* session : {"s-alice", "s-bob"}) {
        const auth::SessionRecord record = node.sessions.records[session];
        node.sessions.records.erase(session);
        node.gateway().close_revoked(record);
        node.turn();
    }
    EXPECT_EQ(stats().connections_parked, 0U);
    bob.cut();
    node.add_session("s-alice", "alice", "acme");
    node.add_session("s-bob", "bob", "acme");
    alice.connect(elsewhere());
    bob.connect(elsewhere());
    EXPECT_FALSE(alice.recovered);
    EXPECT_FALSE(bob.recovered);
}

TEST_P(Recovery, EndsAfterMaxDisconnection) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.cut();
    node.advance(std::chrono::seconds(119));
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    alice.cut();
    node.advance(std::chrono::seconds(120));
    alice.connect();
    EXPECT_FALSE(alice.recovered);
    alice.cut();
    node.advance(std::chrono::seconds(140));
    EXPECT_EQ(stats().connections_parked, 0U);
    EXPECT_EQ(stats().parked_bytes, 0U);
    EXPECT_EQ(stats().update_log_bytes, 0U);
}

TEST_P(Recovery, CanBeDeclined) {
    for (const char* query : {"&recovery=0", "&recovery=false"}) {
        StockClient alice(node, Login{.user = "alice", .session = "s", .more_query = query});
        alice.connect();
        publish_named("a");
        alice.read();
        EXPECT_TRUE(alice.pid.empty());
        EXPECT_EQ(alice.messages.back().offset, "");
        alice.cut();
    }
    TestClient client(node, "&sessionId=s");
    client.connect(R"({"recovery":0,"token":")" + node.token("alice", "acme") + "\"}");
    EXPECT_THAT(client.take().at(0), Not(HasSubstr("pid")));
    EXPECT_EQ(stats().connections_parked, 0U);
}

TEST_P(Recovery, ChecksTheTokenAlways) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.cut();
    const std::string good = alice.token;
    alice.token = "no.good.token";
    alice.connect(elsewhere());
    EXPECT_THAT(alice.refusal, HasSubstr("INVALID_TOKEN"));
    alice.token = good;
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
}

TEST_P(Recovery, GoesByTheTokenThatLivesLonger) {
    StockClient alice(node, kAlice);
    const std::string brief = node.token("alice", "acme", {}, std::chrono::seconds(60));
    alice.connect();
    const std::string expiry =
        alice.messages[0].text.substr(alice.messages[0].text.find("expiresAt"), 40);
    alice.token = brief;
    alice.cut();
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.messages.back().text, HasSubstr(expiry));
    alice.cut();
    node.advance(std::chrono::seconds(70));
    alice.connect();
    EXPECT_TRUE(alice.recovered) << "an expired token, when a later one was accepted before";
    EXPECT_THAT(alice.messages.back().text, HasSubstr(expiry));
    alice.cut();
    node.advance(std::chrono::seconds(121));
    alice.connect();
    EXPECT_FALSE(alice.connected) << "the connection that the later one was accepted for is gone";
    EXPECT_THAT(alice.refusal, HasSubstr("TOKEN_EXPIRED"));
}

TEST_P(Recovery, EndsWithTheTokens) {
    StockClient alice(node, kAlice);
    alice.token = node.token("alice", "acme", {}, std::chrono::seconds(30));
    alice.connect();
    alice.cut();
    node.advance(std::chrono::seconds(40));
    alice.connect(elsewhere());
    EXPECT_THAT(alice.refusal, HasSubstr("TOKEN_EXPIRED"));
}

TEST_P(Recovery, KeepsWhatIsParkedWhenTheAnswerMustWait) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.cut();
    publish_named("a");
    node.sessions.down = true;
    alice.connect(elsewhere());
    EXPECT_FALSE(alice.connected);
    node.sessions.down = false;
    alice.cut();
    alice.connect();
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected", "a", "system.connected"));
}

TEST_P(Recovery, KeepsWhatIsParkedWhenTheClientGoesBeforeTheAnswer) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.cut();
    publish_named("a");
    alice.begin(elsewhere());
    alice.cut();
    node.turn();
    EXPECT_EQ(stats().connections_parked, 1U);
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected", "a", "system.connected"));
    EXPECT_EQ(stats().connections_open, 1U);
}

TEST_P(Recovery, BringsArtifactsBackAndNothingFromBeforeOrAfterThem) {
    StockClient alice(node, kAlice);
    alice.connect();
    const auto change = [&](const char* action, const char* artifact) {
        alice.request("x", action, R"({"artifactId":")" + std::string(artifact) + "\"}");
        node.turn();
    };
    const auto publish_to = [&](const char* artifact, const char* action) {
        publish(R"({"artifactId":")" + std::string(artifact) + R"(","action":")" + action + "\"}");
    };
    publish_to("a", "too early");
    change("artifact.subscribe", "a");
    publish_to("a", "a1");
    change("artifact.unsubscribe", "a");
    publish_to("a", "between");
    change("artifact.subscribe", "a");
    change("artifact.subscribe", "b");
    publish_to("b", "b1");
    change("artifact.unsubscribe", "b");
    publish_to("b", "too late");
    alice.cut();
    publish_to("a", "a2");
    publish_to("b", "later still");
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected", "x", "a1", "x", "x", "x", "b1",
                                                "x", "a2", "system.connected"));
    publish_to("a", "a3");
    publish_to("b", "b3");
    alice.read();
    EXPECT_THAT(alice.take_names(), ElementsAre("a3"));
}

TEST_P(Recovery, AsksAgainForTheRightToWatch) {
    StockClient alice(
        node,
        Login{.user = "alice", .session = "s-alice", .permissions = {}, .roles = {"watcher"}});
    alice.connect();
    for (const char* artifact : {"a", "b"}) {
        alice.request("x", "artifact.subscribe",
                      R"({"artifactId":")" + std::string(artifact) + "\"}");
    }
    node.turn();
    alice.read();
    alice.messages.clear();
    publish(R"({"artifactId":"a","action":"a1"})");
    publish(R"({"artifactId":"b","action":"b1"})");
    alice.cut();
    node.set_policy({.roles = {{"watcher", {"artifact:b:watch"}}},
                     .artifact_rules = {auth::ArtifactRule::kPermission}});
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    publish(R"({"artifactId":"a","action":"a2"})");
    publish(R"({"artifactId":"b","action":"b2"})");
    alice.read();
    EXPECT_THAT(alice.take_names(),
                ElementsAre("b1", "system.connected", "system.permissionsChanged", "b2"));
    alice.request("again", "artifact.subscribe", R"({"artifactId":"a"})");
    node.turn();
    alice.read();
    EXPECT_THAT(alice.messages.back().text, HasSubstr("ARTIFACT_FORBIDDEN"));
}

TEST_P(Recovery, ReplaysInTheFormThatIsAskedForNow) {
    StockClient alice(node, Login{.user = "alice", .session = "s", .format = "object"});
    alice.connect();
    publish(R"({"action":"a","data":{"v": 1.0}})");
    alice.request("r", "echo", "[ 1]");
    node.turn();
    alice.cut();
    TestClient raw(node, "&sessionId=s&format=object", elsewhere());
    raw.connect(R"({"pid":")" + alice.pid + R"(","offset":")" + *alice.offset + R"(","token":")" +
                alice.token + "\"}");
    const auto packets = raw.take();
    ASSERT_EQ(packets.size(), 4U);
    EXPECT_THAT(packets[0], StartsWith(R"(2["message",{"type":"UPDATE")"));
    EXPECT_THAT(packets[0], HasSubstr(R"("data":{"v": 1.0})"));
    EXPECT_THAT(packets[1], HasSubstr(R"("data":[ 1]},")"));
    EXPECT_THAT(packets[2], StartsWith(R"(0{"sid":")" + alice.sid));
    raw.transport().drop();
    node.turn();
    TestClient text(node, "&sessionId=s&format=string", 0);
    text.connect(R"({"pid":")" + alice.pid + R"(","offset":")" + *alice.offset + R"(","token":")" +
                 alice.token + "\"}");
    EXPECT_THAT(text.take().at(0), StartsWith(R"(2["message","{\"type\":\"UPDATE\")"));
}

TEST_P(Recovery, HelpsAQuietConnectionOfABusyCompany) {
    StockClient alice(node, kAlice);
    alice.connect();
    for (int i = 0; i < 10; ++i) {
        publish(R"({"action":"n","audience":{"users":["bob"]}})");
        node.advance(std::chrono::minutes(1));
    }
    alice.cut();
    publish(R"({"action":"hers","audience":{"users":["alice"]}})");
    alice.messages.clear();
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("hers", "system.connected"));
}

TEST_P(Recovery, CountsOnlyWhatIsAboveTheAdmissionsPosition) {
    StockClient alice(node, kAlice);
    publish_named("before");
    alice.begin(elsewhere());
    publish_named("during or before");
    node.turn();
    alice.read();
    ASSERT_TRUE(alice.connected);
    const auto names = alice.take_names();
    alice.cut();
    alice.connect();
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.take_names(), ElementsAre("system.connected"));
}

TEST_P(Recovery, DoesNotTrustALastWordToASlowConsumer) {
    StockClient alice(node, kAlice);
    alice.connect();
    alice.messages.clear();
    alice.transport().websocket().buffered_bytes = 2U << 20;
    publish_named("too much");
    alice.read();
    EXPECT_THAT(alice.take_names(), ElementsAre("system.slowConsumer"));
    EXPECT_TRUE(alice.transport().closed());
    alice.connect(elsewhere());
    EXPECT_TRUE(alice.recovered);
    EXPECT_THAT(alice.messages.back().text, HasSubstr(R"("lastClose":{"code":"SLOW_CONSUMER")"));
    EXPECT_THAT(alice.take_names(), ElementsAre("too much", "system.connected"));
}

}  // namespace
}  // namespace signalbox::gateway
