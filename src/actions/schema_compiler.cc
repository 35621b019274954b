#include "actions/schema_compiler.h"

#include <algorithm>

#include "actions/metaschema.h"
#include "actions/schema_uri.h"
#include "base/check.h"
#include "base/http.h"

namespace signalbox::actions {
namespace {

using simdjson::dom::element_type;

constexpr std::size_t kShownMax = 200;

std::optional<std::string_view> string_member(JsonElement element, std::string_view key) {
    std::string_view text;
    if (element.type() != element_type::OBJECT) return std::nullopt;
    if (element[key].get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
    return text;
}

std::string shown(JsonElement value) {
    std::string text = simdjson::to_string(value);
    if (text.size() <= kShownMax) return text;
    std::size_t end = kShownMax;
    while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end) + "…";
}

std::uint8_t type_bit(std::string_view name) {
    if (name == "null") return kNullType;
    if (name == "boolean") return kBooleanType;
    if (name == "integer") return kIntegerType;
    if (name == "number") return kNumberType | kIntegerType;
    if (name == "string") return kStringType;
    if (name == "array") return kArrayType;
    if (name == "object") return kObjectType;
    return 0;
}

template <std::size_t kSize>
bool is_one_of(const std::string_view (&names)[kSize], std::string_view name) {
    return std::ranges::find(names, name) != std::end(names);
}

bool is_schema(JsonElement value) {
    return value.type() == element_type::OBJECT || value.type() == element_type::BOOL;
}

/// RE2 has no \uXXXX and no \cX; the first is what JSON Schema's authors use.
std::string re2_syntax(std::string_view pattern) {
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const bool unicode =
            pattern[i] == '\\' && i + 5 < pattern.size() && pattern[i + 1] == 'u' &&
            std::ranges::all_of(pattern.substr(i + 2, 4),
                                [](unsigned char c) { return std::isxdigit(c) != 0; });
        if (unicode) {
            out.append("\\x{").append(pattern.substr(i + 2, 4)).append("}");
            i += 5;
        } else if (pattern[i] == '\\' && i + 1 < pattern.size()) {
            out.append(pattern.substr(i++, 2));
        } else {
            out += pattern[i];
        }
    }
    return out;
}

}  // namespace

SchemaNode::Nodes in_place_schemas(const SchemaNode& node) {
    SchemaNode::Nodes nodes;
    for (const auto* list : {&node.all_of, &node.any_of, &node.one_of}) {
        nodes.insert(nodes.end(), list->begin(), list->end());
    }
    nodes.insert(nodes.end(),
                 {node.ref, node.negated, node.condition, node.consequence, node.alternative});
    for (const auto& dependency : node.dependencies) nodes.push_back(dependency.schema);
    std::erase(nodes, nullptr);
    return nodes;
}

std::expected<CompiledSchema, std::string> SchemaCompiler::compile(std::string_view text) {
    const auto root = parser_.parse(text);
    if (!root)
        return std::unexpected(std::string("the schema is ").append(to_string(root.error())));
    add_document("", *root);
    compiled_.root = node_at({*root, "", "", ""});
    while (!pending_.empty() && fault_.empty()) {
        auto [node, location] = std::move(pending_.front());
        pending_.pop_front();
        fill(*node, location);
    }
    if (fault_.empty()) refuse_endless_references();
    if (!fault_.empty()) return std::unexpected(std::move(fault_));
    const bool is_true = root->type() == element_type::BOOL && bool(*root);
    compiled_.accepts_all = is_true || text == "{}";
    return std::move(compiled_);
}

void SchemaCompiler::add_document(std::string_view name, JsonElement root) {
    const Location location{root, std::string(name), "", std::string(name)};
    ids_.insert_or_assign(std::string(name), location);
    find_ids(location);
}

void SchemaCompiler::find_ids(const Location& at) {
    if (at.element.type() != element_type::OBJECT) return;
    if (!string_member(at.element, "$ref")) {
        if (const auto id = string_member(at.element, "$id")) note_id(at, *id);
    }
    const Location inside{at.element, at.document, at.pointer, own_base(at)};
    for (const auto member : simdjson::dom::object(at.element)) {
        find_ids_below(inside, member.key, member.value);
    }
}

