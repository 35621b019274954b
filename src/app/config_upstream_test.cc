#include "app/config_upstream.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/config.h"

namespace signalbox::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class UpstreamConfig : public testing::Test {
protected:
    ~UpstreamConfig() override { std::filesystem::remove(path_); }
    std::expected<LoadedConfig, std::vector<ConfigProblem>> load(std::string_view toml) {
        std::ofstream(path_) << toml;
        ConfigSources sources;
        sources.environment["SIGNALBOX_AUTH_JWT_SECRET"] = std::string(32, 's');
        sources.file = path_;
        return load_config(sources);
    }
    /// "LINE key: message" of each.
    std::vector<std::string> problems(std::string_view toml) {
        std::vector<std::string> texts;
        const auto loaded = load(toml);
        if (loaded) return texts;
        for (const ConfigProblem& one : loaded.error())
            texts.push_back(fmt::format("{} {}: {}", one.line, one.key, one.message));
        return texts;
    }
    const std::string path_ = testing::TempDir() + "upstream_" + std::to_string(getpid()) + ".toml";
};

TEST_F(UpstreamConfig, IsReadWithEveryMember) {
    const auto loaded = load(R"(
[actions]
signing_secret = "0123456789abcdef0123456789abcdef"

[[actions.upstream]]
name = "orders.get"
url = "https://api.example.com/orders/{id}"
permission = "orders:read"
description = "One order."
mode = "rest"
method = "GET"
input_schema = '''{"type": "object"}'''
output_schema = '''{"type": "object"}'''
timeout = "5s"
retries = 1
max_concurrency = 7
max_waiting = 8
cost = 2.5
progress = true
headers = {X-Api-Key = "k"}
forward_authorization = true
response_bytes_max = 1000
breaker_failures = 3
breaker_pause = "1s"

[[actions.upstream]]
name = "billing.*"
url = "http://127.0.0.1:3000/actions"
permission = "upstream"
)");
    ASSERT_TRUE(loaded.has_value()) << loaded.error().front().text();
    const actions::UpstreamOptions& options = loaded->config.actions;
    EXPECT_EQ(options.signing_secret.size(), 32U);
    ASSERT_EQ(options.upstreams.size(), 2U);
    const actions::UpstreamSpec expected{.name = "orders.get",
                                         .url = "https://api.example.com/orders/{id}",
                                         .permission = "orders:read",
                                         .description = "One order.",
                                         .mode = actions::UpstreamMode::kRest,
                                         .method = "GET",
                                         .input_schema = R"({"type": "object"})",
                                         .output_schema = R"({"type": "object"})",
                                         .timeout = 5s,
                                         .retries = 1,
                                         .safe_to_retry = true,
                                         .max_concurrency = 7,
                                         .max_waiting = 8,
                                         .cost = 2.5,
                                         .progress = true,
                                         .headers = {{"X-Api-Key", "k"}},
                                         .forward_authorization = true,
                                         .response_bytes_max = 1000,
                                         .breaker_failures = 3,
                                         .breaker_pause = 1s};
    EXPECT_TRUE(options.upstreams[0] == expected);
    EXPECT_FALSE(options.upstreams[1].safe_to_retry);
    EXPECT_THAT(loaded->warnings, testing::IsEmpty());
}

TEST_F(UpstreamConfig, NamesEveryFaultWithItsLine) {
    EXPECT_THAT(problems("[[actions.upstream]]\n"
                         "name = \"a\"\n"
                         "url = 5\n"
                         "colour = \"red\"\n"
                         "timeout = \"soon\"\n"
                         "headers = {Host = \"x\"}\n"
                         "method = \"HEAD\"\n"),
                UnorderedElementsAre(
                    "1 actions.upstream.permission: is missing",
                    "3 actions.upstream.url: must be a text in quotes",
                    "4 actions.upstream.colour: unknown key",
                    "5 actions.upstream.timeout: must be a duration in quotes like \"25s\", 10ms "
                    "to 24h",
                    HasSubstr("6 actions.upstream.headers: must be a table of texts"),
                    HasSubstr("7 actions.upstream.method: must be GET, POST")));
    EXPECT_THAT(problems("[actions]\nupstream = 5\n"),
                ElementsAre(HasSubstr("2 actions.upstream: must be a list of tables")));
    EXPECT_THAT(problems("[actions]\nsigning_secret = \"short\"\n"),
                ElementsAre(HasSubstr("actions.signing_secret: must have at least 32 bytes")));
}

