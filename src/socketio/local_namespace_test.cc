#include "socketio/local_namespace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "socketio/packet.h"
#include "socketio/server_fixture.h"
#include "socketio/testing.h"

namespace signalbox::socketio {
namespace {

using engineio::CloseReason;
using testing::FakeSession;
using testing::Lines;
using testing::ServerFixture;

class RoomsOfServer : public ::testing::Test, protected ServerFixture {
protected:
    Lines visited(const Lines& rooms, const Lines& except) {
        Lines ids;
        main_ns_.for_each_in(rooms, except, [&](Socket& socket) {
            ids.push_back(names_.at(std::string(socket.id())));
        });
        std::ranges::sort(ids);
        return ids;
    }
    void add(const std::string& name, const Lines& rooms) {
        sessions_[name] = joined();
        names_[main_.id] = name;
        for (const std::string& room : rooms) last_socket().join(room);
    }
    std::string id_of(const std::string& wanted) {
        for (const auto& [id, name] : names_) {
            if (name == wanted) return id;
        }
        return "";
    }
    std::map<std::string, std::unique_ptr<FakeSession>> sessions_;
    std::map<std::string, std::string> names_;
};

TEST_F(RoomsOfServer, VisitsEachSocketInAnyRoomOnce) {
    add("a", {"x"});
    add("b", {"x", "y"});
    add("c", {"y"});
    add("d", {});
    EXPECT_EQ(visited({"x"}, {}), (Lines{"a", "b"}));
    EXPECT_EQ(visited({"x", "y", "x", "none"}, {}), (Lines{"a", "b", "c"}));
    EXPECT_EQ(visited({}, {}), (Lines{"a", "b", "c", "d"}));
    EXPECT_EQ(visited({}, {"x"}), (Lines{"c", "d"}));
    EXPECT_EQ(visited({"x"}, {"y"}), Lines{"a"});
    EXPECT_EQ(visited({"none"}, {}), Lines{});
    EXPECT_EQ(main_ns_.room_size("x"), 2);
}

TEST_F(RoomsOfServer, TakesASocketsIdForARoom) {
    add("a", {"x"});
    add("b", {"x"});
    EXPECT_EQ(visited({id_of("a")}, {}), Lines{"a"});
    EXPECT_EQ(visited({"x"}, {id_of("a")}), Lines{"b"});
    EXPECT_EQ(main_ns_.room_size(id_of("a")), 1);
    main_ns_.find(id_of("b"))->join(id_of("a"));
    EXPECT_EQ(visited({id_of("a")}, {}), (Lines{"a", "b"}));
    EXPECT_TRUE(main_ns_.find(id_of("a"))->in_room(id_of("a")));
}

TEST_F(RoomsOfServer, ForgetsSocketsThatLeaveOrGo) {
    add("a", {"x"});
    add("b", {"x"});
    main_ns_.find(id_of("a"))->leave("x");
    sessions_["b"]->end(CloseReason::kTransportClose);
    EXPECT_EQ(visited({"x"}, {}), Lines{});
    EXPECT_EQ(visited({}, {}), Lines{"a"});
    EXPECT_EQ(main_ns_.room_size("x"), 0);
}

TEST_F(RoomsOfServer, MayChangeEverythingDuringAVisit) {
    for (const char* name : {"a", "b", "c", "d"}) add(name, {"x"});
    int visits = 0;
    const Lines rooms{"x"};
    main_ns_.for_each_in(rooms, {}, [&](Socket& socket) {
        ++visits;
        socket.leave("x");
        socket.join("y");
        int nested = 0;
        main_ns_.for_each_in({}, {}, [&](Socket& other) {
            ++nested;
            if (other.id() != socket.id() && visits == 1) other.disconnect();
        });
        EXPECT_EQ(nested, visits == 1 ? 4 : 1);
        add("new", {"x"});
    });
    EXPECT_EQ(visits, 1);
    EXPECT_EQ(main_ns_.room_size("x"), 1);
    EXPECT_EQ(main_ns_.room_size("y"), 1);
}

}  // namespace
}  // namespace signalbox::socketio
