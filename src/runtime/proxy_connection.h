#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/timer_wheel.h"
#include "runtime/connection.h"
#include "runtime/http_connection.h"
#include "runtime/proxy_protocol.h"
#include "runtime/tls_context.h"
#include "runtime/unique_fd.h"

namespace signalbox::runtime {

/// A connection that came through a proxy, until its PROXY header is there. Then the endpoint
/// welcomes its socket as one of the client that the header names; nothing behind the header has
/// been read, so that TLS can begin there.
///
/// Ownership: by its endpoint.
/// Threading: confined to its shard.
/// Bounds:    kProxyHeaderBytesMax bytes, and HttpServerOptions::proxy_header_timeout.
/// Errors:    whatever is no header ends it without an answer and is counted.
class ProxyConnection final : public Connection {
public:
    ProxyConnection(Endpoint& endpoint, UniqueFd socket, ConnectionOrigin origin,
                    std::shared_ptr<TlsContext> tls);

    void start();

    void drain() override { lost(); }
    bool is_websocket() const override { return false; }

private:
    class Prefix;

    void on_input(std::span<char> bytes) override;
    void on_peer_closed() override { lost(); }
    void on_lost() override { timer_.cancel(); }
    void on_timer() { refuse(); }
    void refuse();
    void welcome(const ProxyHeader& header);
    [[nodiscard]] Prefix& prefix();

    ConnectionOrigin origin_;
    std::shared_ptr<TlsContext> tls_;
    std::string received_;
    Timer timer_;
};

}  // namespace signalbox::runtime
