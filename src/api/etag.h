#pragma once

#include <string>
#include <string_view>

namespace signalbox::api {

/// A strong validator (RFC 9110 section 8.8.3) of these bytes. It tells versions apart and protects
/// nothing.
[[nodiscard]] std::string etag_of(std::string_view bytes);
/// Whether the value of If-None-Match names it: section 13.1.2, weak comparison.
[[nodiscard]] bool names_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace signalbox::api
