#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

namespace signalbox {

/// Walks a small JSON text in one pass, checking it on the way, and gives up at what is not plain: a
/// character beyond ASCII, an escape \u, an exponent, a number of many digits, deep nesting, whatever
/// is not JSON. A JsonParser has to judge then, and it alone names errors: what a walk to ends()
/// accepts, JsonParser::parse() accepts too.
///
///     JsonScanner json(text);
///     if (json.take('[') && !(value = json.value()).empty() && json.take(']') && json.ends()) …
///
/// Ownership: borrows the text; so does what it gives.
/// Work:      O(text).
class JsonScanner {
public:
    explicit JsonScanner(std::string_view text)
        : at_(text.data()), end_(text.data() + text.size()) {}

    /// Passes what is given if it comes next, after spaces.
    [[nodiscard]] bool take(char c) {
        if (at_ == end_ || *at_ != c) return take_after_spaces(c);
        ++at_;
        return true;
    }
    template <std::size_t kSize>
    [[nodiscard]] bool take(const char (&literal)[kSize]) {
        constexpr std::size_t kLength = kSize - 1;
        skip_spaces();
        if (end_ - at_ < std::ptrdiff_t{kLength} || std::memcmp(at_, literal, kLength) != 0)
            return false;
        at_ += kLength;
        return true;
    }
    /// Passes a string that has no escapes. @return its text; nullopt: give up
    [[nodiscard]] std::optional<std::string_view> plain_string();
    /// Passes a value. @return its exact bytes; none: give up
    [[nodiscard]] std::string_view value();
    /// What is left.
    [[nodiscard]] std::string_view rest() const { return {at_, end_}; }
    /// Whether nothing but spaces is left.
    [[nodiscard]] bool ends();

private:
    static constexpr unsigned kDepthMax = 32;

    void skip_spaces() {
        while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    }
    [[nodiscard]] bool take_after_spaces(char c);
    void skip_digits();
    [[nodiscard]] bool skip_value(unsigned depth_left);
    [[nodiscard]] bool skip_object(unsigned depth_left);
    [[nodiscard]] bool skip_array(unsigned depth_left);
    [[nodiscard]] bool skip_string();
    [[nodiscard]] bool skip_escapes(const char* at);
    [[nodiscard]] bool skip_number();

    const char* at_;
    const char* end_;
};

}  // namespace signalbox
