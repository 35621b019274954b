#include "auth/token_json.h"

#include <algorithm>
#include <cmath>

namespace signalbox::auth {
namespace {

using simdjson::SUCCESS;

bool repeats_a_name(JsonObject object) {
    std::vector<std::string_view> names;
    names.reserve(16);
    for (const auto member : object) names.push_back(member.key);
    std::ranges::sort(names);
    return std::ranges::adjacent_find(names) != names.end();
}

std::optional<JsonElement> find_member(JsonObject object, std::string_view name) {
    JsonElement value;
    if (object.at_key(name).get(value) != SUCCESS || value.is_null()) return std::nullopt;
    return value;
}

}  // namespace

bool has_duplicate_members(JsonElement root) {
    JsonObject object;
    if (root.get(object) == SUCCESS) {
        if (repeats_a_name(object)) return true;
        for (const auto member : object) {
            if (has_duplicate_members(member.value)) return true;
        }
    }
    simdjson::dom::array array;
    if (root.get(array) == SUCCESS) {
        for (const JsonElement element : array) {
            if (has_duplicate_members(element)) return true;
        }
    }
    return false;
}

std::optional<JsonElement> find_claim(JsonObject claims, std::string_view path) {
    auto found = find_member(claims, path);
    while (!found) {
        const std::size_t dot = path.find('.');
        if (dot == path.npos) return std::nullopt;
        const auto next = find_member(claims, path.substr(0, dot));
        if (!next || next->get(claims) != SUCCESS) return std::nullopt;
        path.remove_prefix(dot + 1);
        found = find_member(claims, path);
    }
    return found;
}

std::optional<std::string_view> string_of(JsonElement element) {
    std::string_view text;
    return element.get(text) == SUCCESS ? std::optional(text) : std::nullopt;
}

std::optional<std::string> text_of(JsonElement element) {
    if (const auto text = string_of(element)) return std::string(*text);
    if (element.is_int64()) return std::to_string(element.get_int64().value_unsafe());
    if (element.is_uint64()) return std::to_string(element.get_uint64().value_unsafe());
    return std::nullopt;
}

std::optional<std::vector<std::string_view>> strings_of(JsonElement element) {
    simdjson::dom::array array;
    if (element.get(array) != SUCCESS) return std::nullopt;
    std::vector<std::string_view> strings;
    for (const JsonElement each : array) {
        const auto text = string_of(each);
        if (!text) return std::nullopt;
        strings.push_back(*text);
    }
    return strings;
}

std::optional<WallTime> time_of(JsonElement element) {
    constexpr double kFirst = -62'135'596'800, kLast = 253'402'300'799;
    double seconds = 0;
    if (element.get(seconds) != SUCCESS || !std::isfinite(seconds)) return std::nullopt;
    const double milliseconds = std::floor(std::clamp(seconds, kFirst, kLast) * 1000);
    return WallTime(Milliseconds(static_cast<std::int64_t>(milliseconds)));
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (!word.empty()) words.emplace_back(word);
    }
    return words;
}

}  // namespace signalbox::auth
