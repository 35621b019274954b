#pragma once

#include <cstddef>
#include <cstdint>

/// Numbers of RFC 6455 that decoder, encoder and their users share.
namespace signalbox::websocket {

/// Section 5.2.
enum class Opcode : std::uint8_t {
    kContinuation = 0x0,
    kText = 0x1,
    kBinary = 0x2,
    kClose = 0x8,
    kPing = 0x9,
    kPong = 0xA,
};

/// Section 7.4.1. Values 3000 to 4999 exist too: applications' and libraries' own.
enum class CloseCode : std::uint16_t {
    kNormal = 1000,
    kGoingAway = 1001,
    kProtocolError = 1002,
    kUnsupportedData = 1003,
    kNoStatus = 1005,  ///< never on the wire: a close frame without a code
    kInvalidPayload = 1007,
    kPolicyViolation = 1008,
    kMessageTooBig = 1009,
    kInternalError = 1011,
};

/// A control frame's longest payload (section 5.5).
inline constexpr std::size_t kControlPayloadMax = 125;

}  // namespace signalbox::websocket
