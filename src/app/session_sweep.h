#pragma once

#include "auth/session_store.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/timer_wheel.h"

namespace signalbox::app {

/// Deletes the sessions that expired a day ago, at the start and then every ten minutes, in
/// portions that leave the store free for others in between. Until then a client that comes back
/// hears SESSION_EXPIRED, afterwards SESSION_INVALID.
///
/// Ownership: borrows all ports; an answer of the store may still come until `reply_on` runs no
///            more, so it ends after that.
/// Threading: the thread of the wheel, which is the one that `reply_on` runs on.
/// Errors:    a store that does not answer is asked again in ten minutes.
class SessionSweep {
public:
    static constexpr Milliseconds kInterval{std::chrono::minutes(10)};
    static constexpr Milliseconds kKept{std::chrono::hours(24)};

    struct Ports {
        auth::SessionStore& store;
        Executor& reply_on;
        const Clock& clock;
        TimerWheel& wheel;
        Log& log;
    };
    explicit SessionSweep(Ports ports) : ports_(ports) {}

    /// Deletes now, and again from time to time.
    void run();

private:
    void finish();

    Ports ports_;
    std::uint64_t removed_ = 0;
    Timer timer_ = Timer::calling<&SessionSweep::run>(this);
};

}  // namespace signalbox::app
