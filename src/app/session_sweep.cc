#include "app/session_sweep.h"

#include <utility>

namespace signalbox::app {

void SessionSweep::run() {
    const WallTime before = ports_.clock.wall_now() - kKept;
    ports_.store.remove_expired(before, ports_.reply_on, [this](auto removed) {
        removed_ += removed.value_or(0);
        if (removed == auth::SessionStore::kRemovedAtOnce) return run();
        finish();
    });
}

void SessionSweep::finish() {
    const std::uint64_t removed = std::exchange(removed_, 0);
    if (removed > 0) ports_.log.info("sessions.expired_deleted", {{"count", removed}});
    ports_.wheel.arm_after(timer_, kInterval);
}

}  // namespace signalbox::app
