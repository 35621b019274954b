#include "runtime/ip_network.h"

#include <gtest/gtest.h>

namespace signalbox::runtime {
namespace {

TEST(IpAddress, ReadsBothFamiliesWithPortsAndBrackets) {
    EXPECT_EQ(IpAddress::parse("10.0.0.1")->str(), "10.0.0.1");
    EXPECT_EQ(IpAddress::parse(" 10.0.0.1:80 ")->str(), "10.0.0.1");
    EXPECT_EQ(IpAddress::parse("2001:db8::1")->str(), "2001:db8::1");
    EXPECT_EQ(IpAddress::parse("[2001:db8::1]:443")->str(), "2001:db8::1");
    EXPECT_EQ(IpAddress::parse("::ffff:10.0.0.1"), IpAddress::parse("10.0.0.1"));
    for (const auto text : {"", "unknown", "10.0.0", "10.0.0.256", "[::1", "g::1", "_hidden"}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
}

TEST(IpNetwork, ContainsItsAddressesAlone) {
    const auto contains = [](std::string_view network, std::string_view address) {
        return IpNetwork::parse(network)->contains(*IpAddress::parse(address));
    };
    EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
    EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
    EXPECT_TRUE(contains("10.1.2.128/25", "10.1.2.129"));
    EXPECT_FALSE(contains("10.1.2.128/25", "10.1.2.127"));
    EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
    EXPECT_FALSE(contains("192.0.2.7", "192.0.2.8"));
    EXPECT_TRUE(contains("0.0.0.0/0", "1.2.3.4"));
    EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
    EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
    EXPECT_TRUE(contains("::/0", "2001:db8::1"));
}

TEST(IpNetwork, RefusesWhatIsNone) {
    for (const auto text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                            "::/129", "example.org/8"}) {
        EXPECT_FALSE(IpNetwork::parse(text)) << text;
    }
}

std::string origin(std::string_view peer, std::initializer_list<std::string_view> forwarded) {
    const std::vector<IpNetwork> trusted = {*IpNetwork::parse("10.0.0.0/8"),
                                            *IpNetwork::parse("::1")};
    HttpHeaders headers;
    for (const auto value : forwarded) headers.add("X-Forwarded-For", std::string(value));
    const auto address = *IpAddress::parse(peer);
    return resolve_origin(trusted, address, headers, {.address = address.str(), .secure = false})
        .address;
}

TEST(ResolveOrigin, TakesTheRightmostAddressThatIsNotTrusted) {
    EXPECT_EQ(origin("9.9.9.9", {"1.1.1.1"}), "9.9.9.9") << "the peer is no proxy of ours";
    EXPECT_EQ(origin("10.0.0.1", {"1.1.1.1"}), "1.1.1.1");
    EXPECT_EQ(origin("10.0.0.1", {"6.6.6.6, 1.1.1.1"}), "1.1.1.1") << "the rest is forged";
    EXPECT_EQ(origin("10.0.0.1", {"6.6.6.6, 1.1.1.1, 10.0.0.2"}), "1.1.1.1");
    EXPECT_EQ(origin("10.0.0.1", {"1.1.1.1", "10.0.0.2"}), "1.1.1.1") << "two fields are one list";
    EXPECT_EQ(origin("10.0.0.1", {"10.0.0.3, 10.0.0.2"}), "10.0.0.3");
    EXPECT_EQ(origin("10.0.0.1", {"1.1.1.1, junk, 10.0.0.2"}), "10.0.0.2");
    EXPECT_EQ(origin("10.0.0.1", {}), "10.0.0.1");
    EXPECT_EQ(origin("::1", {"[2001:db8::5]:99"}), "2001:db8::5");
}

}  // namespace
}  // namespace signalbox::runtime
