// Clients of Socket.IO protocol 4, which come over Engine.IO 3 (socket.io-client 2).
#include <gtest/gtest.h>

#include "socketio/server_fixture.h"

namespace signalbox::socketio {
namespace {

using namespace testing;

class RevisionFour : public ::testing::Test, protected ServerFixture {
protected:
    std::unique_ptr<FakeSession> opened() {
        return std::make_unique<FakeSession>(server_, engineio::Protocol::kV3);
    }
};

TEST_F(RevisionFour, JoinsTheMainNamespaceWithoutBeingAsked) {
    const auto session = opened();
    EXPECT_EQ(session->take_sent(), Lines{"0"});
    EXPECT_EQ(main_.take(), Lines{"connect / {}"});
    session->text(R"(2["hi",1])");
    EXPECT_EQ(main_.take(), Lines{"event hi(1)1"});
    advance(Milliseconds(2000));
    EXPECT_FALSE(session->closed());
}

TEST_F(RevisionFour, TakesTheQueryAfterANamespaceForItsAuth) {
    const auto session = opened();
    session->take_sent();
    session->text("0/custom?token=a%20b%2Cc&x=%22&bad=%FF,");
    EXPECT_EQ(session->take_sent(), Lines{"0/custom,"});
    EXPECT_EQ(custom_.take(), Lines{R"(connect /custom {"token":"a b,c","x":"\""})"});
    session->text(R"(2/custom,["hi"])");
    EXPECT_EQ(custom_.take(), Lines{"event hi()0"});
    session->text("0/realtime");
    EXPECT_EQ(session->take_sent(), Lines{"0/realtime,"});
    EXPECT_EQ(main_.take().back(), "connect /realtime {}");
}

TEST_F(RevisionFour, EndsOnASecondConnectToOneName) {
    const auto session = opened();
    session->text("0/custom?a=1,");
    session->text("0/custom?a=2,");
    EXPECT_EQ(session->closed(), engineio::CloseReason::kForcedClose);
}

TEST_F(RevisionFour, HearsOfRefusalsAsDataOrElseAsText) {
    main_.connect = [](Socket& socket) { socket.refuse("no", R"({"code":"X"})"); };
    const auto session = opened();
    EXPECT_EQ(session->take_sent(), Lines{R"(4{"code":"X"})"});
    main_.connect = [](Socket& socket) { socket.refuse("no \"entry\"", {}); };
    session->text("0");
    EXPECT_EQ(session->take_sent(), Lines{R"(4"no \"entry\"")"});
    session->text("0/nowhere?x=1,");
    EXPECT_EQ(session->take_sent(), Lines{R"(4/nowhere,"Invalid namespace")"});
    EXPECT_FALSE(session->closed());
}

TEST_F(RevisionFour, CanBeRefusedAndClosedWhileItOpens) {
    main_.connect = [](Socket& socket) {
        socket.close_transport(engineio::CloseReason::kForcedClose);
    };
    const auto session = opened();
    EXPECT_EQ(session->closed(), engineio::CloseReason::kForcedClose);
}

TEST_F(RevisionFour, ExchangesBinaryAndAcksAsRevisionFiveDoes) {
    const auto session = opened();
    session->take_sent();
    main_.take();
    session->text(R"(51-7["up",{"_placeholder":true,"num":0}])");
    session->binary("\1\2");
    EXPECT_EQ(main_.take(), Lines{R"(event up({"_placeholder":true,"num":0})1 ack 7 +)"
                                  "\1\2"});
    last_socket().ack(7, "1");
    EXPECT_EQ(session->take_sent(), Lines{"37[1]"});
}

TEST_F(RevisionFour, CannotBeRecovered) {
    main_.connect = [](Socket& socket) { socket.accept({.pid = "secret"}); };
    const auto session = opened();
    EXPECT_EQ(session->take_sent(), Lines{"0"});
    EXPECT_FALSE(last_socket().recoverable());
    last_socket().emit("text", R"("x")");
    EXPECT_EQ(session->take_sent(), Lines{R"(2["text","x"])"});
}

TEST_F(RevisionFour, LeavesRevisionFiveAlone) {
    FakeSession session(server_);
    EXPECT_TRUE(session.take_sent().empty());
    session.text("0/custom?token=a,");
    EXPECT_EQ(session.take_sent(), Lines{R"(4/custom?token=a,{"message":"Invalid namespace"})"});
}

}  // namespace
}  // namespace signalbox::socketio