TEST_F(UpstreamConfig, TellsTheFaultsOfAllEntriesAtOnceInTheOrderOfTheLines) {
    EXPECT_THAT(
        problems("[[actions.upstream]]\n"
                 "name = \"a\"\n"
                 "url = \"ftp://x\"\n"
                 "permission = \"\"\n"
                 "output_schema = \"{\"\n"
                 "[[actions.upstream]]\n"
                 "name = \"bad name\"\n"
                 "url = \"ftp://y\"\n"
                 "permission = \"a b\"\n"
                 "[[actions.upstream]]\n"
                 "name = \"c\"\n"
                 "url = \"http://127.0.0.1/{id}\"\n"
                 "mode = \"Rest\"\n"
                 "permission = \"\"\n"
                 "timeout = \"30\"\n"
                 "[nonsense]\n"),
        ElementsAre(HasSubstr("3 actions.upstream: action \"a\": url must begin with"),
                    HasSubstr("5 actions.upstream: action \"a\", output schema: "),
                    HasSubstr("7 actions.upstream: action \"bad name\" has a bad name: it must "
                              "be 1 to 128 of A-Z a-z 0-9 _ . - and begin with neither"),
                    HasSubstr("8 actions.upstream: action \"bad name\": url must begin with"),
                    HasSubstr("9 actions.upstream.permission: must be a text in quotes "
                              "without white space"),
                    HasSubstr("13 actions.upstream.mode: must be \"envelope\" or"),
                    HasSubstr("15 actions.upstream.timeout: must be a duration"),
                    "16 nonsense: unknown key."));
}

TEST_F(UpstreamConfig, IsJudgedAsTheServerWillUseIt) {
    const std::string entry =
        "[[actions.upstream]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\npermission = \"\"\n";
    EXPECT_THAT(problems(entry + entry),
                ElementsAre("6 actions.upstream: action \"a\" is registered twice"));
    EXPECT_THAT(
        problems("[[actions.upstream]]\nname = \"system.ping\"\n"
                 "url = \"http://127.0.0.1/\"\npermission = \"\"\n"),
        ElementsAre("2 actions.upstream: action \"system.ping\" is built in: choose another name"));
    EXPECT_THAT(problems(entry + "input_schema = \"{\"\n"), ElementsAre(HasSubstr("input schema")));
    EXPECT_THAT(problems(entry + "cost = inf\n"), ElementsAre(HasSubstr("1 actions.upstream: ")));
}

TEST_F(UpstreamConfig, WarnsOfSecretsInPlainTextAndOfAnApiThatCannotDecide) {
    const auto loaded = load(
        "[[actions.upstream]]\nname = \"a\"\nurl = \"http://api.example.com/\"\n"
        "permission = \"\"\nforward_authorization = true\n"
        "[[actions.upstream]]\nname = \"b\"\nurl = \"http://api.example.com/\"\n"
        "permission = \"upstream\"\nmode = \"rest\"\n");
    ASSERT_TRUE(loaded.has_value());
    EXPECT_THAT(loaded->warnings,
                ElementsAre(HasSubstr("\"a\": sends tokens or keys over plain HTTP"),
                            HasSubstr("\"b\": the API cannot decide")));
}

TEST_F(UpstreamConfig, WarnsOfResultsThatNoConnectionWouldTake) {
    const std::string entry =
        "[[actions.upstream]]\nname = \"a\"\nurl = \"http://127.0.0.1/\"\npermission = \"\"\n"
        "response_bytes_max = 200000\n[limits]\noutbound_bytes_max = ";
    EXPECT_THAT(load(entry + "199999\n")->warnings,
                ElementsAre(HasSubstr("response_bytes_max (200000) is over")));
    EXPECT_THAT(load(entry + "200000\n")->warnings, testing::IsEmpty());
    EXPECT_THAT(load(entry + "0\n")->warnings, testing::IsEmpty());
}

/// The table of docs/upstream.md.
TEST(UpstreamDocumentation, HasEveryMember) {
    std::ifstream file(SIGNALBOX_SOURCE_DIR "/docs/upstream.md");
    std::stringstream text;
    text << file.rdbuf();
    std::string expected;
    for (const UpstreamField& field : upstream_fields()) {
        expected += fmt::format("| `{}` | {} | {} |\n", field.name,
                                field.otherwise.empty() ? "needed" : field.otherwise, field.doc);
    }
    EXPECT_THAT(text.str(), HasSubstr(expected));
}

}  // namespace
}  // namespace signalbox::app
