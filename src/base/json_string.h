#pragma once

#include <string>
#include <string_view>

/// What JSON writes inside strings. Each is one pass over the text.
namespace signalbox {

/// Appends what a valid JSON string, given without its quotes, stands for.
void append_unescaped_json(std::string& out, std::string_view escaped);

/// Whether valid JSON has an escape that simdjson accepts but readers of RFC 8259 cannot agree on:
/// a surrogate without its pair.
[[nodiscard]] bool has_lone_surrogate_escape(std::string_view json);

}  // namespace signalbox
