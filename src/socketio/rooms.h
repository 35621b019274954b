#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace signalbox::socketio {

/// Lets maps of strings be searched by views.
struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>()(text);
    }
};

class RoomTable;
struct Room;

/// What can be in rooms. Must have left them (RoomTable::leave_all) when it is destroyed.
class RoomMember {
protected:
    RoomMember() = default;
    ~RoomMember() = default;

private:
    friend class RoomTable;
    struct Membership {
        Room* room;
        std::uint32_t place;  // of this member in room->members
    };
    std::vector<Membership> memberships_;
    std::uint64_t selection_ = 0;  // the last one that took or excluded it
};

struct Room {
    struct Entry {
        RoomMember* member;
        std::uint32_t membership;  // of this room in the member's list
    };
    std::string_view name;
    std::vector<Entry> members;
};

/// The rooms of one namespace on one shard. A room exists while it has members; its name is stored
/// once. Each membership costs 32 bytes.
/// Threading: confined to its shard.
/// Work:      join, leave and in_room are linear in the rooms of that one member.
class RoomTable {
public:
    void join(RoomMember& member, std::string_view room);
    void leave(RoomMember& member, std::string_view room);
    void leave_all(RoomMember& member);
    [[nodiscard]] bool contains(std::string_view room, const RoomMember& member) const;
    void append_rooms_of(const RoomMember& member, std::vector<std::string>& out) const;
    [[nodiscard]] std::size_t size(std::string_view room) const;
    [[nodiscard]] std::size_t room_count() const { return rooms_.size(); }

    /// Begins a selection: each member can be taken once, by take() or take_room().
    void begin_selection() { ++selection_; }
    /// @return whether `member` was not taken before in this selection.
    bool take(RoomMember& member);
    /// Takes the members of `room` that were not taken before, appending them to `taken`.
    void take_room(std::string_view room, std::vector<RoomMember*>& taken);

private:
    static constexpr std::size_t kNowhere = SIZE_MAX;
    [[nodiscard]] const Room* find(std::string_view name) const;
    [[nodiscard]] static std::size_t index_of(const RoomMember& member, const Room& room);
    void remove(RoomMember& member, std::size_t index);

    std::unordered_map<std::string, Room, StringHash, std::equal_to<>> rooms_;
    std::uint64_t selection_ = 0;
};

}  // namespace signalbox::socketio
