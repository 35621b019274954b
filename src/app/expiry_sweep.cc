#include "app/expiry_sweep.h"

#include <utility>

namespace signalbox::app {

void ExpirySweep::run() {
    const WallTime before = ports_.clock.wall_now() - rule_.kept;
    ports_.end_some(before, [this](auto ended) {
        ended_ += ended.value_or(0);
        if (ended == rule_.portion) return run();
        finish();
    });
}

void ExpirySweep::finish() {
    const std::uint64_t ended = std::exchange(ended_, 0);
    if (ended > 0) ports_.log.info(rule_.event, {{"count", ended}});
    ports_.wheel.arm_after(timer_, rule_.interval);
}

}  // namespace signalbox::app
