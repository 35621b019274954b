#pragma once

#include <expected>
#include <string>
#include <vector>

#include "app/config.h"
#include "base/random.h"

namespace signalbox::app {

struct DevSecret {
    std::string text;
    bool made = false;  ///< by this call
};

/// The HS256 secret of --dev when none is set: `dev-secret` in the data directory. Read without the
/// directory's lock, so that the command line gets it while the server runs; made under the lock
/// when it is missing.
/// @return a sentence that names the file or the directory when there can be none.
[[nodiscard]] std::expected<DevSecret, std::string> ensure_dev_secret(const std::string& data_dir,
                                                                      Random& random);

using LoadResult = std::expected<LoadedConfig, std::vector<ConfigProblem>>;

/// load_config(), and with --dev the secret that is kept when none is set.
[[nodiscard]] LoadResult load_with_secret(const ConfigSources& sources, Random& random);

}  // namespace signalbox::app
