#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/config_value.h"
#include "runtime/tls_context.h"

namespace signalbox::app {

/// Where each key got its value, for problems that show only when all are known.
struct ConfigOrigin {
    std::string where;
    std::uint32_t line = 0;
    std::vector<EntryPlace> entries = {};  ///< of an array of tables
};
using ConfigOrigins = std::map<std::string, ConfigOrigin, std::less<>>;

struct ConfigFindings {
    std::vector<ConfigProblem> problems;
    std::vector<std::string> warnings;
};

/// What the listener's TLS is made of.
[[nodiscard]] runtime::TlsFiles tls_files(const ServerConfig& server);

/// What can only be judged when every key has its value: keys that must fit each other, files that
/// must be there. Appends to `findings`.
void check_config(const Config& config, const ConfigOrigins& origins, const ConfigSources& sources,
                  ConfigFindings& findings);

}  // namespace signalbox::app
