#include "engineio/payload.h"

#include <gtest/gtest.h>

#include <vector>

#include "engineio/packet_queue.h"

namespace signalbox::engineio {
namespace {

using namespace std::string_literals;

/// `4hi`, or `binary…` for a binary message; then the error's number.
std::vector<std::string> read(std::string_view body) {
    std::vector<std::string> seen;
    PayloadReader reader(body);
    while (true) {
        const auto packet = reader.next();
        if (!packet) seen.push_back("error " + std::to_string(static_cast<int>(packet.error())));
        if (!packet || !*packet) return seen;
        const bool binary = (*packet)->kind == MessageKind::kBinary;
        seen.push_back((binary ? "binary " : std::string(1, type_digit((*packet)->type))) +
                       std::string((*packet)->data));
    }
}

std::string error(PacketError e) {
    return "error " + std::to_string(static_cast<int>(e));
}

using Seen = std::vector<std::string>;

TEST(PayloadReader, ReadsPacketsInOrder) {
    EXPECT_EQ(read("4hello"), Seen({"4hello"}));
    EXPECT_EQ(read("4hello\x1E"
                   "2\x1E"
                   "4w\xC3\xB6rld"),
              Seen({"4hello", "2", "4w\xC3\xB6rld"}));
    EXPECT_EQ(read("4\x1E"
                   "4"),
              Seen({"4", "4"}));
    EXPECT_EQ(read("0\x1E"
                   "1\x1E"
                   "3\x1E"
                   "5\x1E"
                   "6"),
              Seen({"0", "1", "3", "5", "6"}));
}

TEST(PayloadReader, DecodesBinaryMessages) {
    EXPECT_EQ(read("bAQIDBA==\x1E"
                   "4x"),
              Seen({"binary \1\2\3\4", "4x"}));
    EXPECT_EQ(read("bAQIDBA"), Seen({"binary \1\2\3\4"}));
    EXPECT_EQ(read("b"), Seen({"binary "}));
}

TEST(PayloadReader, StopsAtTheFirstBadPacketWithItsError) {
    EXPECT_EQ(read(""), Seen({error(PacketError::kEmpty)}));
    EXPECT_EQ(read("4a\x1E"), Seen({"4a", error(PacketError::kEmpty)}));
    EXPECT_EQ(read("\x1E"
                   "4a"),
              Seen({error(PacketError::kEmpty)}));
    EXPECT_EQ(read("4a\x1E\x1E"
                   "4b"),
              Seen({"4a", error(PacketError::kEmpty)}));
    EXPECT_EQ(read("7"), Seen({error(PacketError::kUnknownType)}));
    EXPECT_EQ(read("abc"), Seen({error(PacketError::kUnknownType)}));
    EXPECT_EQ(read("4a\x1E"
                   "8\x1E"
                   "4b"),
              Seen({"4a", error(PacketError::kUnknownType)}));
    EXPECT_EQ(read("b*"), Seen({error(PacketError::kBadBase64)}));
    EXPECT_EQ(read("bAAAAA"), Seen({error(PacketError::kBadBase64)}));
    EXPECT_EQ(read("4\xFF"), Seen({error(PacketError::kBadUtf8)}));
    EXPECT_EQ(read("4\xC3\x1E"
                   "4"),
              Seen({error(PacketError::kBadUtf8)}));
}

TEST(Payload, RoundTrips) {
    std::string payload;
    append_to_payload(payload, {.type = PacketType::kMessage, .data = "hello"});
    append_to_payload(payload, {.type = PacketType::kPing});
    append_to_payload(payload, {.type = PacketType::kMessage,
                                .data = std::string_view("\0\1\2", 3),
                                .kind = MessageKind::kBinary});
    EXPECT_EQ(payload,
              "4hello\x1E"
              "2\x1E"
              "bAAEC");
    EXPECT_EQ(read(payload), Seen({"4hello", "2", "binary \0\1\2"s}));
}

TEST(PacketQueue, GivesPacketsBackInOrderOnce) {
    PacketQueue queue;
    queue.push({.type = PacketType::kMessage, .data = "a"});
    queue.push({.type = PacketType::kNoop});
    queue.push({.type = PacketType::kMessage, .data = "b\0c"s, .kind = MessageKind::kBinary});
    EXPECT_GE(queue.bytes(), 4U);
    std::string seen;
    const auto visit = [&](const Packet& packet) {
        seen += type_digit(packet.type);
        seen += packet.data;
        if (packet.kind == MessageKind::kBinary) seen += "!";
    };
    queue.drain(visit);
    queue.drain(visit);
    EXPECT_EQ(seen, "4a64b\0c!"s);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace signalbox::engineio
