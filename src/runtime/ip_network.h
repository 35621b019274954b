#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http.h"

namespace signalbox::runtime {

/// An IPv4 or IPv6 address. IPv4 is kept mapped (::ffff:a.b.c.d), so that both spellings are equal.
class IpAddress {
public:
    /// Numeric text; an IPv6 address may stand in brackets, both may carry a port.
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
    [[nodiscard]] static IpAddress from_bytes(const std::array<std::uint8_t, 16>& bytes);
    /// "10.0.0.1" or "2001:db8::1".
    [[nodiscard]] std::string str() const;
    [[nodiscard]] bool is_ipv4() const;
    [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

    friend bool operator==(const IpAddress&, const IpAddress&) = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
};

/// "10.0.0.0/8", "2001:db8::/32", or a single address.
class IpNetwork {
public:
    /// @return nullopt for anything that is not a network; bits beyond the prefix are ignored.
    [[nodiscard]] static std::optional<IpNetwork> parse(std::string_view text);
    [[nodiscard]] bool contains(const IpAddress& address) const;

private:
    IpAddress base_;
    unsigned prefix_bits_ = 128;
};

/// Who a request really comes from, when it came through proxies.
struct ClientOrigin {
    std::string address;
    bool secure = false;
};

/// X-Forwarded-For and X-Forwarded-Proto count only when the socket's peer is in `trusted`: then
/// the client is the rightmost address that is not trusted (the leftmost one when all are). What
/// stands left of something that is no address cannot be trusted and is ignored.
[[nodiscard]] ClientOrigin resolve_origin(const std::vector<IpNetwork>& trusted,
                                          const IpAddress& peer, const HttpHeaders& headers,
                                          ClientOrigin socket);

}  // namespace signalbox::runtime
