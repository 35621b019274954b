#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "websocket/frame.h"

/// A client's frames, for tests of whatever reads them.
namespace signalbox::websocket::testing {

enum class Fin : std::uint8_t { kMore = 0x00, kFinal = 0x80 };

using Mask = std::array<unsigned char, 4>;
inline constexpr Mask kMask{0x37, 0xFA, 0x21, 0x3D};

inline std::string masked(std::string_view payload, Mask mask = kMask) {
    std::string out(payload);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(out[i] ^ mask[i % 4]);
    return out;
}

/// The header of a masked frame that announces `length`, in the shortest form.
inline std::string client_header(unsigned first_byte, std::uint64_t length, Mask mask = kMask) {
    std::string out{static_cast<char>(first_byte)};
    const unsigned bytes = length < 126 ? 0 : length <= 0xFFFF ? 2 : 8;
    const std::uint64_t short_form = bytes == 0 ? length : bytes == 2 ? 126 : 127;
    out.push_back(static_cast<char>(0x80 | short_form));
    for (unsigned i = bytes; i > 0; --i) out.push_back(static_cast<char>(length >> (8 * (i - 1))));
    for (const unsigned char byte : mask) out.push_back(static_cast<char>(byte));
    return out;
}

inline std::string client_frame(Opcode opcode, std::string_view payload, Fin fin = Fin::kFinal,
                                Mask mask = kMask) {
    const unsigned first = static_cast<unsigned>(fin) | static_cast<unsigned>(opcode);
    return client_header(first, payload.size(), mask) + masked(payload, mask);
}

/// The first frame of a compressed message (RFC 7692); `deflated` as it is on the wire.
inline std::string compressed_frame(Opcode opcode, std::string_view deflated,
                                    Fin fin = Fin::kFinal) {
    const unsigned first = static_cast<unsigned>(fin) | 0x40 | static_cast<unsigned>(opcode);
    return client_header(first, deflated.size()) + masked(deflated);
}

/// A close frame with `code` on the wire whatever it is.
inline std::string client_close(unsigned code, std::string_view reason = {}) {
    std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
    payload += reason;
    return client_frame(Opcode::kClose, payload);
}

}  // namespace signalbox::websocket::testing
