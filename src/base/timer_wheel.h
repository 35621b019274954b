#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace signalbox {

class TimerWheel;

/// One deadline with what to do at it. Intrusive: lives inside its owner, costs nothing while not
/// armed, and is cancelled by its destructor.
/// Threading: belongs to the thread of its wheel.
class Timer {
public:
    using Callback = void (*)(void* owner);

    Timer(Callback on_expiry, void* owner) : on_expiry_(on_expiry), owner_(owner) {}
    /// A timer that calls `owner->*Method()`.
    template <auto Method, class Owner>
    [[nodiscard]] static Timer calling(Owner* owner) {
        return Timer([](void* o) { (static_cast<Owner*>(o)->*Method)(); }, owner);
    }
    ~Timer() { cancel(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void cancel();
    [[nodiscard]] bool armed() const { return wheel_ != nullptr; }
    /// What it was armed for last.
    [[nodiscard]] MonotonicTime deadline() const { return deadline_; }

private:
    friend class TimerWheel;
    Callback on_expiry_;
    void* owner_;
    MonotonicTime deadline_{};
    TimerWheel* wheel_ = nullptr;
    Timer* next_ = nullptr;
    Timer** link_ = nullptr;  // the pointer that points at this timer
    std::uint32_t slot_ = 0;
};

/// Hierarchical timer wheel: arming, re-arming and cancelling in constant time, whatever the number
/// of timers. Resolution 1 ms; a timer never fires before its deadline. Sans-IO: the loop asks
/// next_deadline() how long it may sleep and calls advance() with the time.
///
/// Ownership: borrows armed timers; they must not outlive the wheel while armed.
/// Re-entrancy: a timer's callback may arm, cancel or destroy any timer, its own included.
class TimerWheel {
public:
    explicit TimerWheel(MonotonicTime now);
    ~TimerWheel();
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;

    /// Arms `timer`, or moves it when armed. A deadline in the past fires at the next advance().
    void arm(Timer& timer, MonotonicTime deadline);
    void arm_after(Timer& timer, Milliseconds delay) { arm(timer, now_ + delay); }

    /// Runs what is due at `now`, in the order of the deadlines' milliseconds.
    void advance(MonotonicTime now);

    /// A time not after the earliest deadline (exact in the lowest level); nullopt with no timers.
    [[nodiscard]] std::optional<MonotonicTime> next_deadline() const;

    /// The time given to the last advance().
    [[nodiscard]] MonotonicTime now() const { return now_; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    friend class Timer;
    static constexpr unsigned kSlotBits = 6;
    static constexpr unsigned kSlots = 1U << kSlotBits;
    static constexpr unsigned kLevels = 6;  // 64^6 ms: more than two years

    void link(Timer& timer, Timer*& head, std::uint32_t slot);
    void unlink(Timer& timer);
    void place(Timer& timer);
    void cascade(unsigned level);
    void fire(std::uint64_t tick);
    [[nodiscard]] std::uint64_t tick_of(MonotonicTime time) const;
    [[nodiscard]] std::optional<std::uint64_t> next_tick() const;

    MonotonicTime origin_;
    MonotonicTime now_;
    std::uint64_t tick_ = 0;  // all timers due at or before it have fired
    std::size_t size_ = 0;
    std::array<std::array<Timer*, kSlots>, kLevels> slots_{};
    std::array<std::uint64_t, kLevels> occupied_{};  // a bit a slot
};

}  // namespace signalbox
