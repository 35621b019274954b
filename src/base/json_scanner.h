#pragma once

#include <optional>
#include <string_view>

namespace signalbox {

/// Walks a small JSON text in one pass, checking it on the way, and gives up at what is not plain: a
/// character beyond ASCII, an escape \u, an exponent, a number of many digits, deep nesting, whatever is
/// not JSON. A JsonParser has to judge then, and it alone names errors: what a walk to ends() accepts, JsonParser::parse() accepts too.
///
///     JsonScanner json(text);
///     if (json.take('[') && (value = json.value()) && json.take(']') && json.ends()) …
///
/// Ownership: borrows the text; so does what it gives.
/// Work:      O(text).
class JsonScanner {
public:
    explicit JsonScanner(std::string_view text)
        : at_(text.data()), end_(text.data() + text.size()) {}

    /// Passes `c` if it comes next, after spaces.
    [[nodiscard]] bool take(char c);
    /// Passes a string that has no escapes. @return its text; nullopt: give up
    [[nodiscard]] std::optional<std::string_view> plain_string();
    /// Passes a value. @return its exact bytes, never none; nullopt: give up
    [[nodiscard]] std::optional<std::string_view> value();
    /// Whether nothing but spaces is left.
    [[nodiscard]] bool ends();

private:
    static constexpr unsigned kDepthMax = 32;

    void skip_spaces();
    void skip_digits();
    [[nodiscard]] bool skip_value(unsigned depth_left);
    [[nodiscard]] bool skip_object(unsigned depth_left);
    [[nodiscard]] bool skip_array(unsigned depth_left);
    [[nodiscard]] bool skip_string();
    [[nodiscard]] bool skip_number();
    [[nodiscard]] bool skip_word(std::string_view word);

    const char* at_;
    const char* end_;
};

}  // namespace signalbox
