#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engineio/packet.h"

/// The polling transport's payloads: packets joined by 0x1E, binary messages as `b` and base64.
namespace signalbox::engineio {

inline constexpr char kPacketSeparator = '\x1E';

/// Reads the packets of one request body.
///
/// Ownership: borrows the body for its own life; a packet is borrowed until the next call.
/// Bounds:    the body's; a binary packet is decoded into memory of three quarters of its text.
/// Errors:    after the first, the rest of the body is not read. An empty body is one empty packet.
class PayloadReader {
public:
    explicit PayloadReader(std::string_view body) : rest_(body) {}

    /// @return the next packet, or nullopt after the last.
    [[nodiscard]] std::expected<std::optional<Packet>, PacketError> next();

private:
    [[nodiscard]] std::expected<Packet, PacketError> decode(std::string_view item);

    std::optional<std::string_view> rest_;
    std::string binary_;
};

/// Appends `packet`, after a separator unless it is the first.
void append_to_payload(std::string& payload, const Packet& packet);

}  // namespace signalbox::engineio
