#include "base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace signalbox {

namespace {
/// Slot number of a timer on the list of those due in the current tick.
constexpr std::uint32_t kNoSlot = UINT32_MAX;
}  // namespace

void Timer::cancel() {
    if (wheel_ != nullptr) wheel_->unlink(*this);
}

TimerWheel::TimerWheel(MonotonicTime now) : origin_(now), now_(now) {}

TimerWheel::~TimerWheel() {
    for (auto& level : slots_) {
        for (Timer*& head : level) {
            while (head != nullptr) unlink(*head);
        }
    }
}

std::uint64_t TimerWheel::tick_of(MonotonicTime time) const {
    if (time <= origin_) return 0;
    return static_cast<std::uint64_t>(std::chrono::ceil<Milliseconds>(time - origin_).count());
}

void TimerWheel::link(Timer& timer, Timer*& head, std::uint32_t slot) {
    timer.wheel_ = this;
    timer.slot_ = slot;
    timer.next_ = head;
    timer.link_ = &head;
    if (head != nullptr) head->link_ = &timer.next_;
    head = &timer;
    ++size_;
}

void TimerWheel::unlink(Timer& timer) {
    *timer.link_ = timer.next_;
    if (timer.next_ != nullptr) timer.next_->link_ = timer.link_;
    timer.wheel_ = nullptr;
    timer.next_ = nullptr;
    --size_;
    if (timer.slot_ == kNoSlot) return;
    const unsigned level = timer.slot_ >> kSlotBits, slot = timer.slot_ & (kSlots - 1);
    if (slots_[level][slot] == nullptr) occupied_[level] &= ~(1ULL << slot);
}

void TimerWheel::place(Timer& timer) {
    const std::uint64_t due = std::max(tick_of(timer.deadline_), tick_ + 1);
    // The level is where `due` and the present first differ, counted from the top.
    const unsigned differing = static_cast<unsigned>(std::bit_width(due ^ tick_));
    const unsigned level = std::min((differing - 1) / kSlotBits, kLevels - 1);
    const unsigned slot = static_cast<unsigned>(due >> (level * kSlotBits)) & (kSlots - 1);
    link(timer, slots_[level][slot], (level << kSlotBits) | slot);
    occupied_[level] |= 1ULL << slot;
}

void TimerWheel::arm(Timer& timer, MonotonicTime deadline) {
    timer.cancel();
    constexpr auto kLongest = Milliseconds((1ULL << (kSlotBits * kLevels - 1)) - 1);
    timer.deadline_ = std::min(deadline, now_ + kLongest);
    place(timer);
}

void TimerWheel::cascade(unsigned level) {
    const unsigned slot = static_cast<unsigned>(tick_ >> (level * kSlotBits)) & (kSlots - 1);
    Timer*& head = slots_[level][slot];
    while (head != nullptr) {
        Timer& timer = *head;
        unlink(timer);
        // A timer due exactly at this tick goes to the lowest level's current slot.
        if (tick_of(timer.deadline_) <= tick_) {
            const unsigned lowest = static_cast<unsigned>(tick_) & (kSlots - 1);
            link(timer, slots_[0][lowest], lowest);
            occupied_[0] |= 1ULL << lowest;
        } else {
            place(timer);
        }
    }
}

void TimerWheel::fire(std::uint64_t tick) {
    const unsigned slot = static_cast<unsigned>(tick) & (kSlots - 1);
    // Taken off the wheel first, so that callbacks see a consistent wheel and re-arming a timer
    // from its own callback cannot make this loop endless.
    Timer* due = nullptr;
    while (slots_[0][slot] != nullptr) {
        Timer& timer = *slots_[0][slot];
        unlink(timer);
        link(timer, due, kNoSlot);
    }
    while (due != nullptr) {
        Timer& timer = *due;
        unlink(timer);
        timer.on_expiry_(timer.owner_);  // may destroy the timer
    }
}

std::optional<std::uint64_t> TimerWheel::next_tick() const {
    for (unsigned level = 0; level < kLevels; ++level) {
        const unsigned shift = level * kSlotBits;
        const unsigned current = static_cast<unsigned>(tick_ >> shift) & (kSlots - 1);
        const std::uint64_t later = occupied_[level] & ~((2ULL << current) - 1);
        const std::uint64_t round = tick_ >> (shift + kSlotBits);
        if (later != 0) {
            const auto slot = static_cast<std::uint64_t>(std::countr_zero(later));
            return (round << (shift + kSlotBits)) | (slot << shift);
        }
        if (level == kLevels - 1 && occupied_[level] != 0) {
            const auto slot = static_cast<std::uint64_t>(std::countr_zero(occupied_[level]));
            return ((round + 1) << (shift + kSlotBits)) | (slot << shift);
        }
    }
    return std::nullopt;
}

void TimerWheel::advance(MonotonicTime now) {
    now_ = std::max(now, now_);
    const auto target =
        static_cast<std::uint64_t>(std::chrono::floor<Milliseconds>(now_ - origin_).count());
    while (tick_ < target) {
        const auto next = next_tick();
        if (!next || *next > target) {
            tick_ = target;
            break;
        }
        tick_ = *next;
        for (unsigned level = kLevels - 1; level > 0; --level) {
            const std::uint64_t below = (1ULL << (level * kSlotBits)) - 1;
            if ((tick_ & below) == 0) cascade(level);
        }
        fire(tick_);
    }
}

std::optional<MonotonicTime> TimerWheel::next_deadline() const {
    const auto next = next_tick();
    if (!next) return std::nullopt;
    return origin_ + Milliseconds(*next);
}

}  // namespace signalbox
