// Packets survive being written and read again, and a decoder keeps to its bounds. Input: cuts,
// then messages whose sizes the cuts choose; a first byte of the upper half makes a binary one.
#include <string>

#include "base/check.h"
#include "base/fuzz_input.h"
#include "socketio/packet.h"

namespace signalbox::socketio {
namespace {

constexpr std::size_t kAttachmentsMax = 10, kBinaryPacketBytesMax = 300;

void expect_same(const Packet& a, const Packet& b) {
    SB_CHECK(a.type == b.type && a.namespace_name == b.namespace_name && a.id == b.id);
    SB_CHECK(a.attachment_count == b.attachment_count && a.arg_count == b.arg_count);
    SB_CHECK(a.args == b.args);
}

/// The packet as we would send it; empty for those that only clients send.
std::string write(const Packet& packet) {
    std::string out;
    const PacketHead head{packet.namespace_name, packet.id, packet.attachment_count};
    switch (packet.type) {
        case PacketType::kEvent:
        case PacketType::kBinaryEvent:
            append_event(out, head, packet.name, packet.args);
            break;
        case PacketType::kAck:
        case PacketType::kBinaryAck:
            // Without an id it is tolerated, but never sent; below, one with an id.
            if (packet.id && packet.has_payload) append_ack(out, head, packet.args);
            break;
        case PacketType::kDisconnect:
            if (!packet.id) append_disconnect(out, packet.namespace_name);
            break;
        case PacketType::kConnect:
        case PacketType::kConnectError:
            break;
    }
    return out;
}

/// However it was read, `text` is what the argument stands for.
void check_text(const Packet& packet) {
    JsonParser json;
    const auto argument = json.parse(packet.args);
    std::string_view text;
    const bool is_text = argument && argument->get(text) == simdjson::SUCCESS;
    const bool is_event =
        packet.type == PacketType::kEvent || packet.type == PacketType::kBinaryEvent;
    SB_CHECK(packet.text.has_value() == (is_text && is_event));
    if (packet.text) SB_CHECK(*packet.text == text);
}

void check_packet(const Packet& packet) {
    SB_CHECK(packet.namespace_name.starts_with('/'));
    SB_CHECK(packet.attachment_count <= kAttachmentsMax);
    if (packet.fault) return;
    SB_CHECK(packet.type != PacketType::kEvent || !is_reserved_event(packet.name));
    if (packet.arg_count == 1) check_text(packet);
    const std::string name(packet.name);  // the next parse() ends what it borrows
    const std::string written = write(packet);
    if (written.empty()) return;
    PacketParser parser(kAttachmentsMax);
    const Packet again = *parser.parse(written).value();
    expect_same(packet, again);
    SB_CHECK(again.name == name);
}

}  // namespace
}  // namespace signalbox::socketio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace signalbox::socketio;
    using signalbox::engineio::MessageKind;
    signalbox::fuzz::Input input(data, size);
    auto cuts = input.cuts();
    PacketParser parser(kAttachmentsMax);
    Decoder decoder(parser, kBinaryPacketBytesMax);
    for (std::string_view rest = input.rest(); !rest.empty();) {
        const std::string_view message = cuts.next_piece(rest);
        const bool binary = static_cast<unsigned char>(message.front()) >= 0x80;
        auto decoded = decoder.feed(binary ? MessageKind::kBinary : MessageKind::kText, message);
        if (!decoded) {
            SB_CHECK(!to_string(decoded.error()).empty());
            return 0;
        }
        if (decoded->packet == nullptr) continue;
        SB_CHECK(decoded->attachments().size() == decoded->packet->attachment_count);
        check_packet(*decoded->packet);
    }
    return 0;
}
