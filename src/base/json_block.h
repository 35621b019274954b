#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace signalbox {

/// Whether the byte cannot stand for itself inside a JSON string.
inline bool is_special_in_json(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// A few bytes of text at a time, to find where a run of plain characters in JSON ends. What the
/// searches give is asked with first() only: bits above the lowest may be set for nothing.
class JsonBlock {
public:
#ifdef __SSE2__
    using Found = unsigned;
    static constexpr std::ptrdiff_t kBytes = 16;

    /// Of zeros.
    JsonBlock() = default;
    /// Reads kBytes.
    explicit JsonBlock(const char* from)
        : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))) {}
    /// Writes kBytes.
    void store(char* to) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes_); }

    [[nodiscard]] Found quotes_and_backslashes() const { return mask_of(quoting()); }
    /// What cannot stand for itself inside a string: those two and control characters.
    [[nodiscard]] Found specials() const {
        const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes_, all('\x1f')), bytes_);
        return mask_of(_mm_or_si128(quoting(), controls));
    }
    /// Those and bytes of characters beyond ASCII.
    [[nodiscard]] Found specials_and_beyond_ascii() const {
        return mask_of(_mm_or_si128(quoting(), _mm_cmplt_epi8(bytes_, all(' '))));
    }
    /// Takes in another, so that ascii() is about both.
    void merge(JsonBlock other) { bytes_ = _mm_or_si128(bytes_, other.bytes_); }
    [[nodiscard]] bool ascii() const { return mask_of(bytes_) == 0; }
    /// Bytes before the first found; `found` is not 0.
    [[nodiscard]] static std::ptrdiff_t first(Found found) { return std::countr_zero(found); }

private:
    static __m128i all(char byte) { return _mm_set1_epi8(byte); }
    static Found mask_of(__m128i bytes) { return static_cast<Found>(_mm_movemask_epi8(bytes)); }
    [[nodiscard]] __m128i quoting() const {
        return _mm_or_si128(_mm_cmpeq_epi8(bytes_, all('"')), _mm_cmpeq_epi8(bytes_, all('\\')));
    }

    __m128i bytes_ = _mm_setzero_si128();
#else
    static_assert(std::endian::native == std::endian::little, "the lowest byte is the first");
    using Found = std::uint64_t;
    static constexpr std::ptrdiff_t kBytes = sizeof(std::uint64_t);

    JsonBlock() = default;
    explicit JsonBlock(const char* from) { std::memcpy(&bytes_, from, sizeof bytes_); }
    void store(char* to) const { std::memcpy(to, &bytes_, sizeof bytes_); }

    [[nodiscard]] Found quotes_and_backslashes() const { return equal('"') | equal('\\'); }
    [[nodiscard]] Found specials() const {
        const std::uint64_t controls = (bytes_ - kLowBits * 0x20) & ~bytes_ & kHighBits;
        return quotes_and_backslashes() | controls;
    }
    [[nodiscard]] Found specials_and_beyond_ascii() const {
        return specials() | (bytes_ & kHighBits);
    }
    void merge(JsonBlock other) { bytes_ |= other.bytes_; }
    [[nodiscard]] bool ascii() const { return (bytes_ & kHighBits) == 0; }
    [[nodiscard]] static std::ptrdiff_t first(Found found) { return std::countr_zero(found) / 8; }

private:
    static constexpr std::uint64_t kLowBits = 0x0101010101010101, kHighBits = 0x8080808080808080;
    [[nodiscard]] std::uint64_t equal(char byte) const {
        const std::uint64_t zero = bytes_ ^ (kLowBits * static_cast<unsigned char>(byte));
        return (zero - kLowBits) & ~zero & kHighBits;
    }

    std::uint64_t bytes_ = 0;
#endif
};

}  // namespace signalbox
