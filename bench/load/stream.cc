#include "load/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "load/options.h"

namespace signalbox::bench {
namespace {

/// What read_some() and write_some() give when the kernel or TLS has to be waited for.
constexpr long kWait = -1;
constexpr long kClosed = 0;

runtime::UniqueFd connect_to(std::uint16_t port) {
    runtime::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        fail("cannot connect: " + std::string(std::strerror(errno)));
    }
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    return socket;
}

}  // namespace

void FreeTlsContext::operator()(ssl_ctx_st* context) const {
    SSL_CTX_free(context);
}

void Stream::FreeSsl::operator()(ssl_st* ssl) const {
    SSL_free(ssl);
}

TlsContext make_tls_context() {
    TlsContext context(SSL_CTX_new(TLS_client_method()));
    if (!context) fail("no TLS");
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    return context;
}

Stream::Stream(Loop& loop, runtime::Watcher& watcher, std::uint16_t port, ssl_ctx_st* tls)
    : loop_(loop), watcher_(watcher), socket_(connect_to(port)) {
    if (!loop_.poller().add(socket_.get(), watcher_, interest_)) fail("cannot watch a socket");
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), socket_.get());
    SSL_set_connect_state(ssl_.get());
}

Stream::~Stream() {
    loop_.poller().remove(socket_.get(), watcher_);
}

std::span<char> Stream::read() {
    std::span<char> buffer(loop_.receive_buffer());
    const long got = read_some(buffer);
    if (got == kClosed) closed_ = true;
    return buffer.first(got > 0 ? static_cast<std::size_t>(got) : 0);
}

long Stream::read_some(std::span<char> into) {
    if (!ssl_) {
        const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
        if (got >= 0) return got;
        return errno == EAGAIN || errno == EINTR ? kWait : kClosed;
    }
    long total = 0;
    while (static_cast<std::size_t>(total) < into.size()) {
        ERR_clear_error();
        const int got = SSL_read(ssl_.get(), into.data() + total,
                                 static_cast<int>(into.size() - static_cast<std::size_t>(total)));
        if (got > 0) {
            total += got;
            continue;
        }
        const int error = SSL_get_error(ssl_.get(), got);
        if (total > 0) return total;
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? kWait : kClosed;
    }
    return total;
}

long Stream::write_some(std::string_view bytes) {
    if (!ssl_) {
        const ssize_t put = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put >= 0) return put;
        return errno == EAGAIN || errno == EINTR ? kWait : kClosed;
    }
    ERR_clear_error();
    const int put = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (put > 0) return put;
    const int error = SSL_get_error(ssl_.get(), put);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? kWait : kClosed;
}

void Stream::flush() {
    while (!output_.empty() && !closed_) {
        const long put = write_some(output_);
        if (put == kClosed) closed_ = true;
        if (put <= 0) break;
        output_.erase(0, static_cast<std::size_t>(put));
        if (!ssl_) break;
    }
    const bool handshaking = ssl_ && SSL_is_init_finished(ssl_.get()) == 0;
    watch(output_.empty() || handshaking ? runtime::Interest::kRead
                                         : runtime::Interest::kRead | runtime::Interest::kWrite);
}

void Stream::watch(runtime::Interest interest) {
    if (interest == interest_) return;
    interest_ = interest;
    loop_.poller().modify(socket_.get(), watcher_, interest);
}

void Stream::reset_on_close() {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace signalbox::bench
