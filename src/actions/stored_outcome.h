#pragma once

#include <cstddef>

#include "actions/execution_store.h"
#include "actions/registry.h"

namespace signalbox::actions {

/// How a result is kept: a success as its data's own bytes, a failure as {code, message, details?,
/// retryAfterMs?, ref?}. Over `bytes_max` a success is kept without its data, a failure without its
/// details.
[[nodiscard]] ExecutionEnd stored_outcome(const ActionResult& result, std::size_t bytes_max);

/// The result that a record stands for: the one that was stored; PAYLOAD_TOO_LARGE for a success
/// that was not kept; OUTCOME_UNKNOWN for an execution that was begun and never ended.
[[nodiscard]] ActionResult replayed_outcome(const ExecutionRecord& record);

}  // namespace signalbox::actions
