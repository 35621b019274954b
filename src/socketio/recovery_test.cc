#include "socketio/recovery.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/json.h"
#include "socketio/server_fixture.h"

namespace signalbox::socketio {
namespace {

using testing::FakeSession;
using testing::Lines;
using testing::ServerFixture;

/// The sid of a connection that comes back.
constexpr std::string_view kEarlier = "earlier-earlier-earl";

std::optional<RecoveryClaim> claim_of(std::string_view auth) {
    JsonParser parser;
    return read_recovery_claim(*parser.parse(auth));
}

TEST(RecoveryClaim, ReadsPidAndOffset) {
    const auto claim = claim_of(R"({"pid":"p","offset":"o","token":"t"})");
    ASSERT_TRUE(claim.has_value());
    EXPECT_EQ(claim->pid, "p");
    EXPECT_EQ(claim->offset, "o");
}

TEST(RecoveryClaim, KnowsAClientThatNoEventHasReached) {
    const auto claim = claim_of(R"({"pid":"p"})");
    ASSERT_TRUE(claim.has_value());
    EXPECT_EQ(claim->offset, std::nullopt);
}

TEST(RecoveryClaim, IgnoresWhatNoServerHasGiven) {
    const std::string longest(256, 'x');
    EXPECT_TRUE(claim_of(R"({"pid":")" + longest + R"(","offset":")" + longest + R"("})"));
    for (const std::string& auth :
         {std::string("{}"), std::string(R"({"offset":"o"})"), std::string(R"({"pid":1})"),
          std::string(R"({"pid":""})"), std::string(R"({"pid":null,"offset":"o"})"),
          std::string(R"({"pid":"p","offset":1})"), std::string(R"({"pid":"p","offset":null})"),
          R"({"pid":")" + longest + R"(x"})", R"({"pid":"p","offset":")" + longest + R"(x"})"}) {
        EXPECT_FALSE(claim_of(auth).has_value()) << auth;
    }
}

TEST(LeavesText, LooksAtTheLastArgument) {
    EXPECT_TRUE(leaves_text(""));
    EXPECT_TRUE(leaves_text(R"("a")"));
    EXPECT_TRUE(leaves_text("1,\"a\" \n"));
    for (const std::string_view args : {"1", "null", "true", R"(["a"])", R"("a",{"b":"c"})"}) {
        EXPECT_FALSE(leaves_text(args)) << args;
    }
}

class RecoveryTest : public ::testing::Test, protected ServerFixture {
protected:
    RecoveryTest() {
        main_.connect = [](Socket& socket) { socket.accept({.pid = "secret"}); };
    }
};

TEST_F(RecoveryTest, GivesThePidBesideTheSid) {
    FakeSession session(server_);
    session.text("0");
    EXPECT_EQ(session.take_sent(), Lines{R"(0{"sid":")" + main_.id + R"(","pid":"secret"})"});
    EXPECT_TRUE(last_socket().recoverable());
}

TEST_F(RecoveryTest, ResumesASidAndSendsWhatWasMissedBeforeTheAnswer) {
    const std::vector<std::string> bytes{"abc"};
    const std::array<RecoverableEvent, 2> missed{
        RecoverableEvent{"a", "1", "o1"},
        RecoverableEvent{"b", R"({"_placeholder":true,"num":0})", "o2", bytes}};
    main_.connect = [&](Socket& socket) {
        socket.join("room");
        socket.accept({kEarlier, "secret", missed});
    };
    FakeSession session(server_);
    session.text("0/realtime,");
    EXPECT_EQ(session.take_sent(),
              (Lines{R"(2/realtime,["a",1,"o1"])",
                     R"(51-/realtime,["b",{"_placeholder":true,"num":0},"o2"])", "b:abc",
                     R"(0/realtime,{"sid":"earlier-earlier-earl","pid":"secret"})"}));
    EXPECT_EQ(main_ns_.find(main_.id), nullptr);
    Socket* socket = main_ns_.find(kEarlier);
    ASSERT_NE(socket, nullptr);
    EXPECT_EQ(socket->id().text(), kEarlier);
    EXPECT_TRUE(socket->in_room(kEarlier));
    EXPECT_TRUE(socket->in_room("room"));
    EXPECT_EQ(main_ns_.socket_count(), 1U);
}

TEST_F(RecoveryTest, EndsEachEventInAnOffsetOrInNoString) {
    FakeSession session(server_);
    session.text("0");
    session.take_sent();
    Socket& socket = last_socket();
    socket.emit({.name = "a", .args = "\"x\"", .offset = "o\"1"});
    socket.emit({.name = "a", .args = "", .offset = "o2"});
    socket.emit("a", "\"x\"");
    socket.emit("a", "");
    socket.emit("a", "{}");
    socket.emit_volatile("a", "\"x\"");
    socket.emit(EncodedEvent("/", "a", "\"x\""));
    socket.emit(EncodedEvent("/", "a", "1"));
    socket.emit(EncodedEvent("/", {.name = "a", .args = "1", .offset = "o3"}));
    socket.emit_volatile(EncodedEvent("/", "a", ""));
    socket.emit_with_ack("a", "\"x\"", Milliseconds(10), [](auto) {});
    EXPECT_EQ(session.take_sent(),
              (Lines{R"(2["a","x","o\"1"])", R"(2["a","o2"])", R"(2["a","x",null])",
                     R"(2["a",null])", R"(2["a",{}])", R"(2["a","x",null])", R"(2["a","x",null])",
                     R"(2["a",1])", R"(2["a",1,"o3"])", R"(2["a",null])", R"(20["a","x"])"}));
}

