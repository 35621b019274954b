#include "runtime/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace signalbox::runtime {
namespace {

using namespace std::string_literals;

const std::string kBegin = "\r\n\r\n\0\r\nQUIT\n"s;

std::string number(std::size_t n) {
    return {static_cast<char>(n >> 8U), static_cast<char>(n & 0xffU)};
}

/// A header of this command and family, with what follows the fixed part.
std::string header(std::string_view command_and_family, const std::string& rest) {
    return kBegin + std::string(command_and_family) + number(rest.size()) + rest;
}

std::string extension(char type, const std::string& value) {
    return type + number(value.size()) + value;
}

const std::string kInetAddresses = "\xc0\x00\x02\x07\x0a\x00\x00\x01\xd4\x31\x01\xbb"s;
const std::string kInet6Addresses =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xd4\x31\x01\xbb"s;
const std::string kInet = header("\x21\x11", kInetAddresses);

struct Good {
    const char* name;
    std::string bytes;
    const char* source;  ///< empty: the connection's own
    bool secure = false;
};

std::vector<Good> good_headers() {
    const std::string tls = extension(0x20, "\x01\0\0\0\0"s + extension(0x21, "TLSv1.3"));
    const std::string plain = extension(0x20, "\x00\0\0\0\0"s);
    return {
        {"IPv4", kInet, "192.0.2.7"},
        {"IPv6", header("\x21\x21", kInet6Addresses), "2001:db8::7"},
        {"LOCAL without anything", header("\x20\0"s, ""), ""},
        {"LOCAL with addresses", header("\x20\x11", kInetAddresses), ""},
        {"LOCAL with anything else", header("\x20\x11", "x"), ""},
        {"unspecified", header("\x21\0"s, ""), ""},
        {"unspecified with anything", header("\x21\0"s, "anything"), ""},
        {"a Unix socket", header("\x21\x31", std::string(216, 'u')), ""},
        {"extensions",
         header("\x21\x11",
                kInetAddresses + extension(1, "h2") + extension(4, std::string(300, '\0'))),
         "192.0.2.7"},
        {"an empty extension", header("\x21\x11", kInetAddresses + extension(5, "")), "192.0.2.7"},
        {"TLS", header("\x21\x11", kInetAddresses + extension(2, "host") + tls), "192.0.2.7", true},
        {"no TLS", header("\x21\x11", kInetAddresses + plain), "192.0.2.7"},
        {"the most",
         header("\x21\x11", kInetAddresses + extension(4, std::string(4096 - 16 - 12 - 3, 'x'))),
         "192.0.2.7"}};
}

TEST(ProxyHeader, IsReadAtEveryCut) {
    for (const auto& [name, bytes, source, secure] : good_headers()) {
        for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
            const auto part = read_proxy_header(std::string_view(bytes).substr(0, cut));
            ASSERT_TRUE(part.has_value()) << name << " cut at " << cut;
            ASSERT_FALSE(part->has_value()) << name << " cut at " << cut;
        }
        for (const char* behind : {"", "GET / HTTP/1.1\r\n"}) {
            const auto whole = read_proxy_header(bytes + behind);
            ASSERT_TRUE(whole.has_value() && whole->has_value()) << name;
            EXPECT_EQ((*whole)->source ? (*whole)->source->str() : "", source) << name;
            EXPECT_EQ((*whole)->secure, secure) << name;
            EXPECT_EQ((*whole)->bytes, bytes.size()) << name;
        }
    }
}

TEST(ProxyHeader, SaysHowManyBytesAreToCome) {
    EXPECT_EQ(proxy_bytes_missing(""), 16U);
    EXPECT_EQ(proxy_bytes_missing(kInet.substr(0, 15)), 1U);
    EXPECT_EQ(proxy_bytes_missing(kInet.substr(0, 16)), 12U);
    EXPECT_EQ(proxy_bytes_missing(kInet.substr(0, 20)), 8U);
    EXPECT_EQ(proxy_bytes_missing(kInet), 0U);
    EXPECT_EQ(proxy_bytes_missing(kInet + "x"), 0U);
}

struct Bad {
    const char* name;
    std::string bytes;
    ProxyFault fault;
    std::size_t shows_after;  ///< bytes
};

std::vector<Bad> bad_headers() {
    using enum ProxyFault;
    const std::string cut_extension = "\x01\x00\x03h2"s;
    const std::string late = header("\x21\x11", kInetAddresses + cut_extension);
    return {{"HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", kSignature, 1},
            {"TLS", "\x16\x03\x01\x02\x00"s, kSignature, 1},
            {"version 1", "PROXY TCP4 192.0.2.7 10.0.0.1 54321 443\r\n", kSignature, 1},
            {"the signature's last byte", "\r\n\r\n\0\r\nQUIT\r"s, kSignature, 12},
            {"version 3", header("\x31\x11", kInetAddresses), kVersion, 13},
            {"version 1 in binary", header("\x11\x11", kInetAddresses), kVersion, 13},
            {"command 2", header("\x22\x11", kInetAddresses), kCommand, 13},
            {"family 4", header("\x21\x41", kInetAddresses), kFamily, 14},
            {"datagrams", header("\x21\x12", kInetAddresses), kFamily, 14},
            {"no transport", header("\x21\x10", kInetAddresses), kFamily, 14},
            {"a stream of nothing", header("\x21\x03", ""), kFamily, 14},
            {"IPv4 too short", header("\x21\x11", kInetAddresses.substr(1)), kLength, 16},
            {"IPv6 too short", header("\x21\x21", kInetAddresses), kLength, 16},
            {"Unix too short", header("\x21\x31", std::string(215, 'u')), kLength, 16},
            {"too long", kBegin + "\x21\x11"s + number(4096 - 15), kTooLong, 16},
            {"longest length", kBegin + "\x21\x11\xff\xff"s, kTooLong, 16},
            {"LOCAL too long", kBegin + "\x20\x00\xff\xff"s, kTooLong, 16},
            {"an extension over the end", late, kExtension, late.size()},
            {"half an extension's head", header("\x21\x11", kInetAddresses + "\x01\x00"s),
             kExtension, 16 + 12 + 2}};
}

TEST(ProxyHeader, IsRefusedAsSoonAsItsFaultIsThere) {
    for (const auto& [name, bytes, fault, shows_after] : bad_headers()) {
        for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
            const auto read = read_proxy_header(std::string_view(bytes).substr(0, cut));
            if (cut < shows_after) {
                ASSERT_TRUE(read.has_value() && !read->has_value()) << name << " cut at " << cut;
            } else {
                ASSERT_FALSE(read.has_value()) << name << " cut at " << cut;
                EXPECT_EQ(read.error(), fault) << name;
            }
        }
    }
}

}  // namespace
}  // namespace signalbox::runtime
