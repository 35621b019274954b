#pragma once

#include <string>

#include "load/client.h"
#include "load/measurement.h"

/// What is measured. Each runs one measurement against one server that is up already, and gives the
/// members of a JSON object, without braces.
namespace signalbox::bench {

struct Run {
    const Target& target;
    const ServerProcess& server;
};

/// Closed loop: every connection always has `in_flight` requests unanswered.
[[nodiscard]] std::string run_request(const Run& run);
/// First the closed loop, for the throughput; then half of that on a fixed schedule, whatever the
/// answers do. Latency counts from when a request was due, so that a stall is not hidden by the
/// requests that were not sent meanwhile.
[[nodiscard]] std::string run_latency(const Run& run);
/// `rate` requests a second, the connections in turn, whatever the answers do. Latency counts from
/// when a request was sent. Sleeps between, so that others may run on its core.
[[nodiscard]] std::string run_paced(const Run& run);
/// Each company always has `in_flight` updates that not all its connections have got. An
/// operation is one delivery; latency counts from the publish.
[[nodiscard]] std::string run_fanout(const Run& run);
/// Opens `connections` by WebSocket, measured, and resets them, not measured; again until the
/// window is full.
[[nodiscard]] std::string run_connect(const Run& run);
/// The same as the stock client does: GET, POST, GET; WebSocket, probe, GET released, upgrade.
[[nodiscard]] std::string run_stock_connect(const Run& run);
/// Resident memory with `connections` that say nothing.
[[nodiscard]] std::string run_idle(const Run& run);
/// Closed loop over long-polling, one request in flight a connection.
[[nodiscard]] std::string run_polling(const Run& run);
/// `operations` times, one after another: a connection sends `in_flight` requests at once and gets
/// their answers. Always the same conversation, for counting instead of timing.
[[nodiscard]] std::string run_lockstep(const Run& run);
/// `operations` times, one after another: an update to all connections.
[[nodiscard]] std::string run_lockstep_fanout(const Run& run);
/// `operations` times, one after another: a connection is opened and reset.
[[nodiscard]] std::string run_lockstep_connect(const Run& run);

}  // namespace signalbox::bench
