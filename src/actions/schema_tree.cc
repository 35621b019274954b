#include "actions/schema_tree.h"

#include <algorithm>
#include <set>

#include "actions/metaschema.h"
#include "actions/schema_uri.h"
#include "base/check.h"

namespace signalbox::actions {
namespace {

using simdjson::dom::element_type;

std::optional<JsonElement> step(JsonElement from, const std::string& token) {
    JsonElement next;
    const bool is_array = from.type() == element_type::ARRAY;
    const auto error = is_array ? from.at_pointer("/" + token).get(next) : from[token].get(next);
    return error == simdjson::SUCCESS ? std::optional(next) : std::nullopt;
}

std::optional<JsonElement> follow(JsonElement from, std::string_view pointer) {
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::size_t end = std::min(pointer.find('/'), pointer.size());
        const auto next = step(from, unescape_pointer_token(pointer.substr(0, end)));
        if (!next) return std::nullopt;
        from = *next;
        pointer.remove_prefix(end);
    }
    return from;
}

bool is_plain(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

}  // namespace

SchemaTree::Node SchemaTree::Node::child(std::string_view key, JsonElement value) const {
    return {value, place + "/" + escape_pointer_token(key)};
}

std::optional<JsonElement> SchemaTree::Node::find(std::string_view keyword) const {
    JsonElement value;
    if (element.type() != element_type::OBJECT) return std::nullopt;
    if (element[keyword].get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

bool SchemaTree::Node::is_reference() const {
    return find("$ref").has_value();
}

SchemaTree::SchemaTree(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {
    const auto root = parser_.parse(schema_->text());
    SB_CHECK(root.has_value());
    root_.node = {*root, "#"};
    std::set<std::string> targets;
    for (const auto& [from, target] : schema_->references()) targets.insert(target);
    for (const std::string& target : targets) {
        if (target != root_.node.place) add_definition(target);
    }
}

void SchemaTree::add_definition(const std::string& place) {
    const std::size_t hash = place.find('#');
    const JsonElement document = hash == 0 ? root_.node.element : metaschema();
    const auto element = follow(document, std::string_view(place).substr(hash + 1));
    SB_CHECK(element.has_value());
    by_place_.emplace(place, definitions_.size());
    definitions_.push_back({free_name(place), {*element, place}});
}

JsonElement SchemaTree::metaschema() {
    if (!metaschema_) {
        const auto root = metaschema_parser_.parse(kMetaschema);
        SB_CHECK(root.has_value());
        metaschema_ = *root;
    }
    return *metaschema_;
}

/// The last part of the place, like "address" of "#/definitions/address", and a number when that is
/// taken.
std::string SchemaTree::free_name(std::string_view place) const {
    std::string name = unescape_pointer_token(place.substr(place.find_last_of("/#") + 1));
    std::ranges::replace_if(name, [](char c) { return !is_plain(c); }, '_');
    if (name.empty()) name = "schema";
    std::string candidate = name;
    for (std::size_t number = 2;
         std::ranges::find(definitions_, candidate, &Definition::name) != definitions_.end();
         ++number) {
        candidate = name + "-" + std::to_string(number);
    }
    return candidate;
}

const SchemaTree::Definition* SchemaTree::target_of(const Node& reference) const {
    const auto target = schema_->references().find(reference.place);
    if (target == schema_->references().end()) return nullptr;
    if (target->second == root_.node.place) return &root_;
    return &definitions_[by_place_.at(target->second)];
}

std::vector<JsonElement> elements_of(JsonElement value) {
    simdjson::dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return {};
    return {array.begin(), array.end()};
}

}  // namespace signalbox::actions
