#include "updates/envelope.h"

#include <benchmark/benchmark.h>

#include "updates/request_parser.h"

namespace signalbox::updates {
namespace {

constexpr std::string_view kData = R"({"note":"order 17 delivery 4 company"})";

void parse_envelope(benchmark::State& state) {
    const std::string text =
        R"({"type":"REQUEST","requestId":"r000000000012","action":"echo","data":)" +
        std::string(kData) + '}';
    RequestParser parser;
    for (auto _ : state) {
        auto request = parser.parse(text);
        benchmark::DoNotOptimize(request);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse_envelope);

void write_response(benchmark::State& state) {
    std::string out;
    for (auto _ : state) {
        out.clear();
        append_response(out, {"r000000000012", "echo", kData});
        benchmark::DoNotOptimize(out.data());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_response);

/// The envelope as one JSON string, as the guide's clients get it.
void write_response_as_string(benchmark::State& state) {
    std::string out, escaped;
    for (auto _ : state) {
        out.clear();
        escaped.clear();
        append_response(out, {"r000000000012", "echo", kData});
        append_json_string(escaped, out);
        benchmark::DoNotOptimize(escaped.data());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_response_as_string);

}  // namespace
}  // namespace signalbox::updates
