#pragma once

#include <expected>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "app/config.h"

namespace signalbox::app {

/// What the program's exit codes mean.
enum ExitCode : int {
    kExitOk = 0,
    kExitFailure = 1,  ///< the command could not do what it was asked: token bad, no such session
    kExitUsage = 2,    ///< command line, configuration, used port, data directory
    kExitNotRunning = 3,  ///< the command needs a running server
};

/// What `signalbox serve` has found out before the server starts.
struct ServeContext {
    std::vector<std::string> warnings;  ///< of the configuration, for the log
    /// Reads the same sources again, for SIGHUP.
    std::function<std::expected<LoadedConfig, std::vector<ConfigProblem>>()> reload;
    std::ostream& out;  ///< "signalbox listening on …", the banner of --dev
    std::ostream& err;
};

/// Runs the server until SIGTERM or SIGINT. With --dev `config.tokens.secret` is set.
/// @return an ExitCode; its reason is written to context.err.
[[nodiscard]] int run_server(const Config& config, const ServeContext& context);

}  // namespace signalbox::app
