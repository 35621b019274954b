// The floor: what receiving and sending WebSocket messages costs when nothing else is done. One
// thread, one recv and one send a turn and connection, frames unmasked and copied, no UTF-8 check,
// nobody is asked who he is. A message that begins with `F` goes to the whole room (`room=` in the
// query of the upgrade), every other back to where it came from.
//
//   signalbox_bench_floor      prints `listening PORT` and serves until it is killed

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

struct Connection {
    int fd = -1;
    bool open = false;   // the upgrade is done
    bool dirty = false;  // has output of this turn
    bool blocked = false;
    std::vector<Connection*>* room = nullptr;
    std::string partial;  // of a request or frame that is not complete
    std::string output;
};

class Floor {
public:
    explicit Floor(int listener) : listener_(listener), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
        watch(listener_, EPOLL_CTL_ADD, EPOLLIN, nullptr);
    }
    [[noreturn]] void run();

private:
    static constexpr std::size_t kReceiveBytes = std::size_t{64} * 1024;

    void watch(int fd, int operation, std::uint32_t events, Connection* connection) const;
    void accept_one();
    void on_ready(Connection& connection, std::uint32_t events);
    void on_bytes(Connection& connection, char* bytes, std::size_t size);
    std::size_t upgrade(Connection& connection, std::string_view request);
    std::size_t read_frame(Connection& connection, char* bytes, std::size_t size);
    void on_message(Connection& connection, std::string_view message);
    void append(Connection& connection, std::string_view message);
    void mark_dirty(Connection& connection);
    void flush(Connection& connection);
    void close(Connection& connection);

    int listener_;
    int epoll_;
    std::array<char, kReceiveBytes> receive_{};
    std::vector<Connection*> dirty_;
    std::vector<Connection*> closed_;
    std::unordered_map<std::string, std::vector<Connection*>> rooms_;
};

void Floor::watch(int fd, int operation, std::uint32_t events, Connection* connection) const {
    epoll_event event{};
    event.events = events;
    event.data.ptr = connection;
    if (epoll_ctl(epoll_, operation, fd, &event) != 0) std::abort();
}

void Floor::run() {
    std::array<epoll_event, 256> events{};
    while (true) {
        const int ready = epoll_wait(epoll_, events.data(), events.size(), -1);
        for (int i = 0; i < ready; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == nullptr) {
                accept_one();
            } else {
                on_ready(*static_cast<Connection*>(event.data.ptr), event.events);
            }
        }
        for (Connection* connection : dirty_) flush(*connection);
        dirty_.clear();
        for (Connection* connection : closed_) delete connection;
        closed_.clear();
    }
}

void Floor::accept_one() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    watch(fd, EPOLL_CTL_ADD, EPOLLIN, connection.release());
}

void Floor::on_ready(Connection& connection, std::uint32_t events) {
    if (connection.fd < 0) return;
    if ((events & EPOLLOUT) != 0 && connection.blocked) {
        connection.blocked = false;
        watch(connection.fd, EPOLL_CTL_MOD, EPOLLIN, &connection);
        mark_dirty(connection);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    const ssize_t got = recv(connection.fd, receive_.data(), receive_.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return close(connection);
    if (got < 0) return;
    if (connection.partial.empty()) {
        on_bytes(connection, receive_.data(), static_cast<std::size_t>(got));
    } else {
        std::string all = std::exchange(connection.partial, {});
        all.append(receive_.data(), static_cast<std::size_t>(got));
        on_bytes(connection, all.data(), all.size());
    }
}

void Floor::on_bytes(Connection& connection, char* bytes, std::size_t size) {
    while (size > 0) {
        const std::size_t used = connection.open ? read_frame(connection, bytes, size)
                                                 : upgrade(connection, {bytes, size});
        if (used == 0) break;
        bytes += used;
        size -= used;
    }
    if (size > 0) connection.partial.assign(bytes, size);
}

/// @return how much of `text` is used up; 0: not complete.
std::size_t Floor::upgrade(Connection& connection, std::string_view text) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    const std::string_view request = text.substr(0, end);
    constexpr std::string_view kKey = "Sec-WebSocket-Key: ", kRoom = "room=";
    const std::size_t key = request.find(kKey), room = request.find(kRoom);
    if (key == std::string_view::npos || room == std::string_view::npos) std::abort();
    const std::string_view value = request.substr(key + kKey.size(), 24);
    const std::string salted = std::string(value) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const unsigned char*>(salted.data()), salted.size(), digest);
    char accept[32];
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(accept), digest, sizeof digest);
    connection.output.append(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: ");
    connection.output.append(accept).append("\r\n\r\n");
    const std::size_t name = room + kRoom.size();
    connection.room = &rooms_[std::string(request.substr(name, request.find(' ', name) - name))];
    connection.room->push_back(&connection);
    connection.open = true;
    mark_dirty(connection);
    return end + 4;
}

