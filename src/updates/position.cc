#include "updates/position.h"

#include <charconv>

namespace signalbox::updates {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
    if (error != std::errc() || end != text.end()) return std::nullopt;
    return number;
}

}  // namespace

std::string offset_text(const Offset& offset) {
    std::string text(offset.epoch);
    text += '-';
    text += std::to_string(offset.number);
    if (offset.private_number) {
        text += '.';
        text += std::to_string(*offset.private_number);
    }
    return text;
}

std::optional<Offset> parse_offset(std::string_view text) {
    const std::size_t dash = text.rfind('-');
    if (dash == std::string_view::npos || dash == 0) return std::nullopt;
    Offset offset{.epoch = text.substr(0, dash), .number = 0, .private_number = {}};
    std::string_view numbers = text.substr(dash + 1);
    if (const std::size_t dot = numbers.find('.'); dot != std::string_view::npos) {
        offset.private_number = parse_number(numbers.substr(dot + 1));
        if (!offset.private_number) return std::nullopt;
        numbers = numbers.substr(0, dot);
    }
    const auto number = parse_number(numbers);
    if (!number) return std::nullopt;
    offset.number = *number;
    return offset;
}

}  // namespace signalbox::updates
