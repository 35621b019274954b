#pragma once

#include <cstdint>
#include <string_view>

#include "base/error_code.h"
#include "base/http.h"

namespace signalbox::runtime {

/// Every way in which a request is refused before a handler sees it. After any of them the
/// connection closes: where the next request would begin is unknown, or the peer is not worth
/// another.
enum class HttpFault : std::uint8_t {
    kNotHttp,             ///< the request line
    kTarget,              ///< neither origin nor absolute form, nor `*` of OPTIONS
    kField,               ///< a header line
    kFoldedField,         ///< RFC 9112 section 5.2
    kHost,                ///< none or several in HTTP/1.1, or one that cannot be a host
    kContentLength,       ///< no number, or several
    kLengthWithEncoding,  ///< Transfer-Encoding beside Content-Length
    kEncodingInHttp10,    ///< Transfer-Encoding in HTTP/1.0
    kUnknownEncoding,     ///< anything but `chunked`
    kChunk,               ///< broken chunked coding
    kHeaderTooLarge,      ///< request line and header fields together
    kTooManyFields,
    kBodyTooLarge,
    kMethod,       ///< CONNECT, TRACE
    kExpectation,  ///< anything but `100-continue`
    kHeaderTimeout,
    kBodyTimeout,
    kWebSocketKey,         ///< Sec-WebSocket-Key absent or not 16 bytes in base64
    kWebSocketVersion,     ///< not 13
    kWebSocketExtensions,  ///< Sec-WebSocket-Extensions breaks RFC 6455 section 9.1
    kWebSocketRequest,     ///< an upgrade to websocket that is not a GET of HTTP/1.1
};

/// The answer: status, JSON body `{"error":{"code","message"}}`, and for kWebSocketVersion the
/// header field that names our version.
[[nodiscard]] HttpResponse response_to(HttpFault fault);

/// The answer for what goes wrong on our side: as above, with the registry's status; when a retry
/// may help, with `"retryable":true` and Retry-After.
[[nodiscard]] HttpResponse error_response(ErrorCode code, std::string_view message);
[[nodiscard]] HttpResponse internal_error_response();

}  // namespace signalbox::runtime
