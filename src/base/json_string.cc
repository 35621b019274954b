#include "base/json_string.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "base/json.h"
#include "base/json_block.h"
#include "base/json_wide.h"

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

constexpr std::ptrdiff_t kBlock = JsonBlock::kBytes;
/// What is read beyond the byte that is looked at: an escape at the end of its block and a block.
constexpr std::ptrdiff_t kLookAhead = 2 * kBlock + 2;

/// Where a string is read and what it stands for is written: values, since what is written could
/// else be anything that is read.
struct Cursors {
    const char* at;
    char* to;
};

/// @return nullopt when no escape \u of a character is there. Not inline, since it is rare.
[[gnu::noinline]] std::optional<Cursors> read_unicode_escape(Cursors now, const char* end) {
    if (*now.at != '\\') return std::nullopt;
    const std::string_view behind(now.at + 1, end);
    if (!behind.starts_with('u') || !names_character(behind.substr(1))) return std::nullopt;
    now.at += 2;
    now.to = unescape_unicode(now.to, now.at);
    return now;
}

/// Passes a block, or what of it comes before a special byte that begins no escape of two
/// characters. Reads and writes up to kLookAhead bytes.
Cursors read_block(Cursors now, JsonBlock& seen) {
    auto [at, to] = now;
    const JsonBlock block(at);
    seen.merge(block);
    block.store(to);
    std::ptrdiff_t passed = kBlock;
    for (auto found = block.specials(); !found.empty(); found.remove_first_pair()) {
        const std::ptrdiff_t special = found.first();
        const auto letter = static_cast<unsigned char>(at[special + 1]);
        const char simple = at[special] == '\\' ? kEscapeOf[letter] : 0;
        if (simple == 0) return {at + special, to + special};
        to[special] = simple;
        passed = special + 2;
        --to;
        JsonBlock(at + passed).store(to + passed);
    }
    passed = std::max(passed, kBlock);
    return {at + passed, to + passed};
}

/// How far a string has been read.
struct Reading {
    enum class Stop : std::uint8_t { kMore, kQuote, kFault };

    Cursors now;
    JsonBlock seen;
    Stop stop = Stop::kMore;
};

/// Reads on until it is at the closing quote, or at or behind `last`, from which kLookAhead bytes can
/// be read. The text has its end at `end`.
Reading read_until(Reading reading, const char* last, const char* end) {
    Cursors now = reading.now;
    JsonBlock seen = reading.seen;
    while (now.at < last) {
        const char* const block_end = now.at + kBlock;
        now = read_block(now, seen);
        if (now.at >= block_end) continue;
        if (*now.at == '"') return {now, seen, Reading::Stop::kQuote};
        const auto next = read_unicode_escape(now, end);
        if (!next) return {now, seen, Reading::Stop::kFault};
        now = *next;
    }
    return {now, seen, Reading::Stop::kMore};
}

/// The last bytes of a text, as many as kLookAhead, with zeros behind them, so that what is looked at
/// there can be read. Zeros are no text: a string that has no end is a fault.
///
/// Made before the text is read, however long that is: the processor has what it wrote here in its
/// cache by then, where other reads of it than it was written with are not delayed.
class TextEnd {
public:
    explicit TextEnd(std::string_view text) : end_(text.data() + text.size()) {
        if (std::ssize(text) >= kLookAhead) {
            std::memcpy(bytes_, end_ - kLookAhead, kLookAhead);
            copied_ = kLookAhead;
        } else {
            copied_ = std::ssize(text);
            std::memcpy(bytes_, text.data(), text.size());
        }
    }
    /// Where the text's byte `at` is here, and the reverse.
    [[nodiscard]] const char* here(const char* at) const { return end() - (end_ - at); }
    [[nodiscard]] const char* there(const char* at) const { return end_ - (end() - at); }
    [[nodiscard]] const char* end() const { return bytes_ + copied_; }

private:
    const char* end_;
    std::ptrdiff_t copied_ = 0;
    char bytes_[2 * kLookAhead] = {};
};

