#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/timer_wheel.h"
#include "socketio/server.h"

namespace signalbox::socketio {

/// The acks that one socket waits for, each with its deadline.
/// Ownership: borrows the wheel. A callback is gone before it is called, so it may ask for more
///            acks.
/// Threading: confined to its shard.
/// Bounds:    as many as the application asks for; each leaves at its timeout at the latest.
class PendingAcks {
public:
    explicit PendingAcks(TimerWheel& wheel) : wheel_(wheel) {}

    void add(std::uint64_t id, Milliseconds timeout, AckCallback callback);
    /// Calls the callback of `id`; nothing when it is unknown.
    void resolve(std::uint64_t id, std::expected<AckReply, AckError> outcome);
    void fail_all(AckError error);

private:
    struct Entry;
    void expire(std::uint64_t id) { resolve(id, std::unexpected(AckError::kTimeout)); }

    TimerWheel& wheel_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Entry>> entries_;
};

struct PendingAcks::Entry {
    Entry(PendingAcks& pending_acks, std::uint64_t ack_id, AckCallback on_outcome)
        : owner(pending_acks), id(ack_id), callback(std::move(on_outcome)) {}
    void expire() { owner.expire(id); }

    PendingAcks& owner;
    std::uint64_t id;
    AckCallback callback;
    Timer timer = Timer::calling<&Entry::expire>(this);
};

}  // namespace signalbox::socketio
