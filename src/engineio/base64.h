#pragma once

#include <optional>
#include <string>
#include <string_view>

/// RFC 4648 base64 with the standard alphabet, as polling payloads carry binary messages.
namespace signalbox::engineio {

/// Appends `bytes` encoded, padded with '='.
void append_base64(std::string& out, std::string_view bytes);

/// @return the bytes; nullopt for a foreign character or an impossible length. Padding may be
///         missing.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace signalbox::engineio
