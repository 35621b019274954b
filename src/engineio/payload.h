#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engineio/packet.h"

/// The polling transport's payloads: several packets in one HTTP body. Grammar and worked bytes:
/// docs/protocol/engineio.md, "Payloads".
namespace signalbox::engineio {

inline constexpr char kPacketSeparator = '\x1E';

enum class PayloadFormat : std::uint8_t {
    kV4,        ///< packets joined by 0x1E, binary messages as `b` and base64
    kV3Text,    ///< `length:packet`, the length in UTF-16 units; binary as `b`, type digit, base64
    kV3Binary,  ///< 0 or 1 (binary), the length's digits as bytes, 0xFF, the packet
};

/// Reads the packets of one request body.
///
/// Ownership: borrows the body for its own life; a packet is borrowed until the next call.
/// Bounds:    the body's; a binary packet is decoded into memory of three quarters of its text.
/// Errors:    after the first, the rest of the body is not read. An empty body is one empty packet.
class PayloadReader {
public:
    PayloadReader(PayloadFormat format, std::string_view body) : format_(format), rest_(body) {}

    /// @return the next packet, or nullopt after the last.
    [[nodiscard]] std::expected<std::optional<Packet>, PacketError> next();

private:
    struct Item {
        MessageKind kind;
        std::string_view bytes;
    };
    using TakenItem = std::expected<Item, PacketError>;
    [[nodiscard]] TakenItem take_item();
    [[nodiscard]] TakenItem take_separated();
    [[nodiscard]] TakenItem take_counted();
    [[nodiscard]] TakenItem take_binary();
    [[nodiscard]] std::expected<Packet, PacketError> decode(const Item& item);

    PayloadFormat format_;
    std::optional<std::string_view> rest_;
    std::string decoded_;
};

/// Appends `packet`, in v4 after a separator unless it is the first.
void append_to_payload(std::string& payload, PayloadFormat format, const Packet& packet);

}  // namespace signalbox::engineio
