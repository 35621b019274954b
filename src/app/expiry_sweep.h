#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string_view>
#include <utility>

#include "auth/session_store.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer_wheel.h"

namespace signalbox::app {

/// Deletes what has expired from a store, at the start and then every ten minutes, in portions that
/// leave the store free for others in between.
///
/// Ownership: borrows all ports; an answer of the store may still come until the thread that it
///            comes on runs no more, so it ends after that.
/// Threading: the thread of the wheel, which is the one that answers come on.
/// Errors:    a store that does not answer is asked again in ten minutes.
class ExpirySweep {
public:
    static constexpr Milliseconds kInterval{std::chrono::minutes(10)};

    using Done = std::move_only_function<void(std::expected<std::uint64_t, auth::StoreError>)>;
    struct Ports {
        /// Deletes what expired before the time; its answer is how many.
        std::function<void(WallTime, Done)> remove_expired;
        const Clock& clock;
        TimerWheel& wheel;
        Log& log;
    };
    struct Rule {
        Milliseconds kept;       ///< after its end
        std::uint64_t portion;   ///< when as many were deleted there may be more
        std::string_view event;  ///< of the log line that says how many; static text
    };
    ExpirySweep(Ports ports, Rule rule) : ports_(std::move(ports)), rule_(rule) {}

    /// Deletes now, and again from time to time.
    void run();

private:
    void finish();

    Ports ports_;
    Rule rule_;
    std::uint64_t removed_ = 0;
    Timer timer_ = Timer::calling<&ExpirySweep::run>(this);
};

/// A client that comes back within a day of its session's end hears SESSION_EXPIRED, afterwards
/// SESSION_INVALID.
inline constexpr ExpirySweep::Rule kSessionSweep{
    std::chrono::hours(24), auth::SessionStore::kRemovedAtOnce, "sessions.expired_deleted"};

}  // namespace signalbox::app
