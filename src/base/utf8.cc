#include "base/utf8.h"

#include <cstring>

namespace signalbox {
namespace {

/// Bytes at the front of `text` that are ASCII, counted in steps of `kStep`.
template <std::size_t kStep>
std::size_t ascii_prefix(std::string_view text) {
    std::size_t at = 0;
    for (; at + kStep <= text.size(); at += kStep) {
        std::uint64_t words[kStep / sizeof(std::uint64_t)], all = 0;
        std::memcpy(words, text.data() + at, kStep);
        for (const std::uint64_t word : words) all |= word;
        if ((all & 0x8080808080808080ULL) != 0) break;
    }
    return at;
}

}  // namespace

bool Utf8Validator::begin_character(std::uint8_t byte) {
    if (byte < 0x80) return true;
    if (byte < 0xC2 || byte > 0xF4) return false;
    needed_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    // The second byte's narrower bounds keep out overlong forms, surrogates and too large values.
    lower_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    upper_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    return true;
}

bool Utf8Validator::continue_character(std::uint8_t byte) {
    if (byte < lower_ || byte > upper_) return false;
    lower_ = 0x80;
    upper_ = 0xBF;
    --needed_;
    return true;
}

bool Utf8Validator::feed(std::string_view piece) {
    while (!piece.empty()) {
        if (needed_ == 0) piece.remove_prefix(ascii_prefix<32>(piece));
        if (needed_ == 0) piece.remove_prefix(ascii_prefix<8>(piece));
        if (piece.empty()) return true;
        // A run of characters byte by byte, then the fast path is tried again.
        std::size_t at = 0;
        for (; at < piece.size() && (at < 8 || needed_ != 0); ++at) {
            const auto byte = static_cast<std::uint8_t>(piece[at]);
            if (!(needed_ == 0 ? begin_character(byte) : continue_character(byte))) return false;
        }
        piece.remove_prefix(at);
    }
    return true;
}

bool is_valid_utf8(std::string_view text) {
    Utf8Validator validator;
    return validator.feed(text) && validator.complete();
}

}  // namespace signalbox
