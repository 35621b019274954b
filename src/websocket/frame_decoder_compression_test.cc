// The decoder where permessage-deflate was negotiated.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "websocket/frame_decoder.h"
#include "websocket/testing.h"

namespace signalbox::websocket {
namespace {

using namespace std::string_literals;
using testing::client_close;
using testing::client_frame;
using testing::client_header;
using testing::compressed_frame;
using testing::Fin;
using testing::masked;
using Kind = FrameEvent::Kind;

constexpr std::size_t kMax = 1'000'000;
const std::string kHello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;  // RFC 7692 section 7.2.3.1

/// A decoder that takes compressed frames, and what has come out of it.
struct Session {
    explicit Session(std::size_t message_bytes_max = kMax) : decoder(message_bytes_max, &pool) {}

    Session& feed(std::string bytes) {
        std::span<char> input(bytes);
        while (!error) {
            const auto event = decoder.next(input);
            if (!event) error = event.error();
            if (!event || event->kind == Kind::kNeedMore) break;
            messages.emplace_back(event->payload);
        }
        return *this;
    }

    Session& feed_bytewise(const std::string& bytes) {
        for (const char byte : bytes) feed({byte});
        return *this;
    }

    InflaterPool pool;
    FrameDecoder decoder;
    std::vector<std::string> messages;
    std::optional<FrameError> error;
};

std::string deflated(std::string_view message) {
    MessageDeflater deflater;
    return std::string(deflater.deflate(message, 15));
}

using Messages = std::vector<std::string>;

TEST(CompressedFrames, AreInflatedWholeAndCutAnywhere) {
    const std::string bytes =
        compressed_frame(Opcode::kText, kHello) + client_frame(Opcode::kText, "plain") +
        compressed_frame(Opcode::kBinary, "\0"s) +
        compressed_frame(Opcode::kText, kHello.substr(0, 3), Fin::kMore) +
        client_frame(Opcode::kPing, "between") +
        client_frame(Opcode::kContinuation, "", Fin::kMore) +
        client_frame(Opcode::kContinuation, kHello.substr(3)) + client_close(1000, "bye");
    const Messages expected{"Hello", "plain", "", "between", "Hello", "bye"};
    EXPECT_EQ(Session().feed(bytes).messages, expected);
    EXPECT_EQ(Session().feed_bytewise(bytes).messages, expected);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        Session session;
        session.feed(bytes.substr(0, cut)).feed(bytes.substr(cut));
        ASSERT_EQ(session.messages, expected) << "cut at " << cut;
        ASSERT_EQ(session.error, std::nullopt) << "cut at " << cut;
    }
}

TEST(CompressedFrames, RefuseReservedBitsElsewhere) {
    const std::string fragment = compressed_frame(Opcode::kText, kHello.substr(0, 3), Fin::kMore);
    for (const std::string& bytes :
         {fragment + client_header(0xC0, 4), client_header(0xC9, 0), client_header(0xC8, 0),
          client_header(0xCA, 0), client_header(0xE1, 0), client_header(0xD1, 0),
          client_header(0x40, 0), client_header(0xA1, 0)}) {
        EXPECT_EQ(Session().feed(bytes).error, FrameError::kReservedBits);
        EXPECT_EQ(Session().feed_bytewise(bytes).error, FrameError::kReservedBits);
    }
}

TEST(CompressedFrames, RefuseWhatDoesNotInflate) {
    // The second message of section 7.2.3.2 refers to the one before it.
    const std::string sharing = "\xf2\x00\x11\x00\x00"s;
    for (const std::string& payload : {""s, "\xff\xff"s, kHello.substr(0, 4), sharing}) {
        const std::string bytes =
            compressed_frame(Opcode::kText, kHello) + compressed_frame(Opcode::kText, payload);
        EXPECT_EQ(Session().feed(bytes).error, FrameError::kCorruptCompression);
        EXPECT_EQ(Session().feed_bytewise(bytes).error, FrameError::kCorruptCompression);
    }
    EXPECT_EQ(close_code_of(FrameError::kCorruptCompression), CloseCode::kInvalidPayload);
}

TEST(CompressedFrames, AreRefusedForBadUtf8BeforeTheMessageEnds) {
    const std::string bad = deflated("some text and then \xED\xA0\x80 and so on, so on, so on");
    Session session;
    session.feed(client_header(0xC1, bad.size() + 100) + masked(bad));
    EXPECT_EQ(session.error, FrameError::kInvalidUtf8);
    const std::string unfinished = deflated("text text text text text text \xC3");
    EXPECT_EQ(Session().feed(compressed_frame(Opcode::kText, unfinished)).error,
              FrameError::kInvalidUtf8);
    EXPECT_EQ(Session().feed(compressed_frame(Opcode::kBinary, unfinished)).error, std::nullopt);
}

TEST(CompressedFrames, CountTheInflatedBytesAgainstTheMaximum) {
    const std::string message(50'000, 'x');
    const std::string frame = compressed_frame(Opcode::kText, deflated(message));
    EXPECT_LT(frame.size(), 300U);
    EXPECT_EQ(Session(50'001).feed(frame).messages, Messages{message});
    EXPECT_EQ(Session(50'000).feed(frame).messages, Messages{message});
    EXPECT_EQ(Session(49'999).feed(frame).error, FrameError::kMessageTooBig);
    EXPECT_EQ(Session(49'999).feed_bytewise(frame).error, FrameError::kMessageTooBig);
}

TEST(CompressedFrames, CountAllFragmentsTogether) {
    const std::string whole = deflated(std::string(1000, 'x') + std::string(1000, 'y'));
    const std::string first = compressed_frame(Opcode::kBinary, whole.substr(0, 5), Fin::kMore);
    const std::string rest = client_frame(Opcode::kContinuation, whole.substr(5));
    EXPECT_EQ(Session(2000).feed(first + rest).messages.size(), 1U);
    EXPECT_EQ(Session(1999).feed(first + rest).error, FrameError::kMessageTooBig);
}

TEST(CompressedFrames, MayBeLongerThanTheMaximumWhenTheyGrew) {
    std::string incompressible(1000, '\0');
    for (std::size_t i = 0; i < incompressible.size(); ++i) {
        incompressible[i] = static_cast<char>(i * i * 31 + i / 7);
    }
    // A stored block: five bytes more than its content.
    std::string stored = "\x00\xe8\x03\x17\xfc"s + incompressible + "\0"s;
    EXPECT_EQ(Session(1000).feed(compressed_frame(Opcode::kBinary, stored)).messages,
              Messages{incompressible});
    EXPECT_EQ(Session(1000).feed(client_header(0xC2, 1000 + 125 + 65)).error,
              FrameError::kMessageTooBig);
}

TEST(CompressedFrames, HoldAnInflaterOnlyWhileAMessageIsUnderWay) {
    Session session;
    const std::string frame = compressed_frame(Opcode::kText, kHello);
    session.feed(frame.substr(0, frame.size() - 1));
    EXPECT_EQ(session.pool.spares(), 0U);
    session.feed(frame.substr(frame.size() - 1));
    EXPECT_EQ(session.messages, Messages{"Hello"});
    EXPECT_EQ(session.pool.spares(), 1U);
    EXPECT_EQ(session.decoder.buffered_bytes(), 0U);
    session.feed(frame);
    EXPECT_EQ(session.pool.spares(), 1U) << "the same one again";
}

TEST(CompressedFrames, AreRefusedWhereNothingWasNegotiated) {
    FrameDecoder decoder(kMax);
    std::string bytes = compressed_frame(Opcode::kText, kHello);
    std::span<char> input(bytes);
    const auto event = decoder.next(input);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error(), FrameError::kReservedBits);
}

}  // namespace
}  // namespace signalbox::websocket
