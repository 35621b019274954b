#include "runtime/address_limit.h"

#include <gtest/gtest.h>

namespace signalbox::runtime {
namespace {

IpAddress address(std::string_view text) {
    return *IpAddress::parse(text);
}

TEST(AddressLimit, AdmitsUpToTheMaximumOfEachAddress) {
    AddressLimit limit(2);
    const auto first = limit.admit(address("10.0.0.1"));
    auto second = limit.admit(address("10.0.0.1"));
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(limit.admit(address("10.0.0.1")));
    EXPECT_TRUE(limit.admit(address("10.0.0.2")));
    second.reset();
    EXPECT_TRUE(limit.admit(address("10.0.0.1")));
}

TEST(AddressLimit, CountsAnIpv6NetworkAsOneAddress) {
    AddressLimit limit(1);
    const auto held = limit.admit(address("2001:db8::1"));
    EXPECT_FALSE(limit.admit(address("2001:db8::ffff:1")));
    EXPECT_TRUE(limit.admit(address("2001:db8:0:1::1")));
}

TEST(AddressLimit, ForgetsAnAddressWithItsLastConnectionAndFollowsAMovedTicket) {
    AddressLimit limit(1);
    auto held = limit.admit(address("10.0.0.1"));
    AddressLimit::Ticket moved = std::move(*held);
    held.reset();
    EXPECT_EQ(limit.addresses(), 1U);
    moved = AddressLimit::Ticket();
    EXPECT_EQ(limit.addresses(), 0U);
}

TEST(AddressLimit, CountsNothingWithoutAMaximum) {
    AddressLimit limit(0);
    const auto held = limit.admit(address("10.0.0.1"));
    EXPECT_TRUE(held);
    EXPECT_EQ(limit.addresses(), 0U);
}

}  // namespace
}  // namespace signalbox::runtime
