#pragma once

#include <bit>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace signalbox {

static_assert(std::endian::native == std::endian::little, "the lowest byte is the first");

/// Places in a block, the highest of `kBitsOfByte` bits for each.
template <typename Bits, unsigned kBitsOfByte>
class JsonPlaces {
public:
    explicit JsonPlaces(Bits bits) : bits_(bits) {}

    [[nodiscard]] bool empty() const { return bits_ == 0; }
    /// Bytes before the first place; there is one.
    [[nodiscard]] std::ptrdiff_t first() const {
        return static_cast<unsigned>(std::countr_zero(bits_)) / kBitsOfByte;
    }
    /// Those in front of byte `at`, which may be the block's end.
    [[nodiscard]] JsonPlaces before(std::ptrdiff_t at) const {
        const unsigned shift = static_cast<unsigned>(at) * kBitsOfByte;
        return JsonPlaces(shift == sizeof(Bits) * CHAR_BIT ? bits_ : bits_ & ~(~Bits{0} << shift));
    }
    void remove_first() { bits_ &= bits_ - 1; }
    /// Removes the first and, if it is a place, the byte after it.
    void remove_first_pair() {
        const Bits lowest = bits_ & (~bits_ + 1);
        bits_ &= ~(lowest | lowest << kBitsOfByte);
    }

private:
    Bits bits_;
};

/// The 8 bytes at `from`.
inline std::uint64_t load_word(const char* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// The `count` bytes at `from`, at most 8, and zeros.
inline std::uint64_t load_some(const char* from, std::ptrdiff_t count) {
    constexpr std::ptrdiff_t kHalf = sizeof(std::uint32_t);
    if (count >= kHalf) {
        std::uint32_t front = 0, back = 0;
        std::memcpy(&front, from, sizeof front);
        std::memcpy(&back, from + count - kHalf, sizeof back);
        return front | std::uint64_t{back} << (8 * (count - kHalf));
    }
    if (count == 0) return 0;
    const auto byte = [&](std::ptrdiff_t at) {
        return std::uint64_t{static_cast<unsigned char>(from[at])} << (8 * at);
    };
    return byte(0) | byte(count / 2) | byte(count - 1);  // some of them the same
}

/// A few bytes of text at a time, to find where a run of plain characters in JSON ends.
class JsonBlock {
public:
#ifdef __SSE2__
    using Found = JsonPlaces<unsigned, 1>;
    static constexpr std::ptrdiff_t kBytes = 16;

    /// Of zeros.
    JsonBlock() = default;
    /// Reads kBytes.
    explicit JsonBlock(const char* from)
        : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))) {}
    /// Reads `count`, at most kBytes; zeros come behind them.
    JsonBlock(const char* from, std::ptrdiff_t count)
        : bytes_(count <= kBytes / 2
                     ? of_words(load_some(from, count), 0)
                     : of_words(load_word(from),
                                load_word(from + count - kBytes / 2) >> (8 * (kBytes - count)))) {}
    /// Writes kBytes.
    void store(char* to) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes_); }

    [[nodiscard]] Found quotes_and_backslashes() const { return places_of(quoting()); }
    /// What cannot stand for itself inside a string: those two and control characters.
    [[nodiscard]] Found specials() const {
        const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes_, all('\x1f')), bytes_);
        return places_of(_mm_or_si128(quoting(), controls));
    }
    /// Those and bytes of characters beyond ASCII.
    [[nodiscard]] Found specials_and_beyond_ascii() const {
        return places_of(_mm_or_si128(quoting(), _mm_cmplt_epi8(bytes_, all(' '))));
    }
    /// Takes in another, so that ascii() is about both.
    void merge(JsonBlock other) { bytes_ = _mm_or_si128(bytes_, other.bytes_); }
    [[nodiscard]] bool ascii() const { return places_of(bytes_).empty(); }

private:
    static __m128i of_words(std::uint64_t first, std::uint64_t second) {
        return _mm_set_epi64x(static_cast<long long>(second), static_cast<long long>(first));
    }
    static __m128i all(char byte) { return _mm_set1_epi8(byte); }
    static Found places_of(__m128i bytes) {
        return Found(static_cast<unsigned>(_mm_movemask_epi8(bytes)));
    }
    [[nodiscard]] __m128i quoting() const {
        return _mm_or_si128(_mm_cmpeq_epi8(bytes_, all('"')), _mm_cmpeq_epi8(bytes_, all('\\')));
    }

    __m128i bytes_ = _mm_setzero_si128();
#else
    using Found = JsonPlaces<std::uint64_t, 8>;
    static constexpr std::ptrdiff_t kBytes = sizeof(std::uint64_t);

    JsonBlock() = default;
    explicit JsonBlock(const char* from) : bytes_(load_word(from)) {}
    JsonBlock(const char* from, std::ptrdiff_t count) : bytes_(load_some(from, count)) {}
    void store(char* to) const { std::memcpy(to, &bytes_, sizeof bytes_); }

    [[nodiscard]] Found quotes_and_backslashes() const { return Found(quoting()); }
    [[nodiscard]] Found specials() const { return Found(quoting() | controls()); }
    [[nodiscard]] Found specials_and_beyond_ascii() const {
        return Found(quoting() | controls() | (bytes_ & kHighBits));
    }
    void merge(JsonBlock other) { bytes_ |= other.bytes_; }
    [[nodiscard]] bool ascii() const { return (bytes_ & kHighBits) == 0; }

private:
    static constexpr std::uint64_t kLowBits = 0x0101010101010101, kHighBits = 0x8080808080808080;
    [[nodiscard]] std::uint64_t quoting() const { return equal('"') | equal('\\'); }
    // No sum goes over into the byte above.
    [[nodiscard]] std::uint64_t controls() const {
        return ~(((bytes_ & ~kHighBits) + kLowBits * 0x60) | bytes_) & kHighBits;
    }
    [[nodiscard]] std::uint64_t equal(char byte) const {
        const std::uint64_t zero = bytes_ ^ (kLowBits * static_cast<unsigned char>(byte));
        return ~(((zero & ~kHighBits) + ~kHighBits) | zero) & kHighBits;
    }

    std::uint64_t bytes_ = 0;
#endif
};

}  // namespace signalbox
