#pragma once

#include <expected>
#include <initializer_list>

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
    /// Prints "signalbox: message" on the error output, or with --json {"error": {code, message}}
    /// on the standard output. @return `code`.
    [[nodiscard]] int fail(ExitCode code, std::string_view message) const;
    /// The same for an error with a code of the server's. @return kExitFailure.
    [[nodiscard]] int refused(std::string_view code, std::string_view message) const;
    /// Prints "note: message" on the error output.
    void note(std::string_view message) const;
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

struct TtlRange {
    Milliseconds absent;  ///< without --ttl
    Milliseconds max;
};
/// What --ttl says. @return a sentence when it is no duration from a second to `max`.
[[nodiscard]] std::expected<Milliseconds, std::string> parse_ttl(const CommandLine& line,
                                                                 TtlRange range);

enum class Need : std::uint8_t { kRequired, kOptional };
struct GivenId {
    std::string_view flag;
    std::string_view text;
    Need need = Need::kRequired;
};
/// A sentence about the first that is no id; "" when all are.
[[nodiscard]] std::string id_fault(std::initializer_list<GivenId> ids);

}  // namespace signalbox::app
