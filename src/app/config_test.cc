#include "app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "app/config_docs.h"
#include "app/config_keys.h"
#include "app/config_value.h"

namespace signalbox::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";

/// A file that goes away with the test.
class TemporaryFile {
public:
    explicit TemporaryFile(std::string_view content)
        : path_(testing::TempDir() + "config_" + std::to_string(getpid()) + ".toml") {
        std::ofstream(path_) << content;
    }
    ~TemporaryFile() { std::filesystem::remove(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

ConfigSources with_secret() {
    ConfigSources sources;
    sources.environment["SIGNALBOX_AUTH_JWT_SECRET"] = kSecret;
    return sources;
}

Config load(const ConfigSources& sources) {
    const auto loaded = load_config(sources);
    if (!loaded) {
        for (const ConfigProblem& problem : loaded.error()) ADD_FAILURE() << problem.text();
        return {};
    }
    return loaded->config;
}

/// The problems' texts, with the file's folder cut off.
std::vector<std::string> problems_of(const ConfigSources& sources) {
    std::vector<std::string> texts;
    const auto loaded = load_config(sources);
    if (loaded) return texts;
    for (const ConfigProblem& problem : loaded.error()) {
        std::string text = problem.text();
        if (sources.file && text.starts_with(*sources.file)) {
            text = "FILE" + text.substr(sources.file->size());
        }
        texts.push_back(text);
    }
    return texts;
}

std::vector<std::string> problems_of_file(std::string_view content) {
    const TemporaryFile file(content);
    ConfigSources sources = with_secret();
    sources.file = file.path();
    return problems_of(sources);
}

Config load_file(std::string_view content) {
    const TemporaryFile file(content);
    ConfigSources sources = with_secret();
    sources.file = file.path();
    return load(sources);
}

TEST(SecretFile, HoldsTheSecretWithoutItsLineEnd) {
    for (const char* end : {"", "\n", "\r\n"}) {
        const TemporaryFile secret(std::string(kSecret) + end);
        ConfigSources sources;
        sources.environment["SIGNALBOX_AUTH_JWT_SECRET_FILE"] = secret.path();
        EXPECT_EQ(load(sources).tokens.secret, kSecret);
    }
}

TEST(SecretFile, IsRefusedWhenItCannotBeReadOrIsNotAlone) {
    ConfigSources sources;
    sources.environment["SIGNALBOX_AUTH_JWT_SECRET_FILE"] = "/nowhere";
    EXPECT_THAT(problems_of(sources),
                testing::Contains("SIGNALBOX_AUTH_JWT_SECRET_FILE: auth.jwt.secret_file: "
                                  "\"/nowhere\" cannot be read: No such file or directory"));
    sources = with_secret();
    sources.environment["SIGNALBOX_AUTH_JWT_SECRET_FILE"] = "/nowhere";
    EXPECT_THAT(problems_of(sources),
                ElementsAre("SIGNALBOX_AUTH_JWT_SECRET_FILE: auth.jwt.secret_file: excludes "
                            "auth.jwt.secret"));
    const TemporaryFile empty("\n");
    sources = {};
    sources.environment["SIGNALBOX_AUTH_JWT_SECRET_FILE"] = empty.path();
    EXPECT_THAT(problems_of(sources), testing::Contains(HasSubstr("is empty")));
}

TEST(SecretFile, IsNotShownWhenItsSecretIsWeak) {
    const TemporaryFile weak("short-and-secret");
    ConfigSources sources;
    sources.environment["SIGNALBOX_AUTH_JWT_SECRET_FILE"] = weak.path();
    const auto problems = problems_of(sources);
    EXPECT_THAT(problems, ElementsAre(HasSubstr("must have at least 32 bytes, has 16")));
    EXPECT_THAT(problems, testing::Each(testing::Not(HasSubstr("short-and-secret"))));
}

TEST(Duration, IsReadWithUnitsFromTheLongestToTheShortest) {
    EXPECT_EQ(parse_duration("25s"), 25s);
    EXPECT_EQ(parse_duration("500ms"), 500ms);
    EXPECT_EQ(parse_duration("1h"), 1h);
    EXPECT_EQ(parse_duration("12h"), 12h);
    EXPECT_EQ(parse_duration("1m30s"), 90s);
    EXPECT_EQ(parse_duration("2d1h1m1s1ms"), 49h + 61s + 1ms);
    EXPECT_EQ(parse_duration("0s"), 0ms);
}

TEST(Duration, RefusesWhatIsNotOne) {
    for (const char* text : {"", "25", "s", "-1s", "1.5s", "30s1m", "1s1s", "1 s", "1S",
                             "5 minutes", "99999999999999999999s", "200000d", "1w", " 1s", "1s "}) {
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    }
}

TEST(Duration, FormatsToTextThatReadsBack) {
    for (const Milliseconds value : {0ms, 1ms, 999ms, 1000ms, 90'000ms, 3'600'000ms, 86'400'000ms,
                                     129'600'000ms, 172'800'001ms, 366 * 86'400'000ms}) {
        EXPECT_EQ(parse_duration(format_duration(value)), value);
    }
    EXPECT_EQ(format_duration(90s), "1m30s");
    EXPECT_EQ(format_duration(24h), "24h");
}

TEST(EditDistance, CountsInsertionsDeletionsAndReplacements) {
    EXPECT_EQ(edit_distance("port", "port"), 0U);
    EXPECT_EQ(edit_distance("prot", "port"), 2U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("shard", "shards"), 1U);
}

TEST(Loopback, IsLocalhostAndTheLoopbackNetworks) {
    for (const char* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1"}) {
        EXPECT_TRUE(is_loopback(host)) << host;
    }
    for (const char* host : {"0.0.0.0", "::", "127.example.com", "10.0.0.1", ""}) {
        EXPECT_FALSE(is_loopback(host)) << host;
    }
}

TEST(Config, HasTheDocumentedDefaults) {
    const Config config = load(with_secret());
    EXPECT_EQ(config.server.host, "0.0.0.0");
    EXPECT_EQ(config.server.port, 8080);
    EXPECT_THAT(config.server.path_aliases, ElementsAre("/socket.io"));
    EXPECT_THAT(config.server.allowed_origins, IsEmpty());
    EXPECT_EQ(config.server.shutdown_grace, 10s);
    EXPECT_FALSE(config.server.test_client);
    EXPECT_EQ(config.engineio.ping_interval, 25s);
    EXPECT_EQ(config.engineio.ping_timeout, 20s);
    EXPECT_EQ(config.engineio.payload_bytes_max, 1'000'000U);
    EXPECT_EQ(config.engineio.outbound_bytes_max, 1U << 20);
    EXPECT_EQ(config.socketio.connect_timeout, 10s);
    EXPECT_EQ(config.gateway.limits.message_bytes_max, 262'144U);
    EXPECT_EQ(config.gateway.limits.connection_messages.per_second, 50);
    EXPECT_EQ(config.gateway.limits.connection_messages.burst, 100);
    EXPECT_EQ(config.gateway.limits.address_handshakes.burst, 200);
    EXPECT_EQ(config.gateway.limits.connections_per_user, 100U);
    EXPECT_EQ(config.gateway.limits.violations_before_close, 100U);
    EXPECT_EQ(config.gateway.session_ttl, 12h);
    EXPECT_EQ(config.gateway.expiry_grace, 25s);
    EXPECT_TRUE(config.gateway.token_sources.header);
    EXPECT_FALSE(config.gateway.token_sources.query);
    EXPECT_EQ(config.tokens.session_claim, "sid");
    EXPECT_EQ(config.log.format, LogFormat::kJson);
    EXPECT_EQ(config.data_dir, "var");
}

TEST(Config, HasDefaultsOfItsOwnForDev) {
    ConfigSources sources;
    sources.mode = RunMode::kDev;
    const Config config = load(sources);
    EXPECT_EQ(config.server.host, "127.0.0.1");
    EXPECT_TRUE(config.server.test_client);
    EXPECT_EQ(config.log.format, LogFormat::kText);
    EXPECT_THAT(config.server.allowed_origins, ElementsAre("*"));
    EXPECT_EQ(config.tokens.secret, "");
}

TEST(Config, LetsUsersAndCompaniesSendTwiceTheirRateAtOnce) {
    const auto limits = [](const std::string& key) {
        return load_file("[limits]\n" + key).gateway.limits;
    };
    EXPECT_EQ(limits("user_messages_per_second = 5").user_messages.burst, 10);
    EXPECT_EQ(limits("company_messages_per_second = 0.2").company_messages.burst, 1);
}

TEST(Config, ReadsEveryTypeFromAFile) {
    const Config config = load_file(R"(
data.dir = "data"
[server]
port = 9000
trusted_proxies = ["10.0.0.0/8", "::1"]
test_client = true
[engineio]
ping_interval = "1m30s"
transports = ["websocket"]
[auth]
token_sources = ["auth", "query"]
[auth.jwt]
leeway = "3s"
[auth.sessions]
mode = "claim"
[auth.roles]
editor = ["orders:*"]
[[auth.service_keys]]
id = "billing"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
permissions = ["updates:send"]
companies = ["acme"]
[limits]
messages_per_second = 2.5
)");
    EXPECT_EQ(config.data_dir, "data");
    EXPECT_EQ(config.server.port, 9000);
    EXPECT_THAT(config.server.trusted_proxies, ElementsAre("10.0.0.0/8", "::1"));
    EXPECT_TRUE(config.server.test_client);
    EXPECT_EQ(config.engineio.ping_interval, 90s);
    EXPECT_FALSE(config.engineio.allow_polling);
    EXPECT_TRUE(config.gateway.token_sources.query);
    EXPECT_FALSE(config.gateway.token_sources.header);
    EXPECT_EQ(config.tokens.leeway, 3s);
    EXPECT_EQ(config.gateway.token_leeway, 3s);
    EXPECT_EQ(config.gateway.session_mode, gateway::SessionMode::kClaim);
    EXPECT_THAT(config.tokens.roles.at("editor"), ElementsAre("orders:*"));
    ASSERT_EQ(config.service_keys.size(), 1U);
    EXPECT_EQ(config.service_keys[0].id, "billing");
    EXPECT_EQ(config.service_keys[0].companies, std::vector{CompanyId::trusted("acme")});
    EXPECT_EQ(config.gateway.limits.connection_messages.per_second, 2.5);
}

TEST(Config, LetsFlagsWinOverEnvironmentOverFileOverDevDefaults) {
    const TemporaryFile file("[server]\nhost = \"127.0.0.2\"\nport = 1\nshards = 2\n");
    ConfigSources sources;
    sources.mode = RunMode::kDev;
    sources.file = file.path();
    EXPECT_EQ(load(sources).server.host, "127.0.0.2");
    sources.environment["SIGNALBOX_SERVER_PORT"] = "2";
    sources.environment["SIGNALBOX_SERVER_HOST"] = "127.0.0.3";
    sources.flags = {{"--port", "server.port", "3"}};
    const Config config = load(sources);
    EXPECT_EQ(config.server.host, "127.0.0.3");
    EXPECT_EQ(config.server.port, 3);
    EXPECT_EQ(config.server.shards, 2);
    EXPECT_TRUE(config.server.test_client);
}

TEST(Config, ReadsEveryTypeFromTheEnvironment) {
    ConfigSources sources = with_secret();
    sources.environment.insert({
        {"SIGNALBOX_SERVER_PATH_ALIASES", "/a, /b"},
        {"SIGNALBOX_SERVER_TEST_CLIENT", "true"},
        {"SIGNALBOX_LIMITS_MESSAGES_PER_SECOND", "0.5"},
        {"SIGNALBOX_AUTH_EXPIRY_GRACE", "1s"},
        {"SIGNALBOX_DATA_DIR", "elsewhere"},
        {"SIGNALBOX_AUTH_ROLES", R"({admin = ["*"], viewer = []})"},
        {"SIGNALBOX_AUTH_SERVICE_KEYS",
         R"([{id = "a", sha256 = ")" + std::string(64, 'a') + R"(", permissions = ["x"]}])"},
        {"PATH", "/bin"},
    });
    const Config config = load(sources);
    EXPECT_THAT(config.server.path_aliases, ElementsAre("/a", "/b"));
    EXPECT_TRUE(config.server.test_client);
    EXPECT_EQ(config.gateway.limits.connection_messages.per_second, 0.5);
    EXPECT_EQ(config.gateway.expiry_grace, 1s);
    EXPECT_EQ(config.data_dir, "elsewhere");
    EXPECT_THAT(config.tokens.roles.at("admin"), ElementsAre("*"));
    ASSERT_EQ(config.service_keys.size(), 1U);
    EXPECT_EQ(config.service_keys[0].sha256_hex, std::string(64, 'a'));
}

TEST(Config, WarnsOfUnknownVariables) {
    ConfigSources sources = with_secret();
    sources.environment["SIGNALBOX_SERVER_PROT"] = "1";
    const auto loaded = load_config(sources);
    ASSERT_TRUE(loaded);
    EXPECT_THAT(loaded->warnings, ElementsAre("SIGNALBOX_SERVER_PROT: unknown, ignored. "
                                              "Did you mean SIGNALBOX_SERVER_PORT?"));
}

TEST(Config, ReportsEveryFaultAtOnceInTheOrderOfTheLines) {
    const TemporaryFile file(
        "[server]\n"
        "prot = 80\n"
        "shards = \"two\"\n"
        "ping_interval = \"1s\"\n"
        "[limits]\n"
        "messages_per_second = -1\n"
        "[nonsense]\n"
        "x = 1\n");
    ConfigSources sources = with_secret();
    sources.file = file.path();
    sources.environment["SIGNALBOX_AUTH_FORMAT"] = "xml";
    sources.flags = {{"--port", "server.port", "65536"}};
    EXPECT_THAT(problems_of(sources),
                ElementsAre("FILE:2: server.prot: unknown key. Did you mean server.port?",
                            "FILE:3: server.shards: must be a whole number, 1 to 256",
                            "FILE:4: server.ping_interval: unknown key. "
                            "Did you mean engineio.ping_interval?",
                            "FILE:6: limits.messages_per_second: must be a number, 0 to 1000000000",
                            "FILE:7: nonsense: unknown key.",
                            "SIGNALBOX_AUTH_FORMAT: auth.format: must be one of "
                            "\"string\", \"object\"",
                            "--port: server.port: must be a whole number, 0 to 65535"));
}

TEST(Config, TellsTheFaultsOfAllServiceKeysWithTheirLines) {
    const std::string good = "[[auth.service_keys]]\nid = \"a\"\nsha256 = \"" +
                             std::string(64, 'a') + "\"\npermissions = [\"x\"]\n";
    EXPECT_THAT(
        problems_of_file(good + good +
                         "[[auth.service_keys]]\nid = \"b\"\nsha256 = \"12\"\n"
                         "permissions = []\n[[auth.service_keys]]\nid = 5\n"
                         "sha256 = \"\"\npermissions = [\"x\"]\n"),
        ElementsAre("FILE:5: auth.service_keys: service key 'a' is there twice",
                    "FILE:9: auth.service_keys: service key 'b': sha256 is not 64 hex digits",
                    "FILE:14: auth.service_keys.id: must be a text in quotes"));
}

TEST(Config, SortsWhatOnlyShowsAtTheEndBetweenTheLinesOfTheFile) {
    EXPECT_THAT(
        problems_of_file("[limits]\nmessages_burst = 0\n[nonsense]\n"),
        ElementsAre(HasSubstr("FILE:2: limits.messages_burst"), HasSubstr("FILE:3: nonsense")));
}

struct BadLine {
    const char* toml;
    const char* message;
};

class ConfigFault : public testing::TestWithParam<BadLine> {};

TEST_P(ConfigFault, IsToldWithItsLine) {
    const auto problems = problems_of_file(GetParam().toml);
    ASSERT_EQ(problems.size(), 1U) << testing::PrintToString(problems);
    EXPECT_THAT(problems[0], testing::StartsWith(std::string("FILE:") + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Values, ConfigFault,
    testing::Values(
        BadLine{"[server]\nport = \"80\"", "2: server.port: must be a whole number"},
        BadLine{"[server]\nport = -1", "2: server.port: must be a whole number"},
        BadLine{"[server]\nport = 80.0", "2: server.port: must be a whole number"},
        BadLine{"[server]\nport = 1979-05-27", "2: server.port: must be a whole number"},
        BadLine{"[server]\nshards = 0", "2: server.shards: must be"},
        BadLine{"[server]\nhost = \"\"", "2: server.host: must be a text that is not empty"},
        BadLine{"[server]\ntest_client = 1", "2: server.test_client: must be true or false"},
        BadLine{"[server]\nshutdown_grace = 10", "2: server.shutdown_grace: must be a duration"},
        BadLine{"[server]\nshutdown_grace = \"0s\"", "2: server.shutdown_grace: must be"},
        BadLine{"[server]\nbase_path = \"x/\"", "2: server.base_path: must be empty, or a path"},
        BadLine{"[server]\npath_aliases = [\"/realtime\"]", "2: server.path_aliases: must not"},
        BadLine{"[server]\npath_aliases = \"/x\"", "2: server.path_aliases: must be a list"},
        BadLine{"[server]\nallowed_origins = [\"app.example.com\"]",
                "2: server.allowed_origins: must be a list, each \"*\" or an origin"},
        BadLine{"[server]\ntrusted_proxies = [\"10.0.0.0/33\"]",
                "2: server.trusted_proxies: must be a list, each an address"},
        BadLine{"[server]\ninternal_listen = \"9090\"", "2: server.internal_listen: must be"},
        BadLine{"server = 3", "1: server: must be a table"},
        BadLine{"[server]\nproxy_protocol = \"v1\"", "2: server.proxy_protocol: must be one of"},
        BadLine{"[server]\nproxy_protocol = \"required\"",
                "2: server.proxy_protocol: needs server.trusted_proxies"},
        BadLine{"[server.tls]\nticket_key_files = [\"/dev/null\"]",
                "2: server.tls.ticket_key_files: needs server.tls.certificate_file"},
        BadLine{"[server.tls]\ncertificate_file = \"/dev/null\"",
                "2: server.tls.certificate_file: needs"},
        BadLine{"[server.tls]\ncertificate_file = \"/nowhere.pem\"\nkey_file = \"/dev/null\"",
                "2: server.tls.certificate_file: \"/nowhere.pem\" cannot be read: No such file"},
        BadLine{"[server.tls]\ncertificate_file = \"/dev/null\"\nkey_file = \"/nowhere.pem\"",
                "3: server.tls.key_file: \"/nowhere.pem\" cannot be read: No such file"},
        BadLine{"[server.tls]\ncertificate_file = \"/dev/null\"\nkey_file = \"/dev/zero\"",
                "2: server.tls.certificate_file: cannot use the certificate /dev/null: "},
        BadLine{"[server]\nallowed_origins = [\"https://*\"]", "2: server.allowed_origins: must"},
        BadLine{"[engineio]\ntransports = []", "2: engineio.transports: must be a list"},
        BadLine{"[engineio]\ntransports = [\"webtransport\"]", "2: engineio.transports: must be"},
        BadLine{"[auth]\ntoken_sources = [\"query\"]", "2: auth.token_sources: must contain"},
        BadLine{"[auth.sessions]\nmode = \"introspect\"",
                "2: auth.sessions.mode: \"introspect\" needs auth.sessions.introspect_url"},
        BadLine{"[auth.sessions]\nmode = \"introspect\"\nintrospect_url = "
                "\"https://api\"\nintrospect_cache = \"1m\"",
                "4: auth.sessions.introspect_cache: must not be over"},
        BadLine{"[auth.sessions]\nintrospect_url = \"ftp://api\"",
                "2: auth.sessions.introspect_url: must be empty, or a URL like"},
        BadLine{"[auth.sessions]\nidle_timeout = \"999ms\"",
                "2: auth.sessions.idle_timeout: must be \"0s\" or at least \"1s\""},
        BadLine{"[auth.artifacts]\nrules = [\"authorizer\"]",
                "2: auth.artifacts.rules: \"authorizer\" needs auth.artifacts.authorize_url"},
        BadLine{"[auth.artifacts]\nauthorize_url = \"https://api/watch\"",
                "2: auth.artifacts.authorize_url: is asked only when auth.artifacts.rules has"},
        BadLine{"[auth.artifacts]\nauthorize_cache = \"1m\"",
                "2: auth.artifacts.authorize_cache: must not be over"},
        BadLine{"[http_client]\nca_file = \"/nowhere.pem\"",
                "2: http_client.ca_file: \"/nowhere.pem\" cannot be read: No such file"},
        BadLine{"[http_client]\nca_file = \"/dev/null\"", "2: http_client.ca_file: "},
        BadLine{"[auth.jwt]\nalgorithms = [\"none\"]", "2: auth.jwt.algorithms: must be"},
        BadLine{"[auth.jwt]\nalgorithms = [\"RS256\"]",
                "2: auth.jwt.algorithms: RS256 needs auth.jwt.public_key_file"},
        BadLine{"[auth.jwt]\njwks_file = \"/nowhere\"",
                "2: auth.jwt.jwks_file: \"/nowhere\" cannot be read"},
        BadLine{"[auth.jwt]\njwks_url = \"http://id.example.com/keys\"",
                "2: auth.jwt.jwks_url: must be empty, or a URL like"},
        BadLine{"[auth.jwt]\njwks_url = \"https://user@id.example.com/keys\"",
                "2: auth.jwt.jwks_url: must be empty, or a URL like"},
        BadLine{"[auth.jwt]\njwks_url = \"https:///keys\"",
                "2: auth.jwt.jwks_url: must be empty, or a URL like"},
        BadLine{"[auth.jwt]\npublic_key_file = \"/nowhere\"",
                "2: auth.jwt.public_key_file: \"/nowhere\" cannot be read"},
        BadLine{"[auth.jwt]\ncompany_claim = \"a..b\"", "2: auth.jwt.company_claim: must be"},
        BadLine{"[auth.roles]\neditor = \"x\"", "2: auth.roles.editor: must be a list"},
        BadLine{"[[auth.service_keys]]\nid = \"a\"\npermissions = []",
                "1: auth.service_keys.sha256: is missing"},
        BadLine{"[[auth.service_keys]]\nid = \"a\"\nsha256 = \"12\"\npermissions = []",
                "1: auth.service_keys: "},
        BadLine{
            "[[auth.service_keys]]\npermissions = [\"a b\"]\nid = \"a\"\nsha256 = "
            "\"0000000000000000000000000000000000000000000000000000000000000000\"",
            "2: auth.service_keys.permissions: must be a list of permissions, each a text like"},
        BadLine{"[auth.roles]\na = [\"x\"]\nb = [\"x\", \"\"]",
                "3: auth.roles.b: must be a list of"},
        BadLine{"[limits]\nmessage_bytes_max = 2000000", "2: limits.message_bytes_max: must not"},
        BadLine{"[limits]\nmessages_burst = 0", "2: limits.messages_burst: must be at least 1"},
        BadLine{"[log]\nlevel = \"loud\"", "2: log.level: must be one of"},
        BadLine{"[data]\ndir = \"\"", "2: data.dir: must be a text that is not empty"},
        BadLine{"[server]\nport = ", "2: "}, BadLine{"[server]\nport = 1\nport = 2", "3: "},
        BadLine{"[cluster]\nredis = \"redis://x\"", "1: cluster: unknown key"}));

TEST(Config, SaysWhenTheFileCannotBeRead) {
    ConfigSources sources = with_secret();
    sources.file = "/nowhere/signalbox.toml";
    EXPECT_THAT(problems_of(sources),
                ElementsAre("FILE: cannot be read: No such file or directory"));
}

TEST(Config, NeedsAKeyOutsideDev) {
    const auto problems = problems_of({});
    EXPECT_THAT(problems, ElementsAre(HasSubstr("auth.jwt.secret: is missing")));
}

TEST(Config, RefusesAShortSecretButOnlyWarnsInDev) {
    ConfigSources sources;
    sources.environment["SIGNALBOX_AUTH_JWT_SECRET"] = "too-short-31-bytes-xxxxxxxxxxxx";
    EXPECT_THAT(problems_of(sources),
                ElementsAre("SIGNALBOX_AUTH_JWT_SECRET: auth.jwt.secret: must have at least 32 "
                            "bytes, has 31"));
    sources.mode = RunMode::kDev;
    const auto loaded = load_config(sources);
    ASSERT_TRUE(loaded) << loaded.error()[0].text();
    EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("at least 32 bytes")));
}

TEST(Config, NeverNamesASecretsValue) {
    ConfigSources sources;
    sources.environment["SIGNALBOX_AUTH_JWT_SECRET"] = "sesame";
    for (const std::string& problem : problems_of(sources)) {
        EXPECT_THAT(problem, testing::Not(HasSubstr("sesame")));
    }
}

TEST(Config, RefusesToShowDevToTheNetworkUnlessTold) {
    ConfigSources sources;
    sources.mode = RunMode::kDev;
    sources.flags = {{"--host", "server.host", "0.0.0.0"}};
    EXPECT_THAT(problems_of(sources),
                ElementsAre(HasSubstr("--host: server.host: must be a loopback address")));
    sources.remote_dev = RemoteDev::kAllow;
    EXPECT_EQ(load(sources).server.host, "0.0.0.0");
}

TEST(ConfigKeys, HaveDistinctPathsAndEnvironmentNames) {
    std::set<std::string> names;
    for (const ConfigKey& key : config_keys()) {
        EXPECT_TRUE(names.insert(key.path).second) << key.path;
        EXPECT_TRUE(names.insert(key.environment()).second) << key.environment();
        EXPECT_FALSE(key.doc.empty()) << key.path;
    }
    EXPECT_EQ(find_config_key("limits.messages_per_second")->environment(),
              "SIGNALBOX_LIMITS_MESSAGES_PER_SECOND");
}

/// What every key of `config` is, as text.
std::vector<std::string> rendered(const Config& config) {
    std::vector<std::string> values;
    for (const ConfigKey& key : config_keys()) {
        values.push_back(key.path + " = " + key.render(config));
    }
    return values;
}

/// generate_toml() with the keys that it leaves unset set; the examples of tables stay comments.
std::string with_every_key(const std::string& toml) {
    std::istringstream lines(toml);
    std::string out;
    bool example = false;
    for (std::string line; std::getline(lines, line);) {
        example = line.starts_with("#[") || (example && !line.empty());
        const bool unset_key = !example && line.starts_with('#') && !line.starts_with("# ");
        out += (unset_key ? line.substr(1) : line) + "\n";
    }
    return out;
}

TEST(GeneratedConfig, ReadsBackAsTheDefaults) {
    Config defaults = default_config(RunMode::kProduction);
    defaults.tokens.secret = kSecret;
    EXPECT_EQ(rendered(load_file(generate_toml(default_config(RunMode::kProduction)))),
              rendered(defaults));
}

TEST(GeneratedConfig, ReadsBackWithEveryKeySet) {
    Config config = default_config(RunMode::kDev);
    config.server.port = 1234;
    config.tokens.secret = std::string(kSecret) + "\"\\\n\xc3\xa9";
    config.engineio.ping_timeout = 1234ms;
    const TemporaryFile file(with_every_key(generate_toml(config)));
    ConfigSources sources;
    sources.file = file.path();
    const Config read = load(sources);
    EXPECT_EQ(read.server.host, "127.0.0.1");
    EXPECT_EQ(read.tokens.secret, config.tokens.secret);
    EXPECT_EQ(read.engineio.ping_timeout, 1234ms);
}

TEST(GeneratedConfig, DoesNotChangeWhatDevMeans) {
    const TemporaryFile file(generate_toml(default_config(RunMode::kProduction)));
    ConfigSources sources;
    sources.mode = RunMode::kDev;
    sources.file = file.path();
    EXPECT_EQ(rendered(load(sources)), rendered(default_config(RunMode::kDev)));
}

TEST(LoadConfig, AKeySetAllowsWhatPublicKeysSignUnlessTheOperatorSaysOtherwise) {
    ConfigSources sources;
    sources.environment["SIGNALBOX_AUTH_JWT_JWKS_URL"] = "http://127.0.0.1:9/keys";
    const std::vector<std::string> asymmetric{"RS256", "RS384", "RS512", "PS256", "PS384",
                                              "PS512", "ES256", "ES384", "ES512", "EdDSA"};
    EXPECT_EQ(load(sources).tokens.algorithms, asymmetric);
    sources.environment["SIGNALBOX_AUTH_JWT_SECRET"] = kSecret;
    EXPECT_EQ(load(sources).tokens.algorithms.front(), "HS256");
    sources.environment["SIGNALBOX_AUTH_JWT_ALGORITHMS"] = "EdDSA";
    EXPECT_EQ(load(sources).tokens.algorithms, std::vector<std::string>{"EdDSA"});
    EXPECT_EQ(load(with_secret()).tokens.algorithms, std::vector<std::string>{"HS256"});
}

TEST(LoadConfig, WarnsOfAlgorithmsWhoseKeyServesAnother) {
    ConfigSources sources = with_secret();
    sources.environment["SIGNALBOX_AUTH_JWT_ALGORITHMS"] = "HS256,HS512";
    const auto loaded = load_config(sources);
    ASSERT_TRUE(loaded.has_value());
    ASSERT_EQ(loaded->warnings.size(), 1U);
    EXPECT_THAT(loaded->warnings[0], HasSubstr("HS512 tokens are refused"));
}

TEST(ConfigurationPage, IsWhatTheRegistrySays) {
    std::ifstream page(std::string(SIGNALBOX_SOURCE_DIR) + "/docs/configuration.md");
    std::stringstream content;
    content << page.rdbuf();
    EXPECT_EQ(content.str(), generate_markdown())
        << "docs/configuration.md: run `signalbox generate-config --markdown`";
}

}  // namespace
}  // namespace signalbox::app
