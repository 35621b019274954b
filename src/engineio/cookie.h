#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

/// The cookie that carries a session's sid, for proxies that keep a client on one node by it. We
/// never read it.
namespace signalbox::engineio {

/// RFC 6265bis section 4.1.2.7.
enum class SameSite : std::uint8_t { kLax, kStrict, kNone };

/// Names and values must be such as RFC 6265 section 4.1.1 allows (see below); they are written as
/// they are.
struct CookieOptions {
    std::string name = {};  ///< empty: no cookie
    std::string path = "/";
    std::string domain = {};  ///< empty: this host only
    Milliseconds max_age{0};  ///< 0: until the browser closes
    bool http_only = true;    ///< scripts cannot read it; the sid is a secret
    bool secure = false;
    SameSite same_site = SameSite::kLax;
};

/// What CookieOptions may hold; empty is both.
[[nodiscard]] bool is_cookie_name(std::string_view text);
[[nodiscard]] bool is_cookie_attribute(std::string_view text);

/// The value of Set-Cookie.
[[nodiscard]] std::string set_cookie(const CookieOptions& options, std::string_view sid);

}  // namespace signalbox::engineio
