#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// Eight bytes of text at a time: which of them end a run of plain characters. In what these give,
/// the high bit of a byte is set for each byte sought; above the lowest of them others may be set
/// too, so only that one counts.
namespace signalbox::json_words {

static_assert(std::endian::native == std::endian::little, "the lowest byte is the first");

inline constexpr std::ptrdiff_t kWordBytes = sizeof(std::uint64_t);
inline constexpr std::uint64_t kLowBits = 0x0101010101010101, kHighBits = 0x8080808080808080;

inline std::uint64_t load_word(const char* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// `byte` is ASCII.
constexpr std::uint64_t bytes_equal(std::uint64_t word, char byte) {
    const std::uint64_t zero = word ^ (kLowBits * static_cast<unsigned char>(byte));
    return (zero - kLowBits) & ~zero & kHighBits;
}

constexpr std::uint64_t quotes_and_backslashes(std::uint64_t word) {
    return bytes_equal(word, '"') | bytes_equal(word, '\\');
}

/// What cannot stand for itself inside a JSON string: those two and control characters.
constexpr std::uint64_t special_bytes(std::uint64_t word) {
    const std::uint64_t controls = (word - kLowBits * 0x20) & ~word & kHighBits;
    return quotes_and_backslashes(word) | controls;
}

}  // namespace signalbox::json_words
