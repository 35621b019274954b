#pragma once

#include <expected>
#include <string>
#include <vector>

#include "app/config.h"

namespace signalbox::app {

enum class Command : std::uint8_t {
    kServe,
    kCheckConfig,
    kGenerateConfig,
    kTokenCreate,
    kTokenCheck,
    kSessionCreate,
    kSessionList,
    kSessionRevoke,
    kCompanyDelete,
    kKeyCreate,
    kUpdateSend,
    kActionsTypes,
    kActionsOpenApi,
    kActionsAsyncApi,
};

enum class OutputForm : std::uint8_t { kText, kJson, kMarkdown };

/// A parsed command line. What a command does not have, or was not given, is empty.
struct CommandLine {
    Command command = Command::kServe;
    ConfigSources sources;  ///< without the environment
    OutputForm form = OutputForm::kText;
    std::string user;
    std::string company;
    std::string session;
    std::string permissions;
    std::string ttl;
    std::string token;
    std::string key_id;
    std::string artifact;
    std::string action;
    std::string data;
    std::string output;
};

/// Help, the version, or a usage error: print and leave.
struct EarlyExit {
    int code;  ///< kExitOk: `text` is for the standard output; else for the standard error
    std::string text;
};

/// @param args  without the program's name.
[[nodiscard]] std::expected<CommandLine, EarlyExit> parse_command_line(
    std::vector<std::string> args);

}  // namespace signalbox::app
