#include "actions/schema_types.h"

#include <gtest/gtest.h>

#include <string>

namespace signalbox::actions {
namespace {

/// What `export type T = …;` says, after the declarations of the definitions.
std::string type_of(std::string_view text) {
    auto schema = Schema::compile(text);
    if (!schema) return "refused: " + schema.error();
    const SchemaTree tree(*schema);
    TypeScriptNames free({"T"});
    TypeNames names{.root = "T", .definitions = {}};
    for (const auto& definition : tree.definitions())
        names.definitions.push_back(free.make("T-" + definition.name));
    std::string out;
    append_definitions(out, tree, names);
    append_root(out, tree, names);
    constexpr std::string_view kBegin = "export type T = ", kEnd = ";\n\n";
    if (out.starts_with(kBegin)) out.erase(0, kBegin.size());
    if (out.ends_with(kEnd)) out.resize(out.size() - kEnd.size());
    return out;
}

TEST(SchemaTypes, AreUnknownOrNeverForTheOpenAndTheClosedSchema) {
    EXPECT_EQ(type_of("true"), "unknown");
    EXPECT_EQ(type_of("{}"), "unknown");
    EXPECT_EQ(type_of("false"), "never");
    EXPECT_EQ(type_of(R"({"not":{"type":"string"}})"), "unknown");
}

TEST(SchemaTypes, NameWhatJsonNames) {
    EXPECT_EQ(type_of(R"({"type":"integer"})"), "number");
    EXPECT_EQ(type_of(R"({"type":["string","null","integer","number"]})"),
              "string | null | number");
    EXPECT_EQ(type_of(R"({"type":"object"})"), "{ [key: string]: unknown }");
    EXPECT_EQ(type_of(R"({"type":"array"})"), "unknown[]");
}

TEST(SchemaTypes, AreLiteralsOfConstAndEnum) {
    EXPECT_EQ(type_of(R"({"const":"a\"b\\"})"), R"("a\"b\\")");
    EXPECT_EQ(type_of(R"({"enum":["a",1.5,null,true,["x",-1],{"k-1":{}}],"type":"string"})"),
              R"("a" | 1.5 | null | true | ["x", -1] | { "k-1": { }; })");
    EXPECT_EQ(type_of(R"({"enum":[]})"), "never");
}

TEST(SchemaTypes, HaveTheMembersOfObjects) {
    EXPECT_EQ(type_of(R"({"type":"object","properties":{"a":{"type":"string"},"b-c":true},)"
                      R"("required":["a","d"]})"),
              "{\n    a: string;\n    \"b-c\"?: unknown;\n    d: unknown;\n}");
}

TEST(SchemaTypes, IndentWhatIsNested) {
    EXPECT_EQ(type_of(R"({"properties":{"a":{"properties":{"b":{"type":"null"}}}}})"),
              "{\n    a?: {\n        b?: null;\n    };\n}");
}

TEST(SchemaTypes, TakeOtherMembersWhereTheSchemaSpeaksOfThem) {
    EXPECT_EQ(type_of(R"({"additionalProperties":{"type":"number"}})"),
              "{\n    [key: string]: number;\n}");
    EXPECT_EQ(
        type_of(
            R"({"properties":{"a":{"type":"string"}},"additionalProperties":{"type":"number"}})"),
        "{\n    a?: string;\n    [key: string]: number | string | undefined;\n}");
    EXPECT_EQ(type_of(R"({"properties":{"a":{"type":"string"}},"additionalProperties":false})"),
              "{\n    a?: string;\n}");
    EXPECT_EQ(type_of(R"({"type":"object","additionalProperties":false})"),
              "{\n    [key: string]: never;\n}");
    EXPECT_EQ(
        type_of(R"({"patternProperties":{"^x":{"type":"string"}},"additionalProperties":false})"),
        "{\n    [key: string]: string;\n}");
    EXPECT_EQ(type_of(R"({"patternProperties":{"^x":{"type":"string"}}})"),
              "{\n    [key: string]: unknown;\n}");
}

TEST(SchemaTypes, AreArraysAndTuples) {
    EXPECT_EQ(type_of(R"({"items":{"type":["string","null"]}})"), "(string | null)[]");
    EXPECT_EQ(type_of(R"({"items":[{"type":"string"},{"type":"number"}],"minItems":1})"),
              "[string, number?, ...unknown[]]");
    EXPECT_EQ(type_of(R"({"items":[{"type":"string"}],"additionalItems":false})"), "[string?]");
    EXPECT_EQ(
        type_of(R"({"items":[{"type":"string"}],"minItems":1,"additionalItems":{"enum":[1,2]}})"),
        "[string, ...(1 | 2)[]]");
    EXPECT_EQ(
        type_of(R"({"items":[{"type":"string"},{"type":"number"}],"minItems":2,"maxItems":2})"),
        "[string, number]");
}

TEST(SchemaTypes, CombineSchemas) {
    EXPECT_EQ(type_of(R"({"anyOf":[{"type":"string"},{"type":"string"},{"type":"null"}]})"),
              "string | null");
    EXPECT_EQ(
        type_of(
            R"({"allOf":[{"required":["a"]},{"oneOf":[{"type":"object"},{"type":"null"}]},true]})"),
        "{\n    a: unknown;\n} & ({ [key: string]: unknown } | null)");
    EXPECT_EQ(
        type_of(
            R"({"if":{"type":"array"},"then":{"items":{"type":"string"}},"else":{"type":"string"}})"),
        "string[] | string");
    EXPECT_EQ(type_of(R"({"if":{"type":"array"},"then":{"minItems":1}})"), "unknown");
    EXPECT_EQ(type_of(R"({"allOf":[{"type":"string"},false]})"), "never");
}

TEST(SchemaTypes, CallReferencesByName) {
    EXPECT_EQ(
        type_of(R"({"properties":{"next":{"$ref":"#"},"other":{"$ref":"#/definitions/other"}},)"
                R"("definitions":{"other":{"items":{"$ref":"#/definitions/other"}}}})"),
        "export type TOther = TOther[];\n\n"
        "export type T = {\n    next?: T;\n    other?: TOther;\n}");
}

TEST(SchemaTypes, TellWhatTheSchemaTells) {
    EXPECT_EQ(
        type_of(
            R"({"properties":{"a":{"title":"Its title","default":5},)"
            R"("b":{"description":"Ends */ early.\nOr\u0000 *\u0001/ not.","deprecated":true}}})"),
        "{\n"
        "    /**\n     * Its title\n     * @default 5\n     */\n"
        "    a?: unknown;\n"
        "    /**\n     * Ends *\\/ early.\n     * Or *\\/ not.\n     * @deprecated\n     */\n"
        "    b?: unknown;\n}");
}

TEST(TypeScriptNames, AreIdentifiersAndEachGivenOnce) {
    TypeScriptNames names({"Taken"});
    EXPECT_EQ(names.make("orders.create", "Input"), "OrdersCreateInput");
    EXPECT_EQ(names.make("orders-create", "Input"), "OrdersCreateInput_2");
    EXPECT_EQ(names.make("orders_Create", "Input"), "OrdersCreateInput_3");
    EXPECT_EQ(names.make("3d.render"), "_3dRender");
    EXPECT_EQ(names.make("taken"), "Taken_2");
    EXPECT_EQ(names.make("*"), "_");
}

}  // namespace
}  // namespace signalbox::actions
