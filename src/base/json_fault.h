#pragma once

#include <simdjson.h>

#include <string_view>

#include "base/json.h"

namespace signalbox {

/// Tells text that is not JSON from JSON that is beyond what we accept, after simdjson refused it
/// with `error` (which names both alike).
/// Work: O(bytes), only for refused texts.
[[nodiscard]] JsonError classify_json_failure(std::string_view text, simdjson::error_code error);

}  // namespace signalbox
