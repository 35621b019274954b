#pragma once

#include <string>

#include "app/config.h"

namespace signalbox::app {

/// A commented TOML file of every key with its value in `config` (the defaults of a run mode:
/// default_config()). Keys that are empty, or differ between the run modes, are commented out, so
/// that the file as it stands means the same in both. load_config() reads it back.
[[nodiscard]] std::string generate_toml(const Config& config);

/// docs/configuration.md.
[[nodiscard]] std::string generate_markdown();

/// What a run mode has without any file, environment or flag.
[[nodiscard]] Config default_config(RunMode mode);

}  // namespace signalbox::app
