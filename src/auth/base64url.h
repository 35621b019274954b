#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace signalbox::auth {

/// base64url without padding (RFC 4648 section 5, RFC 7515 section 2).
[[nodiscard]] std::string base64url_encode(std::string_view bytes);

/// Strict: nullopt for padding, white space, characters of the other alphabet, an impossible
/// length, or bits set after the last byte, so that one value has one spelling.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace signalbox::auth
