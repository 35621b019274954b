#pragma once

#include "app/cli.h"
#include "app/command_line.h"

/// The commands behind run_cli(), each with a complete configuration. They print, and return an
/// ExitCode.
namespace signalbox::app {

struct CommandRun {
    const CommandLine& line;
    const Config& config;
    CliContext& context;

    [[nodiscard]] bool json() const { return line.form == OutputForm::kJson; }
    /// Prints "signalbox: message" on the error output. @return `code`.
    [[nodiscard]] int fail(ExitCode code, std::string_view message) const;
};

// cli_tokens.cc
[[nodiscard]] int create_token(const CommandRun& run);
[[nodiscard]] int check_token(const CommandRun& run);
[[nodiscard]] int create_key(const CommandRun& run);

// cli_control.cc
[[nodiscard]] int create_session(const CommandRun& run);
[[nodiscard]] int list_sessions(const CommandRun& run);
[[nodiscard]] int revoke_session(const CommandRun& run);
[[nodiscard]] int delete_company(const CommandRun& run);
[[nodiscard]] int send_update(const CommandRun& run);

// cli_actions.cc
/// Of the kActions… commands the one that is meant.
[[nodiscard]] int print_actions(const CommandRun& run);

/// What --ttl says, at least a second; `absent` without it. @return nullopt when it is no duration.
[[nodiscard]] std::optional<Milliseconds> parse_ttl(const CommandLine& line, Milliseconds absent);

}  // namespace signalbox::app
