#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/deficit_round_robin.h"

namespace signalbox::actions {

class ConcurrencyGate;

/// One of the places that a gate has, until it is destroyed or released; empty: none.
/// Threading: one thread at a time.
class Slot {
public:
    Slot() = default;
    Slot(Slot&&) noexcept = default;
    Slot& operator=(Slot&& other) noexcept {
        release();
        gate_ = std::move(other.gate_);
        return *this;
    }
    ~Slot() { release(); }

    explicit operator bool() const { return gate_ != nullptr; }
    void release();

private:
    friend class ConcurrencyGate;
    explicit Slot(std::shared_ptr<ConcurrencyGate> gate) : gate_(std::move(gate)) {}
    std::shared_ptr<ConcurrencyGate> gate_;
};

/// How many executions of one action run at the same time, on all shards of this node, and whose
/// turn it is when more want to: companies by deficit round robin.
///
/// Ownership: by shared_ptr: slots keep it.
/// Threading: any thread. Without anybody waiting try_enter() and the end of a slot take no lock.
/// Ordering:  of one company whoever waits first; nobody enters past those who wait.
/// Bounds:    the caller's, told with each call since a reload may change them; those who wait enter
///            by what was told last.
class ConcurrencyGate : public std::enable_shared_from_this<ConcurrencyGate> {
public:
    struct Bounds {
        std::size_t slots = 0;    ///< at a time; 0: no maximum
        std::size_t waiting = 0;  ///< for one of them; 0: nobody waits
    };
    /// Hears of its slot once, on a thread that leaves or waits, outside of the gate's lock.
    using OnSlot = std::move_only_function<void(Slot)>;

    /// One that waits, for forget().
    class Waiter {
        friend class ConcurrencyGate;
        OnSlot on_slot;
        std::optional<DeficitRoundRobin<std::shared_ptr<Waiter>>::Place> place;  // while it waits
    };

    /// @return empty when `max` (0: no maximum) are inside or others wait.
    [[nodiscard]] Slot try_enter(std::size_t max);
    /// For whom try_enter() gave none. `on_slot` may be called inside.
    /// @return null when as many wait as may: `on_slot` is never called.
    [[nodiscard]] std::shared_ptr<Waiter> wait(const Share& share, const Bounds& bounds,
                                               OnSlot on_slot);
    /// Its `on_slot` is destroyed uncalled, unless it has been called already or just now is.
    void forget(const std::shared_ptr<Waiter>& waiter);

    [[nodiscard]] std::size_t inside() const { return inside_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

private:
    friend class Slot;
    [[nodiscard]] bool take_one(std::size_t max);
    void leave();
    void admit();
    [[nodiscard]] std::shared_ptr<Waiter> next();

    // Who waits counts itself before it looks for a place, who leaves gives its place back before it
    // looks for waiters: one of them sees the other (both sequentially consistent).
    std::atomic<std::size_t> inside_{0};
    std::atomic<std::size_t> waiting_{0};
    std::atomic<std::size_t> calls_to_admit_{0};
    std::mutex mutex_;
    std::size_t slots_max_ = 0;  // of those who wait
    DeficitRoundRobin<std::shared_ptr<Waiter>> queue_;
};

}  // namespace signalbox::actions
