#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/http.h"
#include "base/log.h"
#include "engineio/ports.h"
#include "runtime/http_parser.h"
#include "runtime/ip_network.h"
#include "runtime/proxy_protocol.h"

namespace signalbox::runtime {

class TlsContext;

/// permessage-deflate (RFC 7692), for clients that offer it.
struct WebSocketCompression {
    std::size_t threshold = 1024;  ///< shorter messages are sent as they are
};

struct HttpServerOptions {
    HttpLimits limits;
    /// All fragments together, inflated; close 1009.
    std::size_t websocket_message_bytes_max = 1'000'000;
    std::optional<WebSocketCompression> websocket_compression;  ///< nullopt: never negotiated
    /// Of one shard, all kinds; 0: none. At the maximum a newcomer takes the place of the HTTP
    /// connection that is idle for longest, or is closed at once when none is.
    std::size_t connections_max = 0;
    /// Of one peer address (IPv6: /64 network) on all shards; trusted proxies may have any number.
    /// Over it: closed at once; 0: none.
    std::size_t connections_per_address_max = 0;
    Log* log = nullptr;  ///< borrowed; nullptr: none

    /// Whether connections of the public listener begin with a PROXY header (proxy_protocol.h):
    /// then only those of trusted_proxies are taken.
    ProxyProtocol proxy_protocol = ProxyProtocol::kOff;
    Milliseconds proxy_header_timeout{10'000};   ///< from the accept
    Milliseconds tls_handshake_timeout{10'000};  ///< from the accept, or the PROXY header
    /// From a header's first byte to its last; 408. Also from the accept to the first byte.
    Milliseconds header_timeout{10'000};
    Milliseconds body_timeout{30'000};  ///< from the header's end to the body's; 408
    Milliseconds idle_timeout{75'000};  ///< without another request
    /// For an answer that is under way when the peer has ended its direction; it may have gone.
    Milliseconds half_close_timeout{5'000};
    /// Within it, again and again, the peer takes write_bytes_per_second_min of what waits for it.
    Milliseconds write_timeout{30'000};
    std::uint64_t write_bytes_per_second_min = 1024;
    Milliseconds linger_timeout{2'000};           ///< for the peer to close after our last byte
    Milliseconds websocket_close_timeout{3'000};  ///< for the closing handshake

    /// Networks whose X-Forwarded-For, X-Forwarded-Proto and PROXY headers count.
    std::vector<IpNetwork> trusted_proxies;

    /// Answer when another shard's mailbox is full.
    HttpResponse overloaded = default_overloaded();

    [[nodiscard]] static HttpResponse default_overloaded();
};

/// Names the shard whose handlers a request belongs to; nullopt: the one that read it.
using RequestRouter = std::function<std::optional<ShardIndex>(const HttpRequest&)>;

/// What one shard does with requests. Handlers are borrowed and outlive the shard's thread.
struct ShardHandlers {
    HttpHandler* http = nullptr;
    engineio::UpgradeHandler* upgrades = nullptr;
    RequestRouter owner_of;  ///< empty: always the shard that read it
};

enum class ListenerKind : std::uint8_t {
    kPublic,
    kInternal,  ///< its requests have internal_listener set
};

struct ListenOptions {
    std::string host = "127.0.0.1";  ///< numeric or a name; "::" is all addresses of both families
    std::uint16_t port = 8080;       ///< 0: the kernel chooses
    ListenerKind kind = ListenerKind::kPublic;
    std::shared_ptr<TlsContext> tls;  ///< nullptr: plain
    int backlog = 4'096;
};

}  // namespace signalbox::runtime
