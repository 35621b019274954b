#include "socketio/packet.h"

#include <benchmark/benchmark.h>

namespace signalbox::socketio {
namespace {

/// The event of the integration guide: one JSON string.
void decode_event_with_string(benchmark::State& state) {
    const std::string text =
        R"(2["message","{\"type\":\"REQUEST\",\"requestId\":\"r000000000012\",\"action\":\"echo\",)"
        R"(\"data\":{\"note\":\"order 17 delivery 4 company\"}}"])";
    PacketParser parser(10);
    for (auto _ : state) {
        auto packet = parser.parse(text);
        benchmark::DoNotOptimize(packet);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_event_with_string);

void decode_event_with_object_and_ack(benchmark::State& state) {
    const std::string text = R"(217["echo",{"note":"order 17 delivery 4 company","n":[1,2,3]}])";
    PacketParser parser(10);
    for (auto _ : state) {
        auto packet = parser.parse(text);
        benchmark::DoNotOptimize(packet);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_event_with_object_and_ack);

}  // namespace
}  // namespace signalbox::socketio
