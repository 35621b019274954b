#include "engineio/packet.h"

#include "base/base64.h"

namespace signalbox::engineio {
namespace {

std::expected<PacketType, PacketError> type_of(int number) {
    if (number < 0 || number > 6) return std::unexpected(PacketError::kUnknownType);
    return static_cast<PacketType>(number);
}

}  // namespace

std::expected<Packet, PacketError> decode_packet(std::string_view text) {
    if (text.empty()) return std::unexpected(PacketError::kEmpty);
    const auto type = type_of(text[0] - '0');
    if (!type) return std::unexpected(type.error());
    return Packet{.type = *type, .data = text.substr(1)};
}

std::expected<Packet, PacketError> decode_base64_packet(std::string_view text,
                                                        std::string& decoded) {
    auto packet = decode_packet(text);
    if (!packet) return packet;
    auto bytes = base64_decode(packet->data);
    if (!bytes) return std::unexpected(PacketError::kBadBase64);
    decoded = std::move(*bytes);
    packet->data = decoded;
    packet->kind = MessageKind::kBinary;
    return packet;
}

std::expected<Packet, PacketError> decode_binary_packet(std::string_view bytes) {
    if (bytes.empty()) return std::unexpected(PacketError::kEmpty);
    const auto type = type_of(static_cast<unsigned char>(bytes[0]));
    if (!type) return std::unexpected(type.error());
    return Packet{.type = *type, .data = bytes.substr(1), .kind = MessageKind::kBinary};
}

std::expected<Packet, PacketError> decode_frame(Protocol protocol, MessageKind kind,
                                                std::string_view frame, std::string& decoded) {
    if (kind == MessageKind::kBinary) {
        if (protocol == Protocol::kV3) return decode_binary_packet(frame);
        return Packet{.type = PacketType::kMessage, .data = frame, .kind = kind};
    }
    if (protocol == Protocol::kV3 && frame.starts_with('b')) {
        return decode_base64_packet(frame.substr(1), decoded);
    }
    return decode_packet(frame);
}

}  // namespace signalbox::engineio
