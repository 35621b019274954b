#include "websocket/frame_decoder.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "websocket/testing.h"

namespace signalbox::websocket {
namespace {

/// Frames of the given payload size that arrive in one read. The decoder unmasks in place, so each
/// round copies fresh bytes first, as recv() would; the time of one memcpy is in the numbers.
void decode_frames(benchmark::State& state) {
    constexpr int kFrames = 16;
    const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
    std::string received;
    for (int i = 0; i < kFrames; ++i) received += testing::client_frame(Opcode::kText, payload);
    std::vector<char> buffer(received.size());
    FrameDecoder decoder(std::size_t{1} << 20);
    for (auto _ : state) {
        std::memcpy(buffer.data(), received.data(), received.size());
        std::span<char> input(buffer);
        for (int i = 0; i < kFrames; ++i) {
            auto event = decoder.next(input);
            benchmark::DoNotOptimize(event);
        }
    }
    state.SetItemsProcessed(state.iterations() * kFrames);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(received.size()));
}
BENCHMARK(decode_frames)->Arg(32)->Arg(150)->Arg(4096)->Arg(65536);

}  // namespace
}  // namespace signalbox::websocket
