#include "api/metrics.h"

#include <prometheus/text_serializer.h>

#include "base/error_code.h"

namespace signalbox::api {
namespace {

using enum MetricType;
using Samples = std::vector<Sample>;

Samples one(double value) {
    return {{.label_value = {}, .value = value}};
}

template <std::uint64_t gateway::Stats::* Member>
Samples of_gateway(const Measurements& m) {
    return one(static_cast<double>(m.gateway.*Member));
}

template <std::int64_t TransportNumbers::* Member>
Samples of_transport(const Measurements& m) {
    return m.transport ? one(static_cast<double>((*m.transport).*Member)) : Samples{};
}

template <double ProcessNumbers::* Member>
Samples of_process(const Measurements& m) {
    return one(m.process.*Member);
}

Samples finished_executions(const Measurements& m) {
    const gateway::Stats& s = m.gateway;
    return {{"succeeded", static_cast<double>(s.executions_succeeded)},
            {"failed", static_cast<double>(s.executions_failed)},
            {"timed_out", static_cast<double>(s.executions_timed_out)},
            {"cancelled", static_cast<double>(s.executions_cancelled)}};
}

Samples upstream_requests(const Measurements& m) {
    Samples samples;
    for (std::size_t i = 0; i < actions::kUpstreamFates; ++i) {
        samples.push_back({std::string(to_string(static_cast<actions::UpstreamFate>(i))),
                           static_cast<double>(m.gateway.upstream.requests[i])});
    }
    return samples;
}

template <std::uint64_t actions::UpstreamNumbers::* Member>
Samples of_upstream(const Measurements& m) {
    return one(static_cast<double>(m.gateway.upstream.*Member));
}

Samples errors_by_code(const Measurements& m) {
    Samples samples;
    for (const ErrorInfo& info : error_registry()) {
        const auto index = static_cast<std::size_t>(info.code);
        samples.push_back({std::string(info.name), static_cast<double>(m.gateway.errors[index])});
    }
    samples.push_back({"other", static_cast<double>(m.gateway.errors.back())});
    return samples;
}

template <gateway::JudgeNumbers gateway::Stats::* Member>
Samples questions(const Measurements& m) {
    const gateway::JudgeNumbers& numbers = m.gateway.*Member;
    return {{"yes", static_cast<double>(numbers.yes)},
            {"no", static_cast<double>(numbers.no)},
            {"failed", static_cast<double>(numbers.failed)},
            {"not_sent", static_cast<double>(numbers.not_sent)}};
}

Samples build_info(const Measurements& m) {
    return {{m.version, 1}};
}

using gateway::Stats;

const auth::JwksNumbers* key_set_of(const Measurements& all) {
    const bool fetched = all.transport && all.transport->key_set;
    return fetched ? &*all.transport->key_set : nullptr;
}

Samples key_set_fetches(const Measurements& all) {
    const auth::JwksNumbers* numbers = key_set_of(all);
    if (numbers == nullptr) return {};
    return {{"changed", static_cast<double>(numbers->changed)},
            {"unchanged", static_cast<double>(numbers->unchanged)},
            {"failed", static_cast<double>(numbers->failed)}};
}

Samples key_set_keys(const Measurements& all) {
    const auth::JwksNumbers* numbers = key_set_of(all);
    if (numbers == nullptr) return {};
    return {{"", static_cast<double>(numbers->keys)}};
}

Samples key_set_age(const Measurements& all) {
    const auth::JwksNumbers* numbers = key_set_of(all);
    if (numbers == nullptr || !numbers->age_seconds) return {};
    return {{"", *numbers->age_seconds}};
}

constexpr MetricInfo kRegistry[] = {
    {"signalbox_connections", kGauge, "", "Socket.IO connections that are open",
     of_gateway<&Stats::connections_open>},
    {"signalbox_connections_accepted_total", kCounter, "", "Socket.IO connections that were let in",
     of_gateway<&Stats::connections_accepted>},
    {"signalbox_connections_refused_total", kCounter, "",
     "Socket.IO connections that were refused at CONNECT", of_gateway<&Stats::connections_refused>},
    {"signalbox_connections_recovered_total", kCounter, "",
     "Socket.IO connections that came back with what they had missed",
     of_gateway<&Stats::connections_recovered>},
    {"signalbox_recoveries_failed_total", kCounter, "",
     "Clients that came back and got a fresh connection", of_gateway<&Stats::recoveries_failed>},
    {"signalbox_connections_superseded_total", kCounter, "",
     "Connections believed alive whose client came back on another",
     of_gateway<&Stats::connections_superseded>},
    {"signalbox_tokens_refreshed_total", kCounter, "",
     "Tokens that open connections changed for a new one", of_gateway<&Stats::tokens_refreshed>},
    {"signalbox_rights_changed_total", kCounter, "",
     "Times that what an open connection may do has changed", of_gateway<&Stats::rights_changed>},
    {"signalbox_connections_parked", kGauge, "", "Broken connections that wait for their client",
     of_gateway<&Stats::connections_parked>},
    {"signalbox_connections_parked_dropped_total", kCounter, "",
     "Broken connections that were forgotten early for want of room",
     of_gateway<&Stats::parked_dropped>},
    {"signalbox_connections_parked_bytes", kGauge, "", "Memory of broken connections that wait",
     of_gateway<&Stats::parked_bytes>},
    {"signalbox_update_log_bytes", kGauge, "", "Memory of updates kept for clients that come back",
     of_gateway<&Stats::update_log_bytes>},
    {"signalbox_handshakes_limited_total", kCounter, "", "Engine.IO handshakes answered 429 or 503",
     of_gateway<&Stats::handshakes_limited>},
    {"signalbox_messages_received_total", kCounter, "", "Messages from clients over sockets",
     of_gateway<&Stats::messages_received>},
    {"signalbox_messages_sent_total", kCounter, "", "Messages to clients over sockets",
     of_gateway<&Stats::messages_sent>},
    {"signalbox_updates_published_total", kCounter, "", "Updates that were accepted",
     of_gateway<&Stats::updates_published>},
    {"signalbox_updates_delivered_total", kCounter, "",
     "Copies of updates that were handed to connections", of_gateway<&Stats::updates_delivered>},
    {"signalbox_slow_consumers_total", kCounter, "",
     "Connections closed because they did not read what was sent",
     of_gateway<&Stats::slow_consumers>},
    {"signalbox_executions_running", kGauge, "",
     "Executions of actions that are not over, those that wait included",
     of_gateway<&Stats::executions_running>},
    {"signalbox_executions_waiting", kGauge, "",
     "Executions that wait for a slot of their action (`max_concurrency`)",
     of_gateway<&Stats::executions_waiting>},
    {"signalbox_executions_waited_total", kCounter, "",
     "Executions that found no free slot of their action and had to wait",
     of_gateway<&Stats::executions_waited>},
    {"signalbox_blocking_tasks_waiting", kGauge, "",
     "Executions that wait for a thread (`server.blocking_threads`)",
     of_transport<&TransportNumbers::blocking_waiting>},
    {"signalbox_executions_started_total", kCounter, "", "Executions of actions that were begun",
     of_gateway<&Stats::executions_started>},
    {"signalbox_executions_finished_total", kCounter, "outcome",
     "Executions of actions that have ended, by how", finished_executions},
    {"signalbox_executions_late_total", kCounter, "",
     "Results that came after the execution had been given up",
     of_gateway<&Stats::executions_late>},
    {"signalbox_keyed_executions_running", kGauge, "",
     "Executions that run at most once and are not over", of_gateway<&Stats::keyed_running>},
    {"signalbox_executions_attached_total", kCounter, "",
     "Callers that followed an execution which another had begun",
     of_gateway<&Stats::executions_attached>},
    {"signalbox_executions_replayed_total", kCounter, "",
     "Callers that got the kept end of an execution", of_gateway<&Stats::executions_replayed>},
    {"signalbox_outcomes_unsaved_total", kCounter, "",
     "Ends of executions that could not be kept: their keys answer OUTCOME_UNKNOWN",
     of_gateway<&Stats::outcomes_unsaved>},
    {"signalbox_statuses_dropped_total", kCounter, "",
     "Statuses of executions with keys that a full mailbox kept from a caller",
     of_gateway<&Stats::statuses_dropped>},
    {"signalbox_upstream_requests_total", kCounter, "outcome",
     "Requests to the services behind upstream actions, each try one, by how they ended",
     upstream_requests},
    {"signalbox_upstream_requests_running", kGauge, "", "Such requests that are under way",
     of_upstream<&actions::UpstreamNumbers::in_flight>},
    {"signalbox_upstream_retries_total", kCounter, "", "Such requests that were sent once more",
     of_upstream<&actions::UpstreamNumbers::retries>},
    {"signalbox_introspections_total", kCounter, "outcome",
     "Questions to the API about sessions: yes, no, failed, or not_sent for being over the rate",
     questions<&Stats::introspections>},
    {"signalbox_artifact_questions_total", kCounter, "outcome",
     "Questions to the API about artifacts: yes, no, failed, or not_sent for being over the rate",
     questions<&Stats::authorizations>},
    {"signalbox_errors_total", kCounter, "code",
     "Errors told to clients, by code; actions' own codes count as other", errors_by_code},
    {"signalbox_http_connections", kGauge, "", "TCP connections that speak HTTP now",
     of_transport<&TransportNumbers::http_connections>},
    {"signalbox_websocket_connections", kGauge, "", "TCP connections that speak WebSocket now",
     of_transport<&TransportNumbers::websocket_connections>},
    {"signalbox_tcp_accepted_total", kCounter, "", "TCP connections that were accepted",
     of_transport<&TransportNumbers::accepted>},
    {"signalbox_tcp_accept_failures_total", kCounter, "",
     "Times that a TCP connection could not be accepted for want of descriptors or memory",
     of_transport<&TransportNumbers::accept_failures>},
    {"signalbox_tcp_over_maximum_total", kCounter, "",
     "TCP connections closed at once because too many were open",
     of_transport<&TransportNumbers::over_connections_max>},
    {"signalbox_proxy_faults_total", kCounter, "",
     "TCP connections closed because they were no proxy's, or without a PROXY header",
     of_transport<&TransportNumbers::proxy_faults>},
    {"signalbox_tcp_evicted_total", kCounter, "",
     "Idle HTTP connections that were closed to make room for a new connection",
     of_transport<&TransportNumbers::evicted_connections>},
    {"signalbox_http_requests_total", kCounter, "", "HTTP requests that reached a handler",
     of_transport<&TransportNumbers::http_requests>},
    {"signalbox_http_faults_total", kCounter, "",
     "HTTP requests that were refused before any handler: malformed, too large, too slow",
     of_transport<&TransportNumbers::http_faults>},
    {"signalbox_tls_failures_total", kCounter, "", "TLS handshakes and records that failed",
     of_transport<&TransportNumbers::tls_failures>},
    {"signalbox_recv_calls_total", kCounter, "", "System calls that read from sockets",
     of_transport<&TransportNumbers::recv_calls>},
    {"signalbox_send_calls_total", kCounter, "", "System calls that wrote to sockets",
     of_transport<&TransportNumbers::send_calls>},
    {"signalbox_received_bytes_total", kCounter, "", "Bytes read from sockets",
     of_transport<&TransportNumbers::bytes_in>},
    {"signalbox_sent_bytes_total", kCounter, "", "Bytes written to sockets",
     of_transport<&TransportNumbers::bytes_out>},
    {"signalbox_mailbox_overloads_total", kCounter, "",
     "Pieces of work refused because a shard's mailbox was full",
     of_transport<&TransportNumbers::mailbox_overloads>},
    {"signalbox_jwks_fetches_total", kCounter, "outcome",
     "Fetches of auth.jwt.jwks_url: changed, unchanged, failed", key_set_fetches},
    {"signalbox_jwks_keys", kGauge, "", "Usable keys of the set that was fetched last",
     key_set_keys},
    {"signalbox_jwks_age_seconds", kGauge, "",
     "Time since the source last confirmed that set; not there without a set", key_set_age},
    {"signalbox_build_info", kGauge, "version", "Constant 1, labelled with the program's version",
     build_info},
    {"process_cpu_seconds_total", kCounter, "", "User and system CPU time of the process, seconds",
     of_process<&ProcessNumbers::cpu_seconds>},
    {"process_start_time_seconds", kGauge, "", "When the process began, seconds of the Unix epoch",
     of_process<&ProcessNumbers::start_time_seconds>},
    {"process_resident_memory_bytes", kGauge, "", "Resident memory of the process",
     of_process<&ProcessNumbers::resident_memory_bytes>},
    {"process_open_fds", kGauge, "", "Open file descriptors of the process",
     of_process<&ProcessNumbers::open_fds>},
    {"process_max_fds", kGauge, "", "File descriptors that the process may open",
     of_process<&ProcessNumbers::max_fds>},
};

prometheus::ClientMetric client_metric(const MetricInfo& info, const Sample& sample) {
    prometheus::ClientMetric metric;
    if (!info.label.empty()) metric.label.push_back({std::string(info.label), sample.label_value});
    if (info.type == kCounter) {
        metric.counter.value = sample.value;
    } else {
        metric.gauge.value = sample.value;
    }
    return metric;
}

prometheus::MetricFamily family(const MetricInfo& info, const Samples& samples) {
    prometheus::MetricFamily result;
    result.name = info.name;
    result.help = info.help;
    result.type =
        info.type == kCounter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (const Sample& sample : samples) result.metric.push_back(client_metric(info, sample));
    return result;
}

}  // namespace

std::span<const MetricInfo> metric_registry() {
    return kRegistry;
}

std::string render_metrics(const Measurements& measurements) {
    std::vector<prometheus::MetricFamily> families;
    for (const MetricInfo& info : kRegistry) {
        const Samples samples = info.samples(measurements);
        if (!samples.empty()) families.push_back(family(info, samples));
    }
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace signalbox::api
