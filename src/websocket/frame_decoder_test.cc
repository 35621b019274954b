#include "websocket/frame_decoder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "websocket/testing.h"

namespace signalbox::websocket {
namespace {

using namespace std::string_literals;
using testing::client_close;
using testing::client_frame;
using testing::client_header;
using testing::Fin;
using Kind = FrameEvent::Kind;

struct Seen {
    Kind kind;
    std::string payload;
    std::uint16_t code = 1005;
    friend bool operator==(const Seen&, const Seen&) = default;
};

void PrintTo(const Seen& seen, std::ostream* out) {
    *out << static_cast<int>(seen.kind) << " \"" << seen.payload << "\" " << seen.code;
}

struct Outcome {
    std::vector<Seen> events;
    std::optional<FrameError> error;
};

/// Feeds `chunk`, collecting into `outcome`.
void feed(FrameDecoder& decoder, std::string chunk, Outcome& outcome) {
    std::span<char> input(chunk);
    while (true) {
        const auto event = decoder.next(input);
        if (!event) outcome.error = event.error();
        if (!event || event->kind == Kind::kNeedMore) return;
        outcome.events.push_back({event->kind, std::string(event->payload),
                                  static_cast<std::uint16_t>(event->close_code)});
    }
}

constexpr std::size_t kMax = 1'000'000;

Outcome decode(const std::string& bytes, std::size_t message_bytes_max = kMax) {
    FrameDecoder decoder(message_bytes_max);
    Outcome outcome;
    feed(decoder, bytes, outcome);
    return outcome;
}

Outcome decode_in_two(const std::string& bytes, std::size_t cut) {
    FrameDecoder decoder(kMax);
    Outcome outcome;
    feed(decoder, bytes.substr(0, cut), outcome);
    if (!outcome.error) feed(decoder, bytes.substr(cut), outcome);
    return outcome;
}

Outcome decode_byte_by_byte(const std::string& bytes) {
    FrameDecoder decoder(kMax);
    Outcome outcome;
    for (const char byte : bytes) {
        feed(decoder, {byte}, outcome);
        if (outcome.error) break;
    }
    return outcome;
}

Seen text(std::string payload) {
    return {Kind::kText, std::move(payload)};
}

TEST(FrameDecoder, ReadsTheMaskedExampleOfTheSpecification) {
    const Outcome outcome = decode("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    EXPECT_EQ(outcome.events, std::vector{text("Hello")});
}

TEST(FrameDecoder, RefusesTheUnmaskedExamplesOfTheSpecification) {
    EXPECT_EQ(decode("\x81\x05Hello").error, FrameError::kUnmasked);
    EXPECT_EQ(decode("\x01\x03Hel").error, FrameError::kUnmasked);
    EXPECT_EQ(decode("\x89\x05Hello").error, FrameError::kUnmasked);
}

TEST(FrameDecoder, DecodesTheSameAtEverySplitPoint) {
    const std::string bytes =
        client_frame(Opcode::kText, "Hello") + client_frame(Opcode::kText, "\xCE\xBA") +
        client_frame(Opcode::kText, "frag \xE2\x82", Fin::kMore) +
        client_frame(Opcode::kPing, "inside") +
        client_frame(Opcode::kContinuation, "", Fin::kMore) +
        client_frame(Opcode::kContinuation, "\xAC ment", Fin::kFinal, {1, 0, 255, 9}) +
        client_frame(Opcode::kBinary, std::string(300, '\xFF')) + client_frame(Opcode::kPong, "") +
        client_frame(Opcode::kBinary, "") + client_close(1000, "bye");
    const std::vector<Seen> expected{text("Hello"),
                                     text("\xCE\xBA"),
                                     {Kind::kPing, "inside"},
                                     text("frag \xE2\x82\xAC ment"),
                                     {Kind::kBinary, std::string(300, '\xFF')},
                                     {Kind::kPong, ""},
                                     {Kind::kBinary, ""},
                                     {Kind::kClose, "bye", 1000}};
    EXPECT_EQ(decode(bytes).events, expected);
    EXPECT_EQ(decode_byte_by_byte(bytes).events, expected);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        const Outcome outcome = decode_in_two(bytes, cut);
        ASSERT_EQ(outcome.events, expected) << "cut at " << cut;
        ASSERT_FALSE(outcome.error) << "cut at " << cut;
    }
}

TEST(FrameDecoder, DecodesEveryLengthFormAtItsEdges) {
    for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 125U, 126U, 127U, 65535U, 65536U, 70001U}) {
        std::string payload(size, '\0');
        for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 7);
        const std::string frame = client_frame(Opcode::kBinary, payload);
        EXPECT_EQ(decode(frame).events, (std::vector<Seen>{{Kind::kBinary, payload}})) << size;
        EXPECT_EQ(decode_in_two(frame, frame.size() / 2).events,
                  (std::vector<Seen>{{Kind::kBinary, payload}}))
            << size;
    }
}

