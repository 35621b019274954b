#include "api/metrics.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace signalbox::api {
namespace {

bool has_line(const std::string& text, const std::string& wanted) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line == wanted) return true;
    }
    return false;
}

Measurements measured() {
    Measurements m;
    m.gateway.connections_open = 3;
    m.gateway.executions_timed_out = 2;
    m.gateway.count_error("RATE_LIMITED");
    m.gateway.count_error("OUT_OF_STOCK");
    m.transport = TransportNumbers{.send_calls = 8, .bytes_in = 1'234'567};
    m.transport->key_set = auth::JwksNumbers{.failed = 4, .age_seconds = 1.5};
    m.process.open_fds = 12;
    m.version = "1.2.3";
    return m;
}

TEST(Metrics, ShowsWhatWasCounted) {
    const std::string text = render_metrics(measured());
    EXPECT_TRUE(has_line(text, "signalbox_connections 3")) << text;
    EXPECT_TRUE(has_line(text, "signalbox_executions_finished_total{outcome=\"timed_out\"} 2"));
    EXPECT_TRUE(has_line(text, "signalbox_errors_total{code=\"RATE_LIMITED\"} 1"));
    EXPECT_TRUE(has_line(text, "signalbox_errors_total{code=\"INTERNAL\"} 0"));
    EXPECT_TRUE(has_line(text, "signalbox_errors_total{code=\"other\"} 1"));
    EXPECT_TRUE(has_line(text, "signalbox_send_calls_total 8"));
    EXPECT_TRUE(has_line(text, "signalbox_received_bytes_total 1234567"));
    EXPECT_TRUE(has_line(text, "signalbox_build_info{version=\"1.2.3\"} 1"));
    EXPECT_TRUE(has_line(text, "process_open_fds 12"));
    EXPECT_TRUE(has_line(text, "signalbox_jwks_fetches_total{outcome=\"failed\"} 4"));
    EXPECT_TRUE(has_line(text, "signalbox_jwks_age_seconds 1.5"));
}

TEST(Metrics, ShowsQuestionsToTheApi) {
    Measurements m = measured();
    m.gateway.introspections.failed = 5;
    m.gateway.authorizations.no = 6;
    const std::string text = render_metrics(m);
    EXPECT_TRUE(has_line(text, "signalbox_introspections_total{outcome=\"failed\"} 5"));
    EXPECT_TRUE(has_line(text, "signalbox_artifact_questions_total{outcome=\"no\"} 6"));
}

TEST(Metrics, ShowNoAgeOfKeysThatAreNotThere) {
    Measurements m = measured();
    m.transport->key_set = auth::JwksNumbers{};
    EXPECT_EQ(render_metrics(m).find("signalbox_jwks_age_seconds"), std::string::npos);
}

TEST(Metrics, LeavesOutWhatNobodyMeasures) {
    Measurements m = measured();
    m.transport.reset();
    EXPECT_EQ(render_metrics(m).find("signalbox_received_bytes_total"), std::string::npos);
}

TEST(Metrics, FollowPrometheusNaming) {
    std::set<std::string_view> names;
    for (const MetricInfo& info : metric_registry()) {
        EXPECT_TRUE(names.insert(info.name).second) << info.name;
        EXPECT_EQ(info.name.ends_with("_total"), info.type == MetricType::kCounter) << info.name;
        EXPECT_TRUE(info.name.starts_with("signalbox_") || info.name.starts_with("process_"));
        EXPECT_FALSE(info.help.empty() || info.help.ends_with('.')) << info.name;
    }
}

TEST(Metrics, ShowEveryMetricOfTheRegistryOnce) {
    const std::string text = render_metrics(measured());
    for (const MetricInfo& info : metric_registry()) {
        const std::string type = info.type == MetricType::kCounter ? " counter" : " gauge";
        EXPECT_TRUE(has_line(text, "# TYPE " + std::string(info.name) + type)) << info.name;
    }
}

TEST(Metrics, ReadTheProcess) {
    const ProcessNumbers numbers = read_process_numbers();
    EXPECT_GT(numbers.resident_memory_bytes, 1e6);
    EXPECT_GE(numbers.open_fds, 3);
    EXPECT_GE(numbers.max_fds, numbers.open_fds);
    EXPECT_GT(numbers.start_time_seconds, 1.6e9);
    EXPECT_GE(numbers.cpu_seconds, 0);
}

}  // namespace
}  // namespace signalbox::api
