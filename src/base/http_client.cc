#include "base/http_client.h"

namespace signalbox {

std::string_view to_string(HttpClientFault fault) {
    switch (fault) {
        case HttpClientFault::kInvalidRequest:
            return "invalid request";
        case HttpClientFault::kOverloaded:
            return "overloaded";
        case HttpClientFault::kUnreachable:
            return "unreachable";
        case HttpClientFault::kTls:
            return "tls";
        case HttpClientFault::kTimeout:
            return "timeout";
        case HttpClientFault::kTooLarge:
            return "too large";
        case HttpClientFault::kBroken:
            return "broken";
        case HttpClientFault::kStopped:
            return "stopped";
    }
    return "";
}

}  // namespace signalbox