TEST(FrameDecoder, LendsAWholeMessageFromTheInputWithoutCopying) {
    std::string bytes = client_frame(Opcode::kText, "a message of more than fifteen bytes");
    FrameDecoder decoder(kMax);
    std::span<char> input(bytes);
    const auto event = decoder.next(input);
    ASSERT_TRUE(event);
    EXPECT_GE(event->payload.data(), bytes.data());
    EXPECT_LT(event->payload.data(), bytes.data() + bytes.size());
    EXPECT_EQ(decoder.buffered_bytes(), 0U);
}

TEST(FrameDecoder, HoldsNothingBetweenMessages) {
    FrameDecoder decoder(kMax);
    Outcome outcome;
    const std::string frame = client_frame(Opcode::kText, std::string(1000, 'x'));
    feed(decoder, frame.substr(0, 500), outcome);
    EXPECT_GT(decoder.buffered_bytes(), 0U);
    feed(decoder, frame.substr(500), outcome);
    EXPECT_EQ(outcome.events.size(), 1U);
    EXPECT_EQ(decoder.buffered_bytes(), 0U);
    EXPECT_LE(sizeof(FrameDecoder), 128U);
}

TEST(FrameDecoder, KeepsTheFragmentsWhenAControlFrameBetweenThemIsCut) {
    FrameDecoder decoder(kMax);
    Outcome outcome;
    const std::string ping = client_frame(Opcode::kPing, "0123456789");
    feed(decoder, client_frame(Opcode::kBinary, "first ", Fin::kMore) + ping.substr(0, 9), outcome);
    feed(decoder, ping.substr(9) + client_frame(Opcode::kContinuation, "second"), outcome);
    EXPECT_EQ(outcome.events,
              (std::vector<Seen>{{Kind::kPing, "0123456789"}, {Kind::kBinary, "first second"}}));
}

TEST(FrameDecoder, TakesMessagesUpToTheMaximum) {
    for (const std::size_t max : {1U, 125U, 126U, 65535U, 65536U}) {
        const std::string one_less(max - 1, 'x'), exact(max, 'x'), one_more(max + 1, 'x');
        EXPECT_EQ(decode(client_frame(Opcode::kText, one_less), max).events.size(), 1U);
        EXPECT_EQ(decode(client_frame(Opcode::kText, exact), max).events.size(), 1U);
        EXPECT_EQ(decode(client_frame(Opcode::kText, one_more), max).error,
                  FrameError::kMessageTooBig);
    }
}

TEST(FrameDecoder, RefusesByTheAnnouncedLengthBeforeThePayload) {
    EXPECT_EQ(decode(client_header(0x82, 101), 100).error, FrameError::kMessageTooBig);
    EXPECT_EQ(decode(client_header(0x82, (1ULL << 63) - 1), 100).error, FrameError::kMessageTooBig);
}

TEST(FrameDecoder, CountsTheMaximumOverAllFragments) {
    const std::string first = client_frame(Opcode::kBinary, std::string(60, 'x'), Fin::kMore);
    EXPECT_EQ(decode(first + client_frame(Opcode::kContinuation, std::string(40, 'x')), 100)
                  .events.size(),
              1U);
    EXPECT_EQ(decode(first + client_header(0x80, 41), 100).error, FrameError::kMessageTooBig);
    EXPECT_EQ(decode(first + client_header(0x80, (1ULL << 63) - 1), 100).error,
              FrameError::kMessageTooBig);
    // A control frame is no part of the message.
    EXPECT_FALSE(decode(first + client_frame(Opcode::kPing, std::string(125, 'x')), 100).error);
}

