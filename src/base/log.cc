#include "base/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json.h"

namespace signalbox {
namespace {

std::string_view name_of(LogLevel level) {
    constexpr std::array<std::string_view, 6> kNames{"debug", "info", "warn",
                                                     "error", "off",  "audit"};
    return kNames[static_cast<std::size_t>(level)];
}

/// What JSON lets stand but a terminal or a line-splitting reader obeys: DEL and the C1 controls,
/// U+2028, U+2029 and the marks that change the direction of text. `text` is valid UTF-8.
/// @return the code point, or 0 when `text` begins with something harmless.
std::uint32_t unsafe_code_point(std::string_view text) {
    const auto byte = [&](std::size_t i) -> std::uint32_t {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
    };
    if (byte(0) == 0x7f) return 0x7f;
    if (byte(0) == 0xc2 && byte(1) < 0xa0) return byte(1);
    if (byte(0) != 0xe2) return 0;
    const std::uint32_t code = 0x2000 | ((byte(1) & 0x3f) << 6) | (byte(2) & 0x3f);
    const bool unsafe = (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
                        code == 0x200e || code == 0x200f;
    return unsafe ? code : 0;
}

std::size_t utf8_bytes(std::uint32_t code) {
    return code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
}

/// Appends `text` as a JSON string that is one harmless line wherever it is shown.
void append_quoted(std::string& out, std::string_view text) {
    std::string json;
    append_json_string(json, text);
    for (std::string_view rest = json; !rest.empty();) {
        const std::uint32_t unsafe = unsafe_code_point(rest);
        if (unsafe == 0) {
            out += rest.front();
            rest.remove_prefix(1);
        } else {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", unsafe);
            rest.remove_prefix(utf8_bytes(unsafe));
        }
    }
}

/// True for values that text lines show bare: one word that cannot be taken for another field.
bool is_plain(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\';
    });
}

void append_number(std::string& out, double value) {
    if (std::isfinite(value)) {
        append_json_number(out, value);
    } else {
        out += "null";
    }
}

void append_value(std::string& out, LogFormat format, const LogField& field) {
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        if (format == LogFormat::kText && is_plain(*text)) {
            out += *text;
        } else {
            append_quoted(out, *text);
        }
    } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
        append_json_number(out, *integer);
    } else if (const auto* natural = std::get_if<std::uint64_t>(&field.value)) {
        append_json_number(out, *natural);
    } else if (const auto* number = std::get_if<double>(&field.value)) {
        append_number(out, *number);
    } else {
        out += std::get<bool>(field.value) ? "true" : "false";
    }
}

void append_json_member(std::string& out, const LogField& field) {
    out += out.empty() ? '{' : ',';
    append_quoted(out, field.name);
    out += ':';
    append_value(out, LogFormat::kJson, field);
}

std::string json_line(std::string_view time, LogLevel level, std::string_view event,
                      std::initializer_list<LogField> fields) {
    std::string line;
    append_json_member(line, {"time", time});
    append_json_member(line, {"level", name_of(level)});
    append_json_member(line, {"event", event});
    for (const LogField& field : fields) append_json_member(line, field);
    return line + '}';
}

std::string text_line(std::string_view time, LogLevel level, std::string_view event,
                      std::initializer_list<LogField> fields) {
    std::string line = fmt::format("{} {:5} {}", time, name_of(level), event);
    for (const LogField& field : fields) {
        line += ' ';
        line += field.name;
        line += '=';
        append_value(line, LogFormat::kText, field);
    }
    return line;
}

}  // namespace

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                            std::string_view event, std::initializer_list<LogField> fields) {
    return format == LogFormat::kJson ? json_line(time, level, event, fields)
                                      : text_line(time, level, event, fields);
}

}  // namespace signalbox
