#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actions/schema_tree.h"

/// TypeScript of JSON Schemas. A type takes whatever the schema accepts, as far as types can say
/// it; lengths, patterns, `not` and the like they cannot. Where a schema leaves the type open, that
/// of its keywords is meant: `properties` an object, `items` an array. Members that are not named
/// are in the type only where the schema mentions them (`additionalProperties`,
/// `patternProperties`, no `properties` at all).
namespace signalbox::actions {

/// Hands out identifiers, each once.
class TypeScriptNames {
public:
    /// @param taken  what is never given: names that stand in the same file.
    explicit TypeScriptNames(std::set<std::string> taken) : taken_(std::move(taken)) {}

    /// "orders.create" and "Input" make OrdersCreateInput, or OrdersCreateInput_2 the second time.
    [[nodiscard]] std::string make(std::string_view name, std::string_view suffix = {});

private:
    std::set<std::string> taken_;
};

/// What the parts of a schema are called; `definitions` in the order of SchemaTree::definitions().
struct TypeNames {
    std::string root;
    std::vector<std::string> definitions;
};

/// `export type NAME = …;` for each definition.
void append_definitions(std::string& out, const SchemaTree& tree, const TypeNames& names);
/// The same for the root.
void append_root(std::string& out, const SchemaTree& tree, const TypeNames& names);

/// A comment for whatever follows, in lines that begin with `indent`; nothing for an empty text.
void append_doc_comment(std::string& out, std::string_view text, std::string_view indent);

}  // namespace signalbox::actions
