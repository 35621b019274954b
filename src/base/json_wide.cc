#include "base/json_wide.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/check.h"

#ifdef __x86_64__

#include <immintrin.h>

namespace signalbox::json_wide {

bool available() {
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
           __builtin_cpu_supports("bmi2");
}

#pragma clang attribute push(                                                                    \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt"))), \
    apply_to = function)

namespace {

constexpr std::uint64_t kEven = 0x5555555555555555, kOdd = ~kEven;

/// By the low six bits of a letter, which differ: the letters of escapes that do not stand for
/// themselves, and what they stand for.
struct alignas(64) Letters {
    std::array<char, 64> letter{};
    std::array<char, 64> meaning{};

    constexpr Letters() {
        constexpr std::array<std::array<char, 2>, 5> kEscapes{
            {{'b', '\b'}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}}};
        for (const auto& [name, value] : kEscapes) {
            letter[name % 64] = name;
            meaning[name % 64] = value;
        }
    }
};
constexpr Letters kLetters;

/// By control character: the letter of its escape; 0: it has none.
struct alignas(32) ControlLetters {
    std::array<char, 32> letter{};

    constexpr ControlLetters() {
        letter['\b'] = 'b';
        letter['\f'] = 'f';
        letter['\n'] = 'n';
        letter['\r'] = 'r';
        letter['\t'] = 't';
    }
};
constexpr ControlLetters kControlLetters;

/// Where escapes begin: in each run of backslashes the first, the third, and so on.
std::uint64_t escapes_in(std::uint64_t backslashes) {
    const std::uint64_t firsts = backslashes & ~(backslashes << 1);
    // A sum that begins at an even place carries through its run and clears it.
    const std::uint64_t in_even_runs = backslashes & ~(backslashes + (firsts & kEven));
    return (in_even_runs & kEven) | (backslashes & ~in_even_runs & kOdd);
}

/// The lowest `count` bits, of at most 64.
std::uint64_t lowest(std::ptrdiff_t count) {
    return _bzhi_u64(~std::uint64_t{0}, static_cast<unsigned>(count));
}

}  // namespace

Copied unescape(const char* at, const char* end, char* to) {
    constexpr std::ptrdiff_t kBytes = 64;
    std::uint64_t beyond_ascii = 0;
    while (at < end) {
        const std::ptrdiff_t left = std::min(end - at, kBytes);
        const std::uint64_t present = lowest(left);
        __m512i bytes = _mm512_maskz_loadu_epi8(present, at);
        const std::uint64_t quotes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
        const std::uint64_t backslashes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\'));
        const std::uint64_t controls =
            _mm512_mask_cmplt_epu8_mask(present, bytes, _mm512_set1_epi8(' '));
        const std::uint64_t escapes = escapes_in(backslashes);
        const std::uint64_t letters = (escapes << 1) & present;
        const std::uint64_t high = _mm512_movepi8_mask(bytes);
        // Also the escape whose letter is behind the block.
        std::uint64_t stops = controls | (quotes & ~letters) | (escapes & ~(letters >> 1));
        const std::uint64_t slashes =
            _mm512_mask_cmpeq_epi8_mask(letters, bytes, _mm512_set1_epi8('/'));
        if (const std::uint64_t others = letters & ~(quotes | backslashes | slashes)) {
            const __m512i names = _mm512_load_si512(kLetters.letter.data());
            const __m512i meanings = _mm512_load_si512(kLetters.meaning.data());
            const std::uint64_t known =
                _mm512_mask_cmpeq_epi8_mask(others, _mm512_permutexvar_epi8(bytes, names), bytes);
            bytes = _mm512_mask_permutexvar_epi8(bytes, known, bytes, meanings);
            stops |= (others & ~known) >> 1;
        }
        const std::ptrdiff_t passed = stops == 0 ? left : std::countr_zero(stops);
        const std::uint64_t kept = lowest(passed) & ~escapes;
        beyond_ascii |= high & lowest(passed);
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(kept, bytes));
        to += std::popcount(kept);
        at += passed;
        const bool is_cut = passed == kBytes - 1 && at + 1 < end;
        if (stops != 0 && !is_cut) break;
    }
    return {at, to, beyond_ascii == 0};
}

Copied escape(const char* at, const char* end, char* to) {
    constexpr std::ptrdiff_t kBytes = 32;
    std::uint64_t beyond_ascii = 0;
    while (at < end) {
        const std::ptrdiff_t left = std::min(end - at, kBytes);
        const auto present = static_cast<std::uint32_t>(lowest(left));
        __m256i bytes = _mm256_maskz_loadu_epi8(present, at);
        const std::uint32_t controls =
            _mm256_mask_cmplt_epu8_mask(present, bytes, _mm256_set1_epi8(' '));
        std::uint32_t stops = 0;
        if (controls != 0) {
            const __m256i names = _mm256_permutexvar_epi8(
                bytes,
                _mm256_load_si256(reinterpret_cast<const __m256i*>(kControlLetters.letter.data())));
            stops = _mm256_mask_testn_epi8_mask(controls, names, names);
            bytes = _mm256_mask_mov_epi8(bytes, controls, names);
        }
        const std::uint32_t specials = controls |
                                       _mm256_cmpeq_epi8_mask(bytes, _mm256_set1_epi8('"')) |
                                       _mm256_cmpeq_epi8_mask(bytes, _mm256_set1_epi8('\\'));
        const std::ptrdiff_t passed = stops == 0 ? left : std::countr_zero(stops);
        // Each byte behind a backslash, which is taken where there is something to escape.
        const __m512i pairs = _mm512_or_si512(_mm512_slli_epi16(_mm512_cvtepu8_epi16(bytes), 8),
                                              _mm512_set1_epi16('\\'));
        const std::uint64_t taken = (_pdep_u64(specials, kEven) | kOdd) & lowest(2 * passed);
        beyond_ascii |= static_cast<std::uint32_t>(_mm256_movepi8_mask(bytes)) & lowest(passed);
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(taken, pairs));
        to += std::popcount(taken);
        at += passed;
        if (stops != 0) break;
    }
    return {at, to, beyond_ascii == 0};
}

#pragma clang attribute pop

}  // namespace signalbox::json_wide

#else

namespace signalbox::json_wide {

bool available() {
    return false;
}

Copied unescape(const char*, const char*, char*) {
    SB_CHECK(false);
    return {};
}

Copied escape(const char*, const char*, char*) {
    SB_CHECK(false);
    return {};
}

}  // namespace signalbox::json_wide

#endif
