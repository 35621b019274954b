#include "api/contract.h"

#include "actions/schema.h"
#include "api/protocol_schemas.h"

namespace signalbox::api {
namespace {

constexpr std::string_view kStar = "*";

/// A name's dots are the only characters of it that a pattern takes for something else.
std::string escaped_pattern(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '.') out += '\\';
        out += c;
    }
    return out;
}

}  // namespace

ActionNames::ActionNames(std::string_view name)
    : is_prefix(name.ends_with(kStar)),
      stem(name.substr(0, name.size() - (is_prefix ? kStar.size() : 0))) {}

std::string ActionNames::part(std::string_view what) const {
    return stem + (is_prefix ? "any-" : ".") + std::string(what);
}

std::string ActionNames::name_schema() const {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    if (is_prefix) {
        json.member("type", "string").member("maxLength", 128);
        json.member("pattern", "^" + escaped_pattern(stem) + "[A-Za-z0-9_][A-Za-z0-9_.-]*$");
    } else {
        json.member("const", stem);
    }
    json.end_object();
    return text;
}

std::string schema_place(std::string_view name) {
    return "#/components/schemas/" + std::string(name);
}

std::string schema_reference(std::string_view name) {
    std::string text;
    JsonWriter(text).begin_object().member("$ref", schema_place(name)).end_object();
    return text;
}

bool takes_no_data(const actions::Action& action) {
    JsonParser parser;
    const auto null = parser.parse("null");
    return null && action.input->validate(*null).empty();
}

void append_schemas(JsonWriter& json, const Contract& contract, actions::SchemaDialect dialect) {
    for_each_raw_member(protocol_schemas(), [&](std::string_view name, std::string_view schema) {
        json.raw_member(name, schema);
        return true;
    });
    const auto append = [&](const std::string& name, const auto& schema) {
        json.raw_member(name, contract.texts.of(schema, dialect, schema_place(name)));
    };
    for (const actions::Action* action : contract.actions) {
        const ActionNames names(action->definition.name);
        append(names.part("input"), action->input);
        if (action->output) append(names.part("output"), action->output);
    }
}

}  // namespace signalbox::api
