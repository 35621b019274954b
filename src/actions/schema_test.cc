#include "actions/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "actions/decimal.h"
#include "actions/schema_uri.h"
#include "actions/schema_validator.h"

namespace signalbox::actions {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string faults(std::string_view schema_text, std::string_view data) {
    const auto schema = Schema::compile(schema_text);
    if (!schema) return "refused: " + schema.error();
    JsonParser parser;
    const auto root = parser.parse(data);
    if (!root) return "not JSON";
    return details_of((*schema)->validate(*root));
}

std::string refusal(std::string_view schema_text) {
    const auto schema = Schema::compile(schema_text);
    return schema ? "compiled" : schema.error();
}

/// `schema` with each reference to its root replaced by one to `target`.
std::string with_references_to(std::string_view schema, std::string_view target) {
    std::string out(schema);
    for (std::size_t at = 0; (at = out.find("\"#\"", at)) != std::string::npos;
         at += target.size()) {
        out.replace(at + 1, 1, target);
    }
    return out;
}

std::string one(std::string_view path, std::string_view message) {
    return details_of({{std::string(path), std::string(message)}});
}

TEST(Schema, NamesTheCauseAndTheFixOfEachFault) {
    EXPECT_EQ(faults(R"({"type":"string"})", "1"), one("", "must be a string, not an integer"));
    EXPECT_EQ(faults(R"({"type":["string","null"]})", "[]"),
              one("", "must be a string or null, not an array"));
    EXPECT_EQ(faults(R"({"type":"number"})", "{}"), one("", "must be a number, not an object"));
    EXPECT_EQ(faults(R"({"type":"integer"})", "1.5"), one("", "must be an integer, not a number"));
    EXPECT_EQ(faults(R"({"enum":["a",1]})", "2"), one("", R"(must be one of: "a",1)"));
    EXPECT_EQ(faults(R"({"const":{"a":1}})", "2"), one("", R"(must be {"a":1})"));
    EXPECT_EQ(faults(R"({"minimum":5})", "4"), one("", "must be at least 5"));
    EXPECT_EQ(faults(R"({"exclusiveMaximum":5})", "5"), one("", "must be less than 5"));
    EXPECT_EQ(faults(R"({"multipleOf":0.1})", "0.25"), one("", "must be a multiple of 0.1"));
    EXPECT_EQ(faults(R"({"minLength":1})", R"("")"),
              one("", "must have at least 1 character, has 0"));
    EXPECT_EQ(faults(R"({"pattern":"^a+$"})", R"("b")"), one("", "must match the pattern ^a+$"));
    EXPECT_EQ(faults(R"({"uniqueItems":true})", "[1,2,1.0]"),
              one("", "must have no two equal items; items 0 and 2 are equal"));
    EXPECT_EQ(faults(R"({"required":["a"]})", "{}"), one("", R"(must have the member "a")"));
    EXPECT_EQ(faults(R"({"properties":{"a":true},"additionalProperties":false})", R"({"b":1})"),
              one("/b", R"(is not a known member; use only "a")"));
    EXPECT_EQ(faults(R"({"propertyNames":{"maxLength":1}})", R"({"bc":1})"),
              one("", R"(the member name "bc" must have at most 1 character, has 2)"));
    EXPECT_EQ(faults(R"({"dependencies":{"a":["b"]}})", R"({"a":1})"),
              one("", R"(must have the member "b" when it has "a")"));
    EXPECT_EQ(faults(R"({"anyOf":[{"type":"string"},{"required":["a"]}]})", "{}"),
              one("", R"(has none of the allowed forms: must be a string, not an object, or )"
                      R"(must have the member "a")"));
    EXPECT_EQ(faults(R"({"properties":{"x":false}})", R"({"x":1})"),
              one("/x", "is not allowed here"));
}

TEST(Schema, ReportsAllFaultsInDocumentOrderWithPointers) {
    EXPECT_EQ(faults(R"({"properties":{"a/b":{"items":{"type":"null"}},"~":{"type":"null"}}})",
                     R"({"~":1,"a/b":[null,2,3]})"),
              R"([{"path":"/~0","message":"must be null, not an integer"},)"
              R"({"path":"/a~1b/1","message":"must be null, not an integer"},)"
              R"({"path":"/a~1b/2","message":"must be null, not an integer"}])");
}

TEST(Schema, StopsAfter32Faults) {
    const auto schema = Schema::compile(R"({"items":false})");
    JsonParser parser;
    std::string data = "[0";
    for (int i = 0; i < 100; ++i) data += ",0";
    EXPECT_EQ((*schema)->validate(*parser.parse(data + "]")).size(), 32U);
}

TEST(Schema, ComparesNumbersByTheirExactValue) {
    EXPECT_EQ(faults(R"({"const":1})", "1.0"), "[]");
    EXPECT_EQ(faults(R"({"enum":[1.0]})", "1"), "[]");
    EXPECT_EQ(faults(R"({"const":0})", "-0.0"), "[]");
    EXPECT_EQ(faults(R"({"maximum":9007199254740992})", "9007199254740992"), "[]");
    EXPECT_NE(faults(R"({"maximum":9007199254740992})", "9007199254740993"), "[]");
    EXPECT_NE(faults(R"({"const":18446744073709551615})", "18446744073709551614"), "[]");
    EXPECT_EQ(faults(R"({"const":10000000000000000000})", "1e19"), "[]");
    EXPECT_EQ(faults(R"({"multipleOf":0.01})", "19.99"), "[]");
    EXPECT_EQ(faults(R"({"multipleOf":0.1})", "0.3"), "[]");
    EXPECT_EQ(faults(R"({"multipleOf":3})", "18446744073709551615"), "[]");
    EXPECT_NE(faults(R"({"multipleOf":3})", "18446744073709551614"), "[]");
    EXPECT_NE(faults(R"({"type":"integer","multipleOf":0.123456789})", "1e308"), "[]");
    EXPECT_EQ(faults(R"({"type":"integer","multipleOf":7})", "7e300"), "[]");
    EXPECT_EQ(faults(R"({"type":"integer"})", "1e300"), "[]");
    EXPECT_NE(faults(R"({"multipleOf":1e300})", "1e-300"), "[]");
}

TEST(Schema, CountsLengthsInCodePoints) {
    EXPECT_EQ(faults(R"({"minLength":2,"maxLength":2})", "\"\xf0\x9f\x98\x80\\u00e9\""), "[]");
    EXPECT_EQ(faults(R"({"maxLength":1})", R"("\ud83d\ude00")"), "[]");
}

TEST(Schema, KeepsEqualValuesApartFromThoseThatOnlyLookAlike) {
    EXPECT_EQ(
        faults(R"({"uniqueItems":true})",
               R"([["a","b"],["a,b"],"s1:a",{"a":1},{"a":"1"},"",[],[[]],{},null,false,0,"0"])"),
        "[]");
    EXPECT_NE(faults(R"({"uniqueItems":true})", R"([{"a":1,"b":2},{"b":2,"a":1}])"), "[]");
}

TEST(Schema, ChecksEachOfTwoMembersWithOneName) {
    EXPECT_NE(faults(R"({"properties":{"a":{"type":"null"}}})", R"({"a":1,"a":null})"), "[]");
    EXPECT_NE(faults(R"({"properties":{"a":{"type":"null"}}})", R"({"a":null,"a":1})"), "[]");
}

TEST(Schema, RefusesWhatItCannotRunAndNamesThePlace) {
    EXPECT_THAT(refusal("{"), HasSubstr("not valid JSON"));
    EXPECT_THAT(refusal("1"), HasSubstr("must be a schema"));
    EXPECT_THAT(
        refusal(R"_({"properties":{"a":{"pattern":"(?=x)"}}})_"),
        AllOf(HasSubstr("\"/properties/a/pattern\""), HasSubstr("(?=x)"), HasSubstr("RE2")));
    EXPECT_THAT(refusal(R"({"patternProperties":{"\\1":true}})"),
                HasSubstr("\"/patternProperties\""));
    EXPECT_THAT(refusal(R"({"type":"strnig"})"), HasSubstr("strnig"));
    EXPECT_THAT(refusal(R"({"items":[{"minLength":-1}]})"), HasSubstr("\"/items/0/minLength\""));
    EXPECT_THAT(refusal(R"({"maxItems":1.5})"), HasSubstr("integer of 0 or more"));
    EXPECT_THAT(refusal(R"({"multipleOf":0})"), HasSubstr("greater than 0"));
    EXPECT_THAT(refusal(R"({"required":["a",1]})"), HasSubstr("list of strings"));
    EXPECT_THAT(refusal(R"({"anyOf":[]})"), HasSubstr("at least one schema"));
    EXPECT_THAT(refusal(R"({"properties":{"a":1}})"), HasSubstr("\"/properties/a\""));
    EXPECT_THAT(refusal(R"({"$ref":"#/definitions/none"})"), HasSubstr("#/definitions/none"));
    EXPECT_THAT(refusal(R"({"$ref":"http://example.com/x.json"})"),
                HasSubstr("nothing is fetched"));
    EXPECT_THAT(refusal(R"({"$ref":1})"), HasSubstr("\"/$ref\""));
}

TEST(Schema, RefusesReferencesThatWouldNeverEnd) {
    EXPECT_THAT(refusal(R"({"$ref":"#"})"), HasSubstr("never end"));
    EXPECT_THAT(refusal(R"({"definitions":{"a":{"allOf":[{"$ref":"#/definitions/b"}]},)"
                        R"("b":{"not":{"$ref":"#/definitions/a"}}},"$ref":"#/definitions/a"})"),
                HasSubstr("never end"));
    EXPECT_EQ(refusal(R"({"properties":{"next":{"$ref":"#"}}})"), "compiled");
}

TEST(Schema, IgnoresWhatStandsBesideAReference) {
    const std::string_view schema =
        R"({"$id":"http://h/a/base/","definitions":{"foo":{"$id":"http://h/a/foo.json","type":"string"},)"
        R"("base_foo":{"$id":"foo.json","type":"number"}},)"
        R"("allOf":[{"$id":"http://h/a/","$ref":"foo.json","enum":[7]}]})";
    EXPECT_EQ(faults(schema, "1"), "[]");
    EXPECT_EQ(faults(schema, "\"1\""), one("", "must be a number, not a string"));
}

TEST(Schema, FindsSchemasByTheirAnchors) {
    const std::string_view schema =
        R"({"items":{"$ref":"#here"},"definitions":{"a":{"$id":"#here","type":"null"}}})";
    EXPECT_EQ(faults(schema, "[null]"), "[]");
    EXPECT_NE(faults(schema, "[1]"), "[]");
}

TEST(Schema, CompilesALongChainOfReferencesWithoutRecursion) {
    std::string text = R"({"$ref":"#/definitions/d0","definitions":{)";
    constexpr int kLinks = 1'200;
    for (int i = 0; i < kLinks; ++i) {
        text += "\"d" + std::to_string(i) + "\":{\"$ref\":\"#/definitions/d" +
                std::to_string(i + 1) + "\"},";
    }
    text += "\"d" + std::to_string(kLinks) + "\":true}}";
    EXPECT_THAT(faults(text, "1"), HasSubstr("nested too deeply"));
}

TEST(Schema, BoundsTheWorkOfASchemaThatBranchesAtEachLevel) {
    const std::string_view schema =
        R"({"anyOf":[{"properties":{"c":{"$ref":"#"}},"additionalProperties":false},)"
        R"({"properties":{"c":{"$ref":"#"}},"additionalProperties":{"type":"null"}}]})";
    std::string data = R"({"bad":1})";
    for (int i = 0; i < 100; ++i) data = R"({"c":)" + data + "}";
    EXPECT_NE(faults(schema, data), "[]");
    EXPECT_THAT(faults(R"({"not":{"$ref":"#/definitions/d"},"definitions":{"d":)" +
                           with_references_to(schema, "#/definitions/d") + "}}",
                       data),
                HasSubstr("too many ways"));
}

TEST(Schema, ChecksDataOfAnySizeWithASchemaThatDoesNotBranch) {
    std::string data = "[0";
    for (int i = 0; i < 120'000; ++i) data += ",0";
    EXPECT_EQ(faults(R"({"items":{"type":"integer"}})", data + "]"), "[]");
}

TEST(Schema, ChecksPatternsInLinearTime) {
    const std::string data = "\"" + std::string(100'000, 'a') + "!\"";
    EXPECT_NE(faults(R"({"pattern":"^(a+)+$"})", data), "[]");
}

TEST(Schema, ReadsUnicodeEscapesInPatterns) {
    EXPECT_EQ(faults(R"({"pattern":"^\\u00e9$"})", "\"\xc3\xa9\""), "[]");
    EXPECT_NE(faults(R"({"pattern":"^\\\\u00e9$"})", "\"\xc3\xa9\""), "[]");
}

TEST(Schema, ShortensWhatItRepeatsOfTheData) {
    const std::string name(100'000, 'n');
    const std::string text =
        faults(R"({"additionalProperties":{"items":false}})", "{\"" + name + "\":[1,2,3]}");
    EXPECT_LT(text.size(), 3'000U);
}

TEST(Schema, KnowsWhenThereIsNothingToCheck) {
    EXPECT_TRUE((*Schema::compile("true"))->accepts_all());
    EXPECT_TRUE((*Schema::compile("{}"))->accepts_all());
    EXPECT_FALSE((*Schema::compile("false"))->accepts_all());
    EXPECT_EQ(faults("false", "1"), one("", "is not allowed here"));
}

TEST(SchemaUri, ResolvesAsRfc3986) {
    EXPECT_EQ(resolve_uri("http://h/a/b", "c"), "http://h/a/c");
    EXPECT_EQ(resolve_uri("http://h/a/b#x", "#y"), "http://h/a/b#y");
    EXPECT_EQ(resolve_uri("http://h/a/b", "../c/./d"), "http://h/c/d");
    EXPECT_EQ(resolve_uri("http://h/a/b", "../../../c"), "http://h/c");
    EXPECT_EQ(resolve_uri("http://h/a/b", "/c"), "http://h/c");
    EXPECT_EQ(resolve_uri("http://h", "c"), "http://h/c");
    EXPECT_EQ(resolve_uri("http://h/a", "//g/c"), "http://g/c");
    EXPECT_EQ(resolve_uri("http://h/a", "urn:x:y"), "urn:x:y");
    EXPECT_EQ(resolve_uri("http://h/a?q", "?r"), "http://h/?r");
    EXPECT_EQ(resolve_uri("", "node"), "node");
    EXPECT_EQ(resolve_uri("tree", "node"), "node");
}

}  // namespace
}  // namespace signalbox::actions
