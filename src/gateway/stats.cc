#include "gateway/stats.h"

namespace signalbox::gateway {

void Stats::add(const Stats& other) {
    connections_open += other.connections_open;
    connections_accepted += other.connections_accepted;
    connections_refused += other.connections_refused;
    connections_superseded += other.connections_superseded;
    connections_recovered += other.connections_recovered;
    recoveries_failed += other.recoveries_failed;
    tokens_refreshed += other.tokens_refreshed;
    rights_changed += other.rights_changed;
    connections_parked += other.connections_parked;
    parked_dropped += other.parked_dropped;
    parked_bytes += other.parked_bytes;
    update_log_bytes += other.update_log_bytes;
    handshakes_limited += other.handshakes_limited;
    messages_received += other.messages_received;
    messages_sent += other.messages_sent;
    updates_published += other.updates_published;
    updates_delivered += other.updates_delivered;
    slow_consumers += other.slow_consumers;
    executions_running += other.executions_running;
    executions_waiting += other.executions_waiting;
    executions_waited += other.executions_waited;
    executions_started += other.executions_started;
    executions_succeeded += other.executions_succeeded;
    executions_failed += other.executions_failed;
    executions_timed_out += other.executions_timed_out;
    executions_cancelled += other.executions_cancelled;
    executions_late += other.executions_late;
    executions_attached += other.executions_attached;
    executions_replayed += other.executions_replayed;
    outcomes_unsaved += other.outcomes_unsaved;
    statuses_dropped += other.statuses_dropped;
    keyed_running += other.keyed_running;
    upstream.add(other.upstream);
    introspections.add(other.introspections);
    authorizations.add(other.authorizations);
    for (std::size_t i = 0; i < errors.size(); ++i) errors[i] += other.errors[i];
}

void Stats::count_error(std::string_view code) {
    const auto registered = find_error_code(code);
    ++errors[registered ? static_cast<std::size_t>(*registered) : errors.size() - 1];
}

}  // namespace signalbox::gateway