void SchemaCompiler::find_ids_below(const Location& at, std::string_view key, JsonElement value) {
    constexpr std::string_view kMaps[] = {"properties", "patternProperties", "definitions",
                                          "dependencies"};
    constexpr std::string_view kSchemas[] = {"additionalItems",
                                             "additionalProperties",
                                             "contains",
                                             "propertyNames",
                                             "not",
                                             "if",
                                             "then",
                                             "else",
                                             "items"};
    constexpr std::string_view kLists[] = {"items", "allOf", "anyOf", "oneOf"};
    const Location below{value, at.document, at.pointer + "/" + escape_pointer_token(key), at.base};
    if (is_one_of(kSchemas, key)) find_ids(below);
    if (is_one_of(kMaps, key) && value.type() == element_type::OBJECT) {
        for (const auto member : simdjson::dom::object(value)) {
            find_ids({member.value, at.document,
                      below.pointer + "/" + escape_pointer_token(member.key), at.base});
        }
    }
    if (is_one_of(kLists, key) && value.type() == element_type::ARRAY) {
        std::size_t index = 0;
        for (const JsonElement item : simdjson::dom::array(value)) {
            find_ids({item, at.document, below.pointer + "/" + std::to_string(index++), at.base});
        }
    }
}

void SchemaCompiler::note_id(const Location& at, std::string_view id) {
    const std::string uri = resolve_uri(at.base, id);
    const auto [document, fragment] = split_fragment(uri);
    ids_.emplace(fragment.empty() ? document : std::string_view(uri), at);
}

std::string SchemaCompiler::own_base(const Location& location) {
    if (string_member(location.element, "$ref")) return location.base;
    const auto id = string_member(location.element, "$id");
    if (!id) return location.base;
    return std::string(split_fragment(resolve_uri(location.base, *id)).document);
}

SchemaCompiler::Location SchemaCompiler::child(const Location& parent, std::string_view key,
                                               JsonElement value) {
    return {value, parent.document, parent.pointer + "/" + escape_pointer_token(key),
            own_base(parent)};
}

std::string SchemaCompiler::place_of(const Location& location) {
    return location.document + "#" + location.pointer;
}

const SchemaNode* SchemaCompiler::node_at(const Location& location) {
    const auto [found, added] = by_place_.try_emplace(place_of(location), nullptr);
    if (added) {
        found->second = &compiled_.nodes.emplace_back();
        found->second->pointer = location.pointer;
        pending_.emplace_back(found->second, location);
    }
    return found->second;
}

void SchemaCompiler::fill(SchemaNode& node, const Location& location) {
    const JsonElement schema = location.element;
    if (schema.type() == element_type::BOOL) {
        node.refuses_all = !bool(schema);
        return;
    }
    if (schema.type() != element_type::OBJECT) {
        return fail(location.pointer, "must be a schema: an object, true or false");
    }
    JsonElement reference;
    if (schema["$ref"].get(reference) == simdjson::SUCCESS) {
        std::string_view uri;
        if (reference.get_string().get(uri) != simdjson::SUCCESS) {
            return fail(location.pointer + "/$ref", "must be a string");
        }
        node.ref = resolve(location, uri);
        return;
    }
    for (const auto member : simdjson::dom::object(schema)) {
        const auto handler = handlers().find(member.key);
        if (handler == handlers().end()) continue;
        (this->*handler->second)({node, location, member.key, member.value});
    }
}

const SchemaNode* SchemaCompiler::resolve(const Location& at, std::string_view reference) {
    const std::string uri = resolve_uri(at.base, reference);
    if (!has_metaschema_ && split_fragment(uri).document == kMetaschemaUri) {
        const auto root = metaschema_parser_.parse(kMetaschema);
        SB_CHECK(root.has_value());
        has_metaschema_ = true;
        add_document(kMetaschemaUri, *root);
    }
    if (const auto target = find_target(uri)) {
        compiled_.references.insert_or_assign(place_of(at), place_of(*target));
        return node_at(*target);
    }
    fail(at.pointer + "/$ref", std::string("names \"")
                                   .append(reference)
                                   .append("\", which is not in this document; put it under "
                                           "\"definitions\" (nothing is fetched)"));
    return nullptr;
}

