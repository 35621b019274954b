#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Sec-WebSocket-Extensions (RFC 6455 section 9) and the negotiation of permessage-deflate (RFC
/// 7692 section 7). Sans-IO; work and memory are O(bytes of the fields).
namespace signalbox::websocket {

/// Whether `c` may stand in a token of HTTP (RFC 9110 section 5.6.2).
[[nodiscard]] bool is_token_character(char c);

struct ExtensionParameter {
    std::string name;
    std::optional<std::string> value;  ///< a quoted one without its quotes
};

/// One element of the list that a client offers.
struct ExtensionOffer {
    std::string name;
    std::vector<ExtensionParameter> parameters;
};

/// Reads all fields of that name, in their order, as one list; empty elements are skipped.
/// @return nullopt when the grammar of section 9.1 is broken, which must fail the handshake.
[[nodiscard]] std::optional<std::vector<ExtensionOffer>> parse_extensions(
    std::span<const std::string_view> fields);

/// What was agreed beside server_no_context_takeover and client_no_context_takeover, which we
/// always answer: each message stands for itself, in both directions, and any window a client uses
/// will do.
struct DeflateAgreement {
    static constexpr std::uint8_t kWindowBitsMax = 15;
    /// 9 to 15 when the offer named one; our frames keep to it.
    std::optional<std::uint8_t> server_max_window_bits;

    [[nodiscard]] std::uint8_t window_bits() const {
        return server_max_window_bits.value_or(kWindowBitsMax);
    }
    friend bool operator==(const DeflateAgreement&, const DeflateAgreement&) = default;
};

/// The first offer of permessage-deflate that can be accepted. An offer is declined when it has an
/// unknown parameter, one twice, one with a bad value, or server_max_window_bits=8, which zlib
/// cannot keep.
/// @return nullopt: none; the connection goes on without.
[[nodiscard]] std::optional<DeflateAgreement> negotiate_deflate(
    std::span<const ExtensionOffer> offers);

/// The value of the answer's Sec-WebSocket-Extensions.
[[nodiscard]] std::string deflate_answer(const DeflateAgreement& agreement);

}  // namespace signalbox::websocket
