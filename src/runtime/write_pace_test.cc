#include "runtime/write_pace.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "runtime/testing.h"

namespace signalbox::runtime {
namespace {

TEST(WritePace, CountsWhatThePeersTcpHasTaken) {
    const auto bound = bind_sockets({.port = 0, .tls = nullptr}, 1);
    testing::Client peer(bound->port);
    UniqueFd socket;
    ASSERT_TRUE(testing::eventually([&] {
        socket = UniqueFd(::accept(bound->sockets[0].get(), nullptr, nullptr));
        return static_cast<bool>(socket);
    }));
    WritePace pace;
    pace.begin(socket.get());
    EXPECT_FALSE(pace.suffices(socket.get(), Milliseconds(1000), 0)) << "nothing was taken";
    ASSERT_EQ(::send(socket.get(), "0123456789", 10, 0), 10);
    EXPECT_TRUE(
        testing::eventually([&] { return pace.suffices(socket.get(), Milliseconds(500), 20); }));
    EXPECT_FALSE(pace.suffices(socket.get(), Milliseconds(500), 22));
    pace.begin(socket.get());
    EXPECT_FALSE(pace.suffices(socket.get(), Milliseconds(500), 20));
}

}  // namespace
}  // namespace signalbox::runtime
