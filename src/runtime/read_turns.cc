#include "runtime/read_turns.h"

#include <algorithm>

#include "base/check.h"

namespace signalbox::runtime {

void ReadTurns::join(const InputShare& share) {
    if (share->connections++ == 0) ++shares_;
}

void ReadTurns::leave(const InputShare& share) {
    SB_CHECK(share->connections > 0);
    if (--share->connections == 0) --shares_;
}

bool ReadTurns::may_read(const InputShare& share) const {
    if (share->turn != turn_) {
        share->turn = turn_;
        share->spent = 0;
    }
    return share->waiting.empty() && share->spent < kQuantum;
}

void ReadTurns::spend(const InputShare& share, std::size_t cost) {
    share->spent += static_cast<std::int64_t>(cost);
    spent_ += static_cast<std::int64_t>(cost);
}

void ReadTurns::wait(const InputShare& share, InputReader& reader) {
    if (share->waiting.empty()) {
        backlogged_.push_back(share);
        share->credit = kQuantum - share->spent;
    }
    share->waiting.push_back(&reader);
}

void ReadTurns::forget(const InputShare& share, InputReader& reader) {
    const auto place = std::ranges::find(share->waiting, &reader);
    SB_CHECK(place != share->waiting.end());
    share->waiting.erase(place);
    if (share->waiting.empty()) backlogged_.remove(share);
}

void ReadTurns::serve() {
    // What was read at once counts; something is left for who waits all the same.
    std::int64_t left = std::max<std::int64_t>(kTurnCost - spent_, 1);
    while (left > 0 && !backlogged_.empty()) {
        const InputShare share = backlogged_.front();
        if (share->credit <= 0) {
            share->credit += kQuantum;
            backlogged_.splice(backlogged_.end(), backlogged_, backlogged_.begin());
            continue;
        }
        InputReader* reader = share->waiting.front();
        share->waiting.pop_front();
        if (share->waiting.empty()) backlogged_.pop_front();
        const auto cost = static_cast<std::int64_t>(reader->read_in_turn());
        share->credit -= cost;
        left -= cost;
    }
}

}  // namespace signalbox::runtime
