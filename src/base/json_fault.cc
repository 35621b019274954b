#include "base/json_fault.h"

#include <algorithm>

namespace signalbox {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool ends_token(char c) {
    return std::string_view(" \t\n\r,:[]{}\"").contains(c);
}

/// Whether a string, array or object stands at the start of `text`.
bool begins_value(std::string_view text) {
    return !text.empty() && std::string_view("\"[{").contains(text.front());
}

/// Removes a run of digits. @return whether there was one.
bool take_digits(std::string_view& text) {
    const auto end = std::ranges::find_if_not(text, is_digit);
    const auto count = static_cast<std::size_t>(end - text.begin());
    text.remove_prefix(count);
    return count > 0;
}

bool take_any(std::string_view& text, std::string_view characters) {
    if (text.empty() || !characters.contains(text.front())) return false;
    text.remove_prefix(1);
    return true;
}

/// RFC 8259 section 6.
bool is_number(std::string_view text) {
    take_any(text, "-");
    if (text.size() > 1 && text[0] == '0' && is_digit(text[1])) return false;
    if (!take_digits(text)) return false;
    if (take_any(text, ".") && !take_digits(text)) return false;
    if (take_any(text, "eE")) {
        take_any(text, "+-");
        if (!take_digits(text)) return false;
    }
    return text.empty();
}

/// Length of the escape at the start of `text`, backslash included; 0 when it is none.
std::size_t escape_length(std::string_view text) {
    if (text.size() < 2) return 0;
    if (text[1] != 'u') return std::string_view("\"\\/bfnrt").contains(text[1]) ? 2 : 0;
    const std::string_view digits = text.substr(2, 4);
    return digits.size() == 4 && std::ranges::all_of(digits, is_hex) ? 6 : 0;
}

/// Removes the string at the start of `text`. @return whether its escapes are RFC 8259's.
bool take_string(std::string_view& text) {
    std::size_t at = 1;
    while (at < text.size() && text[at] != '"') {
        const std::size_t step = text[at] == '\\' ? escape_length(text.substr(at)) : 1;
        if (step == 0) return false;
        at += step;
    }
    text.remove_prefix(std::min(at + 1, text.size()));
    return true;
}

/// Whether every number and every escape in `text` follows the grammar, whatever their values.
bool tokens_are_json(std::string_view text) {
    while (!text.empty()) {
        if (text.front() == '"') {
            if (!take_string(text)) return false;
            continue;
        }
        const auto end = std::ranges::find_if(text, ends_token);
        const std::string_view token(text.begin(), end);
        const bool numeric = !token.empty() && (is_digit(token[0]) || token[0] == '-');
        if (numeric && !is_number(token)) return false;
        text.remove_prefix(std::max<std::size_t>(token.size(), 1));
        if (numeric && begins_value(text)) return false;
    }
    return true;
}

}  // namespace

JsonError classify_json_failure(std::string_view text, simdjson::error_code error) {
    switch (error) {
        case simdjson::DEPTH_ERROR:
            return JsonError::kTooDeep;
        case simdjson::NUMBER_ERROR:
        case simdjson::NUMBER_OUT_OF_RANGE:
            return tokens_are_json(text) ? JsonError::kNumberRange : JsonError::kSyntax;
        case simdjson::STRING_ERROR:
            return tokens_are_json(text) ? JsonError::kLoneSurrogate : JsonError::kSyntax;
        default:
            return JsonError::kSyntax;
    }
}

}  // namespace signalbox
