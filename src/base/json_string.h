#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What JSON writes inside strings. Each is one pass over the text.
namespace signalbox {

/// Appends what a valid JSON string, given without its quotes, stands for.
void append_unescaped_json(std::string& out, std::string_view escaped);

/// Appends what the JSON string at the front of `text` stands for, and checks it on the way.
/// @return its length with both quotes; nullopt, and nothing appended, when it has no end, invalid
///         UTF-8, a bare control character, an escape that JSON does not know, or a surrogate escape
///         without its pair.
/// Precondition: `text` begins with a quote.
[[nodiscard]] std::optional<std::size_t> append_checked_json_string(std::string& out,
                                                                    std::string_view text);

/// How strings are read and written: in small blocks, or as base/json_wide.h can. Others take what is
/// best here; this is for tests of both, which give the same.
enum class JsonWidth : std::uint8_t { kNarrow, kWide };
[[nodiscard]] JsonWidth best_json_width();
[[nodiscard]] std::optional<std::size_t> append_checked_json_string(std::string& out,
                                                                    std::string_view text,
                                                                    JsonWidth width);
void append_json_string(std::string& out, std::string_view text, JsonWidth width);

/// Whether valid JSON has an escape that simdjson accepts but readers of RFC 8259 cannot agree on:
/// a surrogate without its pair.
[[nodiscard]] bool has_lone_surrogate_escape(std::string_view json);

}  // namespace signalbox
