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

constexpr std::size_t kDigitsMax = 20;

/// A separator and the number. @return the end of what was written.
char* write_number(char* to, char separator, std::uint64_t number) {
    *to++ = separator;
    return std::to_chars(to, to + kDigitsMax, number).ptr;
}

}  // namespace

std::string offset_text(const Offset& offset) {
    std::string text;
    append_offset(text, offset);
    return text;
}

void append_offset(std::string& out, const Offset& offset) {
    const std::size_t before = out.size();
    const std::size_t most = offset.epoch.size() + 2 * (1 + kDigitsMax);
    out.resize_and_overwrite(before + most, [&](char* data, std::size_t) {
        char* to = data + before;
        to += offset.epoch.copy(to, offset.epoch.size());
        to = write_number(to, '-', offset.number);
        if (offset.private_number) to = write_number(to, '.', *offset.private_number);
        return static_cast<std::size_t>(to - data);
    });
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
