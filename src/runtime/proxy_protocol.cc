#include "runtime/proxy_protocol.h"

#include <algorithm>
#include <array>

namespace signalbox::runtime {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

enum class Command : std::uint8_t { kLocal = 0, kProxy = 1 };
enum class Family : std::uint8_t { kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3 };
constexpr std::uint8_t kStream = 1;

constexpr std::uint8_t kExtensionSsl = 0x20;
constexpr std::size_t kExtensionHeadBytes = 3;
constexpr std::uint8_t kSslClientFlag = 0x01;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint8_t>(bytes[at]);
}

std::size_t number_at(std::string_view bytes, std::size_t at) {
    return std::size_t{byte_at(bytes, at)} << 8U | byte_at(bytes, at + 1);
}

/// Both ends' addresses, with their ports.
std::size_t address_bytes(Family family) {
    switch (family) {
        case Family::kUnspecified:
            return 0;
        case Family::kInet:
            return 12;
        case Family::kInet6:
            return 36;
        case Family::kUnix:
            return 216;
    }
    return 0;
}

std::optional<IpAddress> source_of(Family family, std::string_view addresses) {
    std::array<std::uint8_t, 16> bytes{};
    if (family == Family::kInet6) {
        std::copy_n(addresses.begin(), bytes.size(), bytes.begin());
    } else if (family == Family::kInet) {
        bytes[10] = bytes[11] = 0xff;
        std::copy_n(addresses.begin(), 4, bytes.begin() + 12);
    } else {
        return std::nullopt;
    }
    return IpAddress::from_bytes(bytes);
}

/// Judges what is there of the fixed part.
std::optional<ProxyFault> fault_in_prefix(std::string_view received) {
    const std::size_t known = std::min(received.size(), kSignature.size());
    if (received.substr(0, known) != kSignature.substr(0, known)) return ProxyFault::kSignature;
    if (received.size() > 12) {
        const std::uint8_t byte = byte_at(received, 12);
        if (byte >> 4U != 2) return ProxyFault::kVersion;
        if ((byte & 0x0fU) > static_cast<std::uint8_t>(Command::kProxy))
            return ProxyFault::kCommand;
    }
    if (received.size() > 13) {
        const std::uint8_t family = byte_at(received, 13) >> 4U;
        const std::uint8_t transport = byte_at(received, 13) & 0x0fU;
        const bool unspecified = byte_at(received, 13) == 0;
        if (family > static_cast<std::uint8_t>(Family::kUnix)) return ProxyFault::kFamily;
        if (!unspecified && transport != kStream) return ProxyFault::kFamily;
    }
    if (received.size() >= kProxyPrefixBytes &&
        kProxyPrefixBytes + number_at(received, 14) > kProxyHeaderBytesMax)
        return ProxyFault::kTooLong;
    return std::nullopt;
}

/// Walks the extensions, of which one says whether the client spoke TLS.
std::expected<bool, ProxyFault> says_secure(std::string_view extensions) {
    bool secure = false;
    while (!extensions.empty()) {
        if (extensions.size() < kExtensionHeadBytes) return std::unexpected(ProxyFault::kExtension);
        const std::size_t length = number_at(extensions, 1);
        if (extensions.size() - kExtensionHeadBytes < length)
            return std::unexpected(ProxyFault::kExtension);
        const std::string_view value = extensions.substr(kExtensionHeadBytes, length);
        if (byte_at(extensions, 0) == kExtensionSsl && !value.empty())
            secure = (byte_at(value, 0) & kSslClientFlag) != 0;
        extensions.remove_prefix(kExtensionHeadBytes + length);
    }
    return secure;
}

}  // namespace

std::size_t proxy_bytes_missing(std::string_view received) {
    if (received.size() < kProxyPrefixBytes) return kProxyPrefixBytes - received.size();
    const std::size_t whole = kProxyPrefixBytes + number_at(received, 14);
    return whole > received.size() ? whole - received.size() : 0;
}

std::expected<std::optional<ProxyHeader>, ProxyFault> read_proxy_header(std::string_view received) {
    if (const auto fault = fault_in_prefix(received)) return std::unexpected(*fault);
    if (received.size() < kProxyPrefixBytes) return std::nullopt;
    const auto command = static_cast<Command>(byte_at(received, 12) & 0x0fU);
    const auto family = static_cast<Family>(byte_at(received, 13) >> 4U);
    const std::size_t length = number_at(received, 14);
    ProxyHeader header{.source = {}, .secure = false, .bytes = kProxyPrefixBytes + length};
    const bool local = command == Command::kLocal;
    if (!local && length < address_bytes(family)) return std::unexpected(ProxyFault::kLength);
    if (received.size() < header.bytes) return std::nullopt;
    // What else a LOCAL header has is to be passed over.
    if (local) return header;
    const std::string_view rest = received.substr(kProxyPrefixBytes, length);
    header.source = source_of(family, rest);
    // Of an unspecified family it is unknown what of the rest is an address.
    if (family == Family::kUnspecified) return header;
    const auto secure = says_secure(rest.substr(address_bytes(family)));
    if (!secure) return std::unexpected(secure.error());
    header.secure = *secure;
    return header;
}

}  // namespace signalbox::runtime
