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

void append_header(std::string& out, unsigned first_byte, std::size_t payload_bytes) {
    char header[10];
    char* end = header;
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
    out.append(header, end);
}

}  // namespace

void append_frame_header(std::string& out, Opcode opcode, std::size_t payload_bytes) {
    append_header(out, kFin | static_cast<unsigned>(opcode), payload_bytes);
}

void append_compressed_frame(std::string& out, Opcode opcode, std::string_view deflated) {
    SB_CHECK(opcode == Opcode::kText || opcode == Opcode::kBinary);
    append_header(out, kFin | kCompressed | static_cast<unsigned>(opcode), deflated.size());
    out.append(deflated);
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
    SB_CHECK(opcode < Opcode::kClose || payload.size() <= kControlPayloadMax);
    append_frame_header(out, opcode, payload.size());
    out.append(payload);
}

void append_close_frame(std::string& out, CloseCode code, std::string_view reason) {
    if (code == CloseCode::kNoStatus) return append_frame_header(out, Opcode::kClose, 0);
    SB_CHECK(reason.size() + 2 <= kControlPayloadMax);
    append_frame_header(out, Opcode::kClose, reason.size() + 2);
    char wire_code[2];
    out.append(wire_code, write_big_endian(wire_code, static_cast<std::uint16_t>(code), 2));
    out.append(reason);
}

}  // namespace signalbox::websocket
