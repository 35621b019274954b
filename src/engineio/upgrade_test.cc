#include <gtest/gtest.h>

#include "engineio/server_fixture.h"

namespace signalbox::engineio {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

class Upgrade : public ::testing::Test, protected ServerFixture {
protected:
    Upgrade()
        : ServerFixture({.ping_interval = Milliseconds(300),
                         .ping_timeout = Milliseconds(200),
                         .upgrade_timeout = Milliseconds(100)}) {}
    static void send(WebSocketRecord& websocket, std::string_view packet) {
        websocket.receive(MessageKind::kText, packet);
    }
    std::string sid_ = open_polling();
};

TEST_F(Upgrade, AnswersTheProbeAndReleasesTheHeldGet) {
    const auto held = get(sid_);
    const auto websocket = upgrade_with(sid_)->websocket;
    EXPECT_TRUE(held->pending());
    EXPECT_TRUE(websocket->sent.empty());
    send(*websocket, "2probe");
    EXPECT_EQ(texts_of(*websocket), Texts{"3probe"});
    EXPECT_EQ(held->body(), "6");
    EXPECT_FALSE(last_session().is_websocket());
}

TEST_F(Upgrade, HoldsNoGetBetweenProbeAndUpgrade) {
    probe(sid_);
    EXPECT_EQ(get(sid_)->body(), "6");
    last_session().send(MessageKind::kText, "a");
    EXPECT_EQ(get(sid_)->body(), "4a");
    EXPECT_EQ(get(sid_)->body(), "6");
}

TEST_F(Upgrade, KeepsPollingInBothDirectionsUntilTheUpgradePacket) {
    const auto websocket = probe(sid_);
    EXPECT_EQ(post(sid_, "4in")->body(), "ok");
    EXPECT_EQ(last_heard().messages, (std::vector<FakeMessage>{{MessageKind::kText, "in"}}));
    last_session().send(MessageKind::kText, "out");
    EXPECT_EQ(get(sid_)->body(), "4out");
    send(*websocket, "5");
    EXPECT_EQ(texts_of(*websocket), Texts{"3probe"});
}

TEST_F(Upgrade, MovesWhatIsQueuedToTheWebSocketInOrder) {
    const auto websocket = probe(sid_);
    last_session().send(MessageKind::kText, "a");
    last_session().send(MessageKind::kBinary, "b");
    last_session().send(MessageKind::kText, "c");
    send(*websocket, "5");
    last_session().send(MessageKind::kText, "d");
    EXPECT_EQ(texts_of(*websocket), Texts({"3probe", "4a", "binary b", "4c", "4d"}));
    EXPECT_TRUE(last_session().is_websocket());
    EXPECT_EQ(last_session().buffered_bytes(), 0U);
    send(*websocket, "4x");
    EXPECT_EQ(last_heard().messages.size(), 1U);
}

TEST_F(Upgrade, LosesAndDoublesNothingWhereverTheUpgradeFalls) {
    for (int upgraded_at = 0; upgraded_at < 6; ++upgraded_at) {
        const std::string sid = open_polling();
        const auto websocket = probe(sid);
        std::string received;
        for (int i = 0; i < 6; ++i) {
            if (i == upgraded_at) send(*websocket, "5");
            last_session().send(MessageKind::kText, std::to_string(i));
            if (i < upgraded_at && i % 2 == 0) received += get(sid)->body().substr(1, 1);
            if (i < upgraded_at && i % 2 == 1 && i + 1 < upgraded_at) {
                received += get(sid)->body().substr(1, 1);
            }
        }
        for (const std::string& frame : texts_of(*websocket)) {
            if (frame.starts_with('4')) received += frame.substr(1);
        }
        EXPECT_EQ(received, "012345") << "upgraded at " << upgraded_at;
    }
}

TEST_F(Upgrade, ReleasesAGetThatIsHeldWhenTheUpgradeComesWithoutAProbe) {
    const auto held = get(sid_);
    const auto websocket = upgrade_with(sid_)->websocket;
    send(*websocket, "5");
    EXPECT_EQ(held->body(), "6");
    EXPECT_TRUE(last_session().is_websocket());
}

TEST_F(Upgrade, RefusesHttpAfterwards) {
    send(*probe(sid_), "5");
    EXPECT_EQ(refusal_code(*get(sid_)), 3);
    EXPECT_EQ(refusal_code(*post(sid_, "4x")), 3);
    EXPECT_TRUE(last_session().open());
}

TEST_F(Upgrade, DropsOnlyTheWebSocketOnAnyOtherPacket) {
    for (const char* packet : {"4x", "2", "2prob", "3probe", "1", "", "x", "6"}) {
        const auto websocket = probe(sid_);
        send(*websocket, packet);
        EXPECT_TRUE(websocket->closed) << packet;
        EXPECT_TRUE(last_session().open()) << packet;
        EXPECT_FALSE(last_session().is_websocket());
    }
    const auto websocket = probe(sid_);
    websocket->receive(MessageKind::kBinary, "5");
    EXPECT_TRUE(websocket->closed);
    EXPECT_TRUE(last_heard().messages.empty());
    EXPECT_TRUE(get(sid_)->pending());
}

TEST_F(Upgrade, GoesOnPollingWhenTheProbingWebSocketEnds) {
    const auto websocket = probe(sid_);
    websocket->end(WebSocketEnd::kError);
    EXPECT_TRUE(last_session().open());
    EXPECT_TRUE(get(sid_)->pending());
    advance(Milliseconds(2));
    EXPECT_TRUE(websocket->destroyed);
    send(*probe(sid_), "5");
    EXPECT_TRUE(last_session().is_websocket());
}

TEST_F(Upgrade, ClosesASecondWebSocketAtOnce) {
    const auto first = probe(sid_);
    EXPECT_TRUE(upgrade_with(sid_)->websocket->closed);
    send(*first, "5");
    EXPECT_TRUE(upgrade_with(sid_)->websocket->closed);
    EXPECT_FALSE(first->closed);
    FakeClient client(server_);
    EXPECT_TRUE(upgrade_with(client.sid())->websocket->closed);
    EXPECT_TRUE(last_session().open());
}

TEST_F(Upgrade, GivesUpOnAnUpgradeThatTakesTooLong) {
    const auto websocket = probe(sid_);
    advance(Milliseconds(99));
    EXPECT_FALSE(websocket->closed);
    advance(Milliseconds(1));
    EXPECT_TRUE(websocket->closed);
    EXPECT_TRUE(last_session().open());
    EXPECT_TRUE(get(sid_)->pending());
}

TEST_F(Upgrade, ForgetsItsTimeoutOnceUpgraded) {
    const auto websocket = probe(sid_);
    send(*websocket, "5");
    advance(Milliseconds(150));
    EXPECT_FALSE(websocket->closed);
}

TEST_F(Upgrade, KeepsThePingsDeadline) {
    EXPECT_TRUE(get(sid_)->pending());
    advance(Milliseconds(300));
    const auto websocket = probe(sid_);
    send(*websocket, "5");
    advance(Milliseconds(199));
    EXPECT_TRUE(last_session().open());
    advance(Milliseconds(1));
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kPingTimeout});
    EXPECT_TRUE(websocket->closed);
}

