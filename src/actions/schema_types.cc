#include "actions/schema_types.h"

#include <algorithm>
#include <optional>

namespace signalbox::actions {
namespace {

using simdjson::dom::element_type;
using Node = SchemaTree::Node;

constexpr std::string_view kIndent = "    ";
constexpr std::string_view kUnknown = "unknown", kNever = "never";

bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '$';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_identifier(std::string_view text) {
    return !text.empty() && is_letter(text[0]) &&
           std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); });
}

std::string pascal_case(std::string_view text) {
    std::string out;
    bool begins = true;
    for (const char c : text) {
        const bool plain = is_digit(c) || (is_letter(c) && c != '_' && c != '$');
        if (plain) out += begins && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        begins = !plain;
    }
    return out;
}

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

/// A type's text, and how tightly it holds together.
struct Type {
    enum class Binds : std::uint8_t { kTightly, kIntersection, kUnion };
    std::string text;
    Binds binds = Binds::kTightly;

    [[nodiscard]] bool is(std::string_view other) const { return text == other; }
    [[nodiscard]] std::string inside(Binds outer) const {
        return binds > outer ? "(" + text + ")" : text;
    }
};

void add_once(std::vector<Type>& types, Type type) {
    if (std::ranges::find(types, type.text, &Type::text) == types.end())
        types.push_back(std::move(type));
}

Type joined(const std::vector<Type>& types, std::string_view sign, Type::Binds binds) {
    if (types.size() == 1) return types.front();
    Type all{.text = {}, .binds = binds};
    for (const Type& type : types) {
        if (!all.text.empty()) all.text += sign;
        all.text += type.inside(binds);
    }
    return all;
}

Type union_of(const std::vector<Type>& types) {
    std::vector<Type> parts;
    for (const Type& type : types) {
        if (type.is(kUnknown)) return type;
        if (!type.is(kNever)) add_once(parts, type);
    }
    if (parts.empty()) return {std::string(kNever)};
    return joined(parts, " | ", Type::Binds::kUnion);
}

Type intersection_of(const std::vector<Type>& types) {
    std::vector<Type> parts;
    for (const Type& type : types) {
        if (type.is(kNever)) return type;
        if (!type.is(kUnknown)) add_once(parts, type);
    }
    if (parts.empty()) return {std::string(kUnknown)};
    return joined(parts, " & ", Type::Binds::kIntersection);
}

std::string literal(JsonElement value) {
    std::string out;
    if (value.type() == element_type::ARRAY) {
        for (const JsonElement item : elements_of(value))
            out += (out.empty() ? "" : ", ") + literal(item);
        return "[" + out + "]";
    }
    if (value.type() != element_type::OBJECT) {
        std::string_view text;
        return value.get(text) == simdjson::SUCCESS ? quoted(text) : simdjson::to_string(value);
    }
    for (const auto member : simdjson::dom::object(value))
        out += " " + quoted(member.key) + ": " + literal(member.value) + ";";
    return "{" + out + " }";
}

std::vector<std::string> strings_of(const std::optional<JsonElement>& value) {
    std::vector<std::string> strings;
    std::string_view text;
    if (value && value->get(text) == simdjson::SUCCESS) return {std::string(text)};
    for (const JsonElement item : value ? elements_of(*value) : std::vector<JsonElement>()) {
        if (item.get(text) == simdjson::SUCCESS) strings.emplace_back(text);
    }
    return strings;
}

std::optional<std::size_t> count_of(const Node& node, std::string_view keyword) {
    const auto value = node.find(keyword);
    double count = 0;
    if (!value || value->get(count) != simdjson::SUCCESS || count < 0) return std::nullopt;
    return static_cast<std::size_t>(std::min(count, 1e6));
}

bool is_false(const std::optional<JsonElement>& schema) {
    return schema && schema->type() == element_type::BOOL && !bool(*schema);
}

/// What is said of a schema for people.
std::string documentation_of(const Node& node) {
    std::string_view text;
    std::string out;
    const auto description = node.find("description"), title = node.find("title");
    for (const auto& one : {description, title}) {
        if (out.empty() && one && one->get(text) == simdjson::SUCCESS) out = text;
    }
    if (const auto value = node.find("default"))
        out.append(out.empty() ? "" : "\n").append("@default ").append(simdjson::to_string(*value));
    const auto deprecated = node.find("deprecated");
    if (deprecated && deprecated->type() == element_type::BOOL && bool(*deprecated))
        out.append(out.empty() ? "" : "\n").append("@deprecated");
    return out;
}

class TypeWriter {
public:
    TypeWriter(const SchemaTree& tree, const TypeNames& names) : tree_(tree), names_(names) {}

