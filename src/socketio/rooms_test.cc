#include "socketio/rooms.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <string>

#include "base/random.h"

namespace signalbox::socketio {
namespace {

class Member : public RoomMember {};

std::set<RoomMember*> members_of(RoomTable& rooms, std::string_view room) {
    std::vector<RoomMember*> taken;
    rooms.begin_selection();
    rooms.take_room(room, taken);
    return {taken.begin(), taken.end()};
}

TEST(RoomTable, KeepsARoomWhileItHasMembers) {
    RoomTable rooms;
    Member a, b;
    rooms.join(a, "x");
    rooms.join(b, "x");
    rooms.join(a, "x");
    EXPECT_EQ(rooms.size("x"), 2);
    rooms.leave(a, "x");
    rooms.leave(a, "x");
    rooms.leave(a, "unknown");
    EXPECT_FALSE(rooms.contains("x", a));
    EXPECT_TRUE(rooms.contains("x", b));
    EXPECT_EQ(rooms.room_count(), 1);
    rooms.leave_all(b);
    EXPECT_EQ(rooms.room_count(), 0);
    EXPECT_EQ(rooms.size("x"), 0);
}

TEST(RoomTable, TakesEachMemberOnceInASelection) {
    RoomTable rooms;
    Member a, b, c;
    for (Member* member : {&a, &b}) rooms.join(*member, "x");
    for (Member* member : {&b, &c}) rooms.join(*member, "y");
    std::vector<RoomMember*> taken;
    rooms.begin_selection();
    EXPECT_TRUE(rooms.take(c));
    rooms.take_room("x", taken);
    rooms.take_room("y", taken);
    rooms.take_room("z", taken);
    EXPECT_EQ(taken, (std::vector<RoomMember*>{&a, &b}));
    for (Member* member : {&a, &b, &c}) rooms.leave_all(*member);
}

TEST(RoomTable, AgreesWithASimpleModelAfterManyRandomChanges) {
    constexpr std::size_t kMembers = 12, kRooms = 7, kSteps = 20'000;
    SeededRandom random(7);
    RoomTable rooms;
    std::array<Member, kMembers> members;
    std::map<std::string, std::set<RoomMember*>> model;
    for (std::size_t step = 0; step < kSteps; ++step) {
        Member& member = members[random.below(kMembers)];
        const std::string room = "room " + std::to_string(random.below(kRooms));
        const std::uint64_t what = random.below(20);
        if (what < 10) {
            rooms.join(member, room);
            model[room].insert(&member);
        } else if (what < 19) {
            rooms.leave(member, room);
            model[room].erase(&member);
        } else {
            rooms.leave_all(member);
            for (auto& [name, in] : model) in.erase(&member);
        }
        ASSERT_EQ(members_of(rooms, room), model[room]) << "step " << step;
        ASSERT_EQ(rooms.contains(room, member), model[room].contains(&member));
    }
    for (Member& member : members) rooms.leave_all(member);
    EXPECT_EQ(rooms.room_count(), 0);
}

}  // namespace
}  // namespace signalbox::socketio
