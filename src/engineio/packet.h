#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engineio/ports.h"

/// One Engine.IO v4 packet. Grammar: docs/protocol/engineio.md.
namespace signalbox::engineio {

enum class PacketType : std::uint8_t {
    kOpen = 0,
    kClose = 1,
    kPing = 2,
    kPong = 3,
    kMessage = 4,
    kUpgrade = 5,
    kNoop = 6,
};

struct Packet {
    PacketType type = PacketType::kNoop;
    std::string_view data = {};             ///< borrowed
    MessageKind kind = MessageKind::kText;  ///< binary: messages only
};

enum class PacketError : std::uint8_t {
    kEmpty,
    kUnknownType,
    kBadBase64,
    kBadUtf8,
};

[[nodiscard]] constexpr char type_digit(PacketType type) {
    return static_cast<char>('0' + static_cast<int>(type));
}

/// Decodes a text packet: a type digit and its data. `data` borrows from `text`.
[[nodiscard]] std::expected<Packet, PacketError> decode_packet(std::string_view text);

}  // namespace signalbox::engineio
