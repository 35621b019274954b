#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actions/decimal.h"

namespace signalbox::actions {

/// JSON Schema's types, as bits. Integer is a part of number.
enum TypeBit : std::uint8_t {
    kNullType = 1,
    kBooleanType = 2,
    kIntegerType = 4,
    kNumberType = 8,
    kStringType = 16,
    kArrayType = 32,
    kObjectType = 64,
};

struct TransparentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};
template <class T>
using ByName = std::unordered_map<std::string, T, TransparentHash, std::equal_to<>>;

/// One compiled subschema; absent keywords are empty. Nodes point at each other and live in one
/// CompiledSchema.
struct SchemaNode {
    struct Number {
        Decimal value;
        std::string text;
    };
    struct Dependency {
        std::string member;
        std::vector<std::string> required;
        const SchemaNode* schema = nullptr;
    };
    struct Pattern {
        std::unique_ptr<re2::RE2> expression;
        const SchemaNode* schema = nullptr;  ///< patternProperties'
    };
    using Nodes = std::vector<const SchemaNode*>;

    std::string pointer;  ///< where it stands in its document
    bool refuses_all = false;
    const SchemaNode* ref = nullptr;  ///< draft-07: all beside `$ref` is ignored

    std::uint8_t types = 0;                           ///< TypeBits; 0: any
    std::optional<std::vector<std::string>> allowed;  ///< canonical, of `enum`
    std::optional<std::string> constant;              ///< canonical, of `const`
    std::string allowed_text, constant_text;

    std::optional<Number> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;
    std::optional<std::uint64_t> length_min, length_max, items_min, items_max, members_min,
        members_max;
    Pattern pattern;

    const SchemaNode* items = nullptr;  ///< of all items
    std::optional<Nodes> tuple;         ///< of the first ones
    const SchemaNode* additional_items = nullptr;
    const SchemaNode* contains = nullptr;
    bool unique_items = false;

    ByName<const SchemaNode*> properties;
    std::vector<std::string> property_names;  ///< as written, for messages
    std::vector<Pattern> pattern_properties;
    const SchemaNode* additional_properties = nullptr;
    const SchemaNode* names = nullptr;  ///< propertyNames
    std::vector<std::string> required;
    std::vector<Dependency> dependencies;

    Nodes all_of, any_of, one_of;
    const SchemaNode* negated = nullptr;
    const SchemaNode *condition = nullptr, *consequence = nullptr, *alternative = nullptr;
};

/// The schemas that apply to the same value as `node`, not to a part of it.
[[nodiscard]] SchemaNode::Nodes in_place_schemas(const SchemaNode& node);

struct CompiledSchema {
    std::map<std::string, std::string> references;  ///< Schema::references()
    std::deque<SchemaNode> nodes;
    const SchemaNode* root = nullptr;
    bool accepts_all = false;
};

}  // namespace signalbox::actions
