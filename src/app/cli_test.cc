#include "app/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "app/cli_for_tests.h"
#include "app/control_socket.h"
#include "app/dev_banner.h"
#include "app/session_commands.h"
#include "auth/token_verifier.h"
#include "base/json.h"
#include "storage/data_directory.h"
#include "storage/sqlite_session_store.h"

namespace signalbox::app {
namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// Answers update.send; hands everything else to `inner`.
class FakeServer final : public ControlHandler {
public:
    explicit FakeServer(std::string answer) : answer_(std::move(answer)) {}
    void handle(std::string command, JsonText arguments, ControlAnswer done) override {
        last_command = std::move(command);
        last_arguments = arguments.str();
        done(answer_);
    }
    std::string last_command;
    std::string last_arguments;

private:
    std::string answer_;
};

TEST_F(Cli, DescribesTheActionsOfAConfigurationWithoutItsSecrets) {
    const std::string file = folder_ + "/signalbox.toml";
    std::ofstream(file) << R"([auth.jwt]
public_key_file = "/nowhere.pem"
[[actions.upstream]]
name = "orders.create"
url = "http://127.0.0.1:1/orders"
permission = ""
description = "Makes an order."
)";
    EXPECT_EQ(run({"actions", "types", "--config", file}), kExitOk) << err();
    EXPECT_THAT(out(), StartsWith("// Made by `signalbox actions types`"));
    EXPECT_THAT(out(),
                HasSubstr("\"orders.create\": { input: OrdersCreateInput; output: unknown };"));
    EXPECT_THAT(out(), Not(HasSubstr("\"echo\"")));
    const std::string output = folder_ + "/openapi.json";
    EXPECT_EQ(run({"actions", "openapi", "--config", file, "--output", output}), kExitOk) << err();
    EXPECT_THAT(out(), IsEmpty());
    std::ifstream in(output);
    EXPECT_THAT(std::string(std::istreambuf_iterator<char>(in), {}),
                HasSubstr("/api/v1/actions/orders.create"));
    EXPECT_EQ(run({"actions", "asyncapi", "--dev"}), kExitOk) << err();
    EXPECT_THAT(out(), HasSubstr("longTask.request"));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/data")) << "describing leaves no trace";
    EXPECT_EQ(run({"actions", "types", "--dev", "--output", folder_ + "/no/file"}), kExitFailure);
    EXPECT_THAT(err(), HasSubstr("cannot write"));
}

TEST_F(Cli, ServesWithTheFlagsAndCanReload) {
    EXPECT_EQ(run({"serve", "--dev", "--port", "0", "--shards", "3", "--host", "127.0.0.2"}), 42);
    ASSERT_TRUE(served_);
    EXPECT_EQ(served_->server.port, 0);
    EXPECT_EQ(served_->server.shards, 3);
    EXPECT_EQ(served_->server.host, "127.0.0.2");
    EXPECT_GE(served_->tokens.secret.size(), 43U);
    EXPECT_TRUE(reloaded_);
    EXPECT_EQ(run({"serve", "--dev", "--host", "0.0.0.0", "--dev-allow-remote"}), 42);
}

