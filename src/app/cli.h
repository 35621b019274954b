#pragma once

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "actions/registry.h"
#include "app/serve.h"
#include "base/clock.h"
#include "base/random.h"

namespace signalbox::app {

/// What the command line touches of the world.
struct CliContext {
    std::ostream& out;
    std::ostream& err;
    std::map<std::string, std::string> environment;
    const Clock& clock;
    Random& random;
    std::function<int(const Config&, const ServeContext&)> serve;  ///< run_server() in the program
    actions::ActionRegistry actions = {};                          ///< those of the program itself
};

/// Runs the program. @param args  without the program's name. @return an ExitCode.
[[nodiscard]] int run_cli(std::vector<std::string> args, CliContext& context);

}  // namespace signalbox::app
