#include "load/client_group.h"
#include "load/scenarios.h"

namespace signalbox::bench {

std::string run_lockstep(const Run& run) {
    const Options& options = run.target.options;
    MessageTemplate request = action_request(options);
    ClientGroup group(run.target);
    group.open_until(options.connections, 1);
    std::size_t unanswered = 0;
    group.on_arrival([&](Client&, const Arrival&, TimePoint) { --unanswered; });
    for (std::size_t done = 0; done < options.operations; ++done) {
        Client& client = group.client(done % group.size());
        for (std::size_t k = 0; k < options.in_flight; ++k) client.send(request.stamped(k));
        unanswered = options.in_flight;
        client.flush();
        wait_while(run.target.loop, "the answers come", [&] { return unanswered > 0; });
    }
    return json_member("operations", static_cast<double>(options.operations * options.in_flight));
}

std::string run_lockstep_fanout(const Run& run) {
    const Options& options = run.target.options;
    MessageTemplate request = publish_request(options.dialect, options.credentials.front().company);
    ClientGroup group(run.target);
    group.open_until(options.connections, 1);
    std::size_t undelivered = 0;
    group.on_arrival([&](Client&, const Arrival&, TimePoint) { --undelivered; });
    for (std::size_t done = 0; done < options.operations; ++done) {
        undelivered = group.size();
        group.client(0).send(request.stamped(done));
        group.client(0).flush();
        wait_while(run.target.loop, "the update comes", [&] { return undelivered > 0; });
    }
    return json_member("operations", static_cast<double>(options.operations * group.size()));
}

std::string run_lockstep_connect(const Run& run) {
    ClientGroup group(run.target);
    for (std::size_t done = 0; done < run.target.options.operations; ++done) {
        group.open_until(1, 1);
        group.reset_all();
    }
    return json_member("operations", static_cast<double>(run.target.options.operations));
}

}  // namespace signalbox::bench
