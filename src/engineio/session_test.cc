#include <gtest/gtest.h>

#include "engineio/server_fixture.h"

namespace signalbox::engineio {
namespace {

using namespace testing;

class WebSocketSession : public ::testing::Test, protected ServerFixture {
protected:
    WebSocketSession()
        : ServerFixture({.ping_interval = Milliseconds(300),
                         .ping_timeout = Milliseconds(200),
                         .outbound_bytes_max = 1000}) {}
    FakeClient client_{server_};
};

TEST_F(WebSocketSession, CarriesOnePacketAFrame) {
    (void)client_.take_frames();
    client_.send_text("hi");
    client_.send_binary("\1\2");
    client_.send_packet("4");
    EXPECT_EQ(last_heard().messages, (std::vector<FakeMessage>{{MessageKind::kText, "hi"},
                                                               {MessageKind::kBinary, "\1\2"},
                                                               {MessageKind::kText, ""}}));
    last_session().send(MessageKind::kText, "hello");
    last_session().send(MessageKind::kBinary, "4\3");
    EXPECT_EQ(client_.take_frames(), (std::vector<FakeMessage>{{MessageKind::kText, "4hello"},
                                                               {MessageKind::kBinary, "4\3"}}));
}

TEST_F(WebSocketSession, EndsOnBadFramesWithAParseError) {
    for (const char* bad : {"", "7", "b", "bAQID", "x"}) {
        FakeClient client(server_);
        client.send_packet(bad);
        EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kParseError}) << bad;
        EXPECT_EQ(client.close_code(), WebSocketCloseCode::kProtocolError);
    }
}

TEST_F(WebSocketSession, EndsOnTheClientsCloseOrPing) {
    client_.send_packet("1");
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kTransportClose});
    EXPECT_TRUE(client_.closed());
    FakeClient pinging(server_);
    pinging.send_packet("2");
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kTransportError});
    EXPECT_TRUE(pinging.closed());
}

TEST_F(WebSocketSession, IgnoresPacketsThatAreNotForTheServer) {
    for (const char* packet : {"0", "3", "5", "6", "3probe"}) client_.send_packet(packet);
    EXPECT_TRUE(last_session().open());
    EXPECT_TRUE(last_heard().messages.empty());
}

TEST_F(WebSocketSession, TellsHowTheWebSocketEnded) {
    const std::pair<WebSocketEnd, CloseReason> ends[] = {
        {WebSocketEnd::kClosed, CloseReason::kTransportClose},
        {WebSocketEnd::kError, CloseReason::kTransportError},
        {WebSocketEnd::kMessageTooBig, CloseReason::kPayloadTooLarge}};
    for (const auto& [end, reason] : ends) {
        FakeClient client(server_);
        client.drop(end);
        EXPECT_EQ(last_heard().closed, std::vector{reason});
        EXPECT_FALSE(client.closed());
        advance(Milliseconds(2));
        EXPECT_TRUE(client.websocket().destroyed);
        EXPECT_TRUE(last_heard().destroyed);
    }
    EXPECT_EQ(server_.session_count(), 1U);
}

TEST_F(WebSocketSession, SendsWhatCameBeforeAClose) {
    (void)client_.take_frames();
    last_session().send(MessageKind::kText, "bye");
    last_session().close(CloseReason::kForcedClose);
    EXPECT_EQ(client_.take_texts(), std::vector<std::string>{"bye"});
    EXPECT_EQ(client_.close_code(), WebSocketCloseCode::kNormal);
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kForcedClose});
    EXPECT_FALSE(client_.websocket().destroyed);
    advance(Milliseconds(2));
    EXPECT_TRUE(client_.websocket().destroyed);
}

TEST_F(WebSocketSession, SurvivesAHandlerThatClosesInItsOwnMessage) {
    app_.on_message = [](Session& session, std::string_view) {
        session.close(CloseReason::kForcedClose);
    };
    client_.send_text("x");
    EXPECT_TRUE(client_.closed());
    EXPECT_EQ(server_.session_count(), 0U);
}

TEST_F(WebSocketSession, IsWritableWhenTheKernelHasTakenAll) {
    EXPECT_TRUE(last_session().writable());
    client_.websocket().buffered_bytes = 1;
    EXPECT_FALSE(last_session().writable());
    EXPECT_EQ(last_session().buffered_bytes(), 1U);
}

TEST_F(WebSocketSession, IsWritableWhileTheTurnsOutputIsNotYetOffered) {
    client_.websocket().buffered_bytes = client_.websocket().unoffered_bytes = 500;
    EXPECT_TRUE(last_session().writable());
    client_.websocket().buffered_bytes = client_.websocket().unoffered_bytes = 501;
    EXPECT_FALSE(last_session().writable()) << "a volatile message must not pass the bound";
}

