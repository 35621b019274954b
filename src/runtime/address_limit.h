#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "runtime/ip_network.h"

namespace signalbox::runtime {

/// Counts the open connections of each peer address, an IPv6 one by its /64 network (which is what
/// one customer has), over all shards.
///
/// Ownership: outlives its tickets.
/// Threading: any thread.
/// Bounds:    one entry for each address that has a connection.
class AddressLimit {
    using Key = std::array<std::uint8_t, 16>;
    struct Count {
        AddressLimit* limit;
        std::size_t connections;
    };
    using Entry = std::pair<const Key, Count>;

public:
    /// A connection that is counted, until this ends. Empty: not counted.
    class Ticket {
    public:
        Ticket() = default;
        Ticket(Ticket&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
        Ticket& operator=(Ticket&& other) noexcept {
            std::swap(entry_, other.entry_);
            return *this;
        }
        ~Ticket() {
            if (entry_ != nullptr) entry_->second.limit->release(*entry_);
        }

    private:
        friend class AddressLimit;
        explicit Ticket(Entry& entry) : entry_(&entry) {}
        Entry* entry_ = nullptr;
    };

    /// @param connections_max  of one address; 0: nothing is counted.
    explicit AddressLimit(std::size_t connections_max) : connections_max_(connections_max) {}

    /// @return nullopt when the address has as many as it may.
    [[nodiscard]] std::optional<Ticket> admit(const IpAddress& address);
    [[nodiscard]] std::size_t addresses() const;

private:
    void release(Entry& entry);

    const std::size_t connections_max_;
    mutable std::mutex mutex_;
    std::map<Key, Count> entries_;
};

}  // namespace signalbox::runtime
