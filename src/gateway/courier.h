#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/executor.h"
#include "base/ids.h"

namespace signalbox::gateway {

class Courier;
class Gateway;

/// The connection that an execution speaks to, wherever it is.
struct Address {
    CompanyId company;
    SessionId session;
    std::string socket_id;
};

/// One message of an execution to its connection.
struct Letter {
    std::string envelope;                ///< empty: only the end is told
    std::optional<std::uint64_t> ended;  ///< InFlight::token of the execution that ends with it
};

/// A letter on its way, with who waits to hear that it has arrived.
struct Carriage {
    Address address;
    std::shared_ptr<const Letter> letter;
    ShardIndex origin;
    std::shared_ptr<Courier> courier;
};

/// Brings the messages of one execution, in order, to a connection that is not on its shard: by the
/// home shard, which knows where it is or what is parked of it. Only one is under way at a time, so
/// that none overtakes another while the connection moves.
///
/// Ownership: shared by the execution's sink and what is under way.
/// Threading: confined to the execution's shard; only the pointer travels.
/// Bounds:    holds what its execution says while one message is under way.
class Courier : public std::enable_shared_from_this<Courier> {
public:
    Courier(Gateway& gateway, Address address) : gateway_(gateway), address_(std::move(address)) {}

    /// True when all that was sent has arrived.
    [[nodiscard]] bool idle() const { return !under_way_ && letters_.empty(); }
    void send(Letter letter);
    enum class Arrival : std::uint8_t { kReached, kNobody };
    /// The answer of the letter under way. kNobody: the connection is gone for good.
    void arrived(Arrival arrival);

private:
    void send_next();

    Gateway& gateway_;
    Address address_;
    std::deque<Letter> letters_;
    bool under_way_ = false;
    bool gone_ = false;
};

}  // namespace signalbox::gateway
