#include "runtime/websocket_handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace signalbox::runtime {
namespace {

bool is_base64(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

std::optional<std::vector<websocket::ExtensionOffer>> extensions_of(const HttpRequest& request) {
    std::vector<std::string_view> fields;
    for (const auto& [name, value] : request.headers) {
        if (equal_ignoring_case(name, "Sec-WebSocket-Extensions")) fields.emplace_back(value);
    }
    return websocket::parse_extensions(fields);
}

/// The subprotocol that the client likes best, empty for none. Browsers fail a WebSocket whose
/// offer is not answered; what it is called means nothing here.
std::string_view first_subprotocol(const HttpRequest& request) {
    const std::string_view offer = request.headers.find("Sec-WebSocket-Protocol").value_or("");
    const auto end = std::ranges::find_if_not(offer, websocket::is_token_character);
    return {offer.begin(), end};
}

/// 16 bytes are 22 characters and "==".
bool is_key(std::string_view key) {
    return key.size() == 24 && key.ends_with("==") &&
           std::all_of(key.begin(), key.begin() + 22, is_base64);
}

}  // namespace

std::expected<void, HttpFault> check_websocket_request(const HttpRequest& request,
                                                       HttpVersion version) {
    if (request.method != "GET" || version != HttpVersion::kHttp11 || !request.body.empty()) {
        return std::unexpected(HttpFault::kWebSocketRequest);
    }
    const auto key = request.headers.find("Sec-WebSocket-Key");
    if (!key || !is_key(*key) || request.headers.count("Sec-WebSocket-Key") != 1) {
        return std::unexpected(HttpFault::kWebSocketKey);
    }
    if (request.headers.find("Sec-WebSocket-Version") != "13") {
        return std::unexpected(HttpFault::kWebSocketVersion);
    }
    if (!extensions_of(request)) return std::unexpected(HttpFault::kWebSocketExtensions);
    return {};
}

std::string websocket_accept_key(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::array<unsigned char, 32> encoded;
    const int length = EVP_EncodeBlock(encoded.data(), digest.data(), SHA_DIGEST_LENGTH);
    return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

std::optional<websocket::DeflateAgreement> offered_compression(const HttpRequest& request) {
    return websocket::negotiate_deflate(extensions_of(request).value());
}

void append_switching_protocols(std::string& out, const HttpRequest& request,
                                const std::optional<websocket::DeflateAgreement>& compression) {
    out.append(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: ");
    out.append(websocket_accept_key(*request.headers.find("Sec-WebSocket-Key"))).append("\r\n");
    if (const auto subprotocol = first_subprotocol(request); !subprotocol.empty()) {
        out.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
    }
    if (compression) {
        out.append("Sec-WebSocket-Extensions: ")
            .append(deflate_answer(*compression))
            .append("\r\n");
    }
    out.append("\r\n");
}

}  // namespace signalbox::runtime
