#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/options.h"
#include "gateway/recovery_state.h"

namespace signalbox::gateway {

/// Connections of this home shard's companies whose transport broke, until they come back.
///
/// Threading: confined to its shard.
/// Bounds:    RecoveryOptions: a number for each session, user and company, bytes for all; the
///            oldest of what is over its bound goes first and is counted in dropped().
class ParkedConnections {
public:
    /// @param emptied  hears of a company that has none parked any more.
    ParkedConnections(const RecoveryOptions& options, std::function<void(const CompanyId&)> emptied)
        : options_(options), emptied_(std::move(emptied)) {}

    void park(ParkedConnection parked);
    /// Borrowed until the next call that is not const.
    [[nodiscard]] ParkedConnection* find(const CompanyId& company, const SessionId& session,
                                         std::string_view id);
    /// Takes out what find() has found.
    [[nodiscard]] ParkedConnection take(const ParkedConnection& parked);
    /// Keeps one more private message of what find() has found, which may drop it or others.
    void record(ParkedConnection& parked, std::string_view envelope, MonotonicTime now);
    /// @param change  may change what each keeps, not whose it is.
    void change_each(const std::function<void(ParkedConnection&)>& change);
    void forget_session(const CompanyId& company, const SessionId& session);
    void forget_company(const CompanyId& company);
    void expire(MonotonicTime now);

    [[nodiscard]] bool has(const CompanyId& company) const;
    [[nodiscard]] std::size_t size() const { return parked_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

private:
    using Number = std::uint64_t;  // rises with time
    using Group = std::set<Number>;
    void drop(Number number);
    void forget(const std::string& group);
    ParkedConnection extract(Number number);
    void recount(ParkedConnection& parked);
    void drop_over_bytes();
    void drop_over(const std::string& group, std::size_t most);

    const RecoveryOptions& options_;
    std::function<void(const CompanyId&)> emptied_;
    std::map<Number, ParkedConnection> parked_;
    std::unordered_map<std::string, Group> groups_;  // by the room of the session, user, company
    Number last_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t dropped_ = 0;
};

}  // namespace signalbox::gateway
