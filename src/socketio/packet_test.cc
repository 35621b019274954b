#include "socketio/packet.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace signalbox::socketio {
namespace {

using engineio::MessageKind;

constexpr std::size_t kAttachmentsMax = 10;
constexpr std::size_t kBytesMax = 1000;

class PacketParserTest : public testing::Test {
protected:
    Packet parsed(std::string_view text) {
        const auto packet = parser_.parse(text);
        EXPECT_TRUE(packet) << text << ": " << to_string(packet.error());
        return packet ? **packet : Packet{};
    }
    std::optional<ParseError> error_of(std::string_view text) {
        const auto packet = parser_.parse(text);
        return packet ? std::nullopt : std::optional(packet.error());
    }

    PacketParser parser_{kAttachmentsMax};
};

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

TEST_F(PacketParserTest, ReadsConnect) {
    const Packet bare = parsed("0");
    EXPECT_EQ(bare.type, PacketType::kConnect);
    EXPECT_EQ(bare.namespace_name, "/");
    EXPECT_FALSE(bare.has_payload);
    EXPECT_EQ(parsed(R"(0{"token":"x"})").payload, R"({"token":"x"})");
    EXPECT_EQ(parsed("0/realtime").namespace_name, "/realtime");
    EXPECT_EQ(parsed("0/realtime,").namespace_name, "/realtime");
    EXPECT_EQ(parsed("0/,").namespace_name, "/");
    const Packet full = parsed(R"(0/a,12 {"b": "}"} )");
    EXPECT_EQ(full.namespace_name, "/a");
    EXPECT_EQ(full.id, 12);
    EXPECT_EQ(full.payload, R"({"b": "}"})");
}

TEST_F(PacketParserTest, ReadsEventsAsTheSendersBytes) {
    const Packet event =
        parsed(R"(2/realtime,007[ "a\u0062\n" , {"x": [1.50, "]"]} ,18446744073709551615 ] )");
    EXPECT_EQ(event.type, PacketType::kEvent);
    EXPECT_EQ(event.namespace_name, "/realtime");
    EXPECT_EQ(event.id, 7);
    EXPECT_EQ(event.name, "ab\n");
    EXPECT_EQ(event.args, R"({"x": [1.50, "]"]} ,18446744073709551615)");
    EXPECT_EQ(event.arg_count, 2);
    EXPECT_FALSE(event.fault);
}

TEST_F(PacketParserTest, DecodesAnOnlyArgumentThatIsAString) {
    for (const char* text : {R"(2["message","a\"\u00e9b"])", R"(2 ["message" , "a\"\u00e9b" ] )",
                             R"(2["mess\u0061ge","a\"\u00e9b"])"}) {
        const Packet packet = parsed(text);
        EXPECT_EQ(packet.name, "message");
        EXPECT_EQ(packet.args, R"("a\"\u00e9b")");
        EXPECT_EQ(packet.text, "a\"\u00e9b");
    }
    EXPECT_EQ(parsed(R"(2["message",""])").text, "");
    for (const char* text : {R"(2["message"])", R"(2["message",1])", R"(2["message","a","b"])",
                             R"(2["message",["a"]])"}) {
        EXPECT_EQ(parsed(text).text, std::nullopt) << text;
    }
}

TEST_F(PacketParserTest, FindsFaultsInTheUsualFormOfEventsToo) {
    for (const char* text :
         {R"(2["]")", R"(2["a","])", R"(2["a","b\"])", R"(2["a","b"c"])", "2[\"a\",\"\x01\"]",
          "2[\"a\",\"\xff\"]", "2[\"\xff\",\"a\"]", R"(2["a","\x"])", R"(2["disconnect","a"])"}) {
        EXPECT_TRUE(error_of(text)) << text;
    }
    EXPECT_EQ(parsed(R"(2["a","\ud800"])").fault, JsonError::kLoneSurrogate);
}

