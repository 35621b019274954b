#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actions/schema.h"
#include "base/json.h"

namespace signalbox::actions {

/// A schema as its author wrote it, to be written anew in another form (schema_text.h,
/// schema_types.h): its subschemas, and a name for each that a reference leads to.
///
/// Ownership: shares the schema; elements borrow from this object, which neither moves nor copies.
/// Threading: const after construction.
class SchemaTree {
public:
    /// A subschema, and where it stands (Schema::references()).
    struct Node {
        JsonElement element;
        std::string place;

        [[nodiscard]] Node child(std::string_view key, JsonElement value) const;
        /// Draft-07: then nothing else of it counts.
        [[nodiscard]] bool is_reference() const;
        /// A member of an object; nothing for `true` and `false`.
        [[nodiscard]] std::optional<JsonElement> find(std::string_view keyword) const;
    };
    /// The root's name is empty; others are unique and of `[A-Za-z0-9_-]`.
    struct Definition {
        std::string name;
        Node node;
    };

    explicit SchemaTree(std::shared_ptr<const Schema> schema);
    SchemaTree(const SchemaTree&) = delete;
    SchemaTree& operator=(const SchemaTree&) = delete;

    [[nodiscard]] const Definition& root() const { return root_; }
    /// What references lead to, without the root, ordered by place.
    [[nodiscard]] const std::vector<Definition>& definitions() const { return definitions_; }
    /// What a reference leads to. @return null when the schema has the reference in a member that
    /// it has twice, where no reader agrees with another.
    [[nodiscard]] const Definition* target_of(const Node& reference) const;

private:
    void add_definition(const std::string& place);
    JsonElement metaschema();
    [[nodiscard]] std::string free_name(std::string_view place) const;

    std::shared_ptr<const Schema> schema_;
    JsonParser parser_, metaschema_parser_;
    std::optional<JsonElement> metaschema_;
    Definition root_;
    std::vector<Definition> definitions_;
    std::map<std::string, std::size_t> by_place_;
};

/// The elements of an array; empty for anything else.
[[nodiscard]] std::vector<JsonElement> elements_of(JsonElement value);

}  // namespace signalbox::actions
