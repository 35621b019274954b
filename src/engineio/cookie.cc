#include "engineio/cookie.h"

#include <algorithm>
#include <utility>

namespace signalbox::engineio {
namespace {

std::string_view name_of(SameSite same_site) {
    switch (same_site) {
        case SameSite::kLax:
            return "Lax";
        case SameSite::kStrict:
            return "Strict";
        case SameSite::kNone:
            return "None";
    }
    std::unreachable();
}

}  // namespace

bool is_cookie_name(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return c > ' ' && c < 0x7f && !std::string_view("()<>@,;:\\\"/[]?={}").contains(c);
    });
}

bool is_cookie_attribute(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != ';'; });
}

std::string set_cookie(const CookieOptions& options, std::string_view sid) {
    std::string cookie = options.name + '=';
    cookie += sid;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.max_age).count();
    if (seconds > 0) cookie += "; Max-Age=" + std::to_string(seconds);
    if (!options.domain.empty()) cookie += "; Domain=" + options.domain;
    if (!options.path.empty()) cookie += "; Path=" + options.path;
    if (options.http_only) cookie += "; HttpOnly";
    if (options.secure) cookie += "; Secure";
    cookie += "; SameSite=";
    cookie += name_of(options.same_site);
    return cookie;
}

}  // namespace signalbox::engineio
