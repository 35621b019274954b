#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "load/scenarios.h"

/// Generator of load for script/bench: measures one server in one scenario and prints one JSON
/// object. Exit code 1: the measurement failed, 2: the command line is wrong.
namespace signalbox::bench {
namespace {

using Scenario = std::string (*)(const Run&);

Scenario find_scenario(const std::string& name) {
    static const std::map<std::string, Scenario> all{
        {"request", run_request},
        {"latency", run_latency},
        {"paced", run_paced},
        {"fanout", run_fanout},
        {"connect", run_connect},
        {"stock-connect", run_stock_connect},
        {"lockstep", run_lockstep},
        {"lockstep-fanout", run_lockstep_fanout},
        {"lockstep-connect", run_lockstep_connect},
        {"idle", run_idle},
        {"polling", run_polling},
    };
    const auto found = all.find(name);
    if (found == all.end()) fail("unknown scenario " + name);
    return found->second;
}

void run(const Options& options) {
    const Scenario scenario = find_scenario(options.scenario);
    const ServerProcess server(options.pids);
    Loop loop;
    const TlsContext tls = options.tls ? make_tls_context() : nullptr;
    const auto deflate = options.deflate ? std::make_unique<Deflate>() : nullptr;
    const Target target{loop, options, tls.get(), deflate.get()};
    std::printf("{%s}\n", scenario({target, server}).c_str());
    std::fflush(stdout);
}

}  // namespace
}  // namespace signalbox::bench

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    signalbox::bench::run(signalbox::bench::parse_options({argv + 1, argv + argc}));
    // Thousands of connections need no orderly end.
    std::_Exit(0);
}
