#include "limits/token_bucket.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace signalbox::limits {
namespace {

constexpr Rate kRate{.per_second = 50, .burst = 100};

void take_from_one_bucket(benchmark::State& state) {
    TokenBucket bucket;
    MonotonicTime now(std::chrono::hours(1));
    for (auto _ : state) {
        now += std::chrono::milliseconds(25);
        auto wait = bucket.take(kRate, now);
        benchmark::DoNotOptimize(wait);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(take_from_one_bucket);

void take_from_a_table_of_keys(benchmark::State& state) {
    const auto keys = static_cast<std::size_t>(state.range(0));
    std::vector<std::string> names;
    for (std::size_t i = 0; i < keys; ++i) names.push_back("user-" + std::to_string(i));
    BucketTable table(keys);
    MonotonicTime now(std::chrono::hours(1));
    std::size_t next = 0;
    for (auto _ : state) {
        now += std::chrono::microseconds(100);
        auto wait = table.take(names[next++ % keys], kRate, now);
        benchmark::DoNotOptimize(wait);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(take_from_a_table_of_keys)->Arg(100)->Arg(100000);

}  // namespace
}  // namespace signalbox::limits
