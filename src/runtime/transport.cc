#include "runtime/transport.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace signalbox::runtime {
namespace {

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

class PlainTransport final : public Transport {
public:
    explicit PlainTransport(UniqueFd socket) : socket_(std::move(socket)) {}

    int fd() const override { return socket_.get(); }
    IoResult read(IoContext& io, std::span<char> into) override {
        return receive(fd(), into.first(std::min(into.size(), kReadBytesMax)), io.statistics);
    }
    IoResult write(IoContext& io, std::string_view data) override {
        if (data.empty()) return {};
        return send_some(fd(), data, io.statistics);
    }

private:
    UniqueFd socket_;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(UniqueFd socket) {
    return std::make_unique<PlainTransport>(std::move(socket));
}

IoResult receive(int fd, std::span<char> into, Statistics& statistics) {
    statistics.recv_calls.add(1);
    const ssize_t got = ::recv(fd, into.data(), into.size(), MSG_DONTWAIT);
    if (got == 0) return {.status = IoStatus::kClosed};
    if (got < 0) return {.status = would_block(errno) ? IoStatus::kWouldBlock : IoStatus::kError};
    statistics.bytes_in.add(got);
    const auto bytes = static_cast<std::size_t>(got);
    return {.bytes = bytes, .more = bytes == into.size()};
}

IoResult send_some(int fd, std::string_view data, Statistics& statistics) {
    statistics.send_calls.add(1);
    const ssize_t put = ::send(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0) return {.status = would_block(errno) ? IoStatus::kWouldBlock : IoStatus::kError};
    statistics.bytes_out.add(put);
    const auto sent = static_cast<std::size_t>(put);
    return {.status = sent == data.size() ? IoStatus::kOk : IoStatus::kWouldBlock, .bytes = sent};
}

}  // namespace signalbox::runtime
