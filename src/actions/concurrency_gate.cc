#include "actions/concurrency_gate.h"

#include <utility>

namespace signalbox::actions {

void Slot::release() {
    if (const auto gate = std::exchange(gate_, nullptr)) gate->leave();
}

bool ConcurrencyGate::take_one(std::size_t max) {
    std::size_t inside = inside_.load();
    do {
        if (max != 0 && inside >= max) return false;
    } while (!inside_.compare_exchange_weak(inside, inside + 1));
    return true;
}

Slot ConcurrencyGate::try_enter(std::size_t max) {
    const bool others_wait = max != 0 && waiting_.load(std::memory_order_relaxed) != 0;
    if (others_wait || !take_one(max)) return {};
    return Slot(shared_from_this());
}

std::shared_ptr<ConcurrencyGate::Waiter> ConcurrencyGate::wait(const Share& share,
                                                               const Bounds& bounds,
                                                               OnSlot on_slot) {
    auto waiter = std::make_shared<Waiter>();
    waiter->on_slot = std::move(on_slot);
    {
        const std::lock_guard lock(mutex_);
        if (!queue_.has_room(share.source, bounds.waiting)) return nullptr;
        slots_max_ = bounds.slots;
        waiter->place = queue_.push(share, waiter);
        waiting_.fetch_add(1);
    }
    // A place may have become free since the caller looked.
    admit();
    return waiter;
}

void ConcurrencyGate::forget(const std::shared_ptr<Waiter>& waiter) {
    OnSlot forgotten;
    const std::lock_guard lock(mutex_);
    if (!waiter->place) return;
    queue_.erase(*std::exchange(waiter->place, std::nullopt));
    waiting_.fetch_sub(1);
    forgotten = std::move(waiter->on_slot);
}

void ConcurrencyGate::leave() {
    inside_.fetch_sub(1);
    if (waiting_.load() != 0) admit();
}

/// All who find a place. Whoever is at it already looks once more instead, so that a slot which is
/// given back inside `on_slot` does not nest.
void ConcurrencyGate::admit() {
    if (calls_to_admit_.fetch_add(1) != 0) return;
    std::size_t heard = 1;
    do {
        while (const auto admitted = next()) {
            OnSlot on_slot = std::move(admitted->on_slot);
            on_slot(Slot(shared_from_this()));
        }
        heard = calls_to_admit_.fetch_sub(heard) - heard;
    } while (heard != 0);
}

std::shared_ptr<ConcurrencyGate::Waiter> ConcurrencyGate::next() {
    const std::lock_guard lock(mutex_);
    if (queue_.size() == 0 || !take_one(slots_max_)) return nullptr;
    auto admitted = std::move(*queue_.pop());
    admitted->place.reset();
    waiting_.fetch_sub(1);
    return admitted;
}

}  // namespace signalbox::actions
