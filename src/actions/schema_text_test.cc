#include "actions/schema_text.h"

#include <gtest/gtest.h>

#include <string>

namespace signalbox::actions {
namespace {

constexpr std::string_view kPlace = "#/components/schemas/a.input";

std::string in_dialect(SchemaDialect dialect, std::string_view text) {
    auto schema = Schema::compile(text);
    return schema ? schema_text(*schema, dialect, kPlace) : "refused: " + schema.error();
}

std::string in_2020(std::string_view text) {
    return in_dialect(SchemaDialect::kDraft202012, text);
}

std::string in_07(std::string_view text) {
    return in_dialect(SchemaDialect::kDraft07, text);
}

TEST(SchemaText, IsAnObjectForEverySchema) {
    EXPECT_EQ(in_2020("true"), "{}");
    EXPECT_EQ(in_2020("{}"), "{}");
    EXPECT_EQ(in_2020("false"), R"({"not":{}})");
    EXPECT_EQ(in_07("false"), R"({"not":{}})");
}

TEST(SchemaText, KeepsWhatBothDialectsReadAlike) {
    const std::string text =
        R"({"title":"T","type":["object","null"],"properties":{"a":{"const":1.5},"b":false},)"
        R"("required":["a"],"additionalProperties":{"enum":["x",null]},"default":{},"x-mine":[1]})";
    EXPECT_EQ(in_2020(text), text);
    EXPECT_EQ(in_07(text), text);
}

TEST(SchemaText, WritesTuplesAsTheDialectHasThem) {
    const std::string text =
        R"({"items":[{"type":"string"},true],"additionalItems":{"type":"integer"}})";
    EXPECT_EQ(in_2020(text),
              R"({"prefixItems":[{"type":"string"},true],"items":{"type":"integer"}})");
    EXPECT_EQ(in_07(text), text);
}

TEST(SchemaText, LeavesAdditionalItemsOutWhereTheyMeanNothing) {
    EXPECT_EQ(in_2020(R"({"items":{"type":"string"},"additionalItems":false})"),
              R"({"items":{"type":"string"}})");
    EXPECT_EQ(in_2020(R"({"additionalItems":false})"), "{}");
}

TEST(SchemaText, PartsDependenciesForTheDialectThatHasTwoKinds) {
    const std::string text = R"({"dependencies":{"a":["b"],"c":{"required":["d"]}}})";
    EXPECT_EQ(in_2020(text),
              R"({"dependentRequired":{"a":["b"]},"dependentSchemas":{"c":{"required":["d"]}}})");
    EXPECT_EQ(in_07(text), text);
}

TEST(SchemaText, WritesReferencesFromTheRootOfTheDocument) {
    const std::string text =
        R"({"properties":{"next":{"$ref":"#"},"item":{"$ref":"#/definitions/item"}},)"
        R"("definitions":{"item":{"type":"string"},"unused":{"type":"number"}}})";
    EXPECT_EQ(in_2020(text), R"({"properties":{"next":{"$ref":"#/components/schemas/a.input"},)"
                             R"("item":{"$ref":"#/components/schemas/a.input/$defs/item"}},)"
                             R"("$defs":{"item":{"type":"string"}}})");
    EXPECT_EQ(in_07(text), R"({"properties":{"next":{"$ref":"#/components/schemas/a.input"},)"
                           R"("item":{"$ref":"#/components/schemas/a.input/definitions/item"}},)"
                           R"("definitions":{"item":{"type":"string"}}})");
}

TEST(SchemaText, FollowsReferencesByIdToWhereverTheyLead) {
    EXPECT_EQ(in_2020(R"({"$id":"http://x/root.json","allOf":[{"$ref":"item.json#/items"}],)"
                      R"("definitions":{"a":{"$id":"item.json","items":{"$ref":"#named"}},)"
                      R"("b":{"$id":"item.json#named","type":"null"}}})"),
              R"({"allOf":[{"$ref":"#/components/schemas/a.input/$defs/items"}],)"
              R"("$defs":{"items":{"$ref":"#/components/schemas/a.input/$defs/b"},)"
              R"("b":{"type":"null"}}})");
}

TEST(SchemaText, TellsDefinitionsOfOneNameApart) {
    const std::string text = in_2020(
        R"({"items":[{"$ref":"#/definitions/a~1b"},{"$ref":"#/definitions/x/definitions/a.b"}],)"
        R"("definitions":{"a/b":{"type":"null"},"x":{"definitions":{"a.b":{"type":"array"}}}}})");
    EXPECT_TRUE(text.contains(R"("a_b":{"type":"null"},"a_b-2":{"type":"array"})")) << text;
}

TEST(SchemaText, LeavesOutWhatWouldBeginToCountThere) {
    EXPECT_EQ(
        in_2020(R"({"unevaluatedProperties":false,"minContains":2,"prefixItems":[false],)"
                R"("dependentRequired":{"a":["b"]},"$anchor":"x","$id":"http://x/","$schema":"y",)"
                R"("nobodyKnows":1,"type":"object"})"),
        R"({"type":"object"})");
}

TEST(SchemaText, LetsOnlyAnnotationsStandBesideAReference) {
    const std::string text =
        R"({"properties":{"a":{"$ref":"#/definitions/b","description":"An a.","maxLength":1}},)"
        R"("definitions":{"b":{"type":"string"}}})";
    EXPECT_TRUE(in_2020(text).contains(
        R"("a":{"$ref":"#/components/schemas/a.input/$defs/b","description":"An a."})"));
    EXPECT_TRUE(
        in_07(text).contains(R"("a":{"$ref":"#/components/schemas/a.input/definitions/b"})"));
}

TEST(SchemaText, BringsTheMetaschemaAlong) {
    const std::string text = in_07(R"({"$ref":"http://json-schema.org/draft-07/schema#"})");
    EXPECT_TRUE(text.starts_with(R"({"$ref":"#/components/schemas/a.input/definitions/schema")"))
        << text;
    EXPECT_TRUE(text.contains("\"nonNegativeInteger\"")) << text;
}

}  // namespace
}  // namespace signalbox::actions
