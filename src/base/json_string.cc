#include "base/json_string.h"

#include <charconv>

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

/// Decodes the escape whose letter is at `at`, and moves `at` behind it.
char* unescape_one(char* to, const char*& at) {
    const char letter = *at++;
    switch (letter) {
        case 'b':
            *to = '\b';
            break;
        case 'f':
            *to = '\f';
            break;
        case 'n':
            *to = '\n';
            break;
        case 'r':
            *to = '\r';
            break;
        case 't':
            *to = '\t';
            break;
        case 'u':
            return unescape_unicode(to, at);
        default:
            *to = letter;
    }
    return to + 1;
}

}  // namespace

bool has_lone_surrogate_escape(std::string_view json) {
    if (!may_have_unicode_escape(json)) return false;
    for (std::size_t at = json.find('\\'); at != std::string_view::npos; at = json.find('\\', at)) {
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

}  // namespace signalbox
