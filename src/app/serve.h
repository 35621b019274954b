#pragma once

#include <expected>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "actions/registry.h"
#include "app/config.h"
#include "signalbox/websocket_service.h"

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

/// What the program around the server brings.
struct Embedding {
    actions::ActionRegistry actions = {};
    /// Told of the service while it can be used, then of nullptr.
    std::function<void(WebSocketService*)> serves = [](WebSocketService*) {};
};

/// Runs the server until SIGTERM or SIGINT. With --dev `config.tokens.secret` is set.
/// @return an ExitCode; its reason is written to context.err.
[[nodiscard]] int run_server(const Config& config, const ServeContext& context,
                             Embedding embedding = {});

}  // namespace signalbox::app
