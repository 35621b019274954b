#include "socketio/rooms.h"

#include <algorithm>

namespace signalbox::socketio {

const Room* RoomTable::find(std::string_view name) const {
    const auto found = rooms_.find(name);
    return found == rooms_.end() ? nullptr : &found->second;
}

std::size_t RoomTable::index_of(const RoomMember& member, const Room& room) {
    const auto found = std::ranges::find(member.memberships_, &room, &RoomMember::Membership::room);
    return found == member.memberships_.end()
               ? kNowhere
               : static_cast<std::size_t>(found - member.memberships_.begin());
}

void RoomTable::join(RoomMember& member, std::string_view room_name) {
    auto found = rooms_.find(room_name);
    if (found == rooms_.end()) {
        found = rooms_.try_emplace(std::string(room_name)).first;
        found->second.name = found->first;
    }
    Room& room = found->second;
    if (index_of(member, room) != kNowhere) return;
    const auto place = static_cast<std::uint32_t>(room.members.size());
    room.members.push_back({&member, static_cast<std::uint32_t>(member.memberships_.size())});
    member.memberships_.push_back({&room, place});
}

void RoomTable::leave(RoomMember& member, std::string_view room_name) {
    const Room* room = find(room_name);
    if (room == nullptr) return;
    const std::size_t index = index_of(member, *room);
    if (index != kNowhere) remove(member, index);
}

void RoomTable::leave_all(RoomMember& member) {
    while (!member.memberships_.empty()) remove(member, member.memberships_.size() - 1);
    member.memberships_.shrink_to_fit();
}

/// Fills both gaps with the last of each list, and tells the other side of each where it is now.
void RoomTable::remove(RoomMember& member, std::size_t index) {
    const auto [room, place] = member.memberships_[index];
    const Room::Entry last_entry = room->members.back();
    room->members[place] = last_entry;
    last_entry.member->memberships_[last_entry.membership].place = place;
    room->members.pop_back();

    const RoomMember::Membership last_membership = member.memberships_.back();
    member.memberships_[index] = last_membership;
    member.memberships_.pop_back();
    if (index < member.memberships_.size()) {
        last_membership.room->members[last_membership.place].membership =
            static_cast<std::uint32_t>(index);
    }
    if (room->members.empty()) rooms_.erase(rooms_.find(room->name));
}

bool RoomTable::contains(std::string_view room_name, const RoomMember& member) const {
    const Room* room = find(room_name);
    return room != nullptr && index_of(member, *room) != kNowhere;
}

void RoomTable::append_rooms_of(const RoomMember& member, std::vector<std::string>& out) const {
    for (const auto& membership : member.memberships_) out.emplace_back(membership.room->name);
}

std::size_t RoomTable::size(std::string_view room_name) const {
    const Room* room = find(room_name);
    return room == nullptr ? 0 : room->members.size();
}

bool RoomTable::take(RoomMember& member) {
    if (member.selection_ == selection_) return false;
    member.selection_ = selection_;
    return true;
}

void RoomTable::take_room(std::string_view room_name, std::vector<RoomMember*>& taken) {
    const Room* room = find(room_name);
    if (room == nullptr) return;
    for (const Room::Entry& entry : room->members) {
        if (take(*entry.member)) taken.push_back(entry.member);
    }
}

}  // namespace signalbox::socketio
