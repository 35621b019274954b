#pragma once

#include <algorithm>
#include <string_view>

#include "base/http.h"

namespace signalbox::gateway {

/// A token as clients give it: without blanks around it and a `Bearer ` before it. Borrows.
[[nodiscard]] inline std::string_view without_bearer(std::string_view token) {
    constexpr std::string_view kPrefix = "bearer ";
    if (token.size() >= kPrefix.size() &&
        equal_ignoring_case(token.substr(0, kPrefix.size()), kPrefix)) {
        token.remove_prefix(kPrefix.size());
    }
    const std::size_t start = std::min(token.find_first_not_of(' '), token.size());
    token.remove_prefix(start);
    return token.substr(0, token.find_last_not_of(' ') + 1);
}

}  // namespace signalbox::gateway