std::optional<SchemaCompiler::Location> SchemaCompiler::find_target(std::string_view uri) {
    if (const auto exact = ids_.find(std::string(uri)); exact != ids_.end()) return exact->second;
    const auto [document, fragment] = split_fragment(uri);
    const auto found = ids_.find(std::string(document));
    if (found == ids_.end()) return std::nullopt;
    if (fragment.empty()) return found->second;
    if (fragment[0] != '/') return std::nullopt;
    return descend(found->second, percent_decode(fragment, PlusSign::kLiteral));
}

std::optional<SchemaCompiler::Location> SchemaCompiler::descend(Location from,
                                                                std::string_view pointer) {
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::size_t end = std::min(pointer.find('/'), pointer.size());
        const std::string token = unescape_pointer_token(pointer.substr(0, end));
        JsonElement next;
        const bool is_array = from.element.type() == element_type::ARRAY;
        const auto error = is_array ? from.element.at_pointer("/" + token).get(next)
                                    : from.element[token].get(next);
        if (error != simdjson::SUCCESS) return std::nullopt;
        from = child(from, token, next);
        pointer.remove_prefix(end);
    }
    return from;
}

/// A schema that leads back to itself for the same value would never end. Removes what ends, leaves
/// first (Kahn); what is left is such a circle, or leads into one.
void SchemaCompiler::refuse_endless_references() {
    std::unordered_map<const SchemaNode*, std::size_t> open;
    std::unordered_map<const SchemaNode*, SchemaNode::Nodes> users;
    SchemaNode::Nodes ended;
    for (const SchemaNode& node : compiled_.nodes) {
        const SchemaNode::Nodes inner = in_place_schemas(node);
        open[&node] = inner.size();
        if (inner.empty()) ended.push_back(&node);
        for (const SchemaNode* used : inner) users[used].push_back(&node);
    }
    std::size_t count = 0;
    for (; count < ended.size(); ++count) {
        const SchemaNode::Nodes of_this = users[ended[count]];
        for (const SchemaNode* user : of_this) {
            if (--open[user] == 0) ended.push_back(user);
        }
    }
    if (count == compiled_.nodes.size()) return;
    const auto endless =
        std::ranges::find_if(compiled_.nodes, [&](const SchemaNode& n) { return open[&n] > 0; });
    fail(endless->pointer, "leads back to itself for the same value and would never end");
}

const SchemaNode* SchemaCompiler::child_node(const Keyword& keyword) {
    return node_at(child(keyword.schema, keyword.name, keyword.value));
}

SchemaNode::Nodes SchemaCompiler::child_nodes(const Keyword& keyword) {
    SchemaNode::Nodes nodes;
    if (keyword.value.type() != element_type::ARRAY) {
        fail(keyword, "must be a list of schemas");
        return nodes;
    }
    Location list = child(keyword.schema, keyword.name, keyword.value);
    for (const JsonElement item : simdjson::dom::array(keyword.value)) {
        nodes.push_back(node_at(child(list, std::to_string(nodes.size()), item)));
    }
    return nodes;
}

std::unique_ptr<re2::RE2> SchemaCompiler::pattern_of(const Keyword& keyword,
                                                     std::string_view text) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto pattern = std::make_unique<re2::RE2>(re2_syntax(text), options);
    if (pattern->ok()) return pattern;
    fail(keyword, std::string("has the pattern \"")
                      .append(text)
                      .append("\", which RE2 cannot run: ")
                      .append(pattern->error()));
    return nullptr;
}

std::optional<SchemaNode::Number> SchemaCompiler::number_of(const Keyword& keyword) {
    if (keyword.value.is_number())
        return SchemaNode::Number{Decimal::of(keyword.value), shown(keyword.value)};
    fail(keyword, "must be a number");
    return std::nullopt;
}

