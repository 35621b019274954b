#include "actions/decimal.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

namespace signalbox::actions {
namespace {

using simdjson::dom::element_type;
__extension__ using Wide = unsigned __int128;

Decimal of_integer(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    return {value < 0, value < 0 ? 0 - bits : bits, 0};
}

/// `text` is `[-]d[.d…]e±dd`, as std::to_chars writes it.
Decimal of_scientific(std::string_view text) {
    Decimal result;
    if (text.starts_with('-')) {
        result.negative = true;
        text.remove_prefix(1);
    }
    const std::size_t e = text.find('e');
    for (const char c : text.substr(0, e)) {
        if (c == '.') continue;
        result.digits = result.digits * 10 + static_cast<std::uint64_t>(c - '0');
    }
    std::string_view exponent = text.substr(e + 1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    std::from_chars(exponent.data(), exponent.data() + exponent.size(), result.exponent);
    if (e > 1) result.exponent -= static_cast<int>(e - 2);
    if (result.digits == 0) return {};
    return result;
}

Decimal of_double(double value) {
    char text[32];
    const auto end =
        std::to_chars(std::begin(text), std::end(text), value, std::chars_format::scientific).ptr;
    return of_scientific({text, static_cast<std::size_t>(end - text)});
}

int digit_count(std::uint64_t digits) {
    int count = 1;
    while (digits >= 10) {
        digits /= 10;
        ++count;
    }
    return count;
}

Wide times_power_of_ten(Wide value, int power) {
    for (; power > 0; --power) value *= 10;
    return value;
}

std::uint64_t power_of_ten_modulo(int power, std::uint64_t modulus) {
    Wide result = 1 % modulus, base = 10 % modulus;
    for (; power > 0; power >>= 1) {
        if ((power & 1) != 0) result = result * base % modulus;
        base = base * base % modulus;
    }
    return static_cast<std::uint64_t>(result);
}

/// Neither is zero. Numbers of equally many places before the point differ by less than 10^20 in
/// scale, so that the scaled digits fit.
std::strong_ordering compare_magnitudes(const Decimal& a, const Decimal& b) {
    const int places_a = digit_count(a.digits) + a.exponent;
    const int places_b = digit_count(b.digits) + b.exponent;
    if (places_a != places_b) return places_a <=> places_b;
    const int exponent = std::min(a.exponent, b.exponent);
    const Wide wide_a = times_power_of_ten(a.digits, a.exponent - exponent);
    const Wide wide_b = times_power_of_ten(b.digits, b.exponent - exponent);
    return wide_a < wide_b   ? std::strong_ordering::less
           : wide_a > wide_b ? std::strong_ordering::greater
                             : std::strong_ordering::equal;
}

int sign(const Decimal& value) {
    return value.digits == 0 ? 0 : value.negative ? -1 : 1;
}

void append_number(std::string& out, JsonElement value) {
    const Decimal number = Decimal::of(value).normalized();
    out += number.negative ? 'm' : 'n';
    out += std::to_string(number.digits);
    out += 'e';
    out += std::to_string(number.exponent);
}

/// Length first, so that no two sequences of values can be spelled alike.
void append_text(std::string& out, std::string_view text) {
    out += 's';
    out += std::to_string(text.size());
    out += ':';
    out += text;
}

void append_object(std::string& out, simdjson::dom::object object) {
    std::vector<std::pair<std::string_view, JsonElement>> members;
    for (const auto member : object) members.emplace_back(member.key, member.value);
    std::ranges::stable_sort(members, {}, [](const auto& member) { return member.first; });
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (i + 1 < members.size() && members[i + 1].first == members[i].first) continue;
        append_text(out, members[i].first);
        append_canonical(out, members[i].second);
    }
    out += '}';
}

}  // namespace

Decimal Decimal::of(JsonElement number) {
    switch (number.type()) {
        case element_type::INT64:
            return of_integer(std::int64_t(number));
        case element_type::UINT64:
            return {false, std::uint64_t(number), 0};
        default:
            return of_double(double(number));
    }
}

Decimal Decimal::normalized() const {
    if (digits == 0) return {};
    Decimal result = *this;
    while (result.digits % 10 == 0) {
        result.digits /= 10;
        ++result.exponent;
    }
    return result;
}

bool Decimal::is_integer() const {
    return normalized().exponent >= 0;
}

std::strong_ordering operator<=>(const Decimal& a, const Decimal& b) {
    if (sign(a) != sign(b) || sign(a) == 0) return sign(a) <=> sign(b);
    return sign(a) > 0 ? compare_magnitudes(a, b) : compare_magnitudes(b, a);
}

bool is_multiple_of(const Decimal& value, const Decimal& step) {
    constexpr int kDigitsMax = 20;  // of 64 bits
    if (value.digits == 0) return true;
    const int shift = value.exponent - step.exponent;
    if (shift >= 0) {
        const Wide factor = power_of_ten_modulo(shift, step.digits);
        return factor * (value.digits % step.digits) % step.digits == 0;
    }
    return -shift < kDigitsMax && value.digits % times_power_of_ten(step.digits, -shift) == 0;
}

void append_canonical(std::string& out, JsonElement value) {
    switch (value.type()) {
        case element_type::NULL_VALUE:
            out += '0';
            return;
        case element_type::BOOL:
            out += bool(value) ? 't' : 'f';
            return;
        case element_type::STRING:
            append_text(out, std::string_view(value));
            return;
        case element_type::OBJECT:
            append_object(out, simdjson::dom::object(value));
            return;
        case element_type::ARRAY:
            out += '[';
            for (const JsonElement item : simdjson::dom::array(value)) append_canonical(out, item);
            out += ']';
            return;
        default:
            append_number(out, value);
    }
}

}  // namespace signalbox::actions
