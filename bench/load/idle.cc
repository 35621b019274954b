#include <algorithm>

#include "load/client_group.h"
#include "load/scenarios.h"

namespace signalbox::bench {

std::string run_idle(const Run& run) {
    const Options& options = run.target.options;
    Loop& loop = run.target.loop;
    constexpr std::size_t kFirst = 200;  // whose memory is the code's and the pools', not theirs
    const std::size_t first = std::min(kFirst, options.connections / 2);
    ClientGroup group(run.target);
    group.open_until(first);
    loop.run_until(now() + options.warm_up);
    const auto before = static_cast<double>(run.server.resident_bytes());
    group.open_until(options.connections);
    loop.run_until(now() + options.window);
    const auto after = static_cast<double>(run.server.resident_bytes());
    const auto added = static_cast<double>(options.connections - first);
    return json_member("bytesPerConnection", (after - before) / added) + ',' +
           json_member("residentBytes", after);
}

}  // namespace signalbox::bench
