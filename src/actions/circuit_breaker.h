#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <utility>

#include "base/clock.h"

namespace signalbox::actions {

/// Keeps requests from a server that fails: after `failures_max` failures in a row it is open for
/// `pause`, then lets one request try, and closes when that succeeds.
///
///     closed ──failures_max in a row──> open ──pause over──> one tries ──fails──> open
///        ^───────────────────────────────────────succeeds────────┘
///
/// Threading: any thread; shards share it.
class CircuitBreaker {
public:
    struct Options {
        unsigned failures_max = 5;  ///< 0: it never opens
        Milliseconds pause{10'000};
    };

    /// Leave for one request. Its end is told by succeed() or fail(); without either, nothing is
    /// known of the server.
    class Pass {
    public:
        Pass(Pass&& other) noexcept
            : breaker_(std::exchange(other.breaker_, nullptr)), probe_(other.probe_) {}
        Pass& operator=(Pass&&) = delete;
        ~Pass();
        /// @return true when that has closed it.
        bool succeed();
        /// @return true when that has opened it.
        bool fail(MonotonicTime now);

    private:
        friend class CircuitBreaker;
        enum class Probe : std::uint8_t { kNo, kYes };
        Pass(CircuitBreaker& breaker, Probe probe) : breaker_(&breaker), probe_(probe) {}
        CircuitBreaker* breaker_;  // null once the end was told
        Probe probe_;
    };

    explicit CircuitBreaker(Options options) : options_(options) {}

    /// @return how long to wait, when it is open.
    [[nodiscard]] std::expected<Pass, Milliseconds> enter(MonotonicTime now);

private:
    void open(MonotonicTime now);

    const Options options_;
    std::atomic<unsigned> failures_{0};                   // in a row
    std::atomic<MonotonicTime::rep> closed_again_at_{0};  // 0: it is closed
    std::atomic<bool> probing_{false};
};

}  // namespace signalbox::actions
