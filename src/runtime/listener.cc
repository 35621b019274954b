#include "runtime/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "runtime/endpoint.h"

namespace signalbox::runtime {
namespace {

enum class PortSharing : bool { kNo, kYes };

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    [[nodiscard]] std::uint16_t port() const {
        return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
    }
    void set_port(std::uint16_t port) {
        // The port stands at the same place in sockaddr_in6.
        reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
    }
};

std::expected<Address, ListenError> resolve(const ListenOptions& options) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(options.port);
    if (::getaddrinfo(options.host.c_str(), port.c_str(), &hints, &found) != 0) {
        return std::unexpected(ListenError::kBadHost);
    }
    Address address;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.length = found->ai_addrlen;
    ::freeaddrinfo(found);
    return address;
}

ListenError error_of(int error) {
    if (error == EADDRINUSE) return ListenError::kAddressInUse;
    if (error == EACCES || error == EPERM) return ListenError::kNotPermitted;
    return ListenError::kUnavailable;
}

std::expected<UniqueFd, ListenError> bind_one(Address& address, PortSharing sharing, int backlog) {
    UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1, off = 0;
    if (!fd) return std::unexpected(error_of(errno));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.storage.ss_family == AF_INET6) {
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (sharing == PortSharing::kYes) {
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    if (::bind(fd.get(), address.get(), address.length) != 0 || ::listen(fd.get(), backlog) != 0 ||
        ::getsockname(fd.get(), address.get(), &address.length) != 0) {
        return std::unexpected(error_of(errno));
    }
    return fd;
}

IpAddress address_of(const sockaddr_storage& storage) {
    std::array<std::uint8_t, 16> bytes{};
    if (storage.ss_family == AF_INET6) {
        std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
    } else {
        bytes[10] = bytes[11] = 0xff;
        std::memcpy(bytes.data() + 12, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
    }
    return IpAddress::from_bytes(bytes);
}

UniqueFd open_reserve() {
    return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

std::string_view to_string(ListenError error) {
    switch (error) {
        case ListenError::kAddressInUse:
            return "the port is already in use";
        case ListenError::kBadHost:
            return "no such host";
        case ListenError::kNotPermitted:
            return "not permitted to use this port";
        case ListenError::kUnavailable:
            return "this address cannot be used";
    }
    return "unknown";
}

std::expected<BoundSockets, ListenError> bind_sockets(const ListenOptions& options,
                                                      std::size_t count) {
    auto address = resolve(options);
    if (!address) return std::unexpected(address.error());
    auto first = bind_one(*address, PortSharing::kNo, options.backlog);
    if (!first) return std::unexpected(first.error());
    BoundSockets bound;
    bound.port = address->port();
    if (count == 1) {
        bound.sockets.push_back(std::move(*first));
        return bound;
    }
    first->reset();
    while (bound.sockets.size() < count) {
        auto socket = bind_one(*address, PortSharing::kYes, options.backlog);
        if (!socket) return std::unexpected(socket.error());
        bound.sockets.push_back(std::move(*socket));
    }
    return bound;
}

Listener::Listener(Endpoint& endpoint, UniqueFd socket, ListenerKind kind,
                   std::shared_ptr<TlsContext> tls)
    : endpoint_(endpoint),
      socket_(std::move(socket)),
      reserve_(open_reserve()),
      kind_(kind),
      tls_(std::move(tls)),
      resume_(Timer::calling<&Listener::resume>(this)) {}

Listener::~Listener() {
    if (watched_) endpoint_.shard().poller().remove(socket_.get(), *this);
}

bool Listener::start() {
    watched_ = endpoint_.shard().poller().add(socket_.get(), *this, Interest::kRead);
    return watched_;
}

void Listener::on_ready(Readiness) {
    int accepted = 0;
    while (accepted < kAcceptsATurn && accept_one()) ++accepted;
}

bool Listener::accept_one() {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    UniqueFd fd(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
        on_failure(errno);
        return false;
    }
    endpoint_.accept(std::move(fd), {.peer = address_of(peer), .listener = kind_}, tls_);
    return true;
}

void Listener::on_failure(int error) {
    if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM) return;
    if (!somebody_waits()) return;
    endpoint_.shard().statistics().accept_failures.add(1);
    report(error);
    // The descriptor is free at the turn's end; who waits is told again after it.
    if (endpoint_.evict_idle()) return;
    refuse_backlog();
    endpoint_.shard().poller().modify(socket_.get(), *this, Interest::kNone);
    endpoint_.shard().wheel().arm_after(resume_, kPause);
}

bool Listener::somebody_waits() const {
    // accept4() asks for a descriptor first, so that it fails for nobody too.
    pollfd listening{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&listening, 1, 0) == 1;
}

void Listener::report(int error) {
    const MonotonicTime now = endpoint_.shard().wheel().now();
    Log* const log = endpoint_.options().log;
    if (log == nullptr || (reported_at_ && now - *reported_at_ < kReportInterval)) return;
    reported_at_ = now;
    log->error("accept.failed", {{"reason", std::strerror(error)}});
}

void Listener::refuse_backlog() {
    for (int i = 0; i < kRefusalsATurn && reserve_; ++i) {
        reserve_.reset();
        UniqueFd waiting(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const bool had_one = static_cast<bool>(waiting);
        waiting.reset();
        reserve_ = open_reserve();
        const bool there_are_more = reserve_ && open_reserve();
        if (!had_one || there_are_more) return;
    }
}

void Listener::resume() {
    if (!reserve_) reserve_ = open_reserve();
    endpoint_.shard().poller().modify(socket_.get(), *this, Interest::kRead);
}

}  // namespace signalbox::runtime
