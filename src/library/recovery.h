#pragma once

#include <any>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "base/random.h"
#include "base/timer_wheel.h"
#include "library/event_log.h"
#include "signalbox/socketio.h"
#include "socketio/recovery.h"

namespace signalbox::io::detail {

/// What a client that comes back is given.
struct Restored {
    std::string sid;
    std::vector<std::string> rooms;  ///< without its own
    std::any data;
    std::vector<LoggedEvent> missed;
    Progress seen;  ///< what its earlier shard had seen when it looked for `missed`
};

/// Connection state recovery of one namespace on one shard, in memory: the recent events, and the
/// clients that have gone and may come back.
///
/// A client comes back on any shard. Its pid names the shard that knows where its state is (its
/// home, where it first connected); a claim goes there, on to the state, and the state comes back:
///
///     new shard ──claim──▶ home ──hand over──▶ old shard ──Restored──▶ new shard
///
/// A pid is claimed once: the state moves, and a connection that is still believed alive is ended,
/// unless the claim comes over an earlier transport than its own: then nobody listens there.
/// The two shards see broadcasts at different times. What the old one had seen is in `missed`; what
/// only the new one has is added from its own log; and what is in `missed` but reaches the new
/// shard later is held back there by SocketState::replayed. So nothing is lost or doubled.
///
/// Threading: confined to its shard.
/// Bounds:    ConnectionStateRecovery; the oldest go first and are then not recovered.
class Recovery {
public:
    struct Parts {
        NamespaceCore& ns;
        ShardIndex shard;
        TimerWheel& wheel;
        Random& random;
    };
    Recovery(const Parts& parts, const ConnectionStateRecovery& options);

    /// For the next event that this shard originates.
    [[nodiscard]] Stamp next_stamp() { return {parts_.shard, ++last_number_}; }
    void log(LoggedEvent event) { log_.append(std::move(event), parts_.wheel.now()); }
    [[nodiscard]] EventLog& events() { return log_; }

    /// A pid for a socket that connects for the first time.
    [[nodiscard]] std::string new_pid(MonotonicTime opened_at);
    /// From accept() on, and until keep() or drop().
    void add_live(SocketState& socket);
    /// The socket leaves and may come back.
    void keep(SocketState& socket, std::vector<std::string> rooms);
    /// The socket leaves for good.
    void drop(SocketState& socket);
    /// Answers `socket` with resume(), at once or in a later turn.
    void claim(socketio::RecoveryClaim claim, std::shared_ptr<SocketState> socket);
    /// Once a claim, made over a transport that opened at `opened_at`, has failed or come too late.
    void give_up(const std::string& pid, MonotonicTime opened_at) {
        forget_at_home(pid, opened_at);
    }

private:
    /// Where a pid's state is or is going to, and since when its transport has been open.
    struct Holder {
        ShardIndex shard;
        MonotonicTime opened_at;
        friend bool operator==(const Holder&, const Holder&) = default;
    };
    struct Session {
        std::string sid;
        std::vector<std::string> rooms;
        std::any data;
        EventLog::Position joined;
        Progress replayed;
        MonotonicTime opened_at;
        MonotonicTime expiry;
    };
    /// A claim on its way, with the socket that waits for the answer on `to`.
    struct Claim {
        socketio::RecoveryClaim what;
        std::shared_ptr<SocketState> socket;
        Holder to;
    };

    [[nodiscard]] std::optional<ShardIndex> home_of(std::string_view pid) const;
    /// On that shard's thread only.
    [[nodiscard]] Recovery& at(ShardIndex shard) const;
    void locate(Claim claim);
    void hand_over(Claim claim);
    [[nodiscard]] std::optional<Restored> take(const socketio::RecoveryClaim& claim);
    void answer(Claim claim, std::optional<Restored> restored);
    void forget_at_home(const std::string& pid, MonotonicTime opened_at);
    void forget(const std::string& pid, const Holder& holder);
    void expire();
    void drop_oldest();

    const Parts parts_;
    const ConnectionStateRecovery options_;
    EventLog log_;
    std::uint64_t last_number_ = 0;
    std::unordered_map<std::string, SocketState*> live_;  // by pid
    std::unordered_map<std::string, Session> sessions_;   // by pid
    std::multimap<MonotonicTime, std::string> expiries_;  // of sessions_
    std::unordered_map<std::string, Holder> located_;     // pids whose home this is
    Timer expiry_timer_;
};

}  // namespace signalbox::io::detail
