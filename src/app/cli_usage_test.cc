#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli_for_tests.h"

namespace signalbox::app {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

TEST_F(Cli, PrintsItsVersionAndHelp) {
    EXPECT_EQ(run({"--version"}), kExitOk);
    EXPECT_THAT(out(), MatchesRegex("signalbox [0-9]+\\.[0-9]+\\.[0-9]+\n"));
    EXPECT_EQ(run({"--help"}), kExitOk);
    for (const char* command : {"serve", "check-config", "generate-config", "token", "session",
                                "key", "update", "actions", "Exit codes"}) {
        EXPECT_THAT(out(), HasSubstr(command));
    }
    EXPECT_EQ(run({"token", "create", "--help"}), kExitOk);
    EXPECT_THAT(out(), HasSubstr("--permissions"));
    const std::string of_create = out();
    EXPECT_EQ(run({"help", "token", "create"}), kExitOk);
    EXPECT_EQ(out(), of_create);
    EXPECT_EQ(run({"help"}), kExitOk);
    EXPECT_THAT(out(), HasSubstr("Exit codes"));
    EXPECT_EQ(run({"token", "help"}), kExitOk);
    EXPECT_THAT(out(), HasSubstr("create"));
    for (const char* version : {"version", "-v"}) {
        EXPECT_EQ(run({version}), kExitOk);
        EXPECT_THAT(out(), StartsWith("signalbox "));
    }
    EXPECT_THAT(err(), IsEmpty());
}

class CliUsage : public Cli, public testing::WithParamInterface<std::vector<std::string>> {
protected:
    /// So that none is made, which would be told.
    CliUsage() { environment_["SIGNALBOX_AUTH_JWT_SECRET"] = kSecret; }
};

TEST_P(CliUsage, IsAnErrorOfOneSentence) {
    EXPECT_EQ(run(GetParam()), kExitUsage) << testing::PrintToString(GetParam());
    EXPECT_THAT(out(), IsEmpty());
    EXPECT_THAT(err(), MatchesRegex("[^\n]+\n"));
}

INSTANTIATE_TEST_SUITE_P(
    Arguments, CliUsage,
    testing::Values(
        std::vector<std::string>{}, std::vector<std::string>{"dance"},
        std::vector<std::string>{"serve"},
        std::vector<std::string>{"serve", "--dev", "--hots", "x"},
        std::vector<std::string>{"serve", "--dev", "--port"},
        std::vector<std::string>{"serve", "--dev", "--port", "x"},
        std::vector<std::string>{"serve", "--dev", "--host", "0.0.0.0"},
        std::vector<std::string>{"serve", "--config", "/nowhere"},
        std::vector<std::string>{"check-config"}, std::vector<std::string>{"token"},
        std::vector<std::string>{"token", "create", "--dev", "--user", "u"},
        std::vector<std::string>{"token", "create", "--user", "u", "--company", "c"},
        std::vector<std::string>{"token", "create", "--dev", "--user", "u v", "--company", "c"},
        std::vector<std::string>{"token", "create", "--dev", "--user", "u", "--company", "c",
                                 "--ttl", "soon"},
        std::vector<std::string>{"token", "create", "--dev", "--user", "u", "--company", "c",
                                 "--ttl", "0s"},
        std::vector<std::string>{"token", "check", "--dev"},
        std::vector<std::string>{"session", "list"},
        std::vector<std::string>{"session", "revoke", "--dev"},
        std::vector<std::string>{"session", "revoke", "--dev", "a", "b"},
        std::vector<std::string>{"session", "revoke", "--dev", "a", "--jsn"},
        std::vector<std::string>{"session", "revoke", "--dev", "a", "--company", "c"},
        std::vector<std::string>{"session", "revoke", "--dev", "--user", "u"},
        std::vector<std::string>{"session", "revoke", "--dev", "--company", "a b"},
        std::vector<std::string>{"session", "create", "--dev", "--user", "u", "--company", ""},
        std::vector<std::string>{"actions"}, std::vector<std::string>{"actions", "types"},
        std::vector<std::string>{"actions", "types", "--config", "/nowhere"},
        std::vector<std::string>{"key", "create", "--permissions", "a"},
        std::vector<std::string>{"key", "create", "--dev", "--permissions", ","},
        std::vector<std::string>{"update", "send", "--dev", "--company", "c"},
        std::vector<std::string>{"update", "send", "--dev", "--company", "c", "--action", "a",
                                 "--data", "{x}"}));

TEST_F(Cli, NamesWhatIsMissing) {
    EXPECT_EQ(run({}), kExitUsage);
    EXPECT_EQ(err(), "signalbox: a command is required; see signalbox --help\n");
    EXPECT_EQ(run({"token", "create", "--dev", "--user"}), kExitUsage);
    EXPECT_EQ(err(), "signalbox: --user needs a value; see signalbox token create --help\n");
    EXPECT_EQ(run({"token", "check", "--dev"}), kExitUsage);
    EXPECT_EQ(err(), "signalbox: token is required; see signalbox token check --help\n");
}

struct Slip {
    std::vector<std::string> args;
    const char* told;
};

class CliSlip : public Cli, public testing::WithParamInterface<Slip> {
protected:
    CliSlip() { environment_["SIGNALBOX_AUTH_JWT_SECRET"] = kSecret; }
};

TEST_P(CliSlip, IsNamed) {
    EXPECT_EQ(run(GetParam().args), kExitUsage);
    EXPECT_THAT(err(), StartsWith(std::string("signalbox: ") + GetParam().told));
}

INSTANTIATE_TEST_SUITE_P(
    Arguments, CliSlip,
    testing::Values(
        Slip{{"token", "eyJhbGciOiJIUzI1NiJ9.e30.secret"}, "unknown command \"eyJhbGciOiJIUzI1…\""},
        Slip{{"token", "--config", "s.toml"}, "a command is required"},
        Slip{{"foo"}, "unknown command \"foo\"; see signalbox --help\n"},
        Slip{{"serv", "--dev"},
             "unknown command \"serv\" (did you mean \"serve\"?); see signalbox"},
        Slip{{"token", "chekc", "x"},
             "unknown command \"chekc\" (did you mean \"check\"?); see signalbox token --help\n"},
        Slip{{"token", "--dev"}, "a command is required; see signalbox token --help\n"},
        Slip{{"serve", "--dev", "--prot", "9"},
             "unknown option --prot (did you mean \"--port\"?); see signalbox serve --help\n"},
        Slip{{"serve", "--dev", "--colour=red"}, "unknown option --colour; see signalbox serve"},
        Slip{{"--dev", "serve"},
             "--dev must come behind the command; see signalbox serve --help\n"},
        Slip{{"serve", "--dev", "now"}, "unexpected \"now\"; see signalbox serve --help\n"},
        Slip{{"session", "revoke", "--dev", "a", "--jsn"},
             "unknown option --jsn (did you mean \"--json\"?); see signalbox session revoke"},
        Slip{{"session", "revoke", "--dev", "a", "b"}, "one session id, or --company ID"},
        Slip{{"token", "create", "--dev", "--user", "u", "--company", "c", "--ttl", "99999999d"},
             "--ttl must be a duration like 12h, 1s to 36600d, not \"99999999d\"\n"},
        Slip{{"session", "create", "--dev", "--user", "u", "--company", "c", "--ttl", "400d"},
             "--ttl must be a duration like 12h, 1s to 366d, not \"400d\"\n"},
        Slip{{"token", "create", "--dev", "--user", "u", "--company", "a b"},
             "--company must be 1 to 128 printable characters without white space\n"},
        Slip{{"token", "create", "--dev", "--user", "u", "--company", "c", "--session", " "},
             "--session must be 1 to 128"},
        Slip{{"session", "create", "--dev", "--user", "", "--company", "c"}, "--user must be 1 to"},
        Slip{{"update", "send", "--dev", "--company", "c", "--artifact", "a b", "--action", "x"},
             "--artifact must be 1 to 128"},
        Slip{{"session", "revoke", "--dev", "a b"}, "the session's id must be 1 to 128"}));

}  // namespace
}  // namespace signalbox::app
