#include "gateway/connection.h"

#include <algorithm>

#include "gateway/gateway.h"

namespace signalbox::gateway {

Connection::Connection(Gateway& g, socketio::Socket& s)
    : gateway(g), socket(s), last_heard(g.now()) {}

Introspection::Introspection(Connection& owner, std::string presented, auth::Permissions known)
    : token(std::move(presented)),
      claimed(std::move(known)),
      timer(Timer::calling<&Connection::on_introspection_due>(&owner)) {}

void Connection::on_watch_rights_due() {
    gateway.watch_rights_due(*this);
}

void Connection::on_introspection_due() {
    gateway.introspection_due(*this);
}

void Connection::hold_until(MonotonicTime time) {
    next_ = Expiry::kHoldEnd;
    gateway.s_.wheel.arm(timer_, time);
}

void Connection::arm_expiry() {
    const Options& options = gateway.s_.options;
    std::optional<WallTime> token_end;
    if (principal.expires_at) {
        token_end = *principal.expires_at + options.token_leeway + options.expiry_grace;
    }
    if (session_expires_at && (!token_end || *session_expires_at < *token_end)) {
        token_end.reset();
    }
    if (principal.expires_at && !warned_) {
        const WallTime warning = *principal.expires_at - options.expiry_warning;
        if (!session_expires_at || warning < *session_expires_at) {
            return arm_at(warning, Expiry::kWarn);
        }
    }
    if (token_end) return arm_at(*token_end, Expiry::kTokenEnd);
    if (session_expires_at) arm_at(*session_expires_at, Expiry::kSessionEnd);
}

void Connection::move_session_end(std::optional<WallTime> end) {
    if (state != State::kOpen) return;
    session_expires_at = end;
    arm_expiry();
}

void Connection::move_token_end(WallTime end) {
    if (state != State::kOpen) return;
    principal.expires_at = end;
    warned_ = false;
    arm_expiry();
}

void Connection::arm_at(WallTime time, Expiry what) {
    // Far deadlines are approached in steps, since the wall clock may be set meanwhile.
    constexpr Milliseconds kStepMax = std::chrono::hours(1);
    next_ = what;
    const Milliseconds wait =
        std::clamp(time - gateway.s_.clock.wall_now(), Milliseconds(0), kStepMax);
    gateway.s_.wheel.arm(timer_, gateway.now() + wait);
}

void Connection::on_timer() {
    const WallTime now = gateway.s_.clock.wall_now();
    const Options& options = gateway.s_.options;
    switch (next_) {
        case Expiry::kHoldEnd:
            state = State::kClosing;
            socket.close_transport(engineio::CloseReason::kForcedClose);
            return;
        case Expiry::kWarn:
            if (now >= *principal.expires_at - options.expiry_warning) {
                warned_ = true;
                gateway.warn_of_expiry(*this);
            }
            return arm_expiry();
        case Expiry::kTokenEnd:
            if (now < *principal.expires_at + options.token_leeway + options.expiry_grace) {
                return arm_expiry();
            }
            return gateway.close(*this, {.code = "TOKEN_EXPIRED"});
        case Expiry::kSessionEnd:
            if (now < *session_expires_at) return arm_expiry();
            return on_session_end();
        case Expiry::kSessionOver:
            return gateway.close_expired(*this);
    }
}

/// It may have been moved where we have not heard of it; whoever knows has a second to say so.
void Connection::on_session_end() {
    constexpr Milliseconds kAnswerWait{1'000};
    next_ = Expiry::kSessionOver;
    gateway.s_.wheel.arm(timer_, gateway.now() + kAnswerWait);
    gateway.look_at_session_end(*this);
}

}  // namespace signalbox::gateway
