#include "gateway/recovery_state.h"

#include <algorithm>

#include "base/check.h"

namespace signalbox::gateway {

void RecoveryState::record(std::string_view envelope, MonotonicTime now, std::size_t bytes_max) {
    if (!ring) ring = std::make_unique<PrivateRing>();
    ring->append({++private_count, position, now, envelope}, bytes_max);
}

void RecoveryState::note_end(EndedSubscription subscription, std::uint64_t until) {
    if (!on()) return;
    if (ended.size() >= kEndedSubscriptionsMax) {
        ended_known_after = std::max(ended_known_after, ended.front().until);
        ended.erase(ended.begin());
    }
    subscription.until = until;
    ended.push_back(std::move(subscription));
}

std::size_t RecoveryState::bytes() const {
    std::size_t sum = ended.capacity() * sizeof(EndedSubscription);
    if (ring) sum += sizeof(PrivateRing) + ring->bytes();
    for (const EndedSubscription& one : ended) sum += one.artifact.str().size();
    return sum;
}

std::size_t ParkedConnection::bytes() const {
    std::size_t sum = sizeof(ParkedConnection) + recovery.bytes();
    sum += subscriptions.capacity() * sizeof(Subscription);
    for (const Subscription& one : subscriptions) sum += one.artifact.str().size();
    sum += in_flight.capacity() * sizeof(InFlight);
    for (const InFlight& one : in_flight) sum += one.request_id.size();
    for (const std::string& claim : principal.permissions.claimed()) {
        sum += sizeof(std::string) + claim.size();
    }
    return sum + principal.user.str().size() + principal.company.str().size() +
           principal.session.str().size();
}

std::optional<Pid> parse_pid(std::string_view text) {
    if (text.size() != kPidSidCharacters + kPidSecretCharacters) return std::nullopt;
    return Pid{text.substr(0, kPidSidCharacters), text.substr(kPidSidCharacters)};
}

bool equal_secrets(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
    }
    return difference == 0;
}

}  // namespace signalbox::gateway