TEST_F(Upgrade, TakesThePongOnTheNewTransport) {
    (void)get(sid_);
    advance(Milliseconds(300));
    const auto websocket = probe(sid_);
    send(*websocket, "5");
    send(*websocket, "3");
    advance(Milliseconds(299));
    EXPECT_EQ(texts_of(*websocket), Texts{"3probe"});
    advance(Milliseconds(1));
    EXPECT_EQ(texts_of(*websocket), Texts({"3probe", "2"}));
}

TEST_F(Upgrade, ClosesTheProbeWithTheSession) {
    const auto websocket = probe(sid_);
    post(sid_, "1");
    EXPECT_TRUE(websocket->closed);
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kTransportClose});
}

TEST_F(Upgrade, ClosesTheProbeWhenPollingFails) {
    for (const bool aborted : {true, false}) {
        const std::string sid = open_polling();
        const auto held = get(sid);
        const auto websocket = upgrade_with(sid)->websocket;
        if (aborted) held->abort();
        if (!aborted) get(sid);
        EXPECT_TRUE(websocket->closed);
        EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kTransportError});
    }
}

TEST_F(Upgrade, ClosesTheProbeOfAClientThatFallsSilent) {
    advance(Milliseconds(450));
    const auto websocket = probe(sid_);
    advance(Milliseconds(50));
    EXPECT_TRUE(websocket->closed);
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kPingTimeout});
}

TEST_F(Upgrade, AnswersEachProbeOfOneWebSocket) {
    const auto websocket = probe(sid_);
    send(*websocket, "2probe");
    EXPECT_EQ(texts_of(*websocket), Texts({"3probe", "3probe"}));
    send(*websocket, "5");
    send(*websocket, "5");
    EXPECT_TRUE(last_session().open());
    EXPECT_TRUE(last_session().is_websocket());
}

TEST_F(Upgrade, LetsALatePostBeRefusedWithoutHarm) {
    const auto websocket = probe(sid_);
    send(*websocket, "5");
    EXPECT_EQ(refusal_code(*post(sid_, "4late")), 3);
    send(*websocket, "4again");
    EXPECT_EQ(last_heard().messages, (std::vector<FakeMessage>{{MessageKind::kText, "again"}}));
}

TEST_F(Upgrade, TakesAPongFromPollingBetweenProbeAndUpgrade) {
    advance(Milliseconds(300));
    const auto websocket = probe(sid_);
    EXPECT_EQ(get(sid_)->body(), "2");
    post(sid_, "3");
    send(*websocket, "5");
    advance(Milliseconds(299));
    EXPECT_EQ(texts_of(*websocket), Texts{"3probe"});
    advance(Milliseconds(1));
    EXPECT_EQ(texts_of(*websocket).back(), "2");
}

TEST_F(Upgrade, DeliversAServersCloseOnTheWebSocketThatArrivesMeanwhile) {
    const auto websocket = probe(sid_);
    last_session().send(MessageKind::kText, "last");
    last_session().close(CloseReason::kServerShutdown);
    EXPECT_FALSE(websocket->closed);
    send(*websocket, "5");
    EXPECT_EQ(texts_of(*websocket), Texts({"3probe", "4last"}));
    EXPECT_EQ(websocket->closed, WebSocketCloseCode::kGoingAway);
    EXPECT_EQ(refusal_code(*get(sid_)), 1);
    EXPECT_EQ(last_heard().closed.size(), 1U);
}

TEST_F(Upgrade, RefusesToUpgradeAClosedSession) {
    last_session().close(CloseReason::kForcedClose);
    EXPECT_EQ(upgrade_with(sid_)->refusal->body, "Session ID unknown");
}

}  // namespace
}  // namespace signalbox::engineio