TEST_F(PacketParserTest, ReadsEventsWithoutArguments) {
    const Packet event = parsed(R"(2["\"]"])");
    EXPECT_EQ(event.name, "\"]");
    EXPECT_EQ(event.args, "");
    EXPECT_EQ(event.arg_count, 0);
    EXPECT_FALSE(event.id);
    EXPECT_FALSE(parsed("2").has_payload);
    EXPECT_EQ(parsed(R"(2[""])").name, "");
}

TEST_F(PacketParserTest, ReadsNumericEventNames) {
    EXPECT_EQ(parsed("2[1]").name, "1");
    EXPECT_EQ(parsed("2[-12 , 3]").name, "-12");
    EXPECT_EQ(parsed("2[-12 , 3]").args, "3");
    EXPECT_EQ(parsed("2[1.5,\"a\"]").name, "1.5");
    EXPECT_EQ(parsed("2[1e3]").name, "1000");
    EXPECT_EQ(parsed("2[100000.0]").name, "100000");
    EXPECT_EQ(parsed("2[-0.0]").name, "0");
    EXPECT_EQ(parsed("2[18446744073709551615]").name, "18446744073709551615");
}

TEST_F(PacketParserTest, ReadsAcksAndDisconnects) {
    const Packet ack = parsed(R"(3/a,12["x", {}])");
    EXPECT_EQ(ack.type, PacketType::kAck);
    EXPECT_EQ(ack.id, 12);
    EXPECT_EQ(ack.args, R"("x", {})");
    EXPECT_EQ(ack.arg_count, 2);
    EXPECT_EQ(parsed("312[]").arg_count, 0);
    EXPECT_EQ(parsed("312[ ]").args, "");
    EXPECT_FALSE(parsed("3").id);
    EXPECT_EQ(parsed("318446744073709551615[]").id, 18446744073709551615U);
    EXPECT_EQ(parsed("1").type, PacketType::kDisconnect);
    EXPECT_EQ(parsed("1/a,").namespace_name, "/a");
    EXPECT_EQ(parsed("1/a,5").id, 5);
}

TEST_F(PacketParserTest, ReadsBinaryHeads) {
    const Packet event =
        parsed(R"(52-/a,3["b",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}])");
    EXPECT_EQ(event.type, PacketType::kBinaryEvent);
    EXPECT_EQ(event.attachment_count, 2);
    EXPECT_EQ(event.namespace_name, "/a");
    EXPECT_EQ(event.id, 3);
    EXPECT_EQ(event.arg_count, 2);
    EXPECT_EQ(parsed("510-[\"a\"]").attachment_count, 10);
    EXPECT_EQ(parsed("61-7[{\"num\":0,\"_placeholder\":true}]").type, PacketType::kBinaryAck);
}

struct Refusal {
    const char* text;
    ParseError error;
};

class RefusedPackets : public PacketParserTest, public testing::WithParamInterface<Refusal> {};

