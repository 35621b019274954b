#include "auth/token_verifier.h"

#include <benchmark/benchmark.h>

#include "base/check.h"

namespace signalbox::auth {
namespace {

void verify_hs256(benchmark::State& state) {
    TokenOptions options;
    options.secret = "a secret of more than thirty-two bytes";
    const auto verifier = TokenVerifier::create(options);
    SB_CHECK(verifier.has_value());
    const WallTime now{std::chrono::hours(24 * 365 * 56)};
    const std::string token = sign_token({.user = UserId::trusted("user-1"),
                                          .company = CompanyId::trusted("company-1"),
                                          .permissions = {"orders:*", "updates:send"},
                                          .issued_at = now,
                                          .expires_at = now + std::chrono::hours(1)},
                                         options);
    for (auto _ : state) {
        auto claims = (*verifier)->verify(token, now);
        SB_CHECK(claims.has_value());
        benchmark::DoNotOptimize(claims);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(verify_hs256);

}  // namespace
}  // namespace signalbox::auth
