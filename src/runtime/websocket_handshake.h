#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/http.h"
#include "runtime/http_fault.h"
#include "websocket/extensions.h"

namespace signalbox::runtime {

/// RFC 6455 section 4.2.1 for a request that asks for the upgrade to websocket.
/// Precondition: Connection and Upgrade say so.
enum class HttpVersion : std::uint8_t { kHttp10, kHttp11 };
[[nodiscard]] std::expected<void, HttpFault> check_websocket_request(const HttpRequest& request,
                                                                     HttpVersion version);

/// Sec-WebSocket-Accept for a client's Sec-WebSocket-Key (section 4.2.2, item 5.4).
[[nodiscard]] std::string websocket_accept_key(std::string_view key);

/// The first acceptable offer of permessage-deflate in a request that check_websocket_request() has
/// accepted.
[[nodiscard]] std::optional<websocket::DeflateAgreement> offered_compression(
    const HttpRequest& request);

/// Appends the answer 101 to a request that check_websocket_request() has accepted.
void append_switching_protocols(std::string& out, const HttpRequest& request,
                                const std::optional<websocket::DeflateAgreement>& compression);

}  // namespace signalbox::runtime
