#pragma once

#include <string>

#include "base/json.h"

namespace signalbox::actions {

/// SHA-256, in hex, of a value's canonical form (decimal.h): equal for two values exactly when they
/// are the same data. The order of members and the spelling of numbers and strings do not count.
[[nodiscard]] std::string data_digest(JsonElement data);

}  // namespace signalbox::actions
