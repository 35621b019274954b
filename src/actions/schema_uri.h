#pragma once

#include <string>
#include <string_view>

namespace signalbox::actions {

/// RFC 3986 section 5: what `reference` means where the base URI is `base`. An empty base, and one
/// that is itself relative, are taken as they stand.
[[nodiscard]] std::string resolve_uri(std::string_view base, std::string_view reference);

/// A URI before and after its '#'.
struct SplitUri {
    std::string_view document;
    std::string_view fragment;
};
[[nodiscard]] SplitUri split_fragment(std::string_view uri);

/// One reference token of a JSON Pointer (RFC 6901), '~' and '/' escaped and unescaped.
[[nodiscard]] std::string escape_pointer_token(std::string_view token);
[[nodiscard]] std::string unescape_pointer_token(std::string_view token);

}  // namespace signalbox::actions
