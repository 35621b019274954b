#include "gateway/parked_connections.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "updates/audience.h"

namespace signalbox::gateway {
namespace {

std::array<std::string, 3> groups_of(const auth::Principal& who) {
    return {updates::session_room(who.company, who.session),
            updates::user_room(who.company, who.user), updates::company_room(who.company)};
}

}  // namespace

void ParkedConnections::park(ParkedConnection parked) {
    const Number number = ++last_;
    const auto [session, user, company] = groups_of(parked.principal);
    for (const std::string& group : {session, user, company}) groups_[group].insert(number);
    parked.registration = {number, parked.bytes()};
    bytes_ += parked.registration.bytes;
    parked_.emplace(number, std::move(parked));
    drop_over(session, options_.parked_per_session_max);
    drop_over(user, options_.parked_per_user_max);
    drop_over(company, options_.parked_per_company_max);
    drop_over_bytes();
}

void ParkedConnections::drop_over(const std::string& group, std::size_t most) {
    for (;;) {
        const auto found = groups_.find(group);
        if (found == groups_.end() || found->second.size() <= most) return;
        drop(*found->second.begin());
    }
}

void ParkedConnections::drop_over_bytes() {
    while (bytes_ > options_.parked_bytes_max) drop(parked_.begin()->first);
}

void ParkedConnections::drop(Number number) {
    ++dropped_;
    extract(number);
}

ParkedConnection ParkedConnections::extract(Number number) {
    auto node = parked_.extract(number);
    SB_CHECK(!node.empty());
    ParkedConnection parked = std::move(node.mapped());
    bytes_ -= parked.registration.bytes;
    for (const std::string& name : groups_of(parked.principal)) {
        const auto group = groups_.find(name);
        group->second.erase(number);
        if (group->second.empty()) groups_.erase(group);
    }
    if (!has(parked.principal.company)) emptied_(parked.principal.company);
    return parked;
}

ParkedConnection* ParkedConnections::find(const CompanyId& company, const SessionId& session,
                                          std::string_view id) {
    const auto group = groups_.find(updates::session_room(company, session));
    if (group == groups_.end()) return nullptr;
    for (const Number number : group->second) {
        ParkedConnection& parked = parked_.at(number);
        if (parked.id.str() == id) return &parked;
    }
    return nullptr;
}

ParkedConnection ParkedConnections::take(const ParkedConnection& parked) {
    return extract(parked.registration.number);
}

void ParkedConnections::record(ParkedConnection& parked, std::string_view envelope,
                               MonotonicTime now) {
    parked.recovery.record(envelope, now, options_.private_bytes_max);
    recount(parked);
    drop_over_bytes();
}

void ParkedConnections::change_each(const std::function<void(ParkedConnection&)>& change) {
    for (auto& [number, parked] : parked_) {
        change(parked);
        recount(parked);
    }
    drop_over_bytes();
}

void ParkedConnections::recount(ParkedConnection& parked) {
    std::size_t& counted = parked.registration.bytes;
    bytes_ -= counted;
    counted = parked.bytes();
    bytes_ += counted;
}

void ParkedConnections::forget_session(const CompanyId& company, const SessionId& session) {
    forget(updates::session_room(company, session));
}

void ParkedConnections::forget_company(const CompanyId& company) {
    forget(updates::company_room(company));
}

void ParkedConnections::forget(const std::string& name) {
    const auto group = groups_.find(name);
    if (group == groups_.end()) return;
    const Group numbers = group->second;
    for (const Number number : numbers) extract(number);
}

void ParkedConnections::expire(MonotonicTime now) {
    while (!parked_.empty() && parked_.begin()->second.expires_at <= now) {
        extract(parked_.begin()->first);
    }
}

bool ParkedConnections::has(const CompanyId& company) const {
    return groups_.contains(updates::company_room(company));
}

}  // namespace signalbox::gateway
