#include "engineio/payload.h"

#include "base/base64.h"
#include "base/utf8.h"

namespace signalbox::engineio {

std::expected<std::optional<Packet>, PacketError> PayloadReader::next() {
    if (!rest_) return std::nullopt;
    const std::string_view rest = *rest_;
    const std::size_t end = rest.find(kPacketSeparator);
    rest_.reset();
    auto packet = decode(rest.substr(0, end));
    if (!packet) return std::unexpected(packet.error());
    if (end != std::string_view::npos) rest_ = rest.substr(end + 1);
    return *packet;
}

std::expected<Packet, PacketError> PayloadReader::decode(std::string_view item) {
    if (item.starts_with('b')) {
        auto bytes = base64_decode(item.substr(1));
        if (!bytes) return std::unexpected(PacketError::kBadBase64);
        binary_ = std::move(*bytes);
        return Packet{.type = PacketType::kMessage, .data = binary_, .kind = MessageKind::kBinary};
    }
    if (!is_valid_utf8(item)) return std::unexpected(PacketError::kBadUtf8);
    return decode_packet(item);
}

void append_to_payload(std::string& payload, const Packet& packet) {
    if (!payload.empty()) payload += kPacketSeparator;
    if (packet.kind == MessageKind::kBinary) {
        payload += 'b';
        append_base64(payload, packet.data);
        return;
    }
    payload += type_digit(packet.type);
    payload += packet.data;
}

}  // namespace signalbox::engineio
