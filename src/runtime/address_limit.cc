#include "runtime/address_limit.h"

#include <algorithm>

namespace signalbox::runtime {

std::optional<AddressLimit::Ticket> AddressLimit::admit(const IpAddress& address) {
    if (connections_max_ == 0) return Ticket();
    Key key = address.bytes();
    if (!address.is_ipv4()) std::fill(key.begin() + 8, key.end(), 0);
    const std::lock_guard lock(mutex_);
    Entry& entry = *entries_.try_emplace(key, Count{.limit = this, .connections = 0}).first;
    if (entry.second.connections >= connections_max_) return std::nullopt;
    ++entry.second.connections;
    return Ticket(entry);
}

std::size_t AddressLimit::addresses() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

void AddressLimit::release(Entry& entry) {
    const std::lock_guard lock(mutex_);
    if (--entry.second.connections == 0) entries_.erase(Key(entry.first));
}

}  // namespace signalbox::runtime