TEST_F(Cli, KeepsTheSecretOfDevBetweenRuns) {
    EXPECT_EQ(run({"serve", "--dev"}), 42);
    const std::string secret = served_->tokens.secret;
    EXPECT_EQ(run({"serve", "--dev"}), 42);
    EXPECT_EQ(served_->tokens.secret, secret);
    struct stat status{};
    ASSERT_EQ(stat((folder_ + "/data/dev-secret").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    const auto running = storage::DataDirectory::open(folder_ + "/data");
    EXPECT_EQ(run({"serve", "--dev"}), 42) << "no lock is needed to read it";
    EXPECT_EQ(served_->tokens.secret, secret);
    environment_["SIGNALBOX_AUTH_JWT_SECRET"] = kSecret;
    EXPECT_EQ(run({"serve", "--dev"}), 42);
    EXPECT_EQ(served_->tokens.secret, kSecret);
}

TEST_F(Cli, SaysWhenTheDataDirectoryCannotBeMade) {
    std::ofstream(folder_ + "/data") << "a file";
    EXPECT_EQ(run({"serve", "--dev"}), kExitUsage);
    EXPECT_THAT(err(), HasSubstr(folder_ + "/data"));
}

TEST_F(Cli, JudgesAConfiguration) {
    const std::string file = folder_ + "/signalbox.toml";
    std::ofstream(file) << "[server]\nprot = 1\nport = 99999\n";
    EXPECT_EQ(run({"check-config", "--dev", "--config", file}), kExitUsage);
    EXPECT_EQ(err(), file + ":2: server.prot: unknown key. Did you mean server.port?\n" + file +
                         ":3: server.port: must be a whole number, 0 to 65535\n");
    EXPECT_EQ(run({"check-config", "--dev", "--config", file, "--json"}), kExitUsage);
    EXPECT_THAT(out(), StartsWith(R"({"valid":false,"problems":[")"));
    EXPECT_EQ(run({"check-config", "--dev"}), kExitOk);
    EXPECT_EQ(out(), "the configuration is good\n");
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/data")) << "judging leaves no trace";
}

TEST_F(Cli, GeneratesAFileThatItAccepts) {
    EXPECT_EQ(run({"generate-config"}), kExitOk);
    const std::string file = folder_ + "/signalbox.toml";
    std::ofstream(file) << out();
    EXPECT_EQ(run({"check-config", "--dev", "--config", file}), kExitOk) << err();
    EXPECT_EQ(run({"generate-config", "--markdown"}), kExitOk);
    EXPECT_THAT(out(), StartsWith("# Configuration\n"));
}

TEST_F(Cli, MakesTokensThatItAccepts) {
    EXPECT_EQ(run({"token", "create", "--dev", "--user", "ada", "--company", "acme",
                   "--permissions", "orders:*,updates:send", "--ttl", "30m", "--session", "s1"}),
              kExitOk);
    const std::string token = line();
    EXPECT_EQ(run({"token", "check", "--dev", "--json", token}), kExitOk) << err();
    EXPECT_EQ(member("userId"), "ada");
    EXPECT_EQ(member("companyId"), "acme");
    EXPECT_EQ(member("sessionId"), "s1");
    EXPECT_EQ(member("expiresAt"), format_time(clock_.wall_now() + 30min));
    EXPECT_THAT(out(), HasSubstr(R"("permissions":["orders:*","updates:send"])"));
    EXPECT_EQ(run({"token", "check", "--dev", "Bearer " + token}), kExitOk);
    EXPECT_THAT(out(), HasSubstr("orders:*, updates:send"));
}

TEST_F(Cli, SaysWhyATokenIsBad) {
    EXPECT_EQ(run({"token", "create", "--dev", "--json", "--user", "ada", "--company", "acme"}),
              kExitOk);
    const std::string token = member("token");
    clock_.advance(2h);
    EXPECT_EQ(run({"token", "check", "--dev", token}), kExitFailure);
    EXPECT_THAT(err(), StartsWith("signalbox: TOKEN_EXPIRED: "));
    EXPECT_EQ(run({"token", "check", "--dev", "--json", "a.b.c"}), kExitFailure);
    EXPECT_THAT(out(), StartsWith(R"({"valid":false,"error":{"code":"INVALID_TOKEN",)"));
}

TEST_F(Cli, MakesTokensWithTheFirstHsAlgorithmThatIsAllowed) {
    environment_["SIGNALBOX_AUTH_JWT_SECRET"] = kSecret;
    environment_["SIGNALBOX_AUTH_JWT_ALGORITHMS"] = "HS512";
    EXPECT_EQ(run({"token", "create", "--dev", "--json", "--user", "ada", "--company", "acme"}),
              kExitOk);
    EXPECT_EQ(run({"token", "check", "--dev", member("token")}), kExitOk);
}

TEST_F(Cli, CannotMakeTokensWithoutASecret) {
    environment_["SIGNALBOX_AUTH_JWT_JWKS_URL"] = "https://id.example.com/keys";
    EXPECT_EQ(run({"token", "create", "--dev", "--user", "ada", "--company", "acme"}), kExitUsage);
    EXPECT_THAT(err(), HasSubstr("auth.jwt.secret"));
}

TEST_F(Cli, MakesServiceKeysWithTheirConfiguration) {
    EXPECT_EQ(
        run({"key", "create", "--dev", "--permissions", "updates:send,metrics", "--id", "billing"}),
        kExitOk);
    EXPECT_THAT(out(), StartsWith("sbk_"));
    const std::string key = out().substr(0, out().find('\n'));
    EXPECT_TRUE(auth::may_be_service_key(key)) << key;
    const std::string file = folder_ + "/signalbox.toml";
    std::ofstream(file) << out().substr(out().find("[["));
    EXPECT_EQ(run({"serve", "--dev", "--config", file}), 42) << err();
    const auto keys = auth::ServiceKeys::create(served_->service_keys);
    ASSERT_TRUE(keys);
    const auto principal = keys->find(key);
    ASSERT_TRUE(principal);
    EXPECT_TRUE(principal->permissions.allows("metrics"));
    EXPECT_EQ(run({"key", "create", "--dev", "--json", "--permissions", "a"}), kExitOk);
    EXPECT_EQ(auth::sha256_hex(member("key")), member("sha256"));
}

TEST_F(Cli, TakesNoPermissionsThatAreEmptyOrHaveWhiteSpace) {
    for (const auto& [list, culprit] :
         {std::pair("a b,,c", "\"a b\" is none"), std::pair("a,,c", "\"\" is none"),
          std::pair("a,b\tc", "\"b\\tc\" is none"), std::pair("a,", "\"\" is none")}) {
        EXPECT_EQ(run({"key", "create", "--dev", "--permissions", list}), kExitUsage);
        EXPECT_THAT(err(), HasSubstr(culprit));
        EXPECT_EQ(run({"token", "create", "--dev", "--user", "u", "--company", "c", "--permissions",
                       list}),
                  kExitUsage);
        EXPECT_THAT(err(), HasSubstr("--permissions must be permissions by commas"));
    }
    EXPECT_EQ(run({"key", "create", "--dev", "--json", "--permissions", "a, b:*"}), kExitOk);
    EXPECT_THAT(out(), HasSubstr(R"("permissions":["a","b:*"])"));
    EXPECT_EQ(
        run({"token", "create", "--dev", "--user", "u", "--company", "c", "--permissions", ""}),
        kExitOk);
}

TEST_F(Cli, KeepsSessionsInTheDatabaseWhenNoServerRuns) {
    EXPECT_EQ(run({"session", "create", "--dev", "--user", "ada", "--company", "acme"}), kExitOk)
        << err();
    const std::string id = line();
    EXPECT_TRUE(is_valid_id(id));
    EXPECT_EQ(run({"session", "create", "--dev", "--json", "--user", "bob", "--company", "acme",
                   "--ttl", "1h"}),
              kExitOk);
    EXPECT_EQ(member("expiresAt"), format_time(clock_.wall_now() + 1h));
    EXPECT_EQ(run({"session", "list", "--dev"}), kExitOk);
    EXPECT_THAT(out(), ContainsRegex("SESSION +USER +COMPANY +CREATED +EXPIRES\n"));
    EXPECT_THAT(out(), HasSubstr(id + "  ada   acme     "));
    EXPECT_EQ(run({"session", "revoke", "--dev", id}), kExitOk);
    EXPECT_EQ(run({"session", "revoke", "--dev", id}), kExitFailure);
    EXPECT_EQ(err(), "signalbox: NOT_FOUND: there is no such session\n");
    EXPECT_EQ(run({"session", "list", "--dev", "--json"}), kExitOk);
    EXPECT_THAT(out(), StartsWith(R"({"sessions":[{"sessionId":")"));
    EXPECT_THAT(out(), HasSubstr(R"("userId":"bob")"));
    EXPECT_THAT(out(), testing::Not(HasSubstr("ada")));
}

TEST_F(Cli, ListsMoreSessionsThanAPageHolds) {
    FakeServer first(control_ok(R"({"sessions":[]})"));
    {
        const auto server = start(first);
        EXPECT_EQ(run({"session", "list", "--dev", "--json"}), kExitOk) << err();
        EXPECT_EQ(out(), "{\"sessions\":[]}\n");
        EXPECT_EQ(first.last_arguments, R"({"limit":500})");
    }
    fill_store(501);
    EXPECT_EQ(run({"session", "list", "--dev"}), kExitOk);
    const std::string table = out();
    EXPECT_EQ(std::ranges::count(table, '\n'), 502);
}

TEST_F(Cli, RevokesAllSessionsOfACompanyOrOfOneOfItsUsers) {
    const auto create = [&](const char* user, const char* company) {
        return run({"session", "create", "--dev", "--user", user, "--company", company});
    };
    EXPECT_EQ(create("ada", "acme"), kExitOk);
    EXPECT_EQ(create("bob", "acme"), kExitOk);
    fill_store(2'500);
    EXPECT_EQ(run({"session", "revoke", "--dev", "--company", "acme", "--user", "ada"}), kExitOk)
        << err();
    EXPECT_EQ(line(), "revoked 1 sessions");
    EXPECT_EQ(run({"session", "revoke", "--dev", "--json", "--company", "c"}), kExitOk) << err();
    EXPECT_EQ(line(), R"({"companyId":"c","revoked":2500})");
    EXPECT_EQ(run({"session", "list", "--dev", "--json"}), kExitOk);
    EXPECT_THAT(out(),
                testing::AllOf(HasSubstr(R"("userId":"bob")"), testing::Not(HasSubstr("ada"))));
}

TEST_F(Cli, DeletesACompanyOfManySessionsAsAWhole) {
    EXPECT_EQ(run({"session", "list", "--dev"}), kExitOk);
    fill_store(2'500);
    EXPECT_EQ(run({"company", "delete", "--dev", "c"}), kExitOk) << err();
    EXPECT_EQ(line(), "deleted 2500 sessions, closed 0 connections, forgot 0 executions");
}

TEST_F(Cli, AsksTheServerThatRuns) {
    FakeServer handler(control_ok(R"({"sessionId":"from-server","expiresAt":"t"})"));
    const auto server = start(handler);
    EXPECT_EQ(run({"session", "create", "--dev", "--user", "ada", "--company", "acme", "--ttl",
                   "1500ms"}),
              kExitOk)
        << err();
    EXPECT_EQ(line(), "from-server");
    EXPECT_EQ(handler.last_command, "session.create");
    EXPECT_EQ(handler.last_arguments, R"({"userId":"ada","companyId":"acme","ttlSeconds":2})");
}

TEST_F(Cli, TakesIdsThatBeginWithADash) {
    FakeServer handler(control_ok("{}"));
    const auto server = start(handler);
    EXPECT_EQ(run({"session", "revoke", "--dev", "-abc"}), kExitOk) << err();
    EXPECT_EQ(handler.last_arguments, R"({"sessionId":"-abc"})");
    EXPECT_EQ(run({"session", "revoke", "-abd", "--dev", "--json"}), kExitOk) << err();
    EXPECT_EQ(handler.last_arguments, R"({"sessionId":"-abd"})");
    EXPECT_EQ(run({"token", "create", "--dev", "--user", "u", "--company", "c", "--session", "-a"}),
              kExitOk)
        << err();
}

TEST_F(Cli, TellsTheServersRefusal) {
    environment_["SIGNALBOX_AUTH_JWT_SECRET"] = kSecret;
    FakeServer handler(control_error("OVERLOADED", "try again"));
    const auto server = start(handler);
    EXPECT_EQ(run({"session", "list", "--dev"}), kExitFailure);
    EXPECT_EQ(err(), "signalbox: OVERLOADED: try again\n");
    EXPECT_EQ(run({"session", "list", "--dev", "--json"}), kExitFailure);
    EXPECT_EQ(out(), "{\"error\":{\"code\":\"OVERLOADED\",\"message\":\"try again\"}}\n");
    EXPECT_EQ(err(), "");
}

TEST_F(Cli, TellsItsOwnFailuresInJsonWhenAskedFor) {
    EXPECT_EQ(run({"update", "send", "--dev", "--json", "--company", "c", "--action", "a"}),
              kExitNotRunning);
    EXPECT_THAT(out(), StartsWith(R"({"error":{"code":"NOT_RUNNING","message":"no server is)"));
    EXPECT_EQ(run({"session", "revoke", "--dev", "--json", "a b"}), kExitUsage);
    EXPECT_THAT(out(), StartsWith(R"({"error":{"code":"USAGE","message":"the session's id)"));
    EXPECT_EQ(err(), "");
    environment_["SIGNALBOX_SERVER_PORT"] = "x";
    EXPECT_EQ(run({"session", "list", "--dev", "--json"}), kExitUsage);
    EXPECT_THAT(out(), StartsWith(R"({"error":{"code":"CONFIGURATION","message":"SIGNALBOX_)"));
}

TEST_F(Cli, SaysWhatItMakesAndWhere) {
    const std::vector<std::string> list{"session", "list", "--dev"};
    EXPECT_EQ(run(list), kExitOk);
    EXPECT_EQ(err(), "note: made a secret for --dev in " + folder_ +
                         "/data\nnote: made a database in " + folder_ + "/data\n");
    EXPECT_EQ(run(list), kExitOk);
    EXPECT_EQ(err(), "");
}

TEST_F(Cli, JudgesTheFilesThatAServerWouldWrite) {
    const std::string file = folder_ + "/signalbox.toml";
    std::ofstream(file) << "[log]\nfile = \"" << folder_ << "\"\naudit_file = \"" << folder_
                        << "/none/x.log\"\n[data]\ndir = \"" << file << "\"\n";
    environment_.erase("SIGNALBOX_DATA_DIR");
    environment_["SIGNALBOX_AUTH_JWT_SECRET"] = kSecret;
    const std::string faults =
        file + ":2: log.file: \"" + folder_ + "\" cannot be written: Is a directory\n" + file +
        ":3: log.audit_file: \"" + folder_ + "/none/x.log\" cannot be made: \"" + folder_ +
        "/none\" is no folder\n" + file + ":5: data.dir: \"" + file + "\" is no folder\n";
    for (const char* command : {"check-config", "serve"}) {
        EXPECT_EQ(run({command, "--dev", "--config", file}), kExitUsage);
        EXPECT_EQ(err(), faults) << command;
    }
    EXPECT_EQ(run({"token", "create", "--dev", "--config", file, "--user", "u", "--company", "c"}),
              kExitOk)
        << "who makes tokens need not be who may write the log";
}

TEST_F(Cli, SaysWhenTheDirectoryIsLockedButNobodyAnswers) {
    const auto lock = storage::DataDirectory::open(folder_ + "/data");
    ASSERT_TRUE(lock);
    environment_["SIGNALBOX_AUTH_JWT_SECRET"] = kSecret;
    EXPECT_EQ(run({"session", "list", "--dev"}), kExitUsage);
    EXPECT_THAT(err(), ContainsRegex("in use by process [0-9]+ and nobody answers"));
}

TEST_F(Cli, HasNoStoredSessionsInClaimMode) {
    environment_["SIGNALBOX_AUTH_SESSIONS_MODE"] = "claim";
    EXPECT_EQ(run({"session", "list", "--dev"}), kExitUsage);
    EXPECT_THAT(err(), HasSubstr("is not \"store\""));
}

TEST_F(Cli, SendsUpdatesThroughTheServerAlone) {
    const std::vector<std::string> args{"update", "send",     "--dev",         "--company",
                                        "acme",   "--action", "changed",       "--artifact",
                                        "a1",     "--data",   "{\"x\":\n1.50}"};
    EXPECT_EQ(run(args), kExitNotRunning);
    EXPECT_THAT(err(), HasSubstr("no server is running in"));
    FakeServer handler(control_ok(R"({"accepted":1,"positions":[7]})"));
    const auto server = start(handler);
    EXPECT_EQ(run(args), kExitOk);
    EXPECT_EQ(out(), "accepted 1 at position 7\n");
    EXPECT_EQ(handler.last_command, "update.send");
    EXPECT_EQ(handler.last_arguments,
              "{\"companyId\":\"acme\",\"action\":\"changed\",\"artifactId\":\"a1\","
              "\"data\":{\"x\": 1.50}}");
    std::vector<std::string> json = args;
    json.emplace_back("--json");
    EXPECT_EQ(run(json), kExitOk);
    EXPECT_EQ(out(), "{\"accepted\":1,\"positions\":[7]}\n");
}

TEST_F(Cli, WarnsOnTheErrorOutput) {
    environment_["SIGNALBOX_AUTH_JWT_SECRET"] = "short";
    environment_["SIGNALBOX_NONSENSE"] = "1";
    EXPECT_EQ(run({"serve", "--dev"}), 42);
    EXPECT_THAT(err(), HasSubstr("warning: SIGNALBOX_AUTH_JWT_SECRET: auth.jwt.secret: must have"));
    EXPECT_THAT(err(), HasSubstr("warning: SIGNALBOX_NONSENSE: unknown, ignored."));
}

TEST(DevBanner, HasALinkWithTheLoginInItsFragment) {
    Config config;
    config.tokens.secret = kSecret;
    const ManualClock clock;
    SeededRandom random(1);
    const DevLogin login = make_dev_login(config, clock.wall_now(), random);
    const std::string session = login.session.id.str();
    EXPECT_THAT(dev_banner("http://127.0.0.1:8080/gateway/test-client", login),
                HasSubstr("http://127.0.0.1:8080/gateway/test-client#token=" + login.token +
                          "&sessionId=" + session +
                          "&artifactId=demo&expiredToken=" + login.expired_token + "\n"));
    EXPECT_EQ(dev_banner("", login),
              "\n  token        " + login.token + "\n  session      " + session + "\n\n");
    const auto verifier = auth::TokenVerifier::create(config.tokens);
    ASSERT_TRUE(verifier);
    const auto claims = (*verifier)->verify(login.token, clock.wall_now());
    ASSERT_TRUE(claims) << claims.error().message;
    EXPECT_EQ(claims->user.str(), "dev-user");
    EXPECT_EQ(claims->company.str(), "dev-company");
    EXPECT_TRUE(claims->session.empty()) << "so that the client must name it";
    EXPECT_EQ(claims->expires_at, clock.wall_now() + 12h);
    const auto expired = (*verifier)->verify(login.expired_token, clock.wall_now());
    ASSERT_FALSE(expired);
    EXPECT_EQ(expired.error().code, "TOKEN_EXPIRED");
    for (const char* permission : {"orders:read", "updates:send", "sessions:manage", "metrics"}) {
        EXPECT_TRUE(claims->permissions.allows(permission)) << permission;
    }
}

}  // namespace
}  // namespace signalbox::app
