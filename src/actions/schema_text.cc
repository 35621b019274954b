#include "actions/schema_text.h"

#include <algorithm>
#include <iterator>

#include "actions/schema_tree.h"
#include "base/json.h"

namespace signalbox::actions {
namespace {

using simdjson::dom::element_type;
using Node = SchemaTree::Node;

/// What a keyword's value holds.
enum class Holds : std::uint8_t { kValue, kSchema, kSchemas, kSchemasByName };

struct Keyword {
    std::string_view name;
    Holds holds;
};

/// Those that mean the same in both dialects. `items`, `additionalItems` and `dependencies` do not.
constexpr Keyword kKeywords[] = {
    {"type", Holds::kValue},
    {"enum", Holds::kValue},
    {"const", Holds::kValue},
    {"multipleOf", Holds::kValue},
    {"minimum", Holds::kValue},
    {"maximum", Holds::kValue},
    {"exclusiveMinimum", Holds::kValue},
    {"exclusiveMaximum", Holds::kValue},
    {"minLength", Holds::kValue},
    {"maxLength", Holds::kValue},
    {"pattern", Holds::kValue},
    {"minItems", Holds::kValue},
    {"maxItems", Holds::kValue},
    {"uniqueItems", Holds::kValue},
    {"minProperties", Holds::kValue},
    {"maxProperties", Holds::kValue},
    {"required", Holds::kValue},
    {"contains", Holds::kSchema},
    {"additionalProperties", Holds::kSchema},
    {"propertyNames", Holds::kSchema},
    {"not", Holds::kSchema},
    {"if", Holds::kSchema},
    {"then", Holds::kSchema},
    {"else", Holds::kSchema},
    {"allOf", Holds::kSchemas},
    {"anyOf", Holds::kSchemas},
    {"oneOf", Holds::kSchemas},
    {"properties", Holds::kSchemasByName},
    {"patternProperties", Holds::kSchemasByName},
};

bool is_annotation(std::string_view name) {
    constexpr std::string_view kAnnotations[] = {
        "title",    "description", "default",          "examples",        "format",  "deprecated",
        "readOnly", "writeOnly",   "contentMediaType", "contentEncoding", "$comment"};
    return name.starts_with("x-") ||
           std::ranges::find(kAnnotations, name) != std::end(kAnnotations);
}

class SchemaWriter {
public:
    SchemaWriter(const SchemaTree& tree, SchemaDialect dialect, std::string_view place)
        : tree_(tree), dialect_(dialect), place_(place) {}

    std::string text() && {
        json_.begin_object();
        const Node& root = tree_.root().node;
        if (root.element.type() == element_type::OBJECT) {
            write_members(root);
        } else if (!bool(root.element)) {
            json_.key("not").begin_object().end_object();
        }
        write_definitions();
        json_.end_object();
        return std::move(out_);
    }

private:
    [[nodiscard]] bool is_2020() const { return dialect_ == SchemaDialect::kDraft202012; }
    [[nodiscard]] std::string_view definitions_key() const {
        return is_2020() ? "$defs" : "definitions";
    }

    void write(const Node& node) {
        if (node.element.type() != element_type::OBJECT) {
            json_.boolean(bool(node.element));
            return;
        }
        json_.begin_object();
        write_members(node);
        json_.end_object();
    }

    void write_members(const Node& node) {
        if (node.is_reference()) return write_reference(node);
        for (const auto member : simdjson::dom::object(node.element))
            write_member(node, member.key, member.value);
    }

    /// Beside a reference other keywords count in 2020-12 only.
    void write_reference(const Node& node) {
        if (const auto* target = tree_.target_of(node)) json_.member("$ref", place_of(*target));
        if (!is_2020()) return;
        for (const auto member : simdjson::dom::object(node.element)) {
            if (is_annotation(member.key)) write_value(member.key, member.value);
        }
    }

