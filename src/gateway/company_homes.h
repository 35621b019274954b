#pragma once

#include <expected>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/error_code.h"
#include "base/executor.h"
#include "base/ids.h"
#include "gateway/options.h"
#include "gateway/parked_connections.h"
#include "gateway/resume.h"
#include "gateway/watch_rights.h"
#include "limits/token_bucket.h"
#include "socketio/recovery.h"
#include "updates/company_positions.h"
#include "updates/update_log.h"

namespace signalbox::gateway {

/// Where a connection lives.
struct ConnectionRef {
    ConnectionId id;
    ShardIndex shard = 0;
    friend bool operator==(const ConnectionRef&, const ConnectionRef&) = default;
};

/// Why the session's connection was closed last time, by us.
struct LastClose {
    std::string code;
    WallTime time{};
};

enum class TokenAge : std::uint8_t { kValid, kExpired };

struct AdmissionRequest {
    auth::Principal principal;
    ConnectionRef connection;
    std::optional<WallTime> session_expires_at;  ///< nullopt in claim mode
    int attempts_left = 4;                       ///< to find room by evicting
    /// What the client presents to get a connection back; none, or recovery is off.
    std::optional<socketio::RecoveryClaim> claim;
    MonotonicTime transport_opened_at{};  ///< of its Engine.IO session
    /// The presented token has expired: only a later one that the connection has may stand in.
    TokenAge token_age = TokenAge::kValid;
    std::string token = {};                              ///< for the API, where that is asked
    std::optional<auth::Permissions> introspected = {};  ///< what the API said
    MonotonicTime answered_at{};                         ///< when it did
    std::optional<ArtifactId> artifact = {};             ///< to be watched from the start
    /// What the API said of artifacts, that one and those that a broken connection watched.
    std::vector<WatchAnswer> watch_answers = {};
};

/// What the connection's shard is told about an admitted connection.
struct Admitted {
    std::optional<LastClose> last_close;
    std::optional<WallTime> session_expires_at;
    std::optional<auth::Permissions> introspected;
    MonotonicTime answered_at{};
    std::vector<WatchAnswer> watch_answers;
    /// Updates above it are still to come.
    std::uint64_t position = 0;
    std::string epoch;
    std::unique_ptr<Resumed> resumed;  ///< null: a fresh connection
};

/// The state of the companies whose home is this shard: who is connected, update positions, the
/// buckets of users and companies, the last closes of sessions, the updates and broken connections
/// that recovery needs. Exact without a lock, because all questions about a company come here.
///
/// Threading: confined to its shard.
/// Bounds:    members are bounded by the connections; buckets and last closes by their maxima.
class CompanyHomes {
public:
    CompanyHomes(const Options& options, std::string_view epoch);

    enum class Room : std::uint8_t { kFree, kUserFull, kCompanyFull };
    /// Whether one more connection of this principal may be registered.
    [[nodiscard]] Room room_for(const auth::Principal& principal) const;
    /// Connections of the principal's session: the candidates for eviction.
    [[nodiscard]] std::vector<ConnectionRef> session_members(const CompanyId& company,
                                                             const SessionId& session) const;
    /// The shard on which a connection of that session lives, one that evict() named included.
    [[nodiscard]] std::optional<ShardIndex> locate(const CompanyId& company,
                                                   const SessionId& session,
                                                   const ConnectionId& id) const;
    /// Registers without asking again. Hands out, and forgets, the session's last close.
    [[nodiscard]] Admitted enter(const AdmissionRequest& request, WallTime now);
    /// Gives up the place of a connection that is told to close; its leave() follows.
    void evict(const CompanyId& company, const UserId& user, const SessionId& session,
               const ConnectionRef& connection);
    /// @param close_code  why we closed it; empty: the client left by itself.
    void leave(const CompanyId& company, const UserId& user, const SessionId& session,
               const ConnectionRef& connection, std::string_view close_code, WallTime now);
    /// Sessions revoked so far: another number than before means that a session that was found
    /// valid before may not be any more.
    [[nodiscard]] std::uint64_t revocations() const { return revocations_; }
    /// Notes the close and counts it. @return the session's connections, which still have to go.
    [[nodiscard]] std::vector<ConnectionRef> revoke(const CompanyId& company,
                                                    const SessionId& session, WallTime now);
    /// The same for all sessions that have connections or parked ones.
    [[nodiscard]] std::vector<ConnectionRef> revoke_company(const CompanyId& company, WallTime now);
    /// Notes a close for a connection that never entered (a held refusal).
    void note_close(const CompanyId& company, const SessionId& session, std::string_view code,
                    WallTime now);

    /// The shards that have connections of the company.
    [[nodiscard]] std::vector<ShardIndex> shards_of(const CompanyId& company) const;
    [[nodiscard]] std::uint64_t next_position(const CompanyId& company) {
        return positions_.next(company);
    }
    [[nodiscard]] CompanyPosition position_of(const CompanyId& company) const {
        return {positions_.epoch(), positions_.current(company)};
    }
    /// Keeps an update for those that may come back.
    void keep(const CompanyId& company, std::shared_ptr<const updates::PositionedUpdate> update,
              MonotonicTime now);
    [[nodiscard]] const updates::UpdateLog& log() const { return log_; }
    [[nodiscard]] ParkedConnections& parked() { return parked_; }
    [[nodiscard]] const ParkedConnections& parked() const { return parked_; }
    /// Forgets what is too old to be asked for.
    void expire(MonotonicTime now);

    /// Takes from the user's and the company's bucket; nothing when either refuses.
    /// @return nullopt, or after how long to come back.
    [[nodiscard]] std::optional<Milliseconds> spend(const auth::Principal& principal, double cost,
                                                    MonotonicTime now);
    [[nodiscard]] std::size_t connection_count() const { return connections_; }

private:
    struct Member {
        ConnectionRef ref;
        bool is_evicted = false;
    };
    struct Company {
        std::unordered_map<UserId, std::size_t> users;
        std::unordered_map<SessionId, std::vector<Member>> sessions;
        std::vector<std::size_t> by_shard;
        std::size_t connections = 0;  // that have a place
        std::size_t members = 0;      // evicted ones included
    };
    [[nodiscard]] const std::vector<Member>* members_of(const CompanyId& company,
                                                        const SessionId& session) const;
    void give_up_place(Company& company, const UserId& user);
    void close_log_if_unused(const CompanyId& company);
    struct RememberedClose {
        std::string key;
        LastClose close;
    };
    const Options& options_;
    std::unordered_map<CompanyId, Company> companies_;
    std::size_t connections_ = 0;
    std::uint64_t revocations_ = 0;
    limits::BucketTable user_buckets_;
    limits::BucketTable company_buckets_;
    updates::CompanyPositions positions_;
    updates::UpdateLog log_;
    ParkedConnections parked_;
    std::list<RememberedClose> closes_;  // newest first
    std::unordered_map<std::string_view, std::list<RememberedClose>::iterator> closes_by_session_;
};

}  // namespace signalbox::gateway