TEST_P(RefusedPackets, EndTheConnection) {
    EXPECT_EQ(error_of(GetParam().text), GetParam().error) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    List, RefusedPackets,
    testing::Values(
        Refusal{"", ParseError::kEmpty}, Refusal{"7", ParseError::kUnknownType},
        Refusal{"9[\"a\"]", ParseError::kUnknownType}, Refusal{"x", ParseError::kUnknownType},
        Refusal{" 2[\"a\"]", ParseError::kUnknownType}, Refusal{"0[]", ParseError::kBadPayload},
        Refusal{"0\"a\"", ParseError::kBadPayload}, Refusal{"0null", ParseError::kBadPayload},
        Refusal{"0custom", ParseError::kBadPayload}, Refusal{"0{", ParseError::kBadPayload},
        Refusal{"0{}{}", ParseError::kBadPayload}, Refusal{"0/a,[]", ParseError::kBadPayload},
        Refusal{"0 ", ParseError::kBadPayload}, Refusal{"0[1e400]", ParseError::kBadPayload},
        Refusal{"1{}", ParseError::kBadPayload}, Refusal{"1/a,[]", ParseError::kBadPayload},
        Refusal{"2{}", ParseError::kBadPayload}, Refusal{"2[]", ParseError::kBadPayload},
        Refusal{"2[{}]", ParseError::kBadPayload}, Refusal{"2[[\"a\"]]", ParseError::kBadPayload},
        Refusal{"2[null]", ParseError::kBadPayload}, Refusal{"2[true]", ParseError::kBadPayload},
        Refusal{"2\"a\"", ParseError::kBadPayload}, Refusal{"2[\"a\"", ParseError::kBadPayload},
        Refusal{"2[\"a\",]", ParseError::kBadPayload},
        Refusal{"2[\"a\",01]", ParseError::kBadPayload},
        Refusal{"2[\"a\",\"\\x\"]", ParseError::kBadPayload},
        Refusal{"2[\"\xff\"]", ParseError::kBadPayload},
        Refusal{"2[{},1e400]", ParseError::kBadPayload},
        Refusal{"2{\"a\":1e400}", ParseError::kBadPayload},
        Refusal{"2[\"connect\"]", ParseError::kReservedEvent},
        Refusal{"2[\"connect_error\",1]", ParseError::kReservedEvent},
        Refusal{"2[\"disconnect\"]", ParseError::kReservedEvent},
        Refusal{"2[\"disconnectin\\u0067\"]", ParseError::kReservedEvent},
        Refusal{"2[\"newListener\"]", ParseError::kReservedEvent},
        Refusal{"2[\"removeListener\"]", ParseError::kReservedEvent},
        Refusal{"2[\"disconnect\",1e400]", ParseError::kReservedEvent},
        Refusal{"21.5[\"a\"]", ParseError::kBadPayload},
        Refusal{"2-1[\"a\"]", ParseError::kBadPayload},
        Refusal{"218446744073709551616[\"a\"]", ParseError::kAckIdTooLarge},
        Refusal{"3{}", ParseError::kBadPayload}, Refusal{"31{}", ParseError::kBadPayload},
        Refusal{"31{\"a\":1e400}", ParseError::kBadPayload},
        Refusal{"31[", ParseError::kBadPayload}, Refusal{"4[]", ParseError::kBadPayload},
        Refusal{"50-[\"a\"]", ParseError::kBadAttachmentCount},
        Refusal{"5-[\"a\"]", ParseError::kBadAttachmentCount},
        Refusal{"5-1-[\"a\"]", ParseError::kBadAttachmentCount},
        Refusal{"51[\"a\"]", ParseError::kBadAttachmentCount},
        Refusal{"5", ParseError::kBadAttachmentCount},
        Refusal{"51", ParseError::kBadAttachmentCount},
        Refusal{"51.5-[\"a\"]", ParseError::kBadAttachmentCount},
        Refusal{"5[\"a\"]", ParseError::kBadAttachmentCount},
        Refusal{"511-[\"a\"]", ParseError::kTooManyAttachments},
        Refusal{"699999999999999999999999-[]", ParseError::kTooManyAttachments},
        Refusal{"51-[\"a\",{\"_placeholder\":true,\"num\":1}]", ParseError::kBadPlaceholder},
        Refusal{"51-[\"a\",{\"_placeholder\":true,\"num\":-1}]", ParseError::kBadPlaceholder},
        Refusal{"51-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]", ParseError::kBadPlaceholder},
        Refusal{"51-[\"a\",{\"_placeholder\":true,\"num\":0.5}]", ParseError::kBadPlaceholder},
        Refusal{"51-[\"a\",{\"_placeholder\":true}]", ParseError::kBadPlaceholder},
        Refusal{"51-[\"a\",[{\"b\":{\"num\":0,\"_placeholder\":true,\"num\":7}}]]",
                ParseError::kBadPlaceholder},
        Refusal{"61-1[{\"_placeholder\":true,\"num\":null}]", ParseError::kBadPlaceholder},
        Refusal{"0/\xff,{}", ParseError::kBadNamespace}));

class ToleratedPackets : public PacketParserTest,
                         public testing::WithParamInterface<const char*> {};

