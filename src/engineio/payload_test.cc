#include "engineio/payload.h"

#include <gtest/gtest.h>

#include <vector>

#include "engineio/packet_queue.h"

namespace signalbox::engineio {
namespace {

using namespace std::string_literals;

/// `4hi`, or `binary…` for a binary message; then the error's number.
std::vector<std::string> read(std::string_view body, PayloadFormat format = PayloadFormat::kV4) {
    std::vector<std::string> seen;
    PayloadReader reader(format, body);
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
    append_to_payload(payload, PayloadFormat::kV4, {.type = PacketType::kMessage, .data = "hello"});
    append_to_payload(payload, PayloadFormat::kV4, {.type = PacketType::kPing});
    append_to_payload(payload, PayloadFormat::kV4,
                      {.type = PacketType::kMessage,
                       .data = std::string_view("\0\1\2", 3),
                       .kind = MessageKind::kBinary});
    EXPECT_EQ(payload,
              "4hello\x1E"
              "2\x1E"
              "bAAEC");
    EXPECT_EQ(read(payload), Seen({"4hello", "2", "binary \0\1\2"s}));
}

TEST(PayloadReaderV3, ReadsPacketsCountedInUtf16Units) {
    const auto text = PayloadFormat::kV3Text;
    EXPECT_EQ(read("6:4hello", text), Seen({"4hello"}));
    EXPECT_EQ(read("6:4test11:26:4test3", text), Seen({"4test1", "2", "4test3"}));
    EXPECT_EQ(read("7:4w\xC3\xB6rld!1:4", text), Seen({"4w\xC3\xB6rld!", "4"}));
    EXPECT_EQ(read("3:4\xF0\x9F\x98\x80"
                   "2:4\xE2\x82\xAC",
                   text),
              Seen({"4\xF0\x9F\x98\x80", "4\xE2\x82\xAC"}));
    EXPECT_EQ(read("10:b4AQIDBA==4:b4AQ", text), Seen({"binary \1\2\3\4", "binary \1"}));
}

TEST(PayloadReaderV3, StopsAtTheFirstBadPacketWithItsError) {
    const auto text = PayloadFormat::kV3Text;
    const std::string bad_length = error(PacketError::kBadLength);
    EXPECT_EQ(read("", text), Seen({error(PacketError::kEmpty)}));
    EXPECT_EQ(read("0:", text), Seen({error(PacketError::kEmpty)}));
    for (const char* body :
         {"abc", "4hello", "6", ":4", "6:4hell", "-1:4", "+1:4", "1 :4", "1e0:4", "0x1:4", "x:4",
          "9999999999999999999:4", "99999999999999999999999:4", "2:4\xF0\x9F\x98\x80"}) {
        EXPECT_EQ(read(body, text), Seen({bad_length})) << body;
    }
    EXPECT_EQ(read("2:4a1:", text), Seen({"4a", bad_length}));
    EXPECT_EQ(read("2:4a1", text), Seen({"4a", bad_length}));
    EXPECT_EQ(read("1:7", text), Seen({error(PacketError::kUnknownType)}));
    EXPECT_EQ(read("2:b4", text), Seen({"binary "}));
    EXPECT_EQ(read("1:b", text), Seen({error(PacketError::kEmpty)}));
    EXPECT_EQ(read("3:b4*", text), Seen({error(PacketError::kBadBase64)}));
    EXPECT_EQ(read("2:b7", text), Seen({error(PacketError::kUnknownType)}));
    EXPECT_EQ(read("2:4\xFF", text), Seen({bad_length}));
    EXPECT_EQ(read("2:4\xC0\x80", text), Seen({error(PacketError::kBadUtf8)}));
}

TEST(PayloadReaderV3, ReadsTheBinaryForm) {
    const auto binary = PayloadFormat::kV3Binary;
    EXPECT_EQ(read("\0\6\xFF"
                   "4hello\1\5\xFF\4\1\2\3\4"s,
                   binary),
              Seen({"4hello", "binary \1\2\3\4"}));
    EXPECT_EQ(read("\0\1\2\xFF"
                   "4w\xC3\xB6rld 12345"
                   "\0\1\xFF"
                   "2"s,
                   binary)
                  .size(),
              2U);
}

TEST(PayloadReaderV3, RefusesABrokenBinaryForm) {
    const auto binary = PayloadFormat::kV3Binary;
    const std::string bad_length = error(PacketError::kBadLength);
    for (const std::string& body : {"\2\1\xFF\4"s, "\0\1"s, "\0\xFF"s, "\0"s,
                                    "\0\2\xFF"
                                    "4"s,
                                    "\0\12\xFF"
                                    "4"s,
                                    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xFF"
                                    "4"s,
                                    std::string(1000, '\1')}) {
        EXPECT_EQ(read(body, binary), Seen({bad_length}));
    }
    EXPECT_EQ(read("", binary), Seen({error(PacketError::kEmpty)}));
    EXPECT_EQ(read("\0\0\xFF"s, binary), Seen({error(PacketError::kEmpty)}));
    EXPECT_EQ(read("\1\0\xFF"s, binary), Seen({error(PacketError::kEmpty)}));
    EXPECT_EQ(read("\1\2\xFF\7x"s, binary), Seen({error(PacketError::kUnknownType)}));
    EXPECT_EQ(read("\0\2\xFF"
                   "4\xFF"s,
                   binary),
              Seen({error(PacketError::kBadUtf8)}));
}

TEST(PayloadV3, RoundTripsInBothForms) {
    const Packet packets[] = {
        {.type = PacketType::kMessage, .data = "w\xC3\xB6rld \xF0\x9F\x98\x80"},
        {.type = PacketType::kPong},
        {.type = PacketType::kMessage,
         .data = std::string_view("\0\1\2\3", 4),
         .kind = MessageKind::kBinary}};
    std::string text, binary;
    for (const Packet& packet : packets) {
        append_to_payload(text, PayloadFormat::kV3Text, packet);
        append_to_payload(binary, PayloadFormat::kV3Binary, packet);
    }
    EXPECT_EQ(text,
              "9:4w\xC3\xB6rld \xF0\x9F\x98\x80"
              "1:310:b4AAECAw==");
    EXPECT_EQ(binary,
              "\0\1\2\xFF"
              "4w\xC3\xB6rld \xF0\x9F\x98\x80"
              "\0\1\xFF"
              "3\1\5\xFF\4\0\1\2\3"s);
    const Seen seen({"4w\xC3\xB6rld \xF0\x9F\x98\x80", "3", "binary \0\1\2\3"s});
    EXPECT_EQ(read(text, PayloadFormat::kV3Text), seen);
    EXPECT_EQ(read(binary, PayloadFormat::kV3Binary), seen);
}

TEST(PacketQueue, KnowsWhetherItHoldsBinary) {
    PacketQueue queue;
    EXPECT_FALSE(queue.has_binary());
    queue.push({.type = PacketType::kMessage, .data = "a"});
    EXPECT_FALSE(queue.has_binary());
    queue.push({.type = PacketType::kMessage, .data = "b", .kind = MessageKind::kBinary});
    queue.push({.type = PacketType::kPong});
    EXPECT_TRUE(queue.has_binary());
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
