#include "auth/base64url.h"

#include <array>
#include <cstdint>

namespace signalbox::auth {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kInvalid = 0xff;

constexpr std::array<std::uint8_t, 256> kValues = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(kInvalid);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}();

}  // namespace

std::string base64url_encode(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() * 4 + 2) / 3);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : bytes) {
        bits = (bits << 8) | static_cast<unsigned char>(c);
        held += 8;
        while (held >= 6) out += kAlphabet[(bits >> (held -= 6)) & 63];
    }
    if (held > 0) out += kAlphabet[(bits << (6 - held)) & 63];
    return out;
}

std::optional<std::string> base64url_decode(std::string_view text) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out(text.size() * 3 / 4, '\0');
    std::uint32_t bits = 0;
    unsigned held = 0;
    std::uint8_t seen = 0;
    std::size_t length = 0;
    for (const char c : text) {
        const std::uint8_t value = kValues[static_cast<unsigned char>(c)];
        seen |= value;
        bits = (bits << 6) | value;
        held += 6;
        if (held >= 8) out[length++] = static_cast<char>(bits >> (held -= 8));
    }
    const bool invalid = (seen & 0x80) != 0, trailing_bits = (bits & ((1U << held) - 1)) != 0;
    if (invalid || trailing_bits) return std::nullopt;
    return out;
}

}  // namespace signalbox::auth