TEST_P(ToleratedPackets, AreRead) {
    EXPECT_EQ(error_of(GetParam()), std::nullopt) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(
    List, ToleratedPackets,
    testing::Values(
        "3", "2", "31", "01{}", "2007[\"a\"]", "0/a?token=1,{}", "4\"x\"", "4{}", "2 [\"a\"]",
        "501-[\"a\",{\"_placeholder\":true,\"num\":0}]", "51-[\"a\"]",
        "51-[\"a\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]",
        "51-[\"a\",{\"_placeholder\":false,\"num\":9}]",
        "51-[\"a\",{\"_placeholder\":true,\"num\":9,\"num\":0.0}]",
        "51-[\"a\",{\"_placeholder\":1,\"num\":9}]", "2[\"a\",{\"_placeholder\":true,\"num\":9}]"));

TEST_F(PacketParserTest, TellsJsonBeyondOurLimitsFromBrokenJson) {
    const Packet range = parsed(R"(25["message", 1e400])");
    EXPECT_EQ(range.fault, JsonError::kNumberRange);
    EXPECT_EQ(range.name, "message");
    EXPECT_EQ(range.id, 5);
    EXPECT_EQ(range.args, "1e400]");
    EXPECT_EQ(range.arg_count, 0);
    EXPECT_EQ(parsed(R"(2["a",99999999999999999999])").fault, JsonError::kNumberRange);
    EXPECT_EQ(parsed(R"(2["a","\ud800"])").fault, JsonError::kLoneSurrogate);
    EXPECT_EQ(parsed("2[\"a\"," + nested(128) + "]").fault, JsonError::kTooDeep);
    EXPECT_EQ(parsed("2[\"a\"," + nested(10'000) + "]").name, "a");
    EXPECT_FALSE(parsed("2[\"a\"," + nested(127) + "]").fault);
    EXPECT_EQ(parsed("0{\"a\":" + nested(128) + "}").fault, JsonError::kTooDeep);
    EXPECT_EQ(parsed("31[1e400]").fault, JsonError::kNumberRange);
    EXPECT_EQ(error_of("2" + nested(200)), ParseError::kBadPayload);
}

TEST_F(PacketParserTest, LeavesOutANameThatItCannotRead) {
    const Packet surrogate = parsed(R"(2["\ud800",1])");
    EXPECT_EQ(surrogate.fault, JsonError::kLoneSurrogate);
    EXPECT_EQ(surrogate.name, "");
    EXPECT_EQ(parsed("2[1e400]").name, "");
    EXPECT_EQ(parsed("2[7,1e400]").name, "7");
}

class DecoderTest : public testing::Test {
protected:
    /// @return nullopt: it completes no packet
    std::optional<Decoder::Decoded> fed(MessageKind kind, std::string_view message) {
        auto result = decoder_.feed(kind, message);
        EXPECT_TRUE(result) << to_string(result.error());
        if (!result || result->packet == nullptr) return std::nullopt;
        return std::move(*result);
    }
    std::optional<ParseError> error_of(MessageKind kind, std::string_view message) {
        const auto result = decoder_.feed(kind, message);
        return result ? std::nullopt : std::optional(result.error());
    }

    PacketParser parser_{kAttachmentsMax};
    Decoder decoder_{parser_, kBytesMax};
};

TEST_F(DecoderTest, WaitsForEveryAttachment) {
    EXPECT_FALSE(fed(MessageKind::kText, R"(53-4["up",{"_placeholder":true,"num":2}])"));
    EXPECT_FALSE(fed(MessageKind::kBinary, std::string("\0\1", 2)));
    EXPECT_FALSE(fed(MessageKind::kBinary, ""));
    EXPECT_TRUE(parser_.parse(R"(2["another connection's"])"));
    const auto decoded = fed(MessageKind::kBinary, "two");
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->packet->name, "up");
    EXPECT_EQ(decoded->packet->id, 4);
    EXPECT_EQ(decoded->packet->args, R"({"_placeholder":true,"num":2})");
    const std::vector<std::string> expected{std::string("\0\1", 2), "", "two"};
    EXPECT_EQ(std::vector(decoded->attachments().begin(), decoded->attachments().end()), expected);
    EXPECT_TRUE(fed(MessageKind::kText, R"(2["next"])"));
}

TEST_F(DecoderTest, RefusesTextAmongAttachments) {
    EXPECT_FALSE(fed(MessageKind::kText, R"(52-["a"])"));
    EXPECT_FALSE(fed(MessageKind::kBinary, "x"));
    EXPECT_EQ(error_of(MessageKind::kText, R"(2["a"])"), ParseError::kUnexpectedText);
}

TEST_F(DecoderTest, RefusesAttachmentsThatBelongToNothing) {
    EXPECT_EQ(error_of(MessageKind::kBinary, "x"), ParseError::kUnexpectedBinary);
    EXPECT_TRUE(fed(MessageKind::kText, R"(2["a"])"));
    EXPECT_EQ(error_of(MessageKind::kBinary, "x"), ParseError::kUnexpectedBinary);
}

TEST_F(DecoderTest, BoundsABinaryPacketAsAWhole) {
    const std::string text = R"(52-["a"])";
    EXPECT_FALSE(fed(MessageKind::kText, text));
    EXPECT_FALSE(fed(MessageKind::kBinary, std::string(kBytesMax - text.size() - 1, 'x')));
    EXPECT_TRUE(fed(MessageKind::kBinary, "x"));
    EXPECT_FALSE(fed(MessageKind::kText, text));
    EXPECT_FALSE(fed(MessageKind::kBinary, std::string(kBytesMax - text.size(), 'x')));
    EXPECT_EQ(error_of(MessageKind::kBinary, "x"), ParseError::kBinaryPacketTooLarge);
}

TEST(PacketEncoder, WritesTheReferencesBytes) {
    std::string out;
    const auto written = [&out] { return std::exchange(out, {}); };
    append_event(out, {"/", {}, 0}, "message", R"("a",1)");
    EXPECT_EQ(written(), R"(2["message","a",1])");
    append_event(out, {"/realtime", 12, 0}, "a\"\n", "");
    EXPECT_EQ(written(), R"(2/realtime,12["a\"\n"])");
    append_event(out, {"/", 0, 1}, "up", R"({"_placeholder":true,"num":0})");
    EXPECT_EQ(written(), R"(51-0["up",{"_placeholder":true,"num":0}])");
    append_event(out, {"/a", {}, 2}, "up", "1");
    EXPECT_EQ(written(), R"(52-/a,["up",1])");
    append_ack(out, {"/", 0, 0}, "");
    EXPECT_EQ(written(), "30[]");
    append_ack(out, {"/a", 18446744073709551615U, 0}, "null");
    EXPECT_EQ(written(), "3/a,18446744073709551615[null]");
    append_ack(out, {"/a", 3, 1}, R"({"_placeholder":true,"num":0})");
    EXPECT_EQ(written(), R"(61-/a,3[{"_placeholder":true,"num":0}])");
    append_connect(out, "/", {"abc", ""});
    EXPECT_EQ(written(), R"(0{"sid":"abc"})");
    append_connect(out, "/realtime", {"abc", "secret"});
    EXPECT_EQ(written(), R"(0/realtime,{"sid":"abc","pid":"secret"})");
    append_connect_error(out, "/x", "Invalid namespace", "");
    EXPECT_EQ(written(), R"(4/x,{"message":"Invalid namespace"})");
    append_connect_error(out, "/", "no", R"({"code":"X"})");
    EXPECT_EQ(written(), R"(4{"message":"no","data":{"code":"X"}})");
    append_disconnect(out, "/");
    EXPECT_EQ(written(), "1");
    append_disconnect(out, "/realtime");
    EXPECT_EQ(written(), "1/realtime,");
}

}  // namespace
}  // namespace signalbox::socketio
