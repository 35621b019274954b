#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actions/executor.h"
#include "auth/principal.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/fixed_text.h"
#include "base/ids.h"
#include "gateway/private_ring.h"
#include "socketio/server.h"

/// What a connection needs to come back (docs/decisions/0004-recovery.md). Positions are numbers of
/// the company's updates.
namespace signalbox::gateway {

/// An artifact that a connection watches or watched: updates above `after`, up to `until`.
struct Subscription {
    static constexpr std::uint64_t kStillOn = std::numeric_limits<std::uint64_t>::max();

    ArtifactId artifact;
    std::uint64_t after = 0;
    std::uint64_t until = kStillOn;
};

/// One that has ended.
struct EndedSubscription : Subscription {
    /// The right to it was lost before what was missed could be replayed: what was for its watchers
    /// is not, and what was for all but them is not either.
    bool is_lost = false;
};

/// A running execution that a connection asked for.
struct InFlight {
    std::uint64_t token;  ///< of this connection; also while the id is not known yet
    std::string request_id;
    ShardIndex origin = 0;  ///< where it runs
    actions::ExecutionId id = 0;
};

/// A pid is the sid of the connection and a secret.
inline constexpr std::size_t kPidSidCharacters = socketio::kSidCharacters;
inline constexpr std::size_t kPidSecretCharacters = 22;
/// The second part of a pid; empty until one is made.
using PidSecret = FixedText<kPidSecretCharacters>;

/// Ownership: by its connection, then by what is parked of it.
struct RecoveryState {
    static constexpr std::size_t kEndedSubscriptionsMax = 64;

    /// The pid after the sid; empty: the connection cannot be recovered.
    PidSecret secret;
    std::uint64_t start = 0;          ///< position at which the pid began
    std::uint64_t position = 0;       ///< last update handed to the connection; none above `start`
    std::uint64_t private_count = 0;  ///< private messages since the pid began
    std::unique_ptr<PrivateRing> ring;     ///< made by the first
    std::vector<EndedSubscription> ended;  ///< oldest first
    std::uint64_t ended_known_after = 0;   ///< what ended at it or before may have been forgotten

    [[nodiscard]] bool on() const { return !secret.empty(); }
    /// Counts a private message and keeps it within `bytes_max`. Only while on().
    void record(std::string_view envelope, MonotonicTime now, std::size_t bytes_max);
    void note_end(EndedSubscription subscription, std::uint64_t until);
    [[nodiscard]] std::size_t bytes() const;
};

/// What the client has to be told about its rights.
struct RightsChange {
    enum class Cause : std::uint8_t { kToken, kRoles, kSession, kAuthorizer };
    Cause cause = Cause::kRoles;
    bool differs = false;  ///< its permissions are others than it knows
    std::vector<ArtifactId> ended_subscriptions;
};

/// What is left of a connection whose transport broke.
struct ParkedConnection {
    ConnectionId id;
    auth::Principal principal;  ///< with the last accepted token
    RecoveryState recovery;
    std::vector<Subscription> subscriptions;
    std::vector<InFlight> in_flight;
    std::uint64_t next_token = 1;
    std::uint32_t incarnation = 0;  ///< how often it has been recovered
    RightsChange change;            ///< since the break
    /// When the Engine.IO session began that it had last: what an earlier one asks for is stale.
    MonotonicTime transport_opened_at{};
    std::uint64_t seen = 0;  ///< each update up to it was handed over or was not for it
    MonotonicTime expires_at{};
    /// Of ParkedConnections.
    struct Registration {
        std::uint64_t number = 0;
        std::size_t bytes = 0;
    } registration;

    [[nodiscard]] std::size_t bytes() const;
};

/// A pid as a client gives it back.
struct Pid {
    std::string_view sid;
    std::string_view secret;
};
/// @return nullopt for what cannot be one; borrows.
[[nodiscard]] std::optional<Pid> parse_pid(std::string_view text);
/// In a time that depends on the lengths alone.
[[nodiscard]] bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace signalbox::gateway
