#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/http.h"

namespace signalbox::engineio {

/// What a request's `Origin` is to us.
enum class OriginVerdict : std::uint8_t {
    kNone,        ///< no Origin: not a browser, or a plain navigation
    kSameOrigin,  ///< scheme and host that the request itself names
    kListed,      ///< allowed by name or pattern; may use credentials
    kAnyone,      ///< allowed by `*` only; without credentials
    kRefused,
};

/// True when a page of that origin may talk to us.
[[nodiscard]] constexpr bool is_allowed(OriginVerdict verdict) {
    return verdict != OriginVerdict::kRefused;
}

/// `server.allowed_origins`: which web pages may connect and call. One rule for both transports and
/// REST, since browsers do not apply CORS to WebSocket.
///
/// Entries: an origin (`https://app.example.com`), a pattern for the subdomains of a host
/// (`https://*.example.com`, at any depth, never the host itself), or `*`. Compared without regard
/// to case, default ports left out. An entry of another shape allows nothing.
/// Threading: const after construction.
class OriginPolicy {
public:
    explicit OriginPolicy(const std::vector<std::string>& allowed);

    [[nodiscard]] OriginVerdict judge(const HttpRequest& request) const;

private:
    struct Pattern {
        std::string before;  ///< "https://"
        std::string after;   ///< ".example.com", perhaps with a port
        [[nodiscard]] bool matches(std::string_view origin) const;
    };
    [[nodiscard]] bool listed(std::string_view origin) const;

    std::vector<std::string> exact_;
    std::vector<Pattern> patterns_;
    bool anyone_ = false;
};

}  // namespace signalbox::engineio
