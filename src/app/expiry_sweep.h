#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <functional>
#include <string_view>
#include <utility>

#include "auth/session_idle.h"
#include "auth/session_store.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer_wheel.h"

namespace signalbox::app {

/// Deletes from a store, or ends there, what is over: at the start and then from time to time, in
/// portions that leave the store free for others in between.
///
/// Ownership: borrows all ports; an answer of the store may still come until the thread that it
///            comes on runs no more, so it ends after that.
/// Threading: the thread of the wheel, which is the one that answers come on.
/// Errors:    a store that does not answer is asked again after the interval.
class ExpirySweep {
public:
    static constexpr Milliseconds kInterval{std::chrono::minutes(10)};

    using Done = std::move_only_function<void(std::expected<std::uint64_t, auth::StoreError>)>;
    using EndSome = std::function<void(WallTime, Done)>;
    struct Ports {
        /// Does a portion of what was over before the time; its answer is how many.
        EndSome end_some;
        const Clock& clock;
        TimerWheel& wheel;
        Log& log;
    };
    struct Rule {
        Milliseconds kept;       ///< after its end
        std::uint64_t portion;   ///< when as many were done there may be more
        std::string_view event;  ///< of the log line that says how many; static text
        Milliseconds interval = kInterval;
    };
    ExpirySweep(Ports ports, Rule rule) : ports_(std::move(ports)), rule_(rule) {}

    /// Now, and again after each interval.
    void run();

private:
    void finish();

    Ports ports_;
    Rule rule_;
    std::uint64_t ended_ = 0;
    Timer timer_ = Timer::calling<&ExpirySweep::run>(this);
};

/// A client that comes back within a day of its session's end hears SESSION_EXPIRED, afterwards
/// SESSION_INVALID.
inline constexpr ExpirySweep::Rule kSessionSweep{
    std::chrono::hours(24), auth::SessionStore::kRemovedAtOnce, "sessions.expired_deleted"};

/// Lets sessions that nobody uses expire, so that a restart does not bring them back.
[[nodiscard]] inline ExpirySweep::Rule idle_session_sweep(const auth::SessionIdle& idle) {
    constexpr Milliseconds kIntervalMax = std::chrono::minutes(1);
    return {Milliseconds(0), auth::SessionStore::kRemovedAtOnce, "sessions.unused_ended",
            std::min(kIntervalMax, idle.coarseness())};
}

}  // namespace signalbox::app
