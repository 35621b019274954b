#include "base/json_scanner.h"

#include "base/json_block.h"

namespace signalbox {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Inside a string: the next byte that is special, or beyond ASCII, or the end.
[[gnu::noinline]] const char* find_distant_special(const char* at, const char* end) {
    for (; end - at >= JsonBlock::kBytes; at += JsonBlock::kBytes) {
        const auto found = JsonBlock(at).specials_and_beyond_ascii();
        if (!found.empty()) return at + found.first();
    }
    const JsonBlock rest(at, end - at);
    const auto found = rest.specials_and_beyond_ascii().before(end - at);
    return found.empty() ? end : at + found.first();
}

/// The same, quick where it is near.
const char* find_special(const char* at, const char* end) {
    if (end - at >= JsonBlock::kBytes) {
        const auto found = JsonBlock(at).specials_and_beyond_ascii();
        if (!found.empty()) return at + found.first();
        at += JsonBlock::kBytes;
    }
    return find_distant_special(at, end);
}

}  // namespace

bool JsonScanner::take_after_spaces(char c) {
    skip_spaces();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
}

bool JsonScanner::ends() {
    skip_spaces();
    return at_ == end_;
}

std::optional<std::string_view> JsonScanner::plain_string() {
    if (!take('"')) return std::nullopt;
    const char* const begin = at_;
    const char* const end = find_special(begin, end_);
    if (end == end_ || *end != '"') return std::nullopt;
    at_ = end + 1;
    return std::string_view(begin, end);
}

/// At its quote.
bool JsonScanner::skip_string() {
    const char* const at = find_special(at_ + 1, end_);
    if (at == end_ || *at != '"') return skip_escapes(at);
    at_ = at + 1;
    return true;
}

/// The rest of a string from an escape on.
bool JsonScanner::skip_escapes(const char* at) {
    constexpr std::string_view kSimpleEscapes = "\"\\/bfnrt";
    while (at < end_ && *at == '\\') {
        if (end_ - at == 1 || !kSimpleEscapes.contains(at[1])) return false;
        at = find_special(at + 2, end_);
    }
    if (at == end_ || *at != '"') return false;
    at_ = at + 1;
    return true;
}

std::string_view JsonScanner::value() {
    skip_spaces();
    const char* const begin = at_;
    const bool string = at_ < end_ && *at_ == '"';
    if (string ? !skip_string() : !skip_value(kDepthMax)) return {};
    return {begin, at_};
}

bool JsonScanner::skip_value(unsigned depth_left) {
    skip_spaces();
    if (at_ == end_) return false;
    switch (*at_) {
        case '"':
            return skip_string();
        case '{':
            return depth_left > 0 && skip_object(depth_left - 1);
        case '[':
            return depth_left > 0 && skip_array(depth_left - 1);
        case 't':
            return take("true");
        case 'f':
            return take("false");
        case 'n':
            return take("null");
        default:
            return skip_number();
    }
}

bool JsonScanner::skip_object(unsigned depth_left) {
    ++at_;
    if (take('}')) return true;
    do {
        skip_spaces();
        if (at_ == end_ || *at_ != '"' || !skip_string()) return false;
        if (!take(':') || !skip_value(depth_left)) return false;
    } while (take(','));
    return take('}');
}

bool JsonScanner::skip_array(unsigned depth_left) {
    ++at_;
    if (take(']')) return true;
    do {
        if (!skip_value(depth_left)) return false;
    } while (take(','));
    return take(']');
}

void JsonScanner::skip_digits() {
    while (at_ < end_ && is_digit(*at_)) ++at_;
}

/// Whatever follows it is the caller's to judge: a letter or a second point is nothing that it takes.
bool JsonScanner::skip_number() {
    constexpr std::ptrdiff_t kDigitsMax = 18;  // of 64 bits, whatever they are
    if (*at_ == '-') ++at_;
    const char* const integer = at_;
    skip_digits();
    const std::ptrdiff_t digits = at_ - integer;
    if (digits == 0 || digits > kDigitsMax || (digits > 1 && *integer == '0')) return false;
    if (at_ == end_ || *at_ != '.') return true;
    const char* const fraction = ++at_;
    skip_digits();
    return at_ > fraction;
}

}  // namespace signalbox
