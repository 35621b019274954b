#pragma once

#include <cstdint>
#include <string_view>

namespace signalbox {

/// Validates UTF-8 that arrives in pieces cut anywhere, refusing the first byte after which no
/// continuation could be valid (RFC 3629: no surrogates, no overlong forms, nothing over U+10FFFF).
/// Two dozen bits of state, no memory.
class Utf8Validator {
public:
    /// @return false at the first impossible byte; the validator is then only good for reset().
    [[nodiscard]] bool feed(std::string_view piece);
    /// True when what was fed does not end inside a character.
    [[nodiscard]] bool complete() const { return needed_ == 0; }
    void reset() { *this = Utf8Validator(); }

private:
    [[nodiscard]] bool begin_character(std::uint8_t byte);
    [[nodiscard]] bool continue_character(std::uint8_t byte);

    std::uint8_t needed_ = 0;                   // continuation bytes still to come
    std::uint8_t lower_ = 0x80, upper_ = 0xBF;  // bounds of the next one
};

[[nodiscard]] bool is_valid_utf8(std::string_view text);

}  // namespace signalbox
