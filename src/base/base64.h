#pragma once

#include <optional>
#include <string>
#include <string_view>

/// RFC 4648: base64 as Engine.IO payloads carry binary messages, base64url as JWTs and keys do.
/// Work: O(bytes); a decoder allocates once, three quarters of its text.
namespace signalbox {

/// Section 4, the standard alphabet. Appends `bytes` encoded, padded with '='.
void append_base64(std::string& out, std::string_view bytes);

/// Lenient, since browsers' encoders differ: the padding may be missing, and bits after the last
/// byte are not looked at.
/// @return the bytes; nullopt for a foreign character or an impossible length.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

/// Section 5, the URL-safe alphabet, without padding (RFC 7515 section 2).
[[nodiscard]] std::string base64url_encode(std::string_view bytes);

/// Strict: nullopt for padding, white space, characters of the other alphabet, an impossible
/// length, or bits set after the last byte, so that one value has one spelling.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace signalbox
