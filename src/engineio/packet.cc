#include "engineio/packet.h"

namespace signalbox::engineio {

std::expected<Packet, PacketError> decode_packet(std::string_view text) {
    if (text.empty()) return std::unexpected(PacketError::kEmpty);
    if (text[0] < '0' || text[0] > '6') return std::unexpected(PacketError::kUnknownType);
    return Packet{.type = static_cast<PacketType>(text[0] - '0'), .data = text.substr(1)};
}

}  // namespace signalbox::engineio
