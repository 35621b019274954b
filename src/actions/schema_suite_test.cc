#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "actions/schema.h"
#include "actions/schema_text.h"

/// The official test suite of JSON Schema (Debian's package json-schema-test-suite), draft-07.
namespace signalbox::actions {
namespace {

const std::filesystem::path kSuite = "/usr/share/json-schema-test-suite/tests/draft7";

std::string read(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

std::string raw_member(std::string_view object, std::string_view name) {
    RawMembers members(object);
    while (const auto member = members.next()) {
        if (member->key == name) return std::string(member->value);
    }
    return "";
}

enum class Form : std::uint8_t { kOriginal, kRewritten };

struct Tally {
    Form form = Form::kOriginal;
    int cases = 0;
    int refused_schemas = 0;
};

/// The schema as AsyncAPI documents have it.
std::string rewritten(const std::string& text) {
    const auto schema = Schema::compile(text);
    return schema ? schema_text(*schema, SchemaDialect::kDraft07, "#") : text;
}

void run_group(std::string_view group, const std::string& file, Tally& tally) {
    const std::string where = file + ": " + raw_member(group, "description");
    const std::string text = raw_member(group, "schema");
    const auto schema = Schema::compile(tally.form == Form::kRewritten ? rewritten(text) : text);
    if (!schema) {
        ++tally.refused_schemas;
        EXPECT_TRUE(schema.error().contains("nothing is fetched"))
            << where << ": " << schema.error();
        return;
    }
    for_each_raw_element(raw_member(group, "tests"), [&](std::string_view test) {
        JsonParser parser;
        const auto data = parser.parse(raw_member(test, "data"));
        EXPECT_TRUE(data.has_value()) << where;
        if (!data) return true;
        const auto faults = (*schema)->validate(*data);
        EXPECT_EQ(faults.empty(), raw_member(test, "valid") == "true")
            << where << ": " << raw_member(test, "description") << " " << details_of(faults);
        ++tally.cases;
        return true;
    });
}

void run_file(const std::filesystem::path& file, Tally& tally) {
    const std::string text = read(file);
    for_each_raw_element(text, [&](std::string_view group) {
        run_group(group, file.filename().string(), tally);
        return true;
    });
}

Tally run_required(Form form) {
    Tally tally{.form = form};
    for (const auto& entry : std::filesystem::directory_iterator(kSuite)) {
        const bool remote = entry.path().filename() == "refRemote.json";
        if (entry.path().extension() == ".json" && !remote) run_file(entry.path(), tally);
    }
    return tally;
}

TEST(SchemaSuite, PassesEveryRequiredCaseOfDraft07) {
    if (!std::filesystem::exists(kSuite)) GTEST_SKIP() << "apt-get install json-schema-test-suite";
    const Tally tally = run_required(Form::kOriginal);
    EXPECT_GT(tally.cases, 400);
    EXPECT_EQ(tally.refused_schemas, 0);
}

TEST(SchemaSuite, PassesTheSameCasesWithSchemasWrittenAnew) {
    if (!std::filesystem::exists(kSuite)) GTEST_SKIP() << "apt-get install json-schema-test-suite";
    const Tally tally = run_required(Form::kRewritten);
    EXPECT_GT(tally.cases, 400);
    EXPECT_EQ(tally.refused_schemas, 0);
}

TEST(SchemaSuite, RefusesSchemasThatNeedAnotherDocument) {
    if (!std::filesystem::exists(kSuite)) GTEST_SKIP() << "apt-get install json-schema-test-suite";
    Tally tally;
    run_file(kSuite / "refRemote.json", tally);
    EXPECT_EQ(tally.cases, 0);
    EXPECT_EQ(tally.refused_schemas, 7);
}

TEST(SchemaSuite, PassesTheOptionalCasesOfNumbersWithZerosAfterThePoint) {
    if (!std::filesystem::exists(kSuite)) GTEST_SKIP() << "apt-get install json-schema-test-suite";
    Tally tally;
    run_file(kSuite / "optional/zeroTerminatedFloats.json", tally);
    EXPECT_EQ(tally.refused_schemas, 0);
}

}  // namespace
}  // namespace signalbox::actions
