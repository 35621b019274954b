#include <gtest/gtest.h>

#include "socketio/server_fixture.h"

namespace signalbox::socketio {
namespace {

using namespace testing;

/// One event to many sockets, and the end of all of a client's sockets.
class FanOutTest : public ServerFixture, public ::testing::Test {
protected:
    std::vector<std::string> outcomes_;
    AckCallback record() {
        return [this](std::expected<AckReply, AckError> outcome) {
            outcomes_.push_back(outcome                                 ? std::string(outcome->args)
                                : outcome.error() == AckError::kTimeout ? "timeout"
                                                                        : "gone");
        };
    }
};

TEST_F(FanOutTest, SendsTheAttachmentsOfAnEncodedEvent) {
    auto first = joined(), second = joined();
    const EncodedEvent event("/", "e", R"({"_placeholder":true,"num":0})", {"abc"});
    main_ns_.for_each_in({}, {}, [&](Socket& socket) { socket.emit(event); });
    const Lines expected{R"(51-["e",{"_placeholder":true,"num":0}])", "b:abc"};
    EXPECT_EQ(first->take_sent(), expected);
    EXPECT_EQ(second->take_sent(), expected);
}

TEST_F(FanOutTest, AsksManySocketsUnderOneAckId) {
    auto first = joined(), second = joined(), third = joined();
    const auto event = EncodedEvent::with_ack("/", main_ns_.next_ack_id(), "ask", "1");
    main_ns_.for_each_in(
        {}, {}, [&](Socket& socket) { socket.emit_with_ack(event, Milliseconds(100), record()); });
    EXPECT_EQ(first->take_sent(), Lines{R"(20["ask",1])"});
    EXPECT_EQ(second->take_sent(), Lines{R"(20["ask",1])"});
    second->text(R"(30["second"])");
    second->text(R"(30["again"])");
    first->text(R"(30["first"])");
    EXPECT_EQ(outcomes_, (Lines{"\"second\"", "\"first\""}));
    advance(Milliseconds(101));
    EXPECT_EQ(outcomes_, (Lines{"\"second\"", "\"first\"", "timeout"}));
}

TEST_F(FanOutTest, AsksWithBinary) {
    auto session = joined();
    last_socket().emit_with_ack(
        EncodedEvent::with_ack("/", 7, "ask", R"({"_placeholder":true,"num":0})", {"x"}),
        Milliseconds(100), record());
    EXPECT_EQ(session->take_sent(), (Lines{R"(51-7["ask",{"_placeholder":true,"num":0}])", "b:x"}));
}

TEST_F(FanOutTest, TellsAtOnceThatASocketWithoutConnectionAnswersNothing) {
    auto session = joined();
    Socket& socket = last_socket();
    session->text("1");
    socket.emit_with_ack(EncodedEvent::with_ack("/", 0, "ask", ""), Milliseconds(100), record());
    EXPECT_EQ(outcomes_, Lines{"gone"});
}

TEST_F(FanOutTest, LeavesEveryNamespaceBeforeItClosesTheTransport) {
    auto session = joined();
    session->text("0/custom,");
    session->take_sent();
    last_socket().disconnect_client();
    EXPECT_EQ(session->take_sent(), (Lines{"1", "1/custom,"}));
    EXPECT_EQ(session->closed(), engineio::CloseReason::kForcedClose);
    EXPECT_EQ(main_.take(), Lines{"disconnect server namespace disconnect"});
    EXPECT_EQ(custom_.take().back(), "disconnect server namespace disconnect");
}

TEST_F(FanOutTest, TellsThatASocketLeavesWhileItIsInItsRooms) {
    auto session = joined();
    last_socket().join("room");
    const std::string id = main_.id;
    main_.disconnecting = [&](Socket& socket, DisconnectReason reason) {
        EXPECT_EQ(reason, DisconnectReason::kClientNamespaceDisconnect);
        EXPECT_FALSE(socket.connected());
        EXPECT_EQ(socket.rooms(), (Lines{id, "room"}));
        EXPECT_EQ(main_ns_.socket_count(), 0U);
        socket.disconnect();
        socket.supersede();
        socket.emit("late", "");
        main_.log.push_back("leaving");
    };
    main_.disconnected = [&](Socket& socket) { EXPECT_EQ(socket.rooms(), Lines{}); };
    session->text("1");
    EXPECT_EQ(main_.take(), (Lines{"leaving", "disconnect client namespace disconnect"}));
    EXPECT_EQ(session->take_sent(), Lines{});
    EXPECT_EQ(main_ns_.room_size("room"), 0U);
}

TEST_F(FanOutTest, SaysNothingOfLeavingForASocketThatNeverJoined) {
    main_.connect = [](Socket&) {};
    main_.disconnecting = [&](Socket&, DisconnectReason) { main_.log.push_back("leaving"); };
    auto session = std::make_unique<FakeSession>(server_);
    session->text("0");
    session->end(engineio::CloseReason::kTransportClose);
    EXPECT_EQ(main_.take(), (Lines{"connect / {}", "disconnect transport close"}));
}

}  // namespace
}  // namespace signalbox::socketio
