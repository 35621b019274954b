#pragma once

#include <string>
#include <string_view>

namespace signalbox::auth {

/// HMAC-SHA-256 (RFC 2104) of `text`, 64 hex digits in lower case.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view text);

}  // namespace signalbox::auth
