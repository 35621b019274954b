#include "limits/fair_rate.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace signalbox::limits {
namespace {

constexpr std::chrono::seconds kWindow{1};

double part_of(double whole, std::size_t count) {
    return whole / static_cast<double>(count);
}

}  // namespace

void FairRate::move_windows(MonotonicTime now) {
    if (now < began_at_ + kWindow) return;
    const bool adjacent = now < began_at_ + 2 * kWindow;
    before_ = adjacent ? std::exchange(now_, {}) : Window();
    now_ = {};
    began_at_ = adjacent ? began_at_ + kWindow : now;
}

bool FairRate::take(const Rate& rate, const Taker& taker, MonotonicTime now) {
    move_windows(now);
    const std::string name(taker.group);
    if (now_.groups.size() >= kGroupsMax && !now_.groups.contains(name)) return false;
    const Share share = share_of(now_.groups[name], name, taker.member, now);
    const double group_part = part_of(rate.per_second, share.groups);
    const double member_part = part_of(group_part, share.members);
    const bool is_due = !share.alone() && share.member_lately < std::max(1.0, member_part) &&
                        share.group_lately < std::max(1.0, group_part);
    // What nobody else needs is nobody's part; but who comes next shall not find an empty bucket.
    const bool is_spare = bucket_.level(rate, now) > rate.burst / (share.alone() ? 4 : 2);
    if ((!is_spare && !is_due) || bucket_.take(rate, now)) return false;
    ++share.of_member;
    if (!is_spare) ++share.of_group;
    return true;
}

std::string FairRate::counted_as(const Window& window, const Group& group,
                                 std::string_view member) {
    std::string name(member);
    const bool is_one_too_many = window.members >= kMembersMax && !group.members.contains(name);
    return is_one_too_many ? std::string() : name;
}

FairRate::Share FairRate::share_of(Group& group, const std::string& group_name,
                                   std::string_view member, MonotonicTime now) {
    const std::string name = counted_as(now_, group, member);
    const auto [entry, is_new] = group.members.try_emplace(name, 0);
    if (is_new) ++now_.members;
    // Of the second before, that part still counts which is less than a second ago.
    using Seconds = std::chrono::duration<double>;
    const double still_counts = 1 - std::min(1.0, Seconds(now - began_at_) / Seconds(kWindow));
    static const Group kNone;
    const auto known = before_.groups.find(group_name);
    const Group& before = known == before_.groups.end() ? kNone : known->second;
    const auto same = before.members.find(name);
    const double of_member_before = same == before.members.end() ? 0 : same->second;
    return {.of_group = group.taken,
            .of_member = entry->second,
            .group_lately = group.taken + before.taken * still_counts,
            .member_lately = entry->second + of_member_before * still_counts,
            .groups = std::max(now_.groups.size(), before_.groups.size()),
            .members = std::max(group.members.size(), before.members.size())};
}

}  // namespace signalbox::limits