/// What is written behind a string while it is read or written, at most.
constexpr std::ptrdiff_t kRoom = json_wide::kRoom;
static_assert(kRoom >= kLookAhead);

/// A string that was read.
struct Read {
    Cursors now;  ///< at its closing quote
    bool ascii;
};

/// Reads the string at the front of `text` into `to`, where there must be kRoom behind its length.
/// @return nullopt: it has a fault or no end.
std::optional<Read> read_narrow(std::string_view text, char* to) {
    const TextEnd text_end(text);
    const char* const end = text.data() + text.size();
    Reading reading{.now = {text.data() + 1, to}, .seen = {}};
    if (std::ssize(text) > kLookAhead) reading = read_until(reading, end - kLookAhead, end);
    if (reading.stop == Reading::Stop::kMore) {
        reading.now.at = text_end.here(reading.now.at);
        reading = read_until(reading, text_end.end(), text_end.end());
        reading.now.at = text_end.there(reading.now.at);
    }
    if (reading.stop != Reading::Stop::kQuote) return std::nullopt;
    return Read{reading.now, reading.seen.ascii()};
}

/// The same by base/json_wide.h.
std::optional<Read> read_wide(std::string_view text, char* to) {
    const char* const end = text.data() + text.size();
    Read read{.now = {text.data() + 1, to}, .ascii = true};
    while (true) {
        const json_wide::Copied copied = json_wide::unescape(read.now.at, end, read.now.to);
        read = {{copied.at, copied.to}, read.ascii && copied.ascii};
        if (copied.at == end) return std::nullopt;
        if (*copied.at == '"') return read;
        const auto next = read_unicode_escape(read.now, end);
        if (!next) return std::nullopt;
        read.now = *next;
    }
}

}  // namespace

JsonWidth best_json_width() {
    return json_wide::available() ? JsonWidth::kWide : JsonWidth::kNarrow;
}

std::optional<std::size_t> append_checked_json_string(std::string& out, std::string_view text) {
    return append_checked_json_string(out, text, best_json_width());
}

std::optional<std::size_t> append_checked_json_string(std::string& out, std::string_view text,
                                                      JsonWidth width) {
    const std::size_t before = out.size();
    std::optional<std::size_t> length;
    out.resize_and_overwrite(before + text.size() + kRoom, [&](char* data, std::size_t) {
        char* const to = data + before;
        const auto read = width == JsonWidth::kWide ? read_wide(text, to) : read_narrow(text, to);
        if (!read) return before;
        const auto size = static_cast<std::size_t>(read->now.at + 1 - text.data());
        if (!read->ascii && !simdjson::validate_utf8(text.data(), size)) return before;
        length = size;
        return static_cast<std::size_t>(read->now.to - data);
    });
    return length;
}

namespace {

constexpr std::size_t kQuotes = 2;

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

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20;
}

/// What escapes take, at most: of quotes, backslashes and some controls, or of any.
enum class Growth : std::uint8_t { kTwo = 2, kSix = 6 };

/// @return the end of the escape; nullptr when it needs more than `growth`.
char* write_control(char* to, char c, Growth growth) {
    constexpr char kHex[] = "0123456789abcdef";
    *to++ = '\\';
    if (const char letter = escape_letter(c)) {
        *to++ = letter;
        return to;
    }
    if (growth == Growth::kTwo) return nullptr;
    for (const char digit : {'u', '0', '0', kHex[c >> 4], kHex[c & 15]}) *to++ = digit;
    return to;
}

/// Writes the first `count` of a block's bytes at `at` as they stand in a JSON string. Reads two blocks.
/// @return the end of what was written; nullptr when it needs more than `growth`.
char* write_block(char* to, const char* at, std::ptrdiff_t count, Growth growth, JsonBlock& seen) {
    const JsonBlock block(at);
    seen.merge(block);
    block.store(to);
    for (auto found = block.specials().before(count); !found.empty(); found.remove_first()) {
        const std::ptrdiff_t special = found.first();
        if (is_control(at[special])) {
            char* const escaped = write_control(to + special, at[special], growth);
            if (escaped == nullptr) return nullptr;
            to = escaped - special - 1;
            JsonBlock(at + special + 1).store(escaped);
        } else {  // stands for itself behind the backslash
            to[special] = '\\';
            ++to;
            JsonBlock(at + special).store(to + special);
        }
    }
    return to + count;
}

