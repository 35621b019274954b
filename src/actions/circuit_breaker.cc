#include "actions/circuit_breaker.h"

#include <algorithm>
#include <chrono>

namespace signalbox::actions {
namespace {

/// For those who come while one tries.
constexpr Milliseconds kWaitWhileOneTries{1'000};

}  // namespace

CircuitBreaker::Pass::~Pass() {
    if (breaker_ != nullptr && probe_ == Probe::kYes) breaker_->probing_ = false;
}

bool CircuitBreaker::Pass::succeed() {
    CircuitBreaker& breaker = *std::exchange(breaker_, nullptr);
    breaker.failures_ = 0;
    if (probe_ == Probe::kNo) return false;
    breaker.closed_again_at_ = 0;
    breaker.probing_ = false;
    return true;
}

bool CircuitBreaker::Pass::fail(MonotonicTime now) {
    CircuitBreaker& breaker = *std::exchange(breaker_, nullptr);
    const unsigned failures = ++breaker.failures_;
    const bool probe = probe_ == Probe::kYes;
    const bool opens = probe || failures == breaker.options_.failures_max;
    if (opens) breaker.open(now);
    if (probe) breaker.probing_ = false;
    return opens;
}

void CircuitBreaker::open(MonotonicTime now) {
    closed_again_at_ = (now + options_.pause).time_since_epoch().count();
}

std::expected<CircuitBreaker::Pass, Milliseconds> CircuitBreaker::enter(MonotonicTime now) {
    const MonotonicTime::rep until = closed_again_at_;
    if (options_.failures_max == 0 || until == 0) return Pass(*this, Pass::Probe::kNo);
    const MonotonicTime end{MonotonicTime::duration(until)};
    if (now < end) return std::unexpected(std::chrono::ceil<Milliseconds>(end - now));
    if (probing_.exchange(true)) return std::unexpected(kWaitWhileOneTries);
    // Another may have tried, and ended, in between.
    if (closed_again_at_ == until) return Pass(*this, Pass::Probe::kYes);
    probing_ = false;
    return enter(now);
}

}  // namespace signalbox::actions
