#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace signalbox::gateway {

/// Who shares what an address may have: an IPv4 address alone; of an IPv6 address in its short form
/// the first four groups, since whoever has one has a /64 of them, or fewer when zeros among them
/// are left out.
[[nodiscard]] inline std::string network_of(std::string_view peer) {
    if (!peer.contains(':') || peer.contains('.')) return std::string(peer);
    constexpr int kGroups = 4;
    std::size_t end = 0;
    for (int group = 0; group < kGroups; ++group) {
        const std::size_t colon = peer.find(':', end);
        if (colon == peer.npos) return std::string(peer);
        end = colon + 1;
        if (peer.substr(end).starts_with(':')) break;
    }
    return std::string(peer.substr(0, end)) + ":/64";
}

}  // namespace signalbox::gateway
