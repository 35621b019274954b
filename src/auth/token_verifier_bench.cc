#include "auth/token_verifier.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "auth/keys_for_tests.h"
#include "auth/token_gate.h"
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

constexpr WallTime kNow{std::chrono::seconds(1'790'000'000)};

/// A verifier for one public key, and a token of it.
struct Asymmetric {
    explicit Asymmetric(const char* name) {
        const Algorithm& algorithm = *find_algorithm(name);
        TokenOptions options;
        options.algorithms = {name};
        options.public_key_pem = testing::pem_of(testing::key_for(algorithm));
        auto made = TokenVerifier::create(options);
        SB_CHECK(made.has_value());
        verifier = std::move(*made);
        token = testing::token_of(algorithm, testing::key_for(algorithm),
                                  fmt::format(R"({{"alg":"{}","kid":"a"}})", name),
                                  R"({"sub":"user-1","companyId":"company-1","exp":1790000060,)"
                                  R"("permissions":["orders:*","updates:send"]})");
    }
    std::shared_ptr<const TokenVerifier> verifier;
    std::string token;
};

void verify_asymmetric(benchmark::State& state, const char* name) {
    const Asymmetric with(name);
    for (auto _ : state) {
        auto claims = with.verifier->verify(with.token, kNow);
        SB_CHECK(claims.has_value());
        benchmark::DoNotOptimize(claims);
    }
}
BENCHMARK_CAPTURE(verify_asymmetric, RS256, "RS256");
BENCHMARK_CAPTURE(verify_asymmetric, PS256, "PS256");
BENCHMARK_CAPTURE(verify_asymmetric, ES256, "ES256");
BENCHMARK_CAPTURE(verify_asymmetric, ES384, "ES384");
BENCHMARK_CAPTURE(verify_asymmetric, EdDSA, "EdDSA");

class NoExecutor final : public Executor {
public:
    void post(Task) override { SB_CHECK(false); }
};

/// What the same token costs from the second time on.
void check_known(benchmark::State& state) {
    const Asymmetric with("ES256");
    ManualClock clock;
    NoExecutor executor;
    TokenGate gate({clock, executor}, with.verifier);
    for (auto _ : state) {
        gate.check({with.token, "10.0.0.1"}, Expiry::kChecked,
                   [](const TokenGate::Outcome& claims) { SB_CHECK(claims.has_value()); });
    }
}
BENCHMARK(check_known);

}  // namespace
}  // namespace signalbox::auth
