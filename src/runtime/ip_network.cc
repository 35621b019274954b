#include "runtime/ip_network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace signalbox::runtime {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Cuts "[…]", "[…]:port" and "a.b.c.d:port" down to the address.
std::string_view without_port(std::string_view text) {
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        return end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
    }
    const auto colon = text.find(':');
    const bool single = colon != std::string_view::npos && colon == text.rfind(':');
    return single ? text.substr(0, colon) : text;
}

/// The elements of all fields called `name`, in order.
std::vector<std::string_view> list_elements(const HttpHeaders& headers, std::string_view name) {
    std::vector<std::string_view> elements;
    for (const auto& [field, value] : headers) {
        if (!equal_ignoring_case(field, name)) continue;
        std::string_view rest = value;
        while (!rest.empty()) {
            const std::string_view element = rest.substr(0, rest.find(','));
            rest.remove_prefix(std::min(rest.size(), element.size() + 1));
            elements.push_back(trim(element));
        }
    }
    return elements;
}

bool contains(const std::vector<IpNetwork>& networks, const IpAddress& address) {
    return std::ranges::any_of(networks, [&](const IpNetwork& n) { return n.contains(address); });
}

}  // namespace

IpAddress IpAddress::from_bytes(const std::array<std::uint8_t, 16>& bytes) {
    IpAddress address;
    address.bytes_ = bytes;
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string numeric(without_port(trim(text)));
    IpAddress address;
    if (::inet_pton(AF_INET6, numeric.c_str(), address.bytes_.data()) == 1) return address;
    if (::inet_pton(AF_INET, numeric.c_str(), address.bytes_.data() + 12) != 1) return std::nullopt;
    std::ranges::copy(kMappedPrefix, address.bytes_.begin());
    return address;
}

bool IpAddress::is_ipv4() const {
    return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin());
}

std::string IpAddress::str() const {
    char text[INET6_ADDRSTRLEN];
    if (is_ipv4()) return ::inet_ntop(AF_INET, bytes_.data() + 12, text, sizeof text);
    return ::inet_ntop(AF_INET6, bytes_.data(), text, sizeof text);
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    IpNetwork network;
    network.base_ = *address;
    if (slash == std::string_view::npos) return network;
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    const unsigned bits_max = address->is_ipv4() ? 32 : 128;
    if (error != std::errc() || end != digits.data() + digits.size() || bits > bits_max) {
        return std::nullopt;
    }
    network.prefix_bits_ = bits + (128 - bits_max);
    return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
    const unsigned whole = prefix_bits_ / 8, rest = prefix_bits_ % 8;
    if (std::memcmp(base_.bytes().data(), address.bytes().data(), whole) != 0) return false;
    if (rest == 0) return true;
    return ((base_.bytes()[whole] ^ address.bytes()[whole]) >> (8 - rest)) == 0;
}

ClientOrigin resolve_origin(const std::vector<IpNetwork>& trusted, const IpAddress& peer,
                            const HttpHeaders& headers, ClientOrigin socket) {
    if (trusted.empty() || !contains(trusted, peer)) return socket;
    ClientOrigin origin = std::move(socket);
    const auto hops = list_elements(headers, "X-Forwarded-For");
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
        const auto address = IpAddress::parse(*hop);
        if (!address) break;
        origin.address = address->str();
        if (!contains(trusted, *address)) break;
    }
    const auto schemes = list_elements(headers, "X-Forwarded-Proto");
    if (!schemes.empty()) origin.secure = equal_ignoring_case(schemes.back(), "https");
    return origin;
}

}  // namespace signalbox::runtime
