#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/http.h"

namespace signalbox::runtime {

/// How the end of a body is told.
enum class BodyFraming : std::uint8_t {
    kLength,      ///< Content-Length
    kChunked,     ///< Transfer-Encoding: chunked
    kUntilClose,  ///< HTTP/1.0 streams
};
enum class Persistence : std::uint8_t { kKeepAlive, kClose, kUpgrade };

struct ResponseFraming {
    BodyFraming body = BodyFraming::kLength;
    Persistence persistence = Persistence::kKeepAlive;
};

/// Appends status line, fields and the empty line. Content-Length, Transfer-Encoding, Connection
/// and Date are written here: such fields of `response` are ignored. A name or value with CR, LF or
/// NUL is a bug of ours.
void append_response_head(std::string& out, const HttpResponse& response, ResponseFraming framing,
                          std::string_view date);

/// One chunk; nothing for an empty `part`, which would end the body.
void append_chunk(std::string& out, std::string_view part);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// False for statuses that never have a body (RFC 9110 section 6.4.1).
[[nodiscard]] bool may_have_body(int status);

}  // namespace signalbox::runtime