/// The same of a whole text; kRoom more is needed.
char* write_narrow(char* to, std::string_view text, Growth growth, bool& ascii) {
    constexpr std::ptrdiff_t kRest = 2 * kBlock;
    const char* at = text.data();
    std::ptrdiff_t left = std::ssize(text);
    // Copied before the blocks in front of it are written (see TextEnd).
    char rest[kRest + 2 * kBlock] = {};
    std::ptrdiff_t copied = left;
    if (left >= kRest) {
        copied = kRest;
        std::memcpy(rest, at + left - kRest, kRest);
    } else {
        std::memcpy(rest, at, static_cast<std::size_t>(left));
    }
    JsonBlock seen;
    for (; left >= kRest; at += kBlock, left -= kBlock) {
        to = write_block(to, at, kBlock, growth, seen);
        if (to == nullptr) return nullptr;
    }
    const char* from = rest + copied - left;
    for (; left > 0; from += kBlock, left -= kBlock) {
        to = write_block(to, from, std::min(left, kBlock), growth, seen);
        if (to == nullptr) return nullptr;
    }
    ascii = seen.ascii();
    return to;
}

/// The same by base/json_wide.h.
char* write_wide(char* to, std::string_view text, Growth growth, bool& ascii) {
    const char* at = text.data();
    const char* const end = at + text.size();
    ascii = true;
    while (true) {
        const json_wide::Copied copied = json_wide::escape(at, end, to);
        ascii = ascii && copied.ascii;
        if (copied.at == end) return copied.to;
        to = write_control(copied.to, *copied.at, growth);
        if (to == nullptr) return nullptr;
        at = copied.at + 1;
    }
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

/// @return false, and nothing appended, when its escapes take more than `growth`.
bool append_escaped(std::string& out, std::string_view text, Growth growth, JsonWidth width,
                    bool& ascii) {
    const std::size_t before = out.size();
    const std::size_t most = static_cast<std::size_t>(growth) * text.size() + kQuotes + kRoom;
    bool done = false;
    out.resize_and_overwrite(before + most, [&](char* data, std::size_t) {
        char* to = data + before;
        *to++ = '"';
        to = width == JsonWidth::kWide ? write_wide(to, text, growth, ascii)
                                       : write_narrow(to, text, growth, ascii);
        if (to == nullptr) return before;
        done = true;
        *to++ = '"';
        return static_cast<std::size_t>(to - data);
    });
    return done;
}

/// Most names and ids. @return false, and nothing appended, when `text` is longer than a block or has to
/// be escaped or checked.
bool append_short(std::string& out, std::string_view text) {
    if (std::ssize(text) > kBlock) return false;
    const JsonBlock block(text.data(), std::ssize(text));
    if (!block.specials_and_beyond_ascii().before(std::ssize(text)).empty()) return false;
    const std::size_t before = out.size();
    out.resize_and_overwrite(before + kQuotes + kBlock, [&](char* data, std::size_t) {
        data[before] = '"';
        block.store(data + before + 1);
        data[before + 1 + text.size()] = '"';
        return before + kQuotes + text.size();
    });
    return true;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    append_json_string(out, text, best_json_width());
}

void append_json_string(std::string& out, std::string_view text, JsonWidth width) {
    if (append_short(out, text)) return;
    const std::size_t before = out.size();
    bool ascii = true;
    if (!append_escaped(out, text, Growth::kTwo, width, ascii))
        append_escaped(out, text, Growth::kSix, width, ascii);
    if (ascii || simdjson::validate_utf8(text.data(), text.size())) return;
    out.resize(before);
    append_json_string(out, with_replacements(text), width);
}

}  // namespace signalbox