    [[nodiscard]] std::string place_of(const SchemaTree::Definition& target) const {
        std::string place = place_;
        if (!target.name.empty()) place.append("/").append(definitions_key()).append("/");
        return place + target.name;
    }

    void write_member(const Node& node, std::string_view name, JsonElement value) {
        if (name == "items") return write_items(node, value);
        if (name == "additionalItems") return write_additional_items(node, value);
        if (name == "dependencies") return write_dependencies(node, value);
        if (is_annotation(name)) return write_value(name, value);
        const auto* known = std::ranges::find(kKeywords, name, &Keyword::name);
        if (known != std::end(kKeywords)) write_keyword(*known, node.child(name, value));
    }

    void write_keyword(const Keyword& keyword, const Node& node) {
        switch (keyword.holds) {
            case Holds::kValue:
                return write_value(keyword.name, node.element);
            case Holds::kSchema:
                json_.key(keyword.name);
                return write(node);
            case Holds::kSchemas:
                return write_list(keyword.name, node);
            case Holds::kSchemasByName:
                return write_map(keyword.name, node);
        }
    }

    void write_value(std::string_view name, JsonElement value) {
        json_.raw_member(name, simdjson::to_string(value));
    }

    void write_list(std::string_view name, const Node& list) {
        json_.key(name).begin_array();
        std::size_t index = 0;
        for (const JsonElement schema : elements_of(list.element))
            write(list.child(std::to_string(index++), schema));
        json_.end_array();
    }

    void write_map(std::string_view name, const Node& map) {
        json_.key(name).begin_object();
        for (const auto member : simdjson::dom::object(map.element)) {
            json_.key(member.key);
            write(map.child(member.key, member.value));
        }
        json_.end_object();
    }

    static bool is_tuple(const Node& node) {
        const auto items = node.find("items");
        return items && items->type() == element_type::ARRAY;
    }

    void write_items(const Node& node, JsonElement value) {
        const Node items = node.child("items", value);
        if (is_tuple(node)) return write_list(is_2020() ? "prefixItems" : "items", items);
        json_.key("items");
        write(items);
    }

    void write_additional_items(const Node& node, JsonElement value) {
        if (!is_tuple(node)) return;
        json_.key(is_2020() ? "items" : "additionalItems");
        write(node.child("additionalItems", value));
    }

    void write_dependencies(const Node& node, JsonElement value) {
        const Node map = node.child("dependencies", value);
        if (!is_2020()) return write_dependencies_as(Needs::kAny, "dependencies", map);
        write_dependencies_as(Needs::kMembers, "dependentRequired", map);
        write_dependencies_as(Needs::kSchema, "dependentSchemas", map);
    }

    enum class Needs : std::uint8_t { kAny, kMembers, kSchema };

    void write_dependencies_as(Needs needs, std::string_view name, const Node& map) {
        json_.key(name).begin_object();
        for (const auto member : simdjson::dom::object(map.element)) {
            const bool members = member.value.type() == element_type::ARRAY;
            if (needs == (members ? Needs::kSchema : Needs::kMembers)) continue;
            json_.key(member.key);
            if (members) {
                json_.raw(simdjson::to_string(member.value));
            } else {
                write(map.child(member.key, member.value));
            }
        }
        json_.end_object();
    }

    void write_definitions() {
        if (tree_.definitions().empty()) return;
        json_.key(definitions_key()).begin_object();
        for (const auto& definition : tree_.definitions()) {
            json_.key(definition.name);
            write(definition.node);
        }
        json_.end_object();
    }

    const SchemaTree& tree_;
    SchemaDialect dialect_;
    std::string place_;
    std::string out_;
    JsonWriter json_{out_};
};

}  // namespace

std::string schema_text(std::shared_ptr<const Schema> schema, SchemaDialect dialect,
                        std::string_view place) {
    const SchemaTree tree(std::move(schema));
    return SchemaWriter(tree, dialect, place).text();
}

}  // namespace signalbox::actions
