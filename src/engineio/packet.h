#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engineio/ports.h"

/// One Engine.IO packet, of either revision. Grammar: docs/protocol/engineio.md.
namespace signalbox::engineio {

/// The protocol's revision: the client's `EIO`.
enum class Protocol : std::uint8_t { kV3 = 3, kV4 = 4 };

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
    MessageKind kind = MessageKind::kText;  ///< binary: messages only (from a v3 client: any)
};

enum class PacketError : std::uint8_t {
    kEmpty,
    kUnknownType,
    kBadBase64,
    kBadUtf8,
    kBadLength,  ///< v3: a length that is none, or is not what follows
};

[[nodiscard]] constexpr char type_digit(PacketType type) {
    return static_cast<char>('0' + static_cast<int>(type));
}

/// Decodes a text packet: a type digit and its data. `data` borrows from `text`.
[[nodiscard]] std::expected<Packet, PacketError> decode_packet(std::string_view text);

/// What a WebSocket frame holds. v4: a text packet, or a binary message as it is. v3: a text
/// packet, `b` + type digit + base64, or a type byte and binary data.
/// @param decoded  memory for what had to be decoded; `data` borrows from `frame` or from it.
[[nodiscard]] std::expected<Packet, PacketError> decode_frame(Protocol protocol, MessageKind kind,
                                                              std::string_view frame,
                                                              std::string& decoded);

/// A v3 packet of base64, after its `b`: a type digit and the data, which goes to `decoded`.
[[nodiscard]] std::expected<Packet, PacketError> decode_base64_packet(std::string_view text,
                                                                      std::string& decoded);
/// A v3 binary packet: a type byte (not a digit) and its data.
[[nodiscard]] std::expected<Packet, PacketError> decode_binary_packet(std::string_view bytes);

}  // namespace signalbox::engineio
