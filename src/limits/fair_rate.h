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
/// asks for more than there is takes what others leave, and not what they need. What was taken
/// before others came counts too: a newcomer has its part at once. One alone leaves a quarter of
/// the burst for it.
///
/// Threading: confined to one shard. Time by the caller.
/// Bounds:    kGroupsMax groups a second, more are refused; kMembersMax members a second, more
///            share what one of their group has.
class FairRate {
public:
    static constexpr std::size_t kGroupsMax = 10'000;
    static constexpr std::size_t kMembersMax = 10'000;

    struct Taker {
        std::string_view group;
        std::string_view member;  ///< of the group; not empty
    };
    /// @return false: not now.
    [[nodiscard]] bool take(const Rate& rate, const Taker& taker, MonotonicTime now);

private:
    struct Group {
        double taken = 0;                                 // of its part
        std::unordered_map<std::string, double> members;  // with all that each has taken
    };
    /// Who has asked within a second, and what was taken.
    struct Window {
        std::unordered_map<std::string, Group> groups;
        std::size_t members = 0;
    };
    /// One who asks: its entries, and how much they have taken within a second until now.
    struct Share {
        double& of_group;
        double& of_member;
        double group_lately;
        double member_lately;
        std::size_t groups;   ///< that share the rate
        std::size_t members;  ///< that share the group's part
        [[nodiscard]] bool alone() const { return groups <= 1 && members <= 1; }
    };
    void move_windows(MonotonicTime now);
    /// The name under which a member is counted.
    [[nodiscard]] static std::string counted_as(const Window& window, const Group& group,
                                                std::string_view member);
    [[nodiscard]] Share share_of(Group& group, const std::string& group_name,
                                 std::string_view member, MonotonicTime now);

    TokenBucket bucket_;
    Window now_;
    Window before_;
    MonotonicTime began_at_{};
};

}  // namespace signalbox::limits
