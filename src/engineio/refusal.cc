#include "engineio/refusal.h"

#include <utility>

#include "base/json.h"

namespace signalbox::engineio {

std::string_view message_of(Refusal refusal) {
    switch (refusal) {
        case Refusal::kUnknownTransport:
            return "Transport unknown";
        case Refusal::kUnknownSid:
            return "Session ID unknown";
        case Refusal::kBadHandshakeMethod:
            return "Bad handshake method";
        case Refusal::kBadRequest:
            return "Bad request";
        case Refusal::kForbidden:
            return "Forbidden";
        case Refusal::kUnsupportedProtocolVersion:
            return "Unsupported protocol version";
    }
    std::unreachable();
}

HttpResponse http_refusal(Refusal refusal) {
    std::string body;
    JsonWriter(body)
        .begin_object()
        .member("code", static_cast<int>(refusal))
        .member("message", message_of(refusal))
        .end_object();
    const int status = refusal == Refusal::kForbidden ? 403 : 400;
    return HttpResponse::of(status, "application/json", std::move(body));
}

HttpResponse upgrade_refusal(Refusal refusal) {
    return HttpResponse::of(400, "text/plain; charset=UTF-8", std::string(message_of(refusal)));
}

}  // namespace signalbox::engineio