TEST_F(WebSocketSession, OffersTheOutputBeforeItCallsTheClientSlow) {
    client_.websocket().buffered_bytes = client_.websocket().unoffered_bytes = 990;
    last_session().send(MessageKind::kText, std::string(500, 'x'));
    EXPECT_TRUE(last_session().open());
    EXPECT_EQ(client_.websocket().buffered_bytes, 0U);
    client_.websocket().buffered_bytes = 1000;
    client_.websocket().unoffered_bytes = 100;
    last_session().send(MessageKind::kText, std::string(101, 'x'));
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kSlowConsumer});
}

TEST_F(WebSocketSession, TakesOneMessageOverTheBoundWhenNothingWaits) {
    last_session().send(MessageKind::kText, std::string(2000, 'x'));
    EXPECT_TRUE(last_session().open());
}

TEST_F(WebSocketSession, ClosesASlowConsumerAfterItsLastWord) {
    (void)client_.take_frames();
    app_.on_slow = [](Session& session) { session.send(MessageKind::kText, "last word"); };
    client_.websocket().buffered_bytes = 990;
    last_session().send(MessageKind::kText, "0123456789");
    EXPECT_EQ(last_heard().slow, 0);
    last_session().send(MessageKind::kText, "0123456789!");
    EXPECT_EQ(last_heard().slow, 1);
    EXPECT_EQ(client_.take_texts(), (std::vector<std::string>{"0123456789", "last word"}));
    EXPECT_EQ(client_.close_code(), WebSocketCloseCode::kPolicyViolation);
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kSlowConsumer});
}

TEST_F(WebSocketSession, PingsAtTheIntervalAndClosesWithoutAPong) {
    (void)client_.take_frames();
    advance(Milliseconds(299));
    EXPECT_TRUE(client_.take_frames().empty());
    advance(Milliseconds(1));
    EXPECT_EQ(client_.take_frames(), (std::vector<FakeMessage>{{MessageKind::kText, "2"}}));
    advance(Milliseconds(199));
    EXPECT_TRUE(last_session().open());
    advance(Milliseconds(1));
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kPingTimeout});
    EXPECT_TRUE(client_.closed());
}

TEST_F(WebSocketSession, StartsTheIntervalAnewWithThePong) {
    (void)client_.take_frames();
    advance(Milliseconds(350));
    client_.send_packet("3");
    (void)client_.take_frames();
    advance(Milliseconds(299));
    EXPECT_TRUE(client_.take_frames().empty());
    advance(Milliseconds(1));
    EXPECT_EQ(client_.take_frames().size(), 1U);
}

TEST_F(WebSocketSession, TakesOnlyAPongForAPong) {
    advance(Milliseconds(300));
    client_.send_text("alive");
    advance(Milliseconds(200));
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kPingTimeout});
}

TEST_F(WebSocketSession, IsNotKeptAliveByUnaskedPongs) {
    client_.send_packet("3");
    advance(Milliseconds(100));
    client_.send_packet("3");
    advance(Milliseconds(400));
    EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kPingTimeout});
}

TEST_F(WebSocketSession, GivesClientsTimeAfterTheLoopStoodStill) {
    now_ += Milliseconds(2000);
    wheel_.advance(now_);
    EXPECT_TRUE(last_session().open());
    client_.send_packet("3");
    advance(Milliseconds(250));
    EXPECT_TRUE(last_session().open());
}

TEST_F(WebSocketSession, ChecksThePingDeadlineOnARequestToo) {
    const std::string sid = open_polling();
    advance(Milliseconds(498));
    // One turn jumps past the deadline; what runs first in it is this request.
    struct EarlierInTheTurn {
        std::function<void()> run;
        void call() { run(); }
    } earlier{[&] {
        EXPECT_TRUE(last_session().open());
        EXPECT_EQ(refusal_code(*get(sid)), 1);
        EXPECT_EQ(last_heard().closed, std::vector{CloseReason::kPingTimeout});
    }};
    Timer timer = Timer::calling<&EarlierInTheTurn::call>(&earlier);
    wheel_.arm(timer, now_ + Milliseconds(1));
    now_ += Milliseconds(2);
    wheel_.advance(now_);
    EXPECT_EQ(last_heard().closed.size(), 1U);
}

TEST_F(WebSocketSession, AnswersTheHeldGetOfASilentPollingClient) {
    const std::string sid = open_polling();
    EXPECT_TRUE(get(sid)->pending());
    advance(Milliseconds(300));
    const auto held = get(sid);
    EXPECT_TRUE(held->pending());
    advance(Milliseconds(200));
    EXPECT_EQ(held->body(), "1");
    EXPECT_EQ(refusal_code(*get(sid)), 1);
}

}  // namespace
}  // namespace signalbox::engineio
