#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "runtime/ip_network.h"

/// The PROXY protocol, version 2: what a proxy that passes on bytes says, before the first of them,
/// of who sends them. Sans-IO. Wire format: docs/protocol/proxy.md.
namespace signalbox::runtime {

/// Whether connections begin with a header.
enum class ProxyProtocol : std::uint8_t { kOff, kRequired };

/// Why bytes are no header that is taken. The connection ends without an answer: who is at its
/// other end, and what it speaks, is unknown.
enum class ProxyFault : std::uint8_t {
    kSignature,  ///< not the twelve bytes that begin every header; version 1 is not taken
    kVersion,    ///< not 2
    kCommand,    ///< neither LOCAL nor PROXY
    kFamily,     ///< an unknown address family, or anything but a stream
    kLength,     ///< too short for the addresses of its family
    kTooLong,    ///< over kProxyHeaderBytesMax
    kExtension,  ///< one that ends behind the header
};

struct ProxyHeader {
    /// The client; nullopt: the connection's own peer counts (LOCAL, and families without an IP
    /// address).
    std::optional<IpAddress> source;
    bool secure = false;    ///< the client spoke TLS with the proxy
    std::size_t bytes = 0;  ///< of the header
};

inline constexpr std::size_t kProxyPrefixBytes = 16;  ///< says how long the header is
inline constexpr std::size_t kProxyHeaderBytesMax = 4096;

/// How many more bytes of the header are known to come when `received` are there; 0: none.
[[nodiscard]] std::size_t proxy_bytes_missing(std::string_view received);

/// @param received  what has come so far, cut anywhere.
/// @return the header at its front; nullopt when more bytes are needed. A fault shows as soon as
///         the byte is there that has it.
[[nodiscard]] std::expected<std::optional<ProxyHeader>, ProxyFault> read_proxy_header(
    std::string_view received);

}  // namespace signalbox::runtime
