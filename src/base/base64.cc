#include "base/base64.h"

#include <array>
#include <cstdint>

namespace signalbox {
namespace {

using Alphabet = std::array<char, 64>;
/// The value of each character; that of a foreign one has its top bits set, wherever it is shifted.
using Values = std::array<std::uint32_t, 256>;
constexpr std::uint32_t kForeign = 0xFFFF'FFFF;
constexpr std::uint32_t kForeignBits = 0xFF00'0000;

constexpr Alphabet alphabet_with(char value62, char value63) {
    Alphabet alphabet{};
    std::size_t at = 0;
    for (char c = 'A'; c <= 'Z'; ++c) alphabet[at++] = c;
    for (char c = 'a'; c <= 'z'; ++c) alphabet[at++] = c;
    for (char c = '0'; c <= '9'; ++c) alphabet[at++] = c;
    alphabet[at++] = value62;
    alphabet[at] = value63;
    return alphabet;
}

constexpr Values values_of(const Alphabet& alphabet) {
    Values values{};
    values.fill(kForeign);
    for (std::uint32_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<unsigned char>(alphabet[i])] = i;
    }
    return values;
}

constexpr Alphabet kStandard = alphabet_with('+', '/'), kUrl = alphabet_with('-', '_');
constexpr Values kStandardValues = values_of(kStandard), kUrlValues = values_of(kUrl);

std::uint32_t byte(char c) {
    return static_cast<unsigned char>(c);
}

/// Writes the digits of `bytes`, unpadded. @return the end of what was written.
char* encode(char* to, std::string_view bytes, const Alphabet& alphabet) {
    while (bytes.size() >= 3) {
        const std::uint32_t group = byte(bytes[0]) << 16 | byte(bytes[1]) << 8 | byte(bytes[2]);
        for (const unsigned shift : {18U, 12U, 6U, 0U}) *to++ = alphabet[group >> shift & 63];
        bytes.remove_prefix(3);
    }
    if (bytes.empty()) return to;
    const std::uint32_t group =
        byte(bytes[0]) << 16 | (bytes.size() == 2 ? byte(bytes[1]) << 8 : 0);
    *to++ = alphabet[group >> 18];
    *to++ = alphabet[group >> 12 & 63];
    if (bytes.size() == 2) *to++ = alphabet[group >> 6 & 63];
    return to;
}

struct Outcome {
    std::uint32_t seen = 0;     ///< all values together: kForeignBits tell of a foreign character
    std::uint32_t surplus = 0;  ///< the bits after the last byte
};

/// Writes size * 3 / 4 bytes. `text`'s length must be a possible one.
Outcome decode(char* to, std::string_view text, const Values& values) {
    const auto value = [&](std::size_t at) { return values[byte(text[at])]; };
    Outcome outcome;
    while (text.size() >= 4) {
        const std::uint32_t group = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3);
        outcome.seen |= group;
        *to++ = static_cast<char>(group >> 16);
        *to++ = static_cast<char>(group >> 8);
        *to++ = static_cast<char>(group);
        text.remove_prefix(4);
    }
    if (text.empty()) return outcome;
    const bool two_bytes = text.size() == 3;
    const std::uint32_t group = value(0) << 18 | value(1) << 12 | (two_bytes ? value(2) << 6 : 0);
    outcome.seen |= group;
    outcome.surplus = group & (two_bytes ? 0xFF : 0xFFFF);
    *to++ = static_cast<char>(group >> 16);
    if (two_bytes) *to = static_cast<char>(group >> 8);
    return outcome;
}

enum class SurplusBits : std::uint8_t { kIgnored, kRefused };

std::optional<std::string> decode(std::string_view text, const Values& values,
                                  SurplusBits surplus) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    Outcome outcome;
    const std::size_t size = text.size() * 3 / 4;
    out.resize_and_overwrite(size, [&](char* to, std::size_t /*at least size*/) {
        outcome = decode(to, text, values);
        return size;
    });
    if ((outcome.seen & kForeignBits) != 0) return std::nullopt;
    if (surplus == SurplusBits::kRefused && outcome.surplus != 0) return std::nullopt;
    return out;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
    const std::size_t before = out.size(), size = (bytes.size() + 2) / 3 * 4;
    out.resize(before + size, '=');
    encode(out.data() + before, bytes, kStandard);
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 == 0) {
        if (text.ends_with('=')) text.remove_suffix(1);
        if (text.ends_with('=')) text.remove_suffix(1);
    }
    return decode(text, kStandardValues, SurplusBits::kIgnored);
}

std::string base64url_encode(std::string_view bytes) {
    std::string out((bytes.size() * 4 + 2) / 3, '\0');
    encode(out.data(), bytes, kUrl);
    return out;
}

std::optional<std::string> base64url_decode(std::string_view text) {
    return decode(text, kUrlValues, SurplusBits::kRefused);
}

}  // namespace signalbox
