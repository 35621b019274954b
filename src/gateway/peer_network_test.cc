#include "gateway/peer_network.h"

#include <gtest/gtest.h>

namespace signalbox::gateway {
namespace {

TEST(NetworkOf, IsAnIpv4AddressItself) {
    EXPECT_EQ(network_of("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(network_of("::ffff:192.0.2.1"), "::ffff:192.0.2.1");
    EXPECT_EQ(network_of(""), "");
}

TEST(NetworkOf, IsTheSameForAnIpv6NetworkOf64Bits) {
    const std::string network = network_of("2001:db8:1:2:3:4:5:6");
    EXPECT_EQ(network, network_of("2001:db8:1:2:ffff::1"));
    EXPECT_NE(network, network_of("2001:db8:1:3:3:4:5:6"));
    EXPECT_EQ(network_of("2001:db8::1"), network_of("2001:db8::2"));
    EXPECT_EQ(network_of("::1"), network_of("::2"));
}

}  // namespace
}  // namespace signalbox::gateway
