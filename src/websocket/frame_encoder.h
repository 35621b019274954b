#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "websocket/frame.h"

/// RFC 6455 frames as a server sends them: final, unmasked, of the shortest length form.
/// Everything is appended to the caller's output, so that one send carries many frames.
namespace signalbox::websocket {

/// The header of a frame whose payload the caller appends itself.
class FrameHeader {
public:
    FrameHeader(Opcode opcode, std::size_t payload_bytes);
    /// Of a data frame whose payload is its message deflated as RFC 7692 has it.
    [[nodiscard]] static FrameHeader of_deflated(Opcode opcode, std::size_t payload_bytes);
    [[nodiscard]] std::string_view view() const { return {bytes_, size_}; }

private:
    FrameHeader(unsigned first_byte, std::size_t payload_bytes);
    char bytes_[10];
    std::uint8_t size_;
};

/// A whole frame. `payload` of a control frame: at most kControlPayloadMax bytes.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);

/// A close frame. kNoStatus: an empty one. `reason`: UTF-8, at most kControlPayloadMax - 2 bytes.
void append_close_frame(std::string& out, CloseCode code, std::string_view reason = {});

}  // namespace signalbox::websocket
