#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actions/executor.h"
#include "auth/principal.h"
#include "base/clock.h"
#include "base/timer_wheel.h"
#include "gateway/company_here.h"
#include "gateway/company_homes.h"
#include "gateway/options.h"
#include "gateway/recovery_state.h"
#include "gateway/watch_rights.h"
#include "limits/token_bucket.h"
#include "socketio/server.h"

namespace signalbox::gateway {

class Gateway;

/// What the API said of a connection's session, and what it takes to ask again.
struct Introspection {
    Introspection(Connection& owner, std::string token, auth::Permissions claimed);

    std::string token;
    auth::Permissions claimed;     ///< the token's own
    MonotonicTime counts_until{};  ///< from then on a question without an answer ends it
    MonotonicTime ends_at{};       ///< whatever is under way then; not before counts_until
    Timer timer;                   ///< for the next question; while one is under way, for ends_at
};

/// The gateway's state of one Socket.IO socket, from its CONNECT to its end.
///
///     kAdmitting ──accepted──> kOpen ──> kClosing
///         └──refused, a retry may help──> kHeld ──> kClosing
///
/// Ownership: by the socket (Socket::data).
/// Threading: confined to its shard.
class Connection final : public socketio::SocketData {
public:
    enum class State : std::uint8_t { kAdmitting, kHeld, kOpen, kClosing };

    /// What its CONNECT asked for, until it is accepted.
    struct Joining {
        bool may_recover = false;
        TokenAge token_age = TokenAge::kValid;
        std::optional<socketio::RecoveryClaim> claim;
        std::string session;   ///< as presented; may be empty
        std::string artifact;  ///< likewise
        RightsChange untold;   ///< of a connection that comes back
    };

    Connection(Gateway& gateway, socketio::Socket& socket);

    Gateway& gateway;
    socketio::Socket& socket;
    State state = State::kAdmitting;
    MessageFormat format = MessageFormat::kString;
    bool warned_of_violations = false;
    bool refreshing = false;         ///< its session is being looked up for a new token
    std::uint32_t incarnation = 0;   ///< how often it has been recovered
    CompanyHere* company = nullptr;  ///< from its acceptance until it has left
    auth::Principal principal;
    std::unique_ptr<Joining> joining = std::make_unique<Joining>();
    std::optional<ArtifactId> artifact;       ///< asked for at connect
    std::vector<Subscription> subscriptions;  ///< that one included
    RecoveryState recovery;
    std::unique_ptr<Introspection> introspection;  ///< in that mode only
    std::unique_ptr<WatchRights> watch_rights;     ///< once the API was asked about an artifact
    std::optional<WallTime> session_expires_at;
    WallTime connected_at{};
    MonotonicTime last_heard{};

    limits::TokenBucket messages;
    MonotonicTime violations_since{};

    std::vector<InFlight> in_flight;
    std::uint64_t next_token = 1;

    /// Why we close it: an error code, or null. Goes into the session's `lastClose`.
    std::unique_ptr<const std::string> close_code;
    std::uint32_t violations = 0;

    void on_watch_rights_due();
    void on_introspection_due();
    /// Arms the timer for the next of: end of the hold, expiry warning, close at expiry.
    void hold_until(MonotonicTime time);
    void arm_expiry();
    /// Only while kOpen.
    void move_session_end(std::optional<WallTime> end);
    /// The same with a token that ends at another time: its end is warned of anew.
    void move_token_end(WallTime end);

private:
    enum class Expiry : std::uint8_t { kWarn, kTokenEnd, kSessionEnd, kSessionOver, kHoldEnd };
    void on_timer();
    void on_session_end();
    void arm_at(WallTime time, Expiry what);

    Expiry next_ = Expiry::kHoldEnd;
    bool warned_ = false;
    Timer timer_ = Timer::calling<&Connection::on_timer>(this);
};

}  // namespace signalbox::gateway
