#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/jwks_source.h"
#include "gateway/stats.h"

/// What `/metrics` shows, in the Prometheus text format. One table of all metrics, so that
/// documentation can be compared with it.
namespace signalbox::api {

/// What sockets and HTTP have counted, the sum of all shards, and what the source of keys has;
/// given by the program that has them.
struct TransportNumbers {
    std::int64_t http_connections = 0;       ///< open now
    std::int64_t websocket_connections = 0;  ///< open now
    std::int64_t accepted = 0;               ///< TCP connections
    std::int64_t accept_failures = 0;
    std::int64_t over_connections_max = 0;
    std::int64_t proxy_faults = 0;
    std::int64_t evicted_connections = 0;
    std::int64_t http_requests = 0;
    std::int64_t http_faults = 0;
    std::int64_t tls_failures = 0;
    std::int64_t recv_calls = 0;
    std::int64_t send_calls = 0;
    std::int64_t bytes_in = 0;
    std::int64_t bytes_out = 0;
    std::int64_t mailbox_overloads = 0;
    std::int64_t blocking_waiting = 0;         ///< for a thread, now
    std::optional<auth::JwksNumbers> key_set;  ///< nullopt: no key set is fetched
};
/// Threading: any shard calls it.
using TransportNumbersSource = std::function<TransportNumbers()>;

/// What the operating system says of this process.
struct ProcessNumbers {
    double cpu_seconds = 0;
    double start_time_seconds = 0;  ///< since the Unix epoch
    double resident_memory_bytes = 0;
    double open_fds = 0;
    double max_fds = 0;
};
/// Reads /proc; what cannot be read is 0.
[[nodiscard]] ProcessNumbers read_process_numbers();

struct Measurements {
    gateway::Stats gateway;
    std::optional<TransportNumbers> transport;  ///< nullopt: its metrics are left out
    ProcessNumbers process;
    std::string version;
};

enum class MetricType : std::uint8_t { kCounter, kGauge };

struct Sample {
    std::string label_value;  ///< empty when the metric has no label
    double value = 0;
};

struct MetricInfo {
    std::string_view name;
    MetricType type;
    std::string_view label;  ///< empty: none
    std::string_view help;   ///< one sentence without its full stop
    std::vector<Sample> (*samples)(const Measurements&);
};

[[nodiscard]] std::span<const MetricInfo> metric_registry();

/// The text of `/metrics`. Metrics without samples are left out.
[[nodiscard]] std::string render_metrics(const Measurements& measurements);

}  // namespace signalbox::api
