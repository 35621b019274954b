#include "socketio/server.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "socketio/packet.h"
#include "socketio/server_fixture.h"
#include "socketio/testing.h"

namespace signalbox::socketio {
namespace {

using engineio::CloseReason;
using testing::FakeSession;
using testing::Lines;
using testing::ServerFixture;

class ServerTest : public ::testing::Test, protected ServerFixture {};

TEST_F(ServerTest, AnswersConnectWithTheSid) {
    FakeSession session(server_);
    session.text(R"(0{"token":"t"})");
    EXPECT_EQ(main_.take(), Lines{R"(connect / {"token":"t"})"});
    EXPECT_EQ(main_.id.size(), 20);
    EXPECT_EQ(session.take_sent(), Lines{R"(0{"sid":")" + main_.id + R"("})"});
    EXPECT_EQ(main_ns_.socket_count(), 1);
    EXPECT_TRUE(last_socket().connected());
}

TEST_F(ServerTest, KeepsTheNameThatTheClientUsed) {
    FakeSession session(server_);
    session.text("0/realtime,");
    EXPECT_EQ(main_.take(), Lines{"connect /realtime {}"});
    EXPECT_EQ(session.take_sent(), Lines{R"(0/realtime,{"sid":")" + main_.id + R"("})"});
    last_socket().emit("message", "1");
    last_socket().disconnect();
    EXPECT_EQ(session.take_sent(), (Lines{R"(2/realtime,["message",1])", "1/realtime,"}));
}

TEST_F(ServerTest, GivesOneSessionASocketInEachNamespace) {
    FakeSession session(server_);
    session.text("0");
    session.text("0/custom,");
    session.text("0/realtime,");
    EXPECT_EQ(main_ns_.socket_count(), 2);
    EXPECT_EQ(custom_ns_.socket_count(), 1);
    custom_.take();
    session.text(R"(2/custom,["a",1])");
    EXPECT_EQ(custom_.take(), Lines{"event a(1)1"});
    session.text("1/custom,");
    EXPECT_EQ(custom_.take(), Lines{"disconnect client namespace disconnect"});
    EXPECT_EQ(main_ns_.socket_count(), 2);
    EXPECT_FALSE(session.closed());
}

TEST_F(ServerTest, RefusesUnknownNamespacesAndStaysOpen) {
    FakeSession session(server_);
    session.text("0/x,");
    EXPECT_EQ(session.take_sent(), Lines{R"(4/x,{"message":"Invalid namespace"})"});
    session.text("0");
    EXPECT_EQ(main_ns_.socket_count(), 1);
}

TEST_F(ServerTest, LetsARefusedClientTryAgain) {
    main_.connect = [](Socket& socket) { socket.refuse("no", R"({"code":"X"})"); };
    FakeSession session(server_);
    session.text("0");
    EXPECT_EQ(session.take_sent(), Lines{R"(4{"message":"no","data":{"code":"X"}})"});
    EXPECT_EQ(main_ns_.find(main_.id), nullptr);
    EXPECT_EQ(main_.take(), Lines{"connect / {}"});
    main_.connect = nullptr;
    session.text("0");
    EXPECT_TRUE(last_socket().connected());
}

TEST_F(ServerTest, RefusesAuthBeyondTheLimitsOfJson) {
    FakeSession session(server_);
    session.text(R"(0{"n":1e400})");
    EXPECT_EQ(session.take_sent(),
              Lines{R"(4{"message":"Invalid auth: a number is out of range"})"});
    EXPECT_EQ(main_.take(), Lines{});
    EXPECT_FALSE(session.closed());
}

TEST_F(ServerTest, DecidesAboutAConnectInALaterTurn) {
    FakeSession session(server_);
    session.text("0/quiet,");
    const std::string id = quiet_.id;
    EXPECT_EQ(session.take_sent(), Lines{});
    EXPECT_EQ(quiet_ns_.socket_count(), 0);
    advance(Milliseconds(10));
    quiet_ns_.find(id)->join("early");
    quiet_ns_.for_each_in({}, {}, [](Socket&) { FAIL() << "not connected yet"; });
    quiet_ns_.find(id)->accept();
    EXPECT_EQ(session.take_sent(), Lines{R"(0/quiet,{"sid":")" + id + R"("})"});
    EXPECT_EQ(quiet_ns_.room_size("early"), 1);
}

TEST_F(ServerTest, TellsWhenAClientGoesBeforeTheDecision) {
    FakeSession session(server_);
    session.text("0/quiet,");
    Socket& socket = *quiet_ns_.find(quiet_.id);
    quiet_.take();
    session.end(CloseReason::kTransportClose);
    EXPECT_EQ(quiet_.take(), Lines{"disconnect transport close"});
    EXPECT_EQ(quiet_ns_.find(quiet_.id), nullptr);
    socket.accept();
    socket.refuse("late", "");
    EXPECT_FALSE(socket.connected());
    EXPECT_EQ(quiet_ns_.socket_count(), 0);
}

TEST_F(ServerTest, ClosesSessionsThatJoinNothingInTime) {
    FakeSession idle(server_), pending(server_), refused(server_), served(server_);
    pending.text("0/quiet,");
    refused.text("0/x,");
    served.text("0");
    advance(Milliseconds(999));
    EXPECT_FALSE(idle.closed());
    advance(Milliseconds(1));
    EXPECT_EQ(idle.closed(), CloseReason::kForcedClose);
    EXPECT_EQ(pending.closed(), CloseReason::kForcedClose);
    EXPECT_EQ(refused.closed(), CloseReason::kForcedClose);
    EXPECT_FALSE(served.closed());
    EXPECT_EQ(quiet_.log.back(), "disconnect forced server close");
}

TEST_F(ServerTest, ClosesOnASecondConnect) {
    auto session = joined();
    session->text("0");
    EXPECT_EQ(session->closed(), CloseReason::kForcedClose);
    EXPECT_EQ(main_.take(), Lines{"disconnect forced server close"});
    FakeSession pending(server_);
    pending.text("0/quiet,");
    pending.text("0/quiet,");
    EXPECT_EQ(pending.closed(), CloseReason::kForcedClose);
    EXPECT_EQ(quiet_.take(), (Lines{"connect /quiet {}", "disconnect forced server close"}));
}

class OutOfPlace : public ServerTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(OutOfPlace, EndsTheSession) {
    auto session = joined();
    session->text("0/quiet,");
    session->text(GetParam());
    EXPECT_EQ(session->closed(), CloseReason::kForcedClose) << GetParam();
    EXPECT_EQ(main_.take(), Lines{"disconnect forced server close"});
    EXPECT_EQ(session->take_sent(), Lines{});
}

INSTANTIATE_TEST_SUITE_P(List, OutOfPlace,
                         ::testing::Values("2/custom,[\"a\"]", "2/x,[\"a\"]", "1/custom,",
                                           "3/custom,1[]", "4{}", "4\"x\"", "4/custom,{}",
                                           "2/quiet,[\"a\"]", "1/quiet,", "4/quiet,{}"));

class NoPacket : public ServerTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(NoPacket, EndsTheSession) {
    auto session = joined();
    session->text(GetParam());
    EXPECT_EQ(session->closed(), CloseReason::kParseError) << GetParam();
    EXPECT_EQ(main_.take(), Lines{"disconnect parse error"});
    EXPECT_EQ(main_ns_.socket_count(), 0);
}

INSTANTIATE_TEST_SUITE_P(List, NoPacket,
                         ::testing::Values("", "7", "0[]", "0\"a\"", "0null", "0{", "0custom",
                                           "1{}", "2{}", "2[]", "2[{}]", "2[\"connect\"]",
                                           "21.5[\"a\"]", "31{}", "50-[\"a\"]", "511-[\"a\"]",
                                           "5-1-[\"a\"]", "51[\"a\"]",
                                           "51-[\"a\",{\"_placeholder\":true,\"num\":1}]",
                                           "51-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]"));

TEST_F(ServerTest, EndsTheSessionOnStrayBinaryAndOnTextAmongAttachments) {
    auto stray = joined();
    stray->binary("x");
    EXPECT_EQ(stray->closed(), CloseReason::kParseError);
    auto mixed = joined();
    mixed->text(R"(52-["a"])");
    mixed->binary("x");
    mixed->text(R"(2["b"])");
    EXPECT_EQ(mixed->closed(), CloseReason::kParseError);
}

TEST_F(ServerTest, ToleratesWhatTheReferenceTolerates) {
    auto session = joined();
    for (const char* text : {"3", "2", "21", "31", "399[]", "3007[1]"}) session->text(text);
    EXPECT_EQ(main_.take(), Lines{});
    session->text("2007[\"a\"]");
    EXPECT_EQ(main_.take(), Lines{"event a()0 ack 7"});
    EXPECT_FALSE(session->closed());
    FakeSession with_id(server_);
    with_id.text("05{\"a\":1}");
    EXPECT_EQ(main_.take(), Lines{"connect / {\"a\":1}"});
}

TEST_F(ServerTest, HandsFaultyEventsToTheHandler) {
    auto session = joined();
    session->text(R"(24["message",1e400])");
    EXPECT_EQ(main_.take(), Lines{"event message(1e400])0 ack 4 fault: a number is out of range"});
    last_socket().ack(4, "null");
    EXPECT_EQ(session->take_sent(), Lines{"34[null]"});
}

TEST_F(ServerTest, ClosesSessionsThatHaveLeftTheirLastNamespace) {
    auto client_left = joined(), back = joined(), elsewhere = joined(), server_left = joined();
    last_socket().disconnect();
    elsewhere->text("0/custom,");
    for (auto* session : {client_left.get(), back.get(), elsewhere.get()}) session->text("1");
    advance(Milliseconds(999));
    back->text("0");
    advance(Milliseconds(1));
    EXPECT_EQ(client_left->closed(), CloseReason::kForcedClose);
    EXPECT_EQ(server_left->closed(), CloseReason::kForcedClose);
    EXPECT_FALSE(back->closed());
    EXPECT_FALSE(elsewhere->closed());
}

TEST_F(ServerTest, ClosesSessionsThatConnectOverAndOver) {
    main_.connect = [](Socket& socket) { socket.refuse("no", ""); };
    FakeSession calm(server_), busy(server_);
    FakeSession served(server_);
    served.text("0/custom,");
    for (int i = 0; i < 20; ++i) {
        busy.text("0");
        calm.text("0/x,");
    }
    EXPECT_FALSE(busy.closed());
    busy.text("0/x,");
    EXPECT_EQ(busy.closed(), CloseReason::kForcedClose);
    for (int i = 0; i < 19; ++i) served.text("0");
    EXPECT_FALSE(served.closed());
    advance(Milliseconds(10'000));
    served.text("0");
    served.text("0");
    EXPECT_FALSE(served.closed());
}

TEST_F(ServerTest, CollectsNoAttachmentsForNobodyNorForEver) {
    FakeSession stranger(server_);
    stranger.text(R"(51-["a"])");
    EXPECT_EQ(stranger.closed(), CloseReason::kForcedClose);

    auto slow = joined(), quick = joined();
    for (auto* session : {slow.get(), quick.get()}) session->text(R"(52-["a"])");
    for (auto* session : {slow.get(), quick.get()}) session->binary("x");
    advance(Milliseconds(29'999));
    quick->binary("y");
    EXPECT_FALSE(slow->closed());
    advance(Milliseconds(1));
    EXPECT_EQ(slow->closed(), CloseReason::kForcedClose);
    advance(Milliseconds(60'000));
    EXPECT_FALSE(quick->closed());
}

TEST_F(ServerTest, IgnoresPacketsThatCrossAServerDisconnect) {
    auto session = joined();
    last_socket().disconnect();
    EXPECT_EQ(session->take_sent(), Lines{"1"});
    EXPECT_EQ(main_.take(), Lines{"disconnect server namespace disconnect"});
    session->text(R"(2["a"])");
    session->text(R"(51-["a"])");
    session->binary("x");
    session->text("31[]");
    session->text("1");
    EXPECT_EQ(main_.take(), Lines{});
    EXPECT_FALSE(session->closed());
    session->text("0/custom,");
    advance(Milliseconds(20'001));
    session->text(R"(2["a"])");
    EXPECT_EQ(session->closed(), CloseReason::kForcedClose);
}

TEST_F(ServerTest, IgnoresPacketsThatCrossARefusalButNotOnesOfAnotherName) {
    main_.connect = [](Socket& socket) { socket.refuse("no", ""); };
    FakeSession session(server_);
    session.text("0");
    session.text(R"(2["a"])");
    EXPECT_FALSE(session.closed());
    session.text(R"(2/realtime,["a"])");
    EXPECT_TRUE(session.closed());
}

TEST_F(ServerTest, JoinsAgainAfterADisconnectOfEitherSide) {
    auto session = joined();
    session->text("1");
    session->text("0");
    last_socket().disconnect();
    session->text("0");
    main_.take();
    session->text("1");
    EXPECT_EQ(main_.take(), Lines{"disconnect client namespace disconnect"});
    session->text("1");
    EXPECT_EQ(session->closed(), CloseReason::kForcedClose);
}

TEST_F(ServerTest, AcksOnce) {
    auto session = joined();
    session->text(R"(212["get",{"a":1}])");
    EXPECT_EQ(main_.take(), Lines{R"(event get({"a":1})1 ack 12)"});
    last_socket().ack(11, "0");
    last_socket().ack(12, R"("ok",2)");
    last_socket().ack(12, R"("again")");
    EXPECT_EQ(session->take_sent(), Lines{R"(312["ok",2])"});
}

TEST_F(ServerTest, ForgetsTheOldestOfTooManyUnansweredAcks) {
    auto session = joined();
    for (const char* text : {"20[\"a\"]", "21[\"a\"]", "22[\"a\"]", "23[\"a\"]"}) {
        session->text(text);
    }
    for (std::uint64_t id = 0; id < 4; ++id) last_socket().ack(id, "");
    EXPECT_EQ(session->take_sent(), (Lines{"31[]", "32[]", "33[]"}));
}

TEST_F(ServerTest, CarriesBinaryBothWays) {
    auto session = joined();
    session->text(R"(52-7["up",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])");
    session->binary("one");
    EXPECT_EQ(main_.take(), Lines{});
    session->binary("two");
    EXPECT_EQ(main_.take(), Lines{R"(event up({"_placeholder":true,"num":0},)"
                                  R"({"_placeholder":true,"num":1})2 ack 7 +one +two)"});
    const Lines parts{"x", "y"};
    last_socket().ack_binary(7, R"({"_placeholder":true,"num":0})", std::span(parts).first(1));
    last_socket().emit_binary("down", R"([{"_placeholder":true,"num":1},0])", parts);
    EXPECT_EQ(session->take_sent(),
              (Lines{R"(61-7[{"_placeholder":true,"num":0}])", "b:x",
                     R"(52-["down",[{"_placeholder":true,"num":1},0]])", "b:x", "b:y"}));
}

TEST_F(ServerTest, BoundsWhatAClientMakesItCollect) {
    Server small({.binary_packet_bytes_max = 100}, wheel_, random_);
    small.add_namespace({"/"}, main_);
    FakeSession session(small);
    session.text("0");
    session.text(R"(52-["a"])");
    session.binary(std::string(95, 'x'));
    EXPECT_EQ(session.closed(), CloseReason::kParseError);
}

TEST_F(ServerTest, DropsVolatileEventsOnlyWhenTheTransportIsBusy) {
    auto session = joined();
    const EncodedEvent encoded("/", "e", "");
    last_socket().emit_volatile("v", "1");
    session->is_writable = false;
    last_socket().emit_volatile("v", "2");
    last_socket().emit_volatile(encoded);
    last_socket().emit("e", "3");
    last_socket().emit(encoded);
    EXPECT_EQ(session->take_sent(), (Lines{R"(2["v",1])", R"(2["e",3])", R"(2["e"])"}));
}

TEST_F(ServerTest, IgnoresWhatIsSentToASocketThatHasGone) {
    auto session = joined();
    Socket& socket = last_socket();
    session->text("1");
    socket.emit("a", "");
    socket.emit_volatile("a", "");
    socket.emit(EncodedEvent("/", "a", ""));
    socket.ack(1, "");
    socket.join("room");
    socket.disconnect();
    EXPECT_EQ(session->take_sent(), Lines{});
    EXPECT_EQ(main_ns_.room_size("room"), 0);
    EXPECT_FALSE(socket.in_room("room"));
    EXPECT_FALSE(session->closed());
}

TEST_F(ServerTest, TellsEverySocketWhyTheTransportClosed) {
    const std::map<CloseReason, std::string> expected = {
        {CloseReason::kTransportError, "transport error"},
        {CloseReason::kTransportClose, "transport close"},
        {CloseReason::kForcedClose, "forced close"},
        {CloseReason::kPingTimeout, "ping timeout"},
        {CloseReason::kParseError, "parse error"},
        {CloseReason::kServerShutdown, "server shutting down"},
        {CloseReason::kPayloadTooLarge, "payload too large"},
        {CloseReason::kSlowConsumer, "slow consumer"}};
    for (const auto& [reason, words] : expected) {
        auto session = joined();
        session->text("0/custom,");
        custom_.take();
        session->end(reason);
        EXPECT_EQ(main_.take(), Lines{"disconnect " + words});
        EXPECT_EQ(custom_.take(), Lines{"disconnect " + words});
    }
    EXPECT_EQ(main_ns_.socket_count(), 0);
}

TEST_F(ServerTest, ClosesTheTransportWithTheReasonGiven) {
    auto session = joined();
    session->close_mode = FakeSession::CloseMode::kWhenFlushed;
    last_socket().emit("bye", "");
    last_socket().close_transport(CloseReason::kForcedClose);
    last_socket().close_transport(CloseReason::kServerShutdown);
    session->text(R"(2["ignored"])");
    EXPECT_EQ(main_.take(), Lines{});
    session->end(CloseReason::kForcedClose);
    EXPECT_EQ(main_.take(), Lines{"disconnect forced server close"});
    EXPECT_EQ(session->take_sent(), Lines{R"(2["bye"])"});
}

TEST_F(ServerTest, MayEndASocketFromInsideItsOwnEvent) {
    for (const auto& ending : std::vector<std::function<void(Socket&)>>{
             [](Socket& socket) { socket.disconnect(); },
             [](Socket& socket) { socket.close_transport(CloseReason::kForcedClose); }}) {
        auto session = joined();
        main_.react = [&](Socket& socket, const Event& event) {
            ending(socket);
            EXPECT_FALSE(socket.connected());
            EXPECT_EQ(socket.id().text(), main_.id);
            EXPECT_EQ(event.name, "end");
        };
        session->text(R"(2["end"])");
        EXPECT_EQ(main_ns_.find(main_.id), nullptr);
        advance(Milliseconds(1));
    }
}

struct CountedData : SocketData {
    explicit CountedData(int& count) : alive(count) { ++alive; }
    ~CountedData() override { --alive; }
    int& alive;
};

TEST_F(ServerTest, FreesASocketsDataAtTheNextTurn) {
    int alive = 0;
    main_.connect = [&](Socket& socket) {
        socket.data = std::make_unique<CountedData>(alive);
        socket.accept();
    };
    FakeSession one(server_), two(server_);
    one.text("0");
    two.text("0");
    one.text("1");
    two.end(CloseReason::kPingTimeout);
    EXPECT_EQ(alive, 2);
    advance(Milliseconds(1));
    EXPECT_EQ(alive, 0);
}

TEST_F(ServerTest, EndsOtherSocketsOfASessionFromInsideOnDisconnect) {
    auto session = joined();
    const std::string first = main_.id;
    session->text("0/realtime,");
    const std::string second = main_.id;
    main_.take();
    main_.disconnected = [&](Socket& socket) {
        if (Socket* other = main_ns_.find(socket.id().text() == first ? second : first)) {
            other->disconnect();
        }
    };
    session->end(CloseReason::kTransportClose);
    EXPECT_EQ(main_.take(),
              (Lines{"disconnect transport close", "disconnect server namespace disconnect"}));
    EXPECT_EQ(main_ns_.socket_count(), 0);
}

TEST_F(ServerTest, GivesSlowConsumersALastWord) {
    auto session = joined();
    session->text("0/custom,");
    session->text("0/quiet,");
    session->take_sent();
    custom_.take();
    quiet_.take();
    session->slow_on_next_send = true;
    last_socket().emit("big", "1");
    EXPECT_EQ(session->take_sent(), (Lines{R"(2["last","word"])", R"(2/custom,["last","word"])"}));
    EXPECT_EQ(main_.take(), (Lines{"slow", "disconnect slow consumer"}));
    EXPECT_EQ(custom_.take(), (Lines{"slow", "disconnect slow consumer"}));
    EXPECT_EQ(quiet_.take(), (Lines{"disconnect slow consumer"}));
}

TEST_F(ServerTest, EndsADisconnectedSocketOnceWhenTheFarewellClosesTheSession) {
    auto session = joined();
    session->slow_on_next_send = true;
    last_socket().disconnect();
    EXPECT_EQ(main_.take(), (Lines{"slow", "disconnect slow consumer"}));
}

TEST_F(ServerTest, ForwardsAdmission) {
    Lines asked;
    Server guarded({}, wheel_, random_,
                   [&](const HttpRequest& request, engineio::Application::Decision decide) {
                       asked.push_back(request.path);
                       decide(HttpResponse::of(429, "text/plain", "later"));
                   });
    HttpRequest request;
    request.path = "/realtime";
    int status = 0;
    guarded.admit(request, [&](std::optional<HttpResponse> refusal) { status = refusal->status; });
    EXPECT_EQ(asked, Lines{"/realtime"});
    EXPECT_EQ(status, 429);
    server_.admit(request, [&](std::optional<HttpResponse> refusal) { status = refusal ? 1 : 0; });
    EXPECT_EQ(status, 0);
}

using ServerDeathTest = ServerTest;

TEST_F(ServerDeathTest, TakesReservedEventNamesForOurBug) {
    auto session = joined();
    EXPECT_DEATH(last_socket().emit("disconnect", ""), "is_reserved_event");
    EXPECT_DEATH(EncodedEvent("/", "connect", ""), "is_reserved_event");
    EXPECT_DEATH(last_socket().accept(), "kPending");
}

TEST_F(ServerTest, TakesAClientForIdleUntilItHasJoinedANamespace) {
    FakeSession session(server_);
    EXPECT_TRUE(session.handler().idle());
    session.text("0/quiet,");
    EXPECT_TRUE(session.handler().idle());
    session.text("0");
    EXPECT_FALSE(session.handler().idle());
    session.text("1");
    EXPECT_TRUE(session.handler().idle());
}

}  // namespace
}  // namespace signalbox::socketio
