#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "app/config_keys.h"

/// Makers of ConfigKey for config_keys.cc. `Path` is the way of member pointers from Config to the
/// value: `integer_key<&Config::server, &ServerConfig::port>(…)`.
namespace signalbox::app {

/// Name and explanation of a key.
struct KeyText {
    std::string path;
    std::string doc;
    Secrecy secrecy = Secrecy::kPublic;
};

template <auto... Path>
[[nodiscard]] auto& member(auto& config) {
    return (config.*....*Path);
}

[[nodiscard]] inline std::unexpected<std::string> must_be(const std::string& expects) {
    return std::unexpected("must be " + expects);
}

[[nodiscard]] inline std::string render_list(const std::vector<std::string>& list) {
    std::string out = "[";
    for (const std::string& item : list) out += (out.size() > 1 ? ", " : "") + quote(item);
    return out + "]";
}

template <auto... Path>
[[nodiscard]] ConfigKey flag_key(KeyText text) {
    const std::string expects = "true or false";
    return {std::move(text.path),
            ValueType::kFlag,
            expects,
            std::move(text.doc),
            [expects](Config& config, const RawValue& raw) -> std::expected<void, std::string> {
                const bool* value = std::get_if<bool>(&raw);
                if (value == nullptr) return must_be(expects);
                member<Path...>(config) = *value;
                return {};
            },
            [](const Config& c) -> std::string { return member<Path...>(c) ? "true" : "false"; }};
}

struct IntegerRange {
    std::int64_t min;
    std::int64_t max;
};

template <auto... Path>
[[nodiscard]] ConfigKey integer_key(KeyText text, IntegerRange range) {
    const std::string expects = fmt::format("a whole number, {} to {}", range.min, range.max);
    return {std::move(text.path),
            ValueType::kInteger,
            expects,
            std::move(text.doc),
            [range, expects](Config& c, const RawValue& raw) -> std::expected<void, std::string> {
                const auto* value = std::get_if<std::int64_t>(&raw);
                if (value == nullptr || *value < range.min || *value > range.max) {
                    return must_be(expects);
                }
                auto& target = member<Path...>(c);
                target = static_cast<std::remove_reference_t<decltype(target)>>(*value);
                return {};
            },
            [](const Config& c) { return fmt::format("{}", member<Path...>(c)); }};
}

inline constexpr double kNumberMax = 1e9;

template <auto... Path>
[[nodiscard]] ConfigKey number_key(KeyText text) {
    const std::string expects = "a number, 0 to 1000000000";
    return {std::move(text.path),
            ValueType::kNumber,
            expects,
            std::move(text.doc),
            [expects](Config& c, const RawValue& raw) -> std::expected<void, std::string> {
                double value = -1;
                if (const auto* real = std::get_if<double>(&raw)) value = *real;
                if (const auto* whole = std::get_if<std::int64_t>(&raw)) value = double(*whole);
                if (!(value >= 0 && value <= kNumberMax)) return must_be(expects);
                member<Path...>(c) = value;
                return {};
            },
            [](const Config& c) { return fmt::format("{:.15g}", member<Path...>(c)); }};
}

struct DurationRange {
    Milliseconds min;
    Milliseconds max;
};

template <auto... Path>
[[nodiscard]] ConfigKey duration_key(KeyText text, DurationRange range) {
    const std::string expects =
        fmt::format("a duration in quotes like \"25s\" or \"1m30s\", {} to {}",
                    format_duration(range.min), format_duration(range.max));
    return {std::move(text.path),
            ValueType::kText,
            expects,
            std::move(text.doc),
            [range, expects](Config& c, const RawValue& raw) -> std::expected<void, std::string> {
                const auto* spelled = std::get_if<std::string>(&raw);
                const auto value = spelled ? parse_duration(*spelled) : std::nullopt;
                if (!value || *value < range.min || *value > range.max) return must_be(expects);
                member<Path...>(c) = *value;
                return {};
            },
            [](const Config& c) { return quote(format_duration(member<Path...>(c))); }};
}

template <auto... Path>
[[nodiscard]] ConfigKey text_key(KeyText text, const TextRule& rule = kAnyText) {
    const std::string expects(rule.expects);
    return {std::move(text.path),
            ValueType::kText,
            expects,
            std::move(text.doc),
            [rule, expects](Config& c, const RawValue& raw) -> std::expected<void, std::string> {
                const auto* value = std::get_if<std::string>(&raw);
                if (value == nullptr || !rule.accepts(*value)) return must_be(expects);
                member<Path...>(c) = *value;
                return {};
            },
            [](const Config& c) { return quote(member<Path...>(c)); },
            {},
            text.secrecy};
}

[[nodiscard]] inline std::string one_of(const std::vector<std::string>& choices) {
    std::string out = "one of ";
    for (const std::string& choice : choices) out += (out.size() > 7 ? ", " : "") + quote(choice);
    return out;
}

/// `choices` in the order of the enumeration.
template <auto... Path>
[[nodiscard]] ConfigKey choice_key(KeyText text, std::vector<std::string> choices) {
    const std::string expects = one_of(choices);
    return {std::move(text.path),
            ValueType::kText,
            expects,
            std::move(text.doc),
            [choices, expects](Config& c, const RawValue& raw) -> std::expected<void, std::string> {
                const auto* value = std::get_if<std::string>(&raw);
                const auto found =
                    value == nullptr ? choices.end() : std::ranges::find(choices, *value);
                if (found == choices.end()) return must_be(expects);
                auto& target = member<Path...>(c);
                target =
                    static_cast<std::remove_reference_t<decltype(target)>>(found - choices.begin());
                return {};
            },
            [choices](const Config& c) {
                return quote(choices[static_cast<std::size_t>(member<Path...>(c))]);
            }};
}

template <auto... Path>
[[nodiscard]] ConfigKey list_key(KeyText text, const TextRule& rule) {
    const std::string expects = fmt::format("a list, each {}", rule.expects);
    return {std::move(text.path),
            ValueType::kList,
            expects,
            std::move(text.doc),
            [rule, expects](Config& c, const RawValue& raw) -> std::expected<void, std::string> {
                const auto* list = std::get_if<std::vector<std::string>>(&raw);
                if (list == nullptr || !std::ranges::all_of(*list, rule.accepts)) {
                    return must_be(expects);
                }
                member<Path...>(c) = *list;
                return {};
            },
            [](const Config& c) { return render_list(member<Path...>(c)); }};
}

/// A list whose elements switch things on; `parts` says what is on, and switches.
struct ListPart {
    std::string name;
    bool (*is_on)(const Config&);
    void (*set)(Config&, bool);
};

inline constexpr DurationRange kTimeout{std::chrono::milliseconds(100), std::chrono::hours(1)};

/// config_keys_actions.cc
void add_action_keys(std::vector<ConfigKey>& keys);
/// config_keys_auth.cc
void add_auth_keys(std::vector<ConfigKey>& keys);

[[nodiscard]] ConfigKey set_key(KeyText text, std::vector<ListPart> parts);

}  // namespace signalbox::app
