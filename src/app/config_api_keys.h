#pragma once

#include <vector>

#include "app/config_keys.h"

/// Keys of what the company's API may be asked to decide, and of the rules beside it.
namespace signalbox::app {

void add_introspect_keys(std::vector<ConfigKey>& keys);
/// The rules for artifacts, and the API that one of them asks.
void add_artifact_keys(std::vector<ConfigKey>& keys);

}  // namespace signalbox::app
