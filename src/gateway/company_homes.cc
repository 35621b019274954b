#include "gateway/company_homes.h"

#include <algorithm>

namespace signalbox::gateway {
namespace {

constexpr std::size_t kBucketKeysMax = 100'000;

/// Key of a thing of a company; ids are percent-encoded so that pairs cannot be confused.
std::string key_of(const CompanyId& company, std::string_view id) {
    return percent_encode_id(company.str()) + ':' + percent_encode_id(id);
}

}  // namespace

CompanyHomes::CompanyHomes(const Options& options, std::string_view epoch)
    : options_(options),
      user_buckets_(kBucketKeysMax),
      company_buckets_(kBucketKeysMax),
      positions_(std::string(epoch)),
      log_({options.recovery.log_bytes_max, options.recovery.log_total_bytes_max,
            options.recovery.max_disconnection}),
      parked_(options.recovery,
              [this](const CompanyId& company) { close_log_if_unused(company); }) {}

CompanyHomes::Room CompanyHomes::room_for(const auth::Principal& principal) const {
    const auto company = companies_.find(principal.company);
    if (company == companies_.end()) return Room::kFree;
    const auto& limits = options_.limits;
    const auto user = company->second.users.find(principal.user);
    const std::size_t of_user = user == company->second.users.end() ? 0 : user->second;
    if (limits.connections_per_user != 0 && of_user >= limits.connections_per_user) {
        return Room::kUserFull;
    }
    const bool full = limits.connections_per_company != 0 &&
                      company->second.connections >= limits.connections_per_company;
    return full ? Room::kCompanyFull : Room::kFree;
}

const std::vector<CompanyHomes::Member>* CompanyHomes::members_of(const CompanyId& company,
                                                                  const SessionId& session) const {
    const auto found = companies_.find(company);
    if (found == companies_.end()) return nullptr;
    const auto members = found->second.sessions.find(session);
    return members == found->second.sessions.end() ? nullptr : &members->second;
}

std::vector<ConnectionRef> CompanyHomes::session_members(const CompanyId& company,
                                                         const SessionId& session) const {
    std::vector<ConnectionRef> refs;
    const auto* members = members_of(company, session);
    if (members == nullptr) return refs;
    for (const Member& member : *members) {
        if (!member.is_evicted) refs.push_back(member.ref);
    }
    return refs;
}

std::optional<ShardIndex> CompanyHomes::locate(const CompanyId& company, const SessionId& session,
                                               const ConnectionId& id) const {
    const auto* members = members_of(company, session);
    if (members == nullptr) return std::nullopt;
    const auto found =
        std::ranges::find_if(*members, [&](const Member& m) { return m.ref.id == id; });
    return found == members->end() ? std::nullopt : std::optional(found->ref.shard);
}

Admitted CompanyHomes::enter(const AdmissionRequest& request, WallTime now) {
    const auth::Principal& who = request.principal;
    Company& company = companies_[who.company];
    if (options_.recovery.enabled) log_.open(who.company, positions_.current(who.company));
    ++company.users[who.user];
    company.sessions[who.session].push_back({request.connection});
    if (company.by_shard.size() <= request.connection.shard) {
        company.by_shard.resize(request.connection.shard + 1U);
    }
    ++company.by_shard[request.connection.shard];
    ++company.connections;
    ++company.members;
    ++connections_;

    Admitted admitted;
    admitted.session_expires_at = request.session_expires_at;
    admitted.introspected = request.introspected;
    admitted.answered_at = request.answered_at;
    admitted.watch_answers = request.watch_answers;
    admitted.position = positions_.current(who.company);
    admitted.epoch = positions_.epoch();
    const auto closed = closes_by_session_.find(key_of(who.company, who.session.str()));
    if (closed != closes_by_session_.end()) {
        const auto entry = closed->second;
        if (now - entry->close.time <= options_.last_close_age_max) {
            admitted.last_close = std::move(entry->close);
        }
        closes_by_session_.erase(closed);
        closes_.erase(entry);
    }
    return admitted;
}

void CompanyHomes::leave(const CompanyId& company_id, const UserId& user, const SessionId& session,
                         const ConnectionRef& connection, std::string_view close_code,
                         WallTime now) {
    if (!close_code.empty()) note_close(company_id, session, close_code, now);
    const auto found = companies_.find(company_id);
    if (found == companies_.end()) return;
    Company& company = found->second;
    const auto members = company.sessions.find(session);
    if (members == company.sessions.end()) return;
    const auto member = std::ranges::find(members->second, connection, &Member::ref);
    if (member == members->second.end()) return;
    if (!member->is_evicted) give_up_place(company, user);
    members->second.erase(member);
    if (members->second.empty()) company.sessions.erase(members);
    --company.by_shard[connection.shard];
    if (--company.members > 0) return;
    companies_.erase(found);
    close_log_if_unused(company_id);
}

void CompanyHomes::evict(const CompanyId& company_id, const UserId& user, const SessionId& session,
                         const ConnectionRef& connection) {
    const auto found = companies_.find(company_id);
    if (found == companies_.end()) return;
    const auto members = found->second.sessions.find(session);
    if (members == found->second.sessions.end()) return;
    const auto member = std::ranges::find(members->second, connection, &Member::ref);
    if (member == members->second.end() || member->is_evicted) return;
    member->is_evicted = true;
    give_up_place(found->second, user);
}

void CompanyHomes::give_up_place(Company& company, const UserId& user) {
    const auto of_user = company.users.find(user);
    if (--of_user->second == 0) company.users.erase(of_user);
    --company.connections;
    --connections_;
}

void CompanyHomes::close_log_if_unused(const CompanyId& company) {
    if (!companies_.contains(company) && !parked_.has(company)) log_.close(company);
}

void CompanyHomes::keep(const CompanyId& company,
                        std::shared_ptr<const updates::PositionedUpdate> update,
                        MonotonicTime now) {
    if (!update->is_volatile) log_.append(company, std::move(update), now);
}

void CompanyHomes::expire(MonotonicTime now) {
    log_.expire(now);
    parked_.expire(now);
}

std::vector<ConnectionRef> CompanyHomes::revoke(const CompanyId& company, const SessionId& session,
                                                WallTime now) {
    ++revocations_;
    note_close(company, session, "SESSION_INVALID", now);
    parked_.forget_session(company, session);
    return session_members(company, session);
}

std::vector<ConnectionRef> CompanyHomes::revoke_company(const CompanyId& company, WallTime now) {
    ++revocations_;
    parked_.forget_company(company);
    std::vector<ConnectionRef> refs;
    const auto found = companies_.find(company);
    if (found == companies_.end()) return refs;
    for (const auto& [session, members] : found->second.sessions) {
        note_close(company, session, "SESSION_INVALID", now);
        std::ranges::move(session_members(company, session), std::back_inserter(refs));
    }
    return refs;
}

void CompanyHomes::note_close(const CompanyId& company, const SessionId& session,
                              std::string_view code, WallTime now) {
    std::string key = key_of(company, session.str());
    if (const auto known = closes_by_session_.find(key); known != closes_by_session_.end()) {
        const auto entry = known->second;
        closes_by_session_.erase(known);
        closes_.erase(entry);
    }
    closes_.push_front({std::move(key), {std::string(code), now}});
    closes_by_session_.emplace(closes_.front().key, closes_.begin());
    if (closes_.size() > options_.last_closes_max) {
        closes_by_session_.erase(closes_.back().key);
        closes_.pop_back();
    }
}

std::vector<ShardIndex> CompanyHomes::shards_of(const CompanyId& company) const {
    std::vector<ShardIndex> shards;
    const auto found = companies_.find(company);
    if (found == companies_.end()) return shards;
    const auto& by_shard = found->second.by_shard;
    for (std::size_t i = 0; i < by_shard.size(); ++i) {
        if (by_shard[i] > 0) shards.push_back(static_cast<ShardIndex>(i));
    }
    return shards;
}

std::optional<Milliseconds> CompanyHomes::spend(const auth::Principal& principal, double cost,
                                                MonotonicTime now) {
    const limits::Rate& user_rate = options_.limits.user_messages;
    const limits::Rate& company_rate = options_.limits.company_messages;
    const std::string user_key = key_of(principal.company, principal.user.str());
    if (const auto wait = user_buckets_.take(user_key, user_rate, now, cost)) return wait;
    const auto wait = company_buckets_.take(principal.company.str(), company_rate, now, cost);
    // What the user's bucket gave is returned, so that a refusal costs nothing.
    if (wait) (void)user_buckets_.take(user_key, user_rate, now, -cost);
    return wait;
}

}  // namespace signalbox::gateway