    /// @param indent  of the line that the type begins in.
    [[nodiscard]] Type type_of(const Node& node, const std::string& indent) const {
        if (node.element.type() != element_type::OBJECT)
            return {std::string(bool(node.element) ? kUnknown : kNever)};
        if (node.is_reference()) return name_of(tree_.target_of(node));
        if (const auto constant = node.find("const")) return {literal(*constant)};
        if (const auto allowed = node.find("enum")) return type_of_enum(*allowed);
        return intersection_of(parts_of(node, indent));
    }

private:
    [[nodiscard]] Type name_of(const SchemaTree::Definition* target) const {
        if (target == nullptr) return {std::string(kUnknown)};
        if (target == &tree_.root()) return {names_.root};
        return {names_.definitions[static_cast<std::size_t>(target - tree_.definitions().data())]};
    }

    static Type type_of_enum(JsonElement allowed) {
        std::vector<Type> types;
        for (const JsonElement value : elements_of(allowed)) types.push_back({literal(value)});
        return union_of(types);
    }

    [[nodiscard]] std::vector<Type> parts_of(const Node& node, const std::string& indent) const {
        std::vector<Type> parts{type_by_name(node, indent)};
        for (Type& type : types_of_list(node, "allOf", indent)) parts.push_back(std::move(type));
        for (const char* choice : {"anyOf", "oneOf"}) {
            if (node.find(choice)) parts.push_back(union_of(types_of_list(node, choice, indent)));
        }
        const auto then = node.find("then"), otherwise = node.find("else");
        if (node.find("if") && then && otherwise) {
            parts.push_back(union_of({type_of(node.child("then", *then), indent),
                                      type_of(node.child("else", *otherwise), indent)}));
        }
        return parts;
    }

    [[nodiscard]] std::vector<Type> types_of_list(const Node& node, std::string_view keyword,
                                                  const std::string& indent) const {
        std::vector<Type> types;
        const auto list = node.find(keyword);
        if (!list) return types;
        const Node at = node.child(keyword, *list);
        for (const JsonElement schema : elements_of(*list))
            types.push_back(type_of(at.child(std::to_string(types.size()), schema), indent));
        return types;
    }

    /// By `type`, else by the keywords that there are.
    [[nodiscard]] Type type_by_name(const Node& node, const std::string& indent) const {
        std::vector<std::string> names = strings_of(node.find("type"));
        if (names.empty()) names = implied_names(node);
        if (names.empty()) return {std::string(kUnknown)};
        std::vector<Type> types;
        types.reserve(names.size());
        for (const std::string& name : names) types.push_back(type_named(name, node, indent));
        return union_of(types);
    }

    static std::vector<std::string> implied_names(const Node& node) {
        std::vector<std::string> names;
        for (const char* keyword :
             {"properties", "required", "additionalProperties", "patternProperties"}) {
            if (names.empty() && node.find(keyword)) names.emplace_back("object");
        }
        if (node.find("items")) names.emplace_back("array");
        return names;
    }

    [[nodiscard]] Type type_named(const std::string& name, const Node& node,
                                  const std::string& indent) const {
        if (name == "object") return object_type(node, indent);
        if (name == "array") return array_type(node, indent);
        return {name == "integer" ? "number" : name};
    }

    struct Members {
        std::string lines;
        std::vector<Type> types;  ///< for the index signature, which must fit all members
        std::set<std::string> names;
    };

    [[nodiscard]] Type object_type(const Node& node, const std::string& indent) const {
        const std::string inner = indent + std::string(kIndent);
        Members members = named_members(node, inner);
        if (const auto index = index_type(node, members, inner))
            members.lines += inner + "[key: string]: " + index->text + ";\n";
        if (members.lines.empty()) return {"{ [key: string]: unknown }"};
        return {"{\n" + members.lines + indent + "}"};
    }

    [[nodiscard]] Members named_members(const Node& node, const std::string& indent) const {
        Members members;
        const std::vector<std::string> required = strings_of(node.find("required"));
        if (const auto properties = node.find("properties")) {
            const Node map = node.child("properties", *properties);
            for (const auto member : simdjson::dom::object(*properties)) {
                const bool needed = std::ranges::find(required, member.key) != required.end();
                add_member(members, map.child(member.key, member.value), member.key,
                           needed ? ": " : "?: ", indent);
            }
        }
        for (const std::string& name : required) {
            if (!members.names.insert(name).second) continue;
            members.lines += indent + property_name(name) + ": unknown;\n";
            members.types.push_back({std::string(kUnknown)});
        }
        return members;
    }

    static std::string property_name(std::string_view name) {
        return is_identifier(name) ? std::string(name) : quoted(name);
    }

