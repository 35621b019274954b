#include "base/ids.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace signalbox {
namespace {

constexpr std::size_t kIdCharactersMax = 128;

struct CodePoint {
    std::uint32_t value = 0;
    std::size_t bytes = 0;  // 0: not valid UTF-8
};

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

CodePoint decode(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) return {lead, 1};
    const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
    std::uint32_t value = lead & (0xffU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        if (!is_continuation(text[i])) return {};
        value = (value << 6) | (static_cast<unsigned char>(text[i]) & 0x3fU);
    }
    constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < kSmallest[bytes] || value > 0x10ffff || surrogate) return {};
    return {value, bytes};
}

/// Unicode's control characters and White_Space, and the invisible marks that people mistake for
/// none.
bool is_space_or_control(std::uint32_t c) {
    return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || c == 0x3000 ||
           c == 0xfeff;
}

}  // namespace

bool is_valid_id(std::string_view text) {
    std::size_t characters = 0;
    while (!text.empty()) {
        const CodePoint next = decode(text);
        if (next.bytes == 0 || is_space_or_control(next.value)) return false;
        if (++characters > kIdCharactersMax) return false;
        text.remove_prefix(next.bytes);
    }
    return characters > 0;
}

namespace {

/// Whether percent_encode_id() leaves the byte as it is.
constexpr auto kIsPlain = [] {
    std::array<bool, 256> plain{};
    for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789._~@|-"))
        plain[static_cast<unsigned char>(c)] = true;
    return plain;
}();

bool is_plain(char c) {
    return kIsPlain[static_cast<unsigned char>(c)];
}

}  // namespace

std::string percent_encode_id(std::string_view id) {
    if (std::ranges::all_of(id, is_plain)) return std::string(id);
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    out.reserve(id.size());
    for (const char c : id) {
        if (is_plain(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
    return out;
}

}  // namespace signalbox