std::optional<std::uint64_t> SchemaCompiler::count_of(const Keyword& keyword) {
    constexpr Decimal kMax{false, 1, 15};
    if (keyword.value.is_number()) {
        const Decimal count = Decimal::of(keyword.value);
        if (!count.negative && count.is_integer() && count <= kMax) {
            return static_cast<std::uint64_t>(double(keyword.value));
        }
    }
    fail(keyword, "must be an integer of 0 or more");
    return std::nullopt;
}

std::vector<std::string> SchemaCompiler::strings_of(const Keyword& keyword, JsonElement list) {
    std::vector<std::string> strings;
    simdjson::dom::array items;
    bool good = list.get_array().get(items) == simdjson::SUCCESS;
    if (good) {
        for (const JsonElement item : items) {
            std::string_view text;
            good = good && item.get_string().get(text) == simdjson::SUCCESS;
            strings.emplace_back(text);
        }
    }
    if (!good) fail(keyword, "must be a list of strings");
    return strings;
}

void SchemaCompiler::fail(std::string_view pointer, std::string_view message) {
    if (!fault_.empty()) return;
    fault_ = std::string("the schema's \"").append(pointer).append("\" ").append(message);
}

void SchemaCompiler::fail(const Keyword& keyword, std::string_view message) {
    fail(keyword.schema.pointer + "/" + escape_pointer_token(keyword.name), message);
}

void SchemaCompiler::on_type(const Keyword& keyword) {
    std::vector<std::string> names;
    std::string_view single;
    if (keyword.value.get_string().get(single) == simdjson::SUCCESS) {
        names.emplace_back(single);
    } else {
        names = strings_of(keyword, keyword.value);
    }
    for (const std::string& name : names) {
        const std::uint8_t bit = type_bit(name);
        if (bit == 0) {
            fail(keyword, "names the type \"" + name +
                              "\"; use null, boolean, integer, number, string, array or object");
        }
        keyword.node.types |= bit;
    }
    if (names.empty()) fail(keyword, "must name at least one type");
}

void SchemaCompiler::on_enum(const Keyword& keyword) {
    if (keyword.value.type() != element_type::ARRAY)
        return fail(keyword, "must be a list of values");
    keyword.node.allowed.emplace();
    for (const JsonElement item : simdjson::dom::array(keyword.value)) {
        append_canonical(keyword.node.allowed->emplace_back(), item);
    }
    const std::string list = shown(keyword.value);
    keyword.node.allowed_text = list.substr(1, list.size() - (list.ends_with(']') ? 2 : 1));
}

void SchemaCompiler::on_const(const Keyword& keyword) {
    append_canonical(keyword.node.constant.emplace(), keyword.value);
    keyword.node.constant_text = shown(keyword.value);
}

void SchemaCompiler::on_multiple_of(const Keyword& keyword) {
    keyword.node.multiple_of = number_of(keyword);
    if (!keyword.node.multiple_of) return;
    const Decimal& step = keyword.node.multiple_of->value;
    if (step.digits == 0 || step.negative) fail(keyword, "must be greater than 0");
}

void SchemaCompiler::on_pattern(const Keyword& keyword) {
    std::string_view text;
    if (keyword.value.get_string().get(text) != simdjson::SUCCESS) {
        return fail(keyword, "must be a string");
    }
    keyword.node.pattern.expression = pattern_of(keyword, text);
}

void SchemaCompiler::on_items(const Keyword& keyword) {
    if (is_schema(keyword.value)) {
        keyword.node.items = child_node(keyword);
    } else {
        keyword.node.tuple = child_nodes(keyword);
    }
}

void SchemaCompiler::on_unique_items(const Keyword& keyword) {
    if (keyword.value.type() != element_type::BOOL) return fail(keyword, "must be true or false");
    keyword.node.unique_items = bool(keyword.value);
}

void SchemaCompiler::on_required(const Keyword& keyword) {
    keyword.node.required = strings_of(keyword, keyword.value);
}

void SchemaCompiler::on_properties(const Keyword& keyword) {
    if (keyword.value.type() != element_type::OBJECT) {
        return fail(keyword, "must be an object of schemas");
    }
    const Location list = child(keyword.schema, keyword.name, keyword.value);
    for (const auto member : simdjson::dom::object(keyword.value)) {
        keyword.node.properties.insert_or_assign(std::string(member.key),
                                                 node_at(child(list, member.key, member.value)));
        keyword.node.property_names.emplace_back(member.key);
    }
}

