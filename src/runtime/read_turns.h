#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "base/input_share.h"

namespace signalbox::runtime {

/// When the connections of a shard are read while several companies share it: by deficit round robin
/// over their InputShares, so that who sends much delays others by a fraction of a millisecond and
/// not by all that it has sent. A share reads at once up to a quantum a turn of the loop; what is
/// ready beyond that waits and is served between the polls, some of it each turn. With one share on
/// the shard everything is read at once.
///
/// Ownership: borrows the readers, which forget() before they end.
/// Threading: confined to its shard.
/// Cost:      constant, but for forget(): linear in what waits of that share. serve() reads for
///            kTurnCost, and for one reader at least.
/// Bounds:    a reader waits once, so there are no more than connections.
class ReadTurns {
public:
    /// What reading costs beside its bytes: two system calls are worth some messages.
    static constexpr std::size_t kReadCost = std::size_t{2} * 1024;
    /// At a time, while shares take turns.
    static constexpr std::size_t kReadBytes = std::size_t{8} * 1024;
    static constexpr std::int64_t kQuantum = std::int64_t{8} * 1024;
    static constexpr std::int64_t kTurnCost = 2 * kQuantum;

    void join(const InputShare& share);
    void leave(const InputShare& share);
    /// Whether several shares are there to take turns.
    [[nodiscard]] bool are_taken() const { return shares_ > 1; }

    void begin_turn() {
        ++turn_;
        spent_ = 0;
    }
    /// Whether one of `share` may read now; then spend() what that cost.
    [[nodiscard]] bool may_read(const InputShare& share) const;
    void spend(const InputShare& share, std::size_t cost);
    /// read_in_turn() is called, once.
    void wait(const InputShare& share, InputReader& reader);
    /// Of one that waits.
    void forget(const InputShare& share, InputReader& reader);
    [[nodiscard]] bool anybody_waits() const { return !backlogged_.empty(); }
    /// Reads for those who wait.
    void serve();

private:
    std::size_t shares_ = 0;  // that have connections
    std::uint64_t turn_ = 1;
    std::int64_t spent_ = 0;            // in this turn
    std::list<InputShare> backlogged_;  // with readers that wait; the one whose turn it is first
};

}  // namespace signalbox::runtime
