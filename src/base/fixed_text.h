#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "base/check.h"

namespace signalbox {

/// Text of exactly `Size` characters, the first of them not zero, or none: for ids that many objects
/// carry, without a string's head and heap.
template <std::size_t Size>
class FixedText {
public:
    FixedText() = default;
    explicit FixedText(std::string_view text) {
        SB_CHECK(text.size() == Size);
        std::ranges::copy(text, characters_.begin());
    }

    [[nodiscard]] bool empty() const { return characters_.front() == 0; }
    /// Borrowed from this object.
    [[nodiscard]] std::string_view text() const {
        return empty() ? std::string_view() : std::string_view(characters_.data(), Size);
    }
    friend bool operator==(const FixedText&, const FixedText&) = default;
    // NOLINTNEXTLINE(google-explicit-constructor): it is text
    operator std::string_view() const { return text(); }

private:
    std::array<char, Size> characters_{};
};

}  // namespace signalbox
