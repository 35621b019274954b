#pragma once

#include <string>
#include <string_view>

#include "websocket/frame.h"

/// RFC 6455 frames as a server sends them: final, unmasked, of the shortest length form.
/// Everything is appended to the caller's output, so that one send carries many frames.
namespace signalbox::websocket {

/// The header of a frame whose payload of `payload_bytes` the caller appends itself.
void append_frame_header(std::string& out, Opcode opcode, std::size_t payload_bytes);

/// A whole data frame; `deflated` is its message as RFC 7692 has it.
void append_compressed_frame(std::string& out, Opcode opcode, std::string_view deflated);

/// A whole frame. `payload` of a control frame: at most kControlPayloadMax bytes.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);

/// A close frame. kNoStatus: an empty one. `reason`: UTF-8, at most kControlPayloadMax - 2 bytes.
void append_close_frame(std::string& out, CloseCode code, std::string_view reason = {});

}  // namespace signalbox::websocket
