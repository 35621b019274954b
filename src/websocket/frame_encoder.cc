#include "websocket/frame_encoder.h"

#include "base/check.h"

namespace signalbox::websocket {
namespace {

constexpr unsigned char kFin = 0x80, kCompressed = 0x40;

constexpr unsigned char kLength16 = 126, kLength64 = 127;

/// @return the end of what was written.
char* write_big_endian(char* to, std::uint64_t value, unsigned bytes) {
    while (bytes-- > 0) *to++ = static_cast<char>(value >> (8 * bytes));
    return to;
}

}  // namespace

FrameHeader::FrameHeader(unsigned first_byte, std::size_t payload_bytes) {
    char* end = bytes_;
    *end++ = static_cast<char>(first_byte);
    if (payload_bytes < kLength16) {
        *end++ = static_cast<char>(payload_bytes);
    } else if (payload_bytes <= 0xFFFF) {
        *end++ = kLength16;
        end = write_big_endian(end, payload_bytes, 2);
    } else {
        *end++ = kLength64;
        end = write_big_endian(end, payload_bytes, 8);
    }
    size_ = static_cast<std::uint8_t>(end - bytes_);
}

FrameHeader::FrameHeader(Opcode opcode, std::size_t payload_bytes)
    : FrameHeader(kFin | static_cast<unsigned>(opcode), payload_bytes) {}

FrameHeader FrameHeader::of_deflated(Opcode opcode, std::size_t payload_bytes) {
    SB_CHECK(opcode == Opcode::kText || opcode == Opcode::kBinary);
    return {kFin | kCompressed | static_cast<unsigned>(opcode), payload_bytes};
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
    SB_CHECK(opcode < Opcode::kClose || payload.size() <= kControlPayloadMax);
    out.append(FrameHeader(opcode, payload.size()).view()).append(payload);
}

void append_close_frame(std::string& out, CloseCode code, std::string_view reason) {
    if (code == CloseCode::kNoStatus) return append_frame(out, Opcode::kClose, {});
    SB_CHECK(reason.size() + 2 <= kControlPayloadMax);
    out.append(FrameHeader(Opcode::kClose, reason.size() + 2).view());
    char wire_code[2];
    out.append(wire_code, write_big_endian(wire_code, static_cast<std::uint16_t>(code), 2));
    out.append(reason);
}

}  // namespace signalbox::websocket
