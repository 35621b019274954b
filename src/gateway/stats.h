#pragma once

#include <array>
#include <cstdint>

#include "actions/executor.h"
#include "base/error_code.h"
#include "gateway/remote_judge.h"

namespace signalbox::gateway {

/// What one shard has counted since the start, and holds now. Plain numbers: gathered by value.
struct Stats {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t connections_superseded = 0;
    std::uint64_t connections_recovered = 0;
    std::uint64_t recoveries_failed = 0;
    std::uint64_t tokens_refreshed = 0;
    std::uint64_t rights_changed = 0;
    std::uint64_t connections_parked = 0;
    std::uint64_t parked_dropped = 0;
    std::uint64_t parked_bytes = 0;
    std::uint64_t update_log_bytes = 0;
    std::uint64_t handshakes_limited = 0;
    std::uint64_t messages_received = 0;
    std::uint64_t messages_sent = 0;
    std::uint64_t updates_published = 0;
    std::uint64_t updates_delivered = 0;
    std::uint64_t slow_consumers = 0;
    std::uint64_t executions_running = 0;
    std::uint64_t executions_waiting = 0;
    std::uint64_t executions_waited = 0;
    std::uint64_t executions_started = 0;
    std::uint64_t executions_succeeded = 0;
    std::uint64_t executions_failed = 0;
    std::uint64_t executions_timed_out = 0;
    std::uint64_t executions_cancelled = 0;
    std::uint64_t executions_late = 0;
    std::uint64_t executions_attached = 0;
    std::uint64_t executions_replayed = 0;
    std::uint64_t outcomes_unsaved = 0;
    std::uint64_t statuses_dropped = 0;
    std::uint64_t keyed_running = 0;
    actions::UpstreamNumbers upstream;
    JudgeNumbers introspections;
    JudgeNumbers authorizations;
    /// Error envelopes and refusals by registered code; the last is for actions' own codes.
    std::array<std::uint64_t, static_cast<std::size_t>(ErrorCode::kValidationFailed) + 2> errors{};

    void add(const Stats& other);
    void count_error(std::string_view code);
};

}  // namespace signalbox::gateway