void SchemaCompiler::on_pattern_properties(const Keyword& keyword) {
    if (keyword.value.type() != element_type::OBJECT) {
        return fail(keyword, "must be an object of schemas");
    }
    const Location list = child(keyword.schema, keyword.name, keyword.value);
    for (const auto member : simdjson::dom::object(keyword.value)) {
        keyword.node.pattern_properties.push_back(
            {pattern_of(keyword, member.key), node_at(child(list, member.key, member.value))});
    }
}

void SchemaCompiler::on_dependencies(const Keyword& keyword) {
    if (keyword.value.type() != element_type::OBJECT) return fail(keyword, "must be an object");
    const Location list = child(keyword.schema, keyword.name, keyword.value);
    for (const auto member : simdjson::dom::object(keyword.value)) {
        SchemaNode::Dependency dependency{std::string(member.key), {}, nullptr};
        if (member.value.type() == element_type::ARRAY) {
            dependency.required = strings_of(keyword, member.value);
        } else {
            dependency.schema = node_at(child(list, member.key, member.value));
        }
        keyword.node.dependencies.push_back(std::move(dependency));
    }
}

template <auto Member>
void SchemaCompiler::on_number(const Keyword& keyword) {
    keyword.node.*Member = number_of(keyword);
}

template <auto Member>
void SchemaCompiler::on_count(const Keyword& keyword) {
    keyword.node.*Member = count_of(keyword);
}

template <auto Member>
void SchemaCompiler::on_schema(const Keyword& keyword) {
    keyword.node.*Member = child_node(keyword);
}

template <auto Member>
void SchemaCompiler::on_schemas(const Keyword& keyword) {
    keyword.node.*Member = child_nodes(keyword);
    if ((keyword.node.*Member).empty()) fail(keyword, "must have at least one schema");
}

const ByName<SchemaCompiler::Handler>& SchemaCompiler::handlers() {
    using Self = SchemaCompiler;
    using Node = SchemaNode;
    static const ByName<Handler> kHandlers{
        {"type", &Self::on_type},
        {"enum", &Self::on_enum},
        {"const", &Self::on_const},
        {"multipleOf", &Self::on_multiple_of},
        {"minimum", &Self::on_number<&Node::minimum>},
        {"maximum", &Self::on_number<&Node::maximum>},
        {"exclusiveMinimum", &Self::on_number<&Node::exclusive_minimum>},
        {"exclusiveMaximum", &Self::on_number<&Node::exclusive_maximum>},
        {"minLength", &Self::on_count<&Node::length_min>},
        {"maxLength", &Self::on_count<&Node::length_max>},
        {"pattern", &Self::on_pattern},
        {"items", &Self::on_items},
        {"additionalItems", &Self::on_schema<&Node::additional_items>},
        {"minItems", &Self::on_count<&Node::items_min>},
        {"maxItems", &Self::on_count<&Node::items_max>},
        {"uniqueItems", &Self::on_unique_items},
        {"contains", &Self::on_schema<&Node::contains>},
        {"minProperties", &Self::on_count<&Node::members_min>},
        {"maxProperties", &Self::on_count<&Node::members_max>},
        {"required", &Self::on_required},
        {"properties", &Self::on_properties},
        {"patternProperties", &Self::on_pattern_properties},
        {"additionalProperties", &Self::on_schema<&Node::additional_properties>},
        {"propertyNames", &Self::on_schema<&Node::names>},
        {"dependencies", &Self::on_dependencies},
        {"allOf", &Self::on_schemas<&Node::all_of>},
        {"anyOf", &Self::on_schemas<&Node::any_of>},
        {"oneOf", &Self::on_schemas<&Node::one_of>},
        {"not", &Self::on_schema<&Node::negated>},
        {"if", &Self::on_schema<&Node::condition>},
        {"then", &Self::on_schema<&Node::consequence>},
        {"else", &Self::on_schema<&Node::alternative>},
    };
    return kHandlers;
}

}  // namespace signalbox::actions
