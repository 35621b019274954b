#include "runtime/proxy_connection.h"

#include <algorithm>
#include <utility>

#include "runtime/endpoint.h"

namespace signalbox::runtime {

/// Reads no further than it is told.
class ProxyConnection::Prefix final : public Transport {
public:
    explicit Prefix(UniqueFd socket) : socket_(std::move(socket)) {}

    int fd() const override { return socket_.get(); }
    IoResult read(IoContext& io, std::span<char> into) override {
        return runtime::receive(fd(), into.first(std::min(into.size(), wanted)), io.statistics);
    }
    IoResult write(IoContext&, std::string_view) override { return {}; }
    [[nodiscard]] UniqueFd release() { return std::move(socket_); }

    std::size_t wanted = kProxyPrefixBytes;

private:
    UniqueFd socket_;
};

namespace {

Channel channel_of(std::unique_ptr<Transport> transport) {
    Channel channel;
    channel.transport = std::move(transport);
    return channel;
}

}  // namespace

ProxyConnection::ProxyConnection(Endpoint& endpoint, UniqueFd socket, ConnectionOrigin origin,
                                 std::shared_ptr<TlsContext> tls)
    : Connection(endpoint, channel_of(std::make_unique<Prefix>(std::move(socket)))),
      origin_(std::move(origin)),
      tls_(std::move(tls)),
      timer_(Timer::calling<&ProxyConnection::on_timer>(this)) {}

ProxyConnection::Prefix& ProxyConnection::prefix() {
    return static_cast<Prefix&>(transport());
}

void ProxyConnection::start() {
    shard().wheel().arm_after(timer_, endpoint().options().proxy_header_timeout);
    if (!watch()) retire();
}

void ProxyConnection::on_input(std::span<char> bytes) {
    received_.append(bytes.data(), bytes.size());
    const auto header = read_proxy_header(received_);
    if (!header) return refuse();
    if (*header) return welcome(**header);
    prefix().wanted = proxy_bytes_missing(received_);
}

void ProxyConnection::refuse() {
    shard().statistics().proxy_faults.add(1);
    lost();
}

void ProxyConnection::welcome(const ProxyHeader& header) {
    if (header.source) origin_.peer = *header.source;
    origin_.secure = header.secure;
    timer_.cancel();
    Channel channel = release_channel();
    UniqueFd socket = static_cast<Prefix&>(*channel.transport).release();
    retire();
    endpoint().welcome(std::move(socket), std::move(origin_), tls_);
}

}  // namespace signalbox::runtime