    void add_member(Members& members, const Node& schema, std::string_view name,
                    std::string_view sign, const std::string& indent) const {
        if (!members.names.insert(std::string(name)).second) return;
        const Type type = type_of(schema, indent);
        append_doc_comment(members.lines, documentation_of(schema), indent);
        members.lines.append(indent).append(property_name(name)).append(sign);
        members.lines.append(type.text).append(";\n");
        members.types.push_back(type);
        if (sign.starts_with('?')) members.types.push_back({"undefined"});
    }

    [[nodiscard]] std::optional<Type> index_type(const Node& node, const Members& members,
                                                 const std::string& indent) const {
        const auto additional = node.find("additionalProperties");
        const auto patterns = node.find("patternProperties");
        std::vector<Type> types;
        if (additional)
            types.push_back(type_of(node.child("additionalProperties", *additional), indent));
        if (patterns) {
            const Node map = node.child("patternProperties", *patterns);
            for (const auto member : simdjson::dom::object(*patterns))
                types.push_back(type_of(map.child(member.key, member.value), indent));
            if (!additional) types.push_back({std::string(kUnknown)});
        }
        const bool closed = is_false(additional) && !patterns;
        if (types.empty() || (closed && !members.names.empty())) return std::nullopt;
        types.insert(types.end(), members.types.begin(), members.types.end());
        return union_of(types);
    }

    [[nodiscard]] Type array_type(const Node& node, const std::string& indent) const {
        const auto items = node.find("items");
        if (!items) return {"unknown[]"};
        const Node schema = node.child("items", *items);
        if (items->type() == element_type::ARRAY) return tuple_type(node, schema, indent);
        return {type_of(schema, indent).inside(Type::Binds::kTightly) + "[]"};
    }

    [[nodiscard]] Type tuple_type(const Node& node, const Node& items,
                                  const std::string& indent) const {
        const std::size_t needed = count_of(node, "minItems").value_or(0);
        const std::size_t most = count_of(node, "maxItems").value_or(~std::size_t{0});
        std::string out;
        std::size_t index = 0;
        for (const JsonElement item : elements_of(items.element)) {
            if (index == most) break;
            const Type type = type_of(items.child(std::to_string(index), item), indent);
            out += index == 0 ? "" : ", ";
            out += type.inside(Type::Binds::kTightly) + (index < needed ? "" : "?");
            ++index;
        }
        const auto rest = node.find("additionalItems");
        if (index < most && !is_false(rest)) {
            const Type type =
                rest ? type_of(node.child("additionalItems", *rest), indent) : Type{"unknown"};
            out += (index == 0 ? "..." : ", ...") + type.inside(Type::Binds::kTightly) + "[]";
        }
        return {"[" + out + "]"};
    }

    const SchemaTree& tree_;
    const TypeNames& names_;
};

void append_type(std::string& out, const std::string& name, const Node& node,
                 const TypeWriter& writer) {
    append_doc_comment(out, documentation_of(node), "");
    out.append("export type ").append(name).append(" = ");
    out.append(writer.type_of(node, "").text).append(";\n\n");
}

}  // namespace

std::string TypeScriptNames::make(std::string_view name, std::string_view suffix) {
    std::string base = pascal_case(name);
    if (base.empty() || is_digit(base[0])) base.insert(0, "_");
    base += suffix;
    std::string candidate = base;
    for (std::size_t number = 2; !taken_.insert(candidate).second; ++number)
        candidate = base + "_" + std::to_string(number);
    return candidate;
}

void append_definitions(std::string& out, const SchemaTree& tree, const TypeNames& names) {
    const TypeWriter writer(tree, names);
    for (std::size_t i = 0; i < names.definitions.size(); ++i)
        append_type(out, names.definitions[i], tree.definitions()[i].node, writer);
}

void append_root(std::string& out, const SchemaTree& tree, const TypeNames& names) {
    append_type(out, names.root, tree.root().node, TypeWriter(tree, names));
}

void append_doc_comment(std::string& out, std::string_view text, std::string_view indent) {
    if (text.empty()) return;
    std::string lines;
    char before = 0;
    for (const char c : text) {
        const bool control = static_cast<unsigned char>(c) < ' ' || c == 0x7f;
        if (control && c != '\n') continue;
        if (c == '\n') {
            lines.append("\n").append(indent).append(" * ");
        } else if (c == '/' && before == '*') {
            lines += "\\/";
        } else {
            lines += c;
        }
        before = c;
    }
    if (!text.contains('\n')) {
        out.append(indent).append("/** ").append(lines).append(" */\n");
    } else {
        out.append(indent).append("/**\n").append(indent).append(" * ").append(lines);
        out.append("\n").append(indent).append(" */\n");
    }
}

}  // namespace signalbox::actions