TEST_F(RecoveryTest, LeavesEventsAloneWithoutAPid) {
    main_.connect = nullptr;
    const auto session = joined();
    Socket& socket = last_socket();
    EXPECT_FALSE(socket.recoverable());
    socket.emit({.name = "a", .args = "\"x\"", .offset = "o"});
    socket.emit("a", "\"x\"");
    socket.emit(EncodedEvent("/", "a", "\"x\""));
    EXPECT_EQ(session->take_sent(), (Lines{R"(2["a","x"])", R"(2["a","x"])", R"(2["a","x"])"}));
}

TEST_F(RecoveryTest, LetsTheNextTakeThePlaceOfASupersededSocketAtOnce) {
    FakeSession first(server_);
    first.close_mode = FakeSession::CloseMode::kWhenFlushed;
    first.text("0");
    first.text("0/custom,");
    const std::string sid = main_.id;
    main_.take();
    custom_.take();
    main_.connect = [&](Socket& socket) {
        main_ns_.find(sid)->supersede();
        EXPECT_EQ(main_ns_.find(sid), nullptr);
        socket.accept({sid, "secret", {}});
    };
    FakeSession second(server_);
    second.text("0");
    EXPECT_EQ(main_.take(), (Lines{"connect / {}", "disconnect forced server close"}));
    EXPECT_EQ(first.closed(), engineio::CloseReason::kForcedClose);
    EXPECT_EQ(second.take_sent(), Lines{R"(0{"sid":")" + sid + R"(","pid":"secret"})"});
    first.end(engineio::CloseReason::kForcedClose);
    EXPECT_EQ(main_.take(), Lines{});
    EXPECT_EQ(custom_.take(), Lines{"disconnect forced server close"});
    ASSERT_NE(main_ns_.find(sid), nullptr);
    EXPECT_TRUE(main_ns_.find(sid)->connected());
}

TEST_F(RecoveryTest, SupersedesASocketThatWaitsForItsAccept) {
    main_.connect = [](Socket&) {};
    FakeSession session(server_);
    session.text("0");
    main_.take();
    Socket& socket = last_socket();
    socket.supersede();
    socket.accept({kEarlier, "secret", {}});
    EXPECT_EQ(main_.take(), Lines{"disconnect forced server close"});
    EXPECT_EQ(main_ns_.find(kEarlier), nullptr);
    EXPECT_EQ(session.take_sent(), Lines{});
    EXPECT_TRUE(session.closed());
}

TEST_F(RecoveryTest, EndsOnceWhenTheReplayIsTooMuchForTheTransport) {
    const std::array<RecoverableEvent, 2> missed{RecoverableEvent{"a", "1", "o1"},
                                                 RecoverableEvent{"a", "2", "o2"}};
    main_.connect = [&](Socket& socket) { socket.accept({kEarlier, "secret", missed}); };
    FakeSession session(server_);
    session.slow_on_next_send = true;
    session.text("0");
    EXPECT_EQ(main_.take(), (Lines{"connect / {}", "slow", "disconnect slow consumer"}));
    EXPECT_EQ(main_ns_.find(kEarlier), nullptr);
    EXPECT_EQ(main_ns_.socket_count(), 0U);
}

}  // namespace
}  // namespace signalbox::socketio
