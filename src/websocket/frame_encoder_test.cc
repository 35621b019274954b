#include "websocket/frame_encoder.h"

#include <gtest/gtest.h>

namespace signalbox::websocket {
namespace {

using namespace std::string_literals;

std::string frame(Opcode opcode, std::string_view payload) {
    std::string out;
    append_frame(out, opcode, payload);
    return out;
}

TEST(FrameEncoder, WritesTheExamplesOfTheSpecification) {
    EXPECT_EQ(frame(Opcode::kText, "Hello"), "\x81\x05Hello");
    EXPECT_EQ(frame(Opcode::kPing, "Hello"), "\x89\x05Hello");
    EXPECT_EQ(frame(Opcode::kPong, ""), "\x8A\0"s);
    EXPECT_EQ(frame(Opcode::kBinary, std::string(256, 'x')).substr(0, 4), "\x82\x7E\x01\0"s);
    EXPECT_EQ(frame(Opcode::kBinary, std::string(65536, 'x')).substr(0, 10),
              "\x82\x7F\0\0\0\0\0\x01\0\0"s);
}

TEST(FrameEncoder, TakesTheShortestLengthForm) {
    EXPECT_EQ(frame(Opcode::kText, std::string(125, 'x')).size(), 2 + 125U);
    EXPECT_EQ(frame(Opcode::kText, std::string(126, 'x')).size(), 4 + 126U);
    EXPECT_EQ(frame(Opcode::kText, std::string(65535, 'x')).size(), 4 + 65535U);
    EXPECT_EQ(frame(Opcode::kText, std::string(65536, 'x')).size(), 10 + 65536U);
}

TEST(FrameEncoder, AppendsBehindWhatIsThere) {
    std::string out = "before";
    append_frame(out, Opcode::kText, "a");
    out += FrameHeader(Opcode::kBinary, 2).view();
    EXPECT_EQ(out,
              "before\x81\x01"
              "a\x82\x02");
}

TEST(FrameEncoder, MarksTheHeadersOfDeflatedMessages) {
    EXPECT_EQ(FrameHeader::of_deflated(Opcode::kText, 3).view(), "\xC1\x03");
    EXPECT_EQ(FrameHeader::of_deflated(Opcode::kBinary, 126).view(), "\xC2\x7E\x00\x7E"s);
}

TEST(FrameEncoder, WritesCloseFramesWithAndWithoutACode) {
    std::string out;
    append_close_frame(out, CloseCode::kMessageTooBig);
    EXPECT_EQ(out, "\x88\x02\x03\xF1");
    out.clear();
    append_close_frame(out, CloseCode::kGoingAway, "bye");
    EXPECT_EQ(out,
              "\x88\x05\x03\xE9"
              "bye");
    out.clear();
    append_close_frame(out, CloseCode::kNoStatus);
    EXPECT_EQ(out, "\x88\0"s);
}

}  // namespace
}  // namespace signalbox::websocket
