#pragma once

#include <memory>
#include <vector>

#include "base/timer_wheel.h"

namespace signalbox::engineio {

/// Destroys objects in a later turn of the loop: those that end inside one of their own calls.
/// Ownership: owns what was buried; its own destructor destroys the rest.
/// Threading: that of its wheel.
class Graveyard {
public:
    explicit Graveyard(TimerWheel& wheel) : wheel_(wheel) {}
    ~Graveyard() { clear(); }

    template <class T>
    void bury(std::unique_ptr<T> object) {
        if (object == nullptr) return;
        dead_.emplace_back(object.release(), [](void* p) { delete static_cast<T*>(p); });
        if (!timer_.armed()) wheel_.arm_after(timer_, Milliseconds(0));
    }

private:
    using Dead = std::unique_ptr<void, void (*)(void*)>;

    void clear() {
        // A destructor may bury more: that waits for the next turn.
        const std::vector<Dead> dead = std::move(dead_);
        dead_.clear();
    }

    TimerWheel& wheel_;
    std::vector<Dead> dead_;
    Timer timer_ = Timer::calling<&Graveyard::clear>(this);
};

}  // namespace signalbox::engineio
