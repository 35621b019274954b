#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "actions/schema_node.h"
#include "base/json.h"

namespace signalbox::actions {

/// Turns one draft-07 document into nodes: resolves every `$ref` inside it (JSON Pointers, `$id`s
/// and draft-07's own metaschema; nothing is fetched), compiles patterns, refuses what could never
/// end.
/// Work:      one node for each subschema that can be reached; no recursion over references.
class SchemaCompiler {
public:
    /// For one call. @return the schema, or a sentence with the JSON Pointer of the first fault.
    [[nodiscard]] std::expected<CompiledSchema, std::string> compile(std::string_view text);

private:
    struct Location {
        JsonElement element;
        std::string document;  ///< name of its document: "" or the metaschema's
        std::string pointer;
        std::string base;  ///< URI before its own `$id`
    };
    struct Keyword {
        SchemaNode& node;
        const Location& schema;
        std::string_view name;
        JsonElement value;
    };
    using Handler = void (SchemaCompiler::*)(const Keyword&);
    static const ByName<Handler>& handlers();

    void add_document(std::string_view name, JsonElement root);
    void find_ids(const Location& at);
    void find_ids_below(const Location& at, std::string_view key, JsonElement value);
    void note_id(const Location& at, std::string_view id);

    const SchemaNode* node_at(const Location& location);
    void fill(SchemaNode& node, const Location& location);
    const SchemaNode* resolve(const Location& at, std::string_view reference);
    std::optional<Location> find_target(std::string_view uri);
    static std::optional<Location> descend(Location from, std::string_view pointer);
    void refuse_endless_references();

    static std::string own_base(const Location& location);
    static std::string place_of(const Location& location);
    static Location child(const Location& parent, std::string_view key, JsonElement value);
    const SchemaNode* child_node(const Keyword& keyword);
    SchemaNode::Nodes child_nodes(const Keyword& keyword);
    std::unique_ptr<re2::RE2> pattern_of(const Keyword& keyword, std::string_view text);
    std::optional<SchemaNode::Number> number_of(const Keyword& keyword);
    std::optional<std::uint64_t> count_of(const Keyword& keyword);
    std::vector<std::string> strings_of(const Keyword& keyword, JsonElement list);
    void fail(std::string_view pointer, std::string_view message);
    void fail(const Keyword& keyword, std::string_view message);

    void on_type(const Keyword& keyword);
    void on_enum(const Keyword& keyword);
    void on_const(const Keyword& keyword);
    void on_multiple_of(const Keyword& keyword);
    void on_pattern(const Keyword& keyword);
    void on_items(const Keyword& keyword);
    void on_unique_items(const Keyword& keyword);
    void on_required(const Keyword& keyword);
    void on_properties(const Keyword& keyword);
    void on_pattern_properties(const Keyword& keyword);
    void on_dependencies(const Keyword& keyword);
    template <auto Member>
    void on_number(const Keyword& keyword);
    template <auto Member>
    void on_count(const Keyword& keyword);
    template <auto Member>
    void on_schema(const Keyword& keyword);
    template <auto Member>
    void on_schemas(const Keyword& keyword);

    CompiledSchema compiled_;
    std::map<std::string, Location> ids_;          // by absolute URI
    std::map<std::string, SchemaNode*> by_place_;  // by document and pointer
    std::deque<std::pair<SchemaNode*, Location>> pending_;
    JsonParser parser_, metaschema_parser_;
    bool has_metaschema_ = false;
    std::string fault_;
};

}  // namespace signalbox::actions
