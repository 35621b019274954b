#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace signalbox::auth {

/// Reading of JSON as tokens have it. All results borrow from the element's parser.
using JsonObject = simdjson::dom::object;

/// True when any object in `root`, at any depth, has two members of one (unescaped) name. Which of
/// the two counts differs between readers, so such a token means different things to different
/// servers.
[[nodiscard]] bool has_duplicate_members(JsonElement root);

/// The value at `path`: the member of exactly that name ("https://example.com/company"), else the
/// member at its dotted path ("app.company"). nullopt when absent or null.
[[nodiscard]] std::optional<JsonElement> find_claim(JsonObject claims, std::string_view path);

[[nodiscard]] std::optional<std::string_view> string_of(JsonElement element);
/// A string, or the decimal text of an integer; nullopt for anything else.
[[nodiscard]] std::optional<std::string> text_of(JsonElement element);
/// nullopt unless it is an array of nothing but strings.
[[nodiscard]] std::optional<std::vector<std::string_view>> strings_of(JsonElement element);
/// NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction. Held within the years 1 to
/// 9999; nullopt for what is not a number.
[[nodiscard]] std::optional<WallTime> time_of(JsonElement element);
/// Splits at spaces; no empty words.
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);

}  // namespace signalbox::auth
