#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "limits/token_bucket.h"

namespace signalbox::limits {

/// One rate that groups share, and in each group its members. While over half of the burst is left
/// whoever asks may take. Below, each group that has asked lately may take its equal part of a
/// second, each member of it its equal part of that, and nobody less than one a second: so one who
/// asks for more than there is takes what others leave, and not what they need. One alone leaves a
/// quarter of the burst for who comes next.
///
/// Threading: confined to one shard. Time by the caller.
/// Bounds:    kMembersMax members a second; more are refused.
class FairRate {
public:
    static constexpr std::size_t kMembersMax = 10'000;

    struct Taker {
        std::string_view group;
        std::string_view member;  ///< of the group
    };
    /// @return false: not now.
    [[nodiscard]] bool take(const Rate& rate, const Taker& taker, MonotonicTime now);

private:
    struct Group {
        std::size_t taken = 0;                                 // of its part
        std::unordered_map<std::string, std::size_t> members;  // with what each has taken of its
    };
    /// Who has asked within a second, and what was taken.
    struct Window {
        std::unordered_map<std::string, Group> groups;
        std::size_t members = 0;
    };
    void move_windows(MonotonicTime now);
    /// @return false: too many have asked.
    [[nodiscard]] bool note(const Taker& taker);
    /// How many share the rate, and the part of a taker's group.
    struct Sharers {
        std::size_t groups;
        std::size_t members;
        [[nodiscard]] bool alone() const { return groups <= 1 && members <= 1; }
    };
    [[nodiscard]] Sharers sharers_with(const Taker& taker) const;

    TokenBucket bucket_;
    Window now_;
    Window before_;
    MonotonicTime began_at_{};
};

}  // namespace signalbox::limits
