#include "actions/schema_validator.h"

#include <algorithm>
#include <ranges>

#include "actions/schema_uri.h"

namespace signalbox::actions {
namespace {

using simdjson::dom::element_type;

constexpr std::size_t kNameShownMax = 100;
constexpr std::size_t kPathShownMax = 512;
constexpr std::size_t kAlternativesShownMax = 3;
constexpr std::size_t kNamesShownMax = 10;

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::size_t code_points(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

std::string shortened(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return std::string(text);
    while (is_continuation(text[bytes_max])) --bytes_max;
    return std::string(text.substr(0, bytes_max)).append("…");
}

std::string name_in_quotes(std::string_view name) {
    std::string out;
    append_json_string(out, shortened(name, kNameShownMax));
    return out;
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return std::to_string(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

std::uint8_t type_of(JsonElement value) {
    switch (value.type()) {
        case element_type::NULL_VALUE:
            return kNullType;
        case element_type::BOOL:
            return kBooleanType;
        case element_type::STRING:
            return kStringType;
        case element_type::ARRAY:
            return kArrayType;
        case element_type::OBJECT:
            return kObjectType;
        default:
            return Decimal::of(value).is_integer() ? kIntegerType : kNumberType;
    }
}

struct TypeName {
    std::uint8_t bit;
    std::string_view name;
};
constexpr TypeName kTypeNames[] = {
    {kNullType, "null"},          {kBooleanType, "a boolean"}, {kNumberType, "a number"},
    {kIntegerType, "an integer"}, {kStringType, "a string"},   {kArrayType, "an array"},
    {kObjectType, "an object"},
};

/// "a string or null"
std::string names_of(std::uint8_t types) {
    if ((types & kNumberType) != 0) types &= static_cast<std::uint8_t>(~kIntegerType);
    std::string out;
    for (const TypeName& type : kTypeNames | std::views::reverse) {
        if ((types & type.bit) == 0) continue;
        if (!out.empty()) out += " or ";
        out += type.name;
    }
    return out;
}

bool has_member(simdjson::dom::object object, std::string_view name) {
    return object.at_key(name).error() == simdjson::SUCCESS;
}

std::size_t count_values(JsonElement value) {
    std::size_t count = 1;
    if (value.type() == element_type::ARRAY) {
        for (const JsonElement item : simdjson::dom::array(value)) count += count_values(item);
    } else if (value.type() == element_type::OBJECT) {
        for (const auto member : simdjson::dom::object(value)) count += count_values(member.value);
    }
    return count;
}

bool matches(const re2::RE2& pattern, std::string_view text) {
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

std::string known_members(const SchemaNode& node) {
    std::string out = "is not a known member; ";
    if (node.property_names.empty()) return out + "remove it";
    out += "use only ";
    for (std::size_t i = 0; i < std::min(node.property_names.size(), kNamesShownMax); ++i) {
        if (i > 0) out += ", ";
        out += name_in_quotes(node.property_names[i]);
    }
    if (node.property_names.size() > kNamesShownMax) out += ", …";
    return out;
}

std::string list_alternatives(const std::vector<SchemaFault>& faults, std::string_view here) {
    std::string out;
    for (std::size_t i = 0; i < std::min(faults.size(), kAlternativesShownMax); ++i) {
        out += i == 0 ? "" : ", or ";
        const std::string_view below =
            std::string_view(faults[i].path).substr(std::min(here.size(), faults[i].path.size()));
        if (!below.empty()) out.append(below).append(" ");
        out += faults[i].message;
    }
    return faults.size() > kAlternativesShownMax ? out + ", or …" : out;
}

}  // namespace

std::vector<SchemaFault> SchemaValidator::run(const SchemaNode& root, JsonElement data) {
    root_ = data;
    check(root, data, Path{});
    // What was given up inside a `not` must not pass for data that does not match it.
    if (gave_up_ && faults_.empty()) give_up(Path{});
    return std::move(faults_);
}

void SchemaValidator::give_up(const Path& path) {
    gave_up_ = true;
    add(path, "is nested too deeply or has too many ways to be compared with its schema");
}

bool SchemaValidator::takes_step() {
    if (++steps_ > steps_max_ && !std::exchange(steps_counted_, true)) {
        steps_max_ = std::max(steps_max_, kSchemaStepsPerValueMax * count_values(root_));
    }
    return steps_ <= steps_max_;
}

std::string SchemaValidator::spell(const Path& path) {
    std::vector<const Path*> steps;
    for (const Path* step = &path; step->parent != nullptr; step = step->parent)
        steps.push_back(step);
    std::string out;
    for (const Path* step : steps | std::views::reverse) {
        out += '/';
        out += step->index ? std::to_string(*step->index) : escape_pointer_token(step->name);
    }
    return shortened(out, kPathShownMax);
}

void SchemaValidator::add(const Path& path, std::string message) {
    if (full()) return;
    if (voice_ == Voice::kSilent) {
        faults_.emplace_back();
    } else {
        faults_.push_back({spell(path), std::move(message)});
    }
}

std::vector<SchemaFault> SchemaValidator::faults_of(const SchemaNode& node, JsonElement value,
                                                    const Path& path, Voice voice) {
    std::vector<SchemaFault> outer = std::exchange(faults_, {});
    const std::size_t outer_max = std::exchange(faults_max_, 1);
    const Voice outer_voice = std::exchange(voice_, voice);
    check(node, value, path);
    faults_max_ = outer_max;
    voice_ = outer_voice;
    return std::exchange(faults_, std::move(outer));
}

bool SchemaValidator::fits(const SchemaNode& node, JsonElement value, const Path& path) {
    return faults_of(node, value, path, Voice::kSilent).empty();
}

std::optional<SchemaFault> SchemaValidator::first_fault(const SchemaNode& node, JsonElement value,
                                                        const Path& path) {
    const Voice voice = voice_ == Voice::kFull ? Voice::kSummary : Voice::kSilent;
    auto faults = faults_of(node, value, path, voice);
    if (faults.empty()) return std::nullopt;
    return std::move(faults.front());
}

void SchemaValidator::add_no_form(const Path& path, const std::vector<SchemaFault>& of_each_form) {
    std::string message = "has none of the allowed forms";
    if (voice_ == Voice::kFull) message += ": " + list_alternatives(of_each_form, spell(path));
    add(path, std::move(message));
}

void SchemaValidator::check(const SchemaNode& node, JsonElement value, const Path& path) {
    if (full()) return;
    if (depth_ >= kSchemaDepthMax || !takes_step()) return give_up(path);
    if (node.refuses_all) return add(path, "is not allowed here");
    ++depth_;
    if (node.ref != nullptr) {
        check(*node.ref, value, path);
    } else {
        check_type(node, value, path);
        check_values(node, value, path);
        check_combinations(node, value, path);
    }
    --depth_;
}

void SchemaValidator::check_type(const SchemaNode& node, JsonElement value, const Path& path) {
    if (node.types != 0) {
        const std::uint8_t type = type_of(value);
        if ((node.types & type) == 0) {
            add(path, "must be " + names_of(node.types) + ", not " + names_of(type));
        }
    }
    if (!node.allowed && !node.constant) return;
    std::string canonical;
    append_canonical(canonical, value);
    if (node.allowed && std::ranges::find(*node.allowed, canonical) == node.allowed->end()) {
        add(path, "must be one of: " + node.allowed_text);
    }
    if (node.constant && *node.constant != canonical) add(path, "must be " + node.constant_text);
}

void SchemaValidator::check_values(const SchemaNode& node, JsonElement value, const Path& path) {
    switch (value.type()) {
        case element_type::STRING:
            return check_string(node, std::string_view(value), path);
        case element_type::ARRAY:
            return check_array(node, simdjson::dom::array(value), path);
        case element_type::OBJECT: {
            const simdjson::dom::object object(value);
            check_object(node, object, path);
            return check_dependencies(node, value, object, path);
        }
        case element_type::INT64:
        case element_type::UINT64:
        case element_type::DOUBLE:
            return check_number(node, value, path);
        default:
            return;
    }
}

void SchemaValidator::check_number(const SchemaNode& node, JsonElement value, const Path& path) {
    const bool bounded = node.minimum || node.maximum || node.exclusive_minimum ||
                         node.exclusive_maximum || node.multiple_of;
    if (!bounded) return;
    const Decimal number = Decimal::of(value);
    if (node.minimum && number < node.minimum->value) {
        add(path, "must be at least " + node.minimum->text);
    }
    if (node.maximum && number > node.maximum->value) {
        add(path, "must be at most " + node.maximum->text);
    }
    if (node.exclusive_minimum && number <= node.exclusive_minimum->value) {
        add(path, "must be greater than " + node.exclusive_minimum->text);
    }
    if (node.exclusive_maximum && number >= node.exclusive_maximum->value) {
        add(path, "must be less than " + node.exclusive_maximum->text);
    }
    if (node.multiple_of && !is_multiple_of(number, node.multiple_of->value)) {
        add(path, "must be a multiple of " + node.multiple_of->text);
    }
}

void SchemaValidator::check_string(const SchemaNode& node, std::string_view text,
                                   const Path& path) {
    if (node.length_min || node.length_max) {
        const std::size_t length = code_points(text);
        if (node.length_min && length < *node.length_min) {
            add(path, "must have at least " + counted(*node.length_min, "character") + ", has " +
                          std::to_string(length));
        }
        if (node.length_max && length > *node.length_max) {
            add(path, "must have at most " + counted(*node.length_max, "character") + ", has " +
                          std::to_string(length));
        }
    }
    const auto& pattern = node.pattern.expression;
    if (pattern && !matches(*pattern, text))
        add(path, "must match the pattern " + pattern->pattern());
}

void SchemaValidator::check_array(const SchemaNode& node, simdjson::dom::array items,
                                  const Path& path) {
    const bool has_bounds = node.items_min || node.items_max;
    const std::size_t count =
        has_bounds ? static_cast<std::size_t>(std::distance(items.begin(), items.end())) : 0;
    if (node.items_min && count < *node.items_min) {
        add(path, "must have at least " + counted(*node.items_min, "item") + ", has " +
                      std::to_string(count));
    }
    if (node.items_max && count > *node.items_max) {
        add(path, "must have at most " + counted(*node.items_max, "item") + ", has " +
                      std::to_string(count));
    }
    if (node.unique_items) check_unique(items, path);
    if (node.contains != nullptr) check_contains(node, items, path);
    check_items(node, items, path);
}

void SchemaValidator::check_items(const SchemaNode& node, simdjson::dom::array items,
                                  const Path& path) {
    if (node.items == nullptr && !node.tuple) return;
    std::size_t index = 0;
    for (const JsonElement item : items) {
        if (full()) return;
        const bool in_tuple = node.tuple && index < node.tuple->size();
        const SchemaNode* schema = node.items;
        if (node.tuple) schema = in_tuple ? (*node.tuple)[index] : node.additional_items;
        if (schema != nullptr) check(*schema, item, Path{&path, {}, index});
        ++index;
    }
}

void SchemaValidator::check_unique(simdjson::dom::array items, const Path& path) {
    std::vector<std::pair<std::string, std::size_t>> canonical;
    for (const JsonElement item : items) {
        append_canonical(canonical.emplace_back("", canonical.size()).first, item);
    }
    std::ranges::sort(canonical);
    const auto same = std::ranges::adjacent_find(
        canonical, {}, [](const auto& entry) -> const std::string& { return entry.first; });
    if (same == canonical.end()) return;
    add(path, "must have no two equal items; items " + std::to_string(same->second) + " and " +
                  std::to_string(std::next(same)->second) + " are equal");
}

void SchemaValidator::check_contains(const SchemaNode& node, simdjson::dom::array items,
                                     const Path& path) {
    std::size_t index = 0;
    for (const JsonElement item : items) {
        if (fits(*node.contains, item, Path{&path, {}, index++})) return;
    }
    add(path, "must contain an item of the form that its schema's \"contains\" asks for");
}

void SchemaValidator::check_object(const SchemaNode& node, simdjson::dom::object object,
                                   const Path& path) {
    check_required(node, object, path);
    if (node.members_min || node.members_max) {
        const std::size_t count = object.size();
        if (node.members_min && count < *node.members_min) {
            add(path, "must have at least " + counted(*node.members_min, "member") + ", has " +
                          std::to_string(count));
        }
        if (node.members_max && count > *node.members_max) {
            add(path, "must have at most " + counted(*node.members_max, "member") + ", has " +
                          std::to_string(count));
        }
    }
    const bool looks_at_members = !node.properties.empty() || !node.pattern_properties.empty() ||
                                  node.additional_properties != nullptr || node.names != nullptr;
    if (!looks_at_members) return;
    for (const auto member : object) {
        if (full()) return;
        if (node.names != nullptr) check_name(*node.names, member.key, path);
        check_member(node, member.key, member.value, Path{&path, member.key, std::nullopt});
    }
}

void SchemaValidator::check_required(const SchemaNode& node, simdjson::dom::object object,
                                     const Path& path) {
    for (const std::string& name : node.required) {
        if (!has_member(object, name)) add(path, "must have the member " + name_in_quotes(name));
    }
}

void SchemaValidator::check_member(const SchemaNode& node, std::string_view name, JsonElement value,
                                   const Path& path) {
    const auto property = node.properties.find(name);
    bool known = property != node.properties.end();
    if (known) check(*property->second, value, path);
    for (const SchemaNode::Pattern& pattern : node.pattern_properties) {
        if (!matches(*pattern.expression, name)) continue;
        known = true;
        check(*pattern.schema, value, path);
    }
    if (known || node.additional_properties == nullptr) return;
    if (node.additional_properties->refuses_all) return add(path, known_members(node));
    check(*node.additional_properties, value, path);
}

void SchemaValidator::check_name(const SchemaNode& node, std::string_view name, const Path& path) {
    std::string text;
    append_json_string(text, name);
    JsonParser parser;
    const auto value = parser.parse(text);
    if (!value) return;
    if (const auto fault = first_fault(node, *value, path)) {
        add(path, "the member name " + name_in_quotes(name) + " " + fault->message);
    }
}

void SchemaValidator::check_dependencies(const SchemaNode& node, JsonElement value,
                                         simdjson::dom::object object, const Path& path) {
    for (const SchemaNode::Dependency& dependency : node.dependencies) {
        if (!has_member(object, dependency.member)) continue;
        for (const std::string& name : dependency.required) {
            if (has_member(object, name)) continue;
            add(path, "must have the member " + name_in_quotes(name) + " when it has " +
                          name_in_quotes(dependency.member));
        }
        if (dependency.schema != nullptr) check(*dependency.schema, value, path);
    }
}

void SchemaValidator::check_combinations(const SchemaNode& node, JsonElement value,
                                         const Path& path) {
    for (const SchemaNode* schema : node.all_of) check(*schema, value, path);
    if (!node.any_of.empty()) check_any_of(node, value, path);
    if (!node.one_of.empty()) check_one_of(node, value, path);
    if (node.negated != nullptr && fits(*node.negated, value, path)) {
        add(path, "must not have the form that its schema's \"not\" rules out");
    }
    if (node.condition != nullptr) check_condition(node, value, path);
}

void SchemaValidator::check_any_of(const SchemaNode& node, JsonElement value, const Path& path) {
    std::vector<SchemaFault> faults;
    for (const SchemaNode* schema : node.any_of) {
        auto fault = first_fault(*schema, value, path);
        if (!fault) return;
        faults.push_back(std::move(*fault));
    }
    add_no_form(path, faults);
}

void SchemaValidator::check_one_of(const SchemaNode& node, JsonElement value, const Path& path) {
    std::vector<SchemaFault> faults;
    for (const SchemaNode* schema : node.one_of) {
        if (auto fault = first_fault(*schema, value, path)) faults.push_back(std::move(*fault));
    }
    const std::size_t matching = node.one_of.size() - faults.size();
    if (matching == 1) return;
    if (matching == 0) {
        add_no_form(path, faults);
    } else {
        add(path, "must have exactly one of the allowed forms, has " + std::to_string(matching));
    }
}

void SchemaValidator::check_condition(const SchemaNode& node, JsonElement value, const Path& path) {
    const bool holds = fits(*node.condition, value, path);
    const SchemaNode* schema = holds ? node.consequence : node.alternative;
    if (schema != nullptr) check(*schema, value, path);
}

}  // namespace signalbox::actions
