#include "app/expiry_sweep.h"

#include <utility>

namespace signalbox::app {

void ExpirySweep::run() {
    const WallTime before = ports_.clock.wall_now() - rule_.kept;
    ports_.remove_expired(before, [this](auto removed) {
        removed_ += removed.value_or(0);
        if (removed == rule_.portion) return run();
        finish();
    });
}

void ExpirySweep::finish() {
    const std::uint64_t removed = std::exchange(removed_, 0);
    if (removed > 0) ports_.log.info(rule_.event, {{"count", removed}});
    ports_.wheel.arm_after(timer_, kInterval);
}

}  // namespace signalbox::app
