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

void append_switching_protocols(std::string& out, const HttpRequest& request) {
    out.append(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: ");
    out.append(websocket_accept_key(*request.headers.find("Sec-WebSocket-Key"))).append("\r\n\r\n");
}

}  // namespace signalbox::runtime
