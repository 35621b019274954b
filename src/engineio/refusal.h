#pragma once

#include <cstdint>
#include <string_view>

#include "base/http.h"

namespace signalbox::engineio {

/// Why a request is refused, with the numbers that clients are told.
enum class Refusal : std::uint8_t {
    kUnknownTransport = 0,
    kUnknownSid = 1,
    kBadHandshakeMethod = 2,
    kBadRequest = 3,
    kForbidden = 4,
    kUnsupportedProtocolVersion = 5,
};
[[nodiscard]] std::string_view message_of(Refusal refusal);

/// 400, or 403 for kForbidden, with `{"code":N,"message":"…"}`.
[[nodiscard]] HttpResponse http_refusal(Refusal refusal);
/// 400 with the message as text: the answer to a WebSocket handshake.
[[nodiscard]] HttpResponse upgrade_refusal(Refusal refusal);

}  // namespace signalbox::engineio
