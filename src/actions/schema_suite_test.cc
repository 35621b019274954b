#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

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

std::string text_member(std::string_view object, std::string_view name) {
    const std::string raw = raw_member(object, name);
    return raw.size() < 2 ? raw : unescape_json(std::string_view(raw).substr(1, raw.size() - 2));
}

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

/// What of one optional file passes: "| `bignum` | 9 | 2 |", and a line for each case that fails.
struct OptionalFile {
    int passed = 0;
    std::vector<std::string> failed;
};

OptionalFile run_optional(const std::filesystem::path& file) {
    OptionalFile result;
    for_each_raw_element(read(file), [&](std::string_view group) {
        const std::string name = text_member(group, "description");
        const auto schema = Schema::compile(raw_member(group, "schema"));
        for_each_raw_element(raw_member(group, "tests"), [&](std::string_view test) {
            JsonParser parser;
            const auto data = parser.parse(raw_member(test, "data"));
            const bool right =
                schema && data &&
                (*schema)->validate(*data).empty() == (raw_member(test, "valid") == "true");
            if (right) {
                ++result.passed;
            } else {
                result.failed.push_back(name + ": " + text_member(test, "description"));
            }
            return true;
        });
        return true;
    });
    return result;
}

/// The list of docs/schemas.md.
std::string optional_results() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kSuite / "optional"))
        if (entry.path().extension() == ".json") files.push_back(entry.path());
    std::ranges::sort(files);
    std::string table = "| file | pass | fail |\n| --- | --- | --- |\n";
    std::string names;
    for (const std::filesystem::path& file : files) {
        const OptionalFile result = run_optional(file);
        const std::string name =
            file.lexically_relative(kSuite / "optional").replace_extension().string();
        table += "| `" + name + "` | " + std::to_string(result.passed) + " | " +
                 std::to_string(result.failed.size()) + " |\n";
        if (!result.failed.empty()) names += "\n`" + name + "`\n\n";
        for (const std::string& failed : result.failed) names += "- " + failed + '\n';
    }
    return table + names;
}

TEST(SchemaSuite, FailsTheOptionalCasesThatTheDocumentationNames) {
    if (!std::filesystem::exists(kSuite)) GTEST_SKIP() << "apt-get install json-schema-test-suite";
    const std::string results = optional_results();
    EXPECT_TRUE(read(SIGNALBOX_DOCS "/schemas.md").contains("\n\n" + results))
        << "docs/schemas.md should have:\n"
        << results;
}

}  // namespace
}  // namespace signalbox::actions