/// @return how many bytes the frame has; 0: not complete.
std::size_t Floor::read_frame(Connection& connection, char* bytes, std::size_t size) {
    if (size < 6) return 0;
    std::uint64_t length = static_cast<unsigned char>(bytes[1]) & 0x7FU;
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (size < 6 + extra) return 0;
    if (extra > 0) length = 0;
    for (std::size_t i = 0; i < extra; ++i)
        length = length << 8 | static_cast<unsigned char>(bytes[2 + i]);
    if (size - 6 - extra < length) return 0;
    std::uint32_t mask = 0;
    std::memcpy(&mask, bytes + 2 + extra, sizeof mask);
    const std::uint64_t wide = static_cast<std::uint64_t>(mask) << 32 | mask;
    char* payload = bytes + 6 + extra;
    std::size_t at = 0;
    for (; at + sizeof wide <= length; at += sizeof wide) {
        std::uint64_t word = 0;
        std::memcpy(&word, payload + at, sizeof word);
        word ^= wide;
        std::memcpy(payload + at, &word, sizeof word);
    }
    for (; at < length; ++at)
        payload[at] = static_cast<char>(payload[at] ^ (wide >> (8 * (at % 4))));
    on_message(connection, {payload, length});
    return 6 + extra + length;
}

void Floor::on_message(Connection& connection, std::string_view message) {
    if (!message.starts_with('F')) return append(connection, message);
    for (Connection* member : *connection.room) append(*member, message.substr(1));
}

void Floor::append(Connection& connection, std::string_view message) {
    std::string& out = connection.output;
    out.push_back(static_cast<char>(0x81));
    if (message.size() < 126) {
        out.push_back(static_cast<char>(message.size()));
    } else {
        const unsigned bytes = message.size() <= 0xFFFF ? 2 : 8;
        out.push_back(static_cast<char>(bytes == 2 ? 126 : 127));
        for (unsigned i = bytes; i > 0; --i)
            out.push_back(static_cast<char>(message.size() >> (8 * (i - 1))));
    }
    out.append(message);
    mark_dirty(connection);
}

void Floor::mark_dirty(Connection& connection) {
    if (std::exchange(connection.dirty, true)) return;
    dirty_.push_back(&connection);
}

void Floor::flush(Connection& connection) {
    connection.dirty = false;
    if (connection.fd < 0 || connection.blocked) return;
    const ssize_t put =
        send(connection.fd, connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
    if (put > 0) connection.output.erase(0, static_cast<std::size_t>(put));
    if (connection.output.empty()) return;
    connection.blocked = true;
    watch(connection.fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT, &connection);
}

void Floor::close(Connection& connection) {
    if (connection.room != nullptr) std::erase(*connection.room, &connection);
    ::close(std::exchange(connection.fd, -1));
    closed_.push_back(&connection);
}

/// On any free port of 127.0.0.1.
int listen_somewhere() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (fd < 0 || bind(fd, generic, size) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, generic, &size) != 0) {
        std::perror("signalbox_bench_floor");
        std::exit(1);
    }
    std::printf("listening %d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    return fd;
}

}  // namespace

int main() {
    Floor(listen_somewhere()).run();
}
