#include "socketio/pending_acks.h"

#include <gtest/gtest.h>

#include <string>

#include "socketio/packet.h"
#include "socketio/server_fixture.h"
#include "socketio/testing.h"

namespace signalbox::socketio {
namespace {

using engineio::CloseReason;
using testing::Lines;
using testing::ServerFixture;

class AckedEmit : public ::testing::Test, protected ServerFixture {
protected:
    AckCallback recorded(std::string name) {
        return [this, name](std::expected<AckReply, AckError> outcome) {
            if (!outcome) {
                log_.push_back(name + " failed " +
                               std::to_string(static_cast<int>(outcome.error())));
                return;
            }
            log_.push_back(name + "(" + std::string(outcome->args) + ")" +
                           std::to_string(outcome->arg_count));
            for (const std::string& attachment : outcome->attachments) log_.push_back(attachment);
        };
    }
    Lines log_;
};

TEST_F(AckedEmit, GivesEachCallbackItsOwnAck) {
    auto session = joined();
    last_socket().emit_with_ack("a", "1", Milliseconds(500), recorded("a"));
    last_socket().emit_with_ack("b", "", Milliseconds(500), recorded("b"));
    EXPECT_EQ(session->take_sent(), (Lines{R"(20["a",1])", R"(21["b"])"}));
    session->text("31[]");
    session->text(R"(61-0[{"_placeholder":true,"num":0}, 2])");
    session->binary("bin");
    session->text("30[3]");
    EXPECT_EQ(log_, (Lines{"b()0", R"(a({"_placeholder":true,"num":0}, 2)2)", "bin"}));
    advance(Milliseconds(1000));
    EXPECT_EQ(log_.size(), 3);
}

TEST_F(AckedEmit, SaysWhyThereIsNoAck) {
    auto session = joined();
    last_socket().emit_with_ack("a", "", Milliseconds(500), recorded("slow"));
    advance(Milliseconds(499));
    EXPECT_EQ(log_, Lines{});
    advance(Milliseconds(1));
    EXPECT_EQ(log_, Lines{"slow failed 0"});
    session->text("30[]");
    last_socket().emit_with_ack("a", "", Milliseconds(500), recorded("bad"));
    session->text("31[1e400]");
    last_socket().emit_with_ack("a", "", Milliseconds(500), recorded("gone"));
    Socket& socket = last_socket();
    session->end(CloseReason::kTransportClose);
    socket.emit_with_ack("a", "", Milliseconds(500), recorded("late"));
    EXPECT_EQ(log_, (Lines{"slow failed 0", "bad failed 2", "gone failed 1", "late failed 1"}));
}

TEST_F(AckedEmit, MayAskAgainFromACallback) {
    auto session = joined();
    last_socket().emit_with_ack("a", "", Milliseconds(5), [&](auto) {
        last_socket().emit_with_ack("b", "", Milliseconds(5), recorded("b"));
    });
    advance(Milliseconds(5));
    session->take_sent();
    session->text("31[9]");
    EXPECT_EQ(log_, Lines{"b(9)1"});
}

}  // namespace
}  // namespace signalbox::socketio
