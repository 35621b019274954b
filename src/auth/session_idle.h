#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace signalbox::auth {

/// When sessions that nobody uses end (`auth.sessions.idle_timeout`). Use is noted with a
/// coarseness of an eighth of the time-out, at least a second, and a session ends as much later
/// than it: so an open connection costs its session one write per eighth, and none ends early.
/// Before the server started nothing was noted, so its start counts as use for all that had not
/// ended by then.
struct SessionIdle {
    Milliseconds timeout{0};  ///< 0: none ends so
    WallTime started_at{};    ///< the server

    [[nodiscard]] bool is_on() const { return timeout.count() > 0; }
    [[nodiscard]] Milliseconds coarseness() const {
        return std::max<Milliseconds>(timeout / 8, std::chrono::seconds(1));
    }
    /// Sessions last used before it have ended.
    [[nodiscard]] WallTime used_since(WallTime now) const {
        if (!is_on()) return {};
        const WallTime since = now - timeout - coarseness();
        return since > started_at ? since : WallTime{};
    }
};

}  // namespace signalbox::auth
