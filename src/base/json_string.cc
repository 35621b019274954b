#include "base/json_string.h"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "base/json.h"
#include "base/json_block.h"

namespace signalbox {
namespace {

/// @return the end of what was written: at most 4 bytes.
char* write_utf8(char* to, std::uint32_t c) {
    const auto continuation = [&](unsigned shift) {
        return static_cast<char>(0x80 | ((c >> shift) & 63));
    };
    if (c < 0x80) {
        *to++ = static_cast<char>(c);
        return to;
    }
    if (c < 0x800) {
        *to++ = static_cast<char>(0xc0 | (c >> 6));
    } else if (c < 0x10000) {
        *to++ = static_cast<char>(0xe0 | (c >> 12));
        *to++ = continuation(6);
    } else {
        *to++ = static_cast<char>(0xf0 | (c >> 18));
        *to++ = continuation(12);
        *to++ = continuation(6);
    }
    *to++ = continuation(0);
    return to;
}

std::uint32_t hex4(std::string_view text) {
    std::uint32_t value = 0;
    std::from_chars(text.data(), text.data() + 4, value, 16);
    return value;
}

std::optional<std::uint32_t> checked_hex4(std::string_view text) {
    constexpr std::size_t kDigits = 4;
    if (text.size() < kDigits) return std::nullopt;
    std::uint32_t value = 0;
    const char* const end = text.data() + kDigits;
    const auto read = std::from_chars(text.data(), end, value, 16);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return value;
}

/// Whether the four digits of a \u escape at the front of `text` name a character, together with the
/// escape of its second half where it has one.
bool names_character(std::string_view text) {
    constexpr std::size_t kDigits = 4, kBackslashU = 2;
    const auto unit = checked_hex4(text);
    if (!unit || (*unit >= 0xdc00 && *unit < 0xe000)) return false;
    if (*unit < 0xd800 || *unit >= 0xe000) return true;
    if (text.substr(kDigits, kBackslashU) != "\\u") return false;
    const auto low = checked_hex4(text.substr(kDigits + kBackslashU));
    return low && *low >= 0xdc00 && *low < 0xe000;
}

/// What the letter of a two-character escape stands for; 0: it is none.
constexpr auto kEscapeOf = [] {
    std::array<char, 256> escapes{};
    for (const char same : {'"', '\\', '/'}) escapes[static_cast<unsigned char>(same)] = same;
    escapes['b'] = '\b';
    escapes['f'] = '\f';
    escapes['n'] = '\n';
    escapes['r'] = '\r';
    escapes['t'] = '\t';
    return escapes;
}();

/// False for most texts, found by one pass without branches. True also for an escaped backslash
/// before a u.
bool may_have_unicode_escape(std::string_view text) {
    unsigned found = 0;
    for (std::size_t at = 1; at < text.size(); ++at)
        found |=
            static_cast<unsigned>(text[at - 1] == '\\') & static_cast<unsigned>(text[at] == 'u');
    return found != 0;
}

/// Decodes the \u escape whose four digits begin at `at`, and moves `at` behind it.
char* unescape_unicode(char* to, const char*& at) {
    constexpr std::size_t kDigits = 4, kBackslashU = 2;
    std::uint32_t unit = hex4({at, kDigits});
    at += kDigits;
    if (unit >= 0xd800 && unit < 0xdc00) {
        const std::uint32_t low = hex4({at + kBackslashU, kDigits});
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        at += kBackslashU + kDigits;
    }
    return write_utf8(to, unit);
}

/// Decodes the escape, which is JSON's, whose letter is at `at`, and moves `at` behind it.
char* unescape_one(char* to, const char*& at) {
    const char letter = *at++;
    if (letter == 'u') return unescape_unicode(to, at);
    *to = kEscapeOf[static_cast<unsigned char>(letter)];
    return to + 1;
}

}  // namespace

bool has_lone_surrogate_escape(std::string_view json) {
    const std::size_t first = json.find('\\');
    if (first == std::string_view::npos || !may_have_unicode_escape(json)) return false;
    for (std::size_t at = first; at != std::string_view::npos; at = json.find('\\', at)) {
        if (json[at + 1] != 'u') {
            at += 2;
            continue;
        }
        const std::uint32_t unit = hex4(json.substr(at + 2));
        at += 6;
        if (unit < 0xd800 || unit > 0xdfff) continue;
        if (unit >= 0xdc00 || json.substr(at, 2) != "\\u") return true;
        const std::uint32_t second = hex4(json.substr(at + 2));
        if (second < 0xdc00 || second > 0xdfff) return true;
        at += 6;
    }
    return false;
}

void append_unescaped_json(std::string& out, std::string_view escaped) {
    const std::size_t before = out.size();
    // No escape is shorter than what it stands for.
    out.resize_and_overwrite(before + escaped.size(), [&](char* data, std::size_t) {
        char* to = data + before;
        const char* at = escaped.data();
        const char* const end = at + escaped.size();
        while (at < end) {
            if (*at != '\\' || at + 1 == end) {
                *to++ = *at++;
            } else {
                to = unescape_one(to, ++at);
            }
        }
        return static_cast<std::size_t>(to - data);
    });
}

namespace {

/// Where a string is read and what it stands for is written: values, since what is written could
/// else be anything that is read.
struct Cursors {
    const char* at;
    char* to;
};

/// At a backslash. @return nullopt when no escape of JSON follows.
std::optional<Cursors> read_escape(Cursors now, const char* end) {
    if (++now.at == end) return std::nullopt;
    if (const char simple = kEscapeOf[static_cast<unsigned char>(*now.at)]) {
        *now.to = simple;
        return Cursors{now.at + 1, now.to + 1};
    }
    if (*now.at != 'u' || !names_character({now.at + 1, end})) return std::nullopt;
    char* const to = unescape_unicode(now.to, ++now.at);
    return Cursors{now.at, to};
}

/// From behind the opening quote to the closing one; `now.to` needs room for as many bytes as are
/// left to read. @return nullopt when it is not valid, or has no end.
std::optional<Cursors> read_string(Cursors now, const char* end, bool& ascii) {
    auto [at, to] = now;
    JsonBlock seen;
    unsigned char seen_at_end = 0;
    while (true) {
        if (end - at >= JsonBlock::kBytes) {
            const JsonBlock block(at);
            seen.merge(block);
            block.store(to);
            const auto special = block.specials();
            const std::ptrdiff_t plain =
                special == 0 ? JsonBlock::kBytes : JsonBlock::first(special);
            at += plain;
            to += plain;
            if (special == 0) continue;
        } else if (at == end) {
            return std::nullopt;
        } else if (!is_special_in_json(*at)) {
            seen_at_end |= static_cast<unsigned char>(*at);
            *to++ = *at++;
            continue;
        }
        if (*at == '"') break;
        const auto next = *at == '\\' ? read_escape({at, to}, end) : std::nullopt;
        if (!next) return std::nullopt;
        at = next->at;
        to = next->to;
    }
    ascii = seen.ascii() && seen_at_end < 0x80;
    return Cursors{at, to};
}

}  // namespace

std::optional<std::size_t> append_checked_json_string(std::string& out, std::string_view text) {
    const std::size_t before = out.size();
    std::optional<std::size_t> length;
    out.resize_and_overwrite(before + text.size(), [&](char* data, std::size_t) {
        const char* const end = text.data() + text.size();
        bool ascii = true;
        const auto done = read_string({text.data() + 1, data + before}, end, ascii);
        if (!done) return before;
        const auto read = static_cast<std::size_t>(done->at + 1 - text.data());
        if (!ascii && !simdjson::validate_utf8(text.data(), read)) return before;
        length = read;
        return static_cast<std::size_t>(done->to - data);
    });
    return length;
}

namespace {

constexpr std::size_t kQuotes = 2;
/// Texts that are not searched for control characters before room is made for them.
constexpr std::size_t kShortBytesMax = 64;

/// The letter of the two-character escape of a control character; 0: it has none.
char escape_letter(char c) {
    switch (c) {
        case '\b':
            return 'b';
        case '\f':
            return 'f';
        case '\n':
            return 'n';
        case '\r':
            return 'r';
        case '\t':
            return 't';
        default:
            return 0;
    }
}

char* write_escape(char* to, char c) {
    constexpr char kHex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    *to++ = '\\';
    if (byte >= 0x20) {
        *to++ = c;
    } else if (const char letter = escape_letter(c)) {
        *to++ = letter;
    } else {
        for (const char digit : {'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]}) *to++ = digit;
    }
    return to;
}

/// Writes the block's plain bytes up to the first that is special, and that one. The first `count`
/// of the block's bytes are at `now.at`.
Cursors write_some(Cursors now, JsonBlock block, std::ptrdiff_t count) {
    block.store(now.to);
    const auto special = block.specials();
    if (special == 0) return {now.at + count, now.to + count};
    const std::ptrdiff_t plain = JsonBlock::first(special);
    return {now.at + plain + 1, write_escape(now.to + plain, now.at[plain])};
}

/// Writes a text's bytes as they stand in a JSON string: at most 6 a character, 2 without controls.
/// Room for a block more is needed. @return the end of what was written.
char* write_escaped(char* to, std::string_view text, bool& ascii) {
    Cursors now{text.data(), to};
    const char* const end = text.data() + text.size();
    JsonBlock seen;
    while (end - now.at >= JsonBlock::kBytes) {
        const JsonBlock block(now.at);
        seen.merge(block);
        now = write_some(now, block, JsonBlock::kBytes);
    }
    while (now.at < end) {
        char rest[JsonBlock::kBytes];
        std::memset(rest, ' ', sizeof rest);
        std::memcpy(rest, now.at, static_cast<std::size_t>(end - now.at));
        const JsonBlock block(rest);
        seen.merge(block);
        now = write_some(now, block, end - now.at);
    }
    ascii = seen.ascii();
    return now.to;
}

bool has_control(std::string_view text) {
    bool found = false;
    for (const char c : text) found |= static_cast<unsigned char>(c) < 0x20;
    return found;
}

/// Each byte that is in no valid character becomes U+FFFD.
std::string with_replacements(std::string_view text) {
    std::string out;
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t length = 1;
        while (length <= 4 && at + length <= text.size() &&
               !simdjson::validate_utf8(text.data() + at, length)) {
            ++length;
        }
        if (length > 4 || at + length > text.size()) {
            out += "\xef\xbf\xbd";
            ++at;
        } else {
            out += text.substr(at, length);
            at += length;
        }
    }
    return out;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    constexpr std::size_t kGrowth = 2, kGrowthOfControls = 6;
    const bool may_grow = text.size() <= kShortBytesMax || has_control(text);
    const std::size_t most = (may_grow ? kGrowthOfControls : kGrowth) * text.size();
    const std::size_t before = out.size();
    bool ascii = true;
    out.resize_and_overwrite(before + most + kQuotes + JsonBlock::kBytes,
                             [&](char* data, std::size_t) {
                                 char* to = data + before;
                                 *to++ = '"';
                                 to = write_escaped(to, text, ascii);
                                 *to++ = '"';
                                 return static_cast<std::size_t>(to - data);
                             });
    if (ascii || simdjson::validate_utf8(text.data(), text.size())) return;
    out.resize(before);
    append_json_string(out, with_replacements(text));
}

}  // namespace signalbox
