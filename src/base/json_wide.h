#pragma once

#include <cstddef>
#include <string_view>

/// Plain parts of JSON strings and their short escapes, 32 and 64 bytes at a time, by what AVX-512 has
/// for it: bytes at chosen places taken out (VPCOMPRESSB) or spread. Three instructions do there what
/// takes twenty for each escape else. All stop at what is rare; their caller does that.
///
/// Sources: RFC 8259 section 7; Intel's manual, volume 2, VPCOMPRESSB and VPERMB; volume 2B, PDEP.
namespace signalbox::json_wide {

/// Whether this processor and system can; else nothing here may be called.
[[nodiscard]] bool available();

/// Both read no byte behind `end`, and may write this many behind what they return.
inline constexpr std::ptrdiff_t kRoom = 64;

struct Copied {
    const char* at;  ///< how far was read
    char* to;        ///< how far was written
    bool ascii;      ///< what was read
};

/// Copies the inside of a JSON string, without its escapes, up to its closing quote, an escape \u, what
/// JSON does not allow there, or `end`.
[[nodiscard]] Copied unescape(const char* at, const char* end, char* to);

/// Copies text as it stands inside a JSON string, up to a control character that has no escape of two
/// characters, or `end`.
[[nodiscard]] Copied escape(const char* at, const char* end, char* to);

}  // namespace signalbox::json_wide