TEST(FrameDecoder, RefusesWithTheExactError) {
    using enum FrameError;
    const std::string mask = "\1\2\3\4";
    const std::string fragment = client_frame(Opcode::kText, "x", Fin::kMore);
    const struct {
        std::string bytes;
        FrameError error;
        std::uint16_t code;
    } cases[] = {
        {"\x81\x01x", kUnmasked, 1002},
        {"\x88\0"s, kUnmasked, 1002},
        {"\xC1\x80" + mask, kReservedBits, 1002},
        {"\xA1\x80" + mask, kReservedBits, 1002},
        {"\x91\x80" + mask, kReservedBits, 1002},
        {fragment + "\xC0\x80" + mask, kReservedBits, 1002},
        {"\x83\x80" + mask, kReservedOpcode, 1002},
        {"\x87\x80" + mask, kReservedOpcode, 1002},
        {"\x8B\x80" + mask, kReservedOpcode, 1002},
        {"\x8F\x80" + mask, kReservedOpcode, 1002},
        {"\x09\x80" + mask, kFragmentedControl, 1002},
        {"\x08\x80" + mask, kFragmentedControl, 1002},
        {"\x89\xFE", kControlTooLong, 1002},
        {"\x88\xFF", kControlTooLong, 1002},
        {"\x82\xFE\0\x7D"s + mask, kLengthNotMinimal, 1002},
        {"\x82\xFF\0\0\0\0\0\0\xFF\xFF"s + mask, kLengthNotMinimal, 1002},
        {"\x82\xFF\x80\0\0\0\0\0\0\0"s + mask, kLengthTopBit, 1002},
        {"\x80\x80" + mask, kUnexpectedContinuation, 1002},
        {fragment + "\x81\x80" + mask, kExpectedContinuation, 1002},
        {fragment + "\x82\x80" + mask, kExpectedContinuation, 1002},
        {client_frame(Opcode::kText, "\xFF"), kInvalidUtf8, 1007},
        {client_frame(Opcode::kText, "\xC3"), kInvalidUtf8, 1007},
        {client_frame(Opcode::kText, "ab\xED\xA0\x80"), kInvalidUtf8, 1007},
        {client_frame(Opcode::kClose, "\x03"), kBadClosePayload, 1002},
        {client_close(1000, "\xFF"), kInvalidUtf8, 1007},
        {client_close(1000, "\xC3"), kInvalidUtf8, 1007},
    };
    for (const auto& [bytes, error, code] : cases) {
        EXPECT_EQ(decode(bytes).error, error) << ::testing::PrintToString(bytes);
        EXPECT_EQ(decode_byte_by_byte(bytes).error, error) << ::testing::PrintToString(bytes);
        EXPECT_EQ(static_cast<std::uint16_t>(close_code_of(error)), code);
    }
    EXPECT_EQ(close_code_of(kMessageTooBig), CloseCode::kMessageTooBig);
}

TEST(FrameDecoder, RepeatsItsFirstError) {
    FrameDecoder decoder(kMax);
    Outcome outcome;
    feed(decoder, "\x83\x80", outcome);
    for (int i = 0; i < 2; ++i) {
        outcome.error.reset();
        feed(decoder, client_frame(Opcode::kText, "fine"), outcome);
        EXPECT_EQ(outcome.error, FrameError::kReservedOpcode);
    }
    EXPECT_TRUE(outcome.events.empty());
}

TEST(FrameDecoder, IgnoresWhatFollowsAClose) {
    const Outcome outcome = decode(client_frame(Opcode::kText, "part", Fin::kMore) +
                                   client_close(1001) + "\xFF\xFFgarbage");
    EXPECT_EQ(outcome.events, (std::vector<Seen>{{Kind::kClose, "", 1001}}));
    EXPECT_FALSE(outcome.error);
}

TEST(FrameDecoder, RefusesBadUtf8BeforeTheMessageIsComplete) {
    FrameDecoder decoder(kMax);
    Outcome outcome;
    feed(decoder, client_header(0x81, 1000, {0, 0, 0, 0}) + "good \xF4\x8F", outcome);
    EXPECT_FALSE(outcome.error);
    feed(decoder, "\xF0", outcome);
    EXPECT_EQ(outcome.error, FrameError::kInvalidUtf8);
}

TEST(FrameDecoder, DoesNotReserveWhatIsOnlyAnnounced) {
    FrameDecoder decoder(kMax);
    Outcome outcome;
    feed(decoder, client_header(0x82, kMax) + "abc", outcome);
    EXPECT_EQ(decoder.buffered_bytes(), 3U);
}

}  // namespace
}  // namespace signalbox::websocket
