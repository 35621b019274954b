#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/json.h"

namespace signalbox::actions {

/// An exact decimal number: ±digits × 10^exponent. A double stands for the shortest decimal that
/// reads back as it, which is what a person wrote: 0.0075 is 75 × 10^-4, a multiple of 0.0001.
/// Zero is never negative.
struct Decimal {
    bool negative = false;
    std::uint64_t digits = 0;
    int exponent = 0;

    /// Precondition: `number` is one.
    [[nodiscard]] static Decimal of(JsonElement number);
    /// The same value with no trailing zeros in its digits; zero has exponent 0.
    [[nodiscard]] Decimal normalized() const;
    [[nodiscard]] bool is_integer() const;

    friend std::strong_ordering operator<=>(const Decimal& a, const Decimal& b);
    friend bool operator==(const Decimal& a, const Decimal& b) { return (a <=> b) == 0; }
};

/// Precondition: step is not zero.
[[nodiscard]] bool is_multiple_of(const Decimal& value, const Decimal& step);

/// Appends bytes that are equal for two values exactly when JSON Schema calls the values equal:
/// numbers by value (1 and 1.0), objects without regard to the order of their members. Of members
/// with one name the last counts.
void append_canonical(std::string& out, JsonElement value);

}  // namespace signalbox::actions
