#include "limits/fair_rate.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace signalbox::limits {
namespace {

constexpr std::chrono::seconds kWindow{1};

/// The part of one of `count`; one alone is bounded by the bucket.
bool is_below_part(std::size_t taken, double whole, std::size_t count) {
    if (count <= 1) return true;
    return static_cast<double>(taken) < std::max(1.0, whole / static_cast<double>(count));
}

}  // namespace

void FairRate::move_windows(MonotonicTime now) {
    if (now < began_at_ + kWindow) return;
    const bool adjacent = now < began_at_ + 2 * kWindow;
    before_ = adjacent ? std::exchange(now_, {}) : Window();
    now_ = {};
    began_at_ = now;
}

bool FairRate::note(const Taker& taker) {
    const auto group = now_.groups.find(std::string(taker.group));
    const bool known =
        group != now_.groups.end() && group->second.members.contains(std::string(taker.member));
    if (known) return true;
    if (now_.members >= kMembersMax) return false;
    ++now_.members;
    now_.groups[std::string(taker.group)].members.emplace(taker.member, 0);
    return true;
}

bool FairRate::take(const Rate& rate, const Taker& taker, MonotonicTime now) {
    move_windows(now);
    if (!note(taker)) return false;
    Group& group = now_.groups.at(std::string(taker.group));
    const Sharers sharers = sharers_with(taker);
    const double level = bucket_.level(rate, now);
    // What nobody else needs is nobody's part; but who comes next shall not find an empty bucket.
    const bool is_spare = level > rate.burst / (sharers.alone() ? 4 : 2);
    if (is_spare) return !bucket_.take(rate, now);
    std::size_t& of_member = group.members.at(std::string(taker.member));
    const double of_group = rate.per_second / static_cast<double>(sharers.groups);
    const bool is_due = is_below_part(group.taken, rate.per_second, sharers.groups) &&
                        is_below_part(of_member, of_group, sharers.members);
    if (sharers.alone() || !is_due || bucket_.take(rate, now)) return false;
    ++group.taken;
    ++of_member;
    return true;
}

FairRate::Sharers FairRate::sharers_with(const Taker& taker) const {
    const std::string group(taker.group);
    const auto before = before_.groups.find(group);
    const std::size_t members_before =
        before == before_.groups.end() ? 0 : before->second.members.size();
    return {std::max(now_.groups.size(), before_.groups.size()),
            std::max(now_.groups.at(group).members.size(), members_before)};
}

}  // namespace signalbox::limits
