#include "app/control_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

#include "app/control_address.h"
#include "app/control_socket.h"

namespace signalbox::app {
namespace {

constexpr std::size_t kAnswerBytesMax = 16U << 20;

std::unexpected<ControlFailure> failed(ControlFailure failure) {
    return std::unexpected(failure);
}

std::expected<runtime::UniqueFd, ControlFailure> connect_to(const std::string& path) {
    const auto address = UnixAddress::of(path);
    if (!address && address.error() == ENOENT) return failed(ControlFailure::kNotRunning);
    if (!address) return failed(ControlFailure::kNoAccess);
    runtime::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return failed(ControlFailure::kNoAccess);
    if (connect(fd.get(), address->get(), address->size()) == 0) return fd;
    const bool stale = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;
    return failed(stale ? ControlFailure::kNotRunning : ControlFailure::kNoAccess);
}

void set_timeout(int fd, Milliseconds timeout) {
    const timeval value{.tv_sec = timeout.count() / 1000, .tv_usec = timeout.count() % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value);
}

/// A server that refuses early may still have left an answer: what fails here shows there.
void send_line(int fd, std::string_view line) {
    while (!line.empty()) {
        const ssize_t sent = send(fd, line.data(), line.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return;
        line.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::expected<std::string, ControlFailure> receive_line(int fd) {
    std::string line;
    std::array<char, 65536> buffer{};
    while (line.size() < kAnswerBytesMax) {
        const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return failed(ControlFailure::kNoAnswer);
        line.append(buffer.data(), static_cast<std::size_t>(got));
        if (line.ends_with('\n')) {
            line.pop_back();
            return line;
        }
    }
    return failed(ControlFailure::kNoAnswer);
}

}  // namespace

std::expected<std::string, ControlFailure> call_control(const std::string& path,
                                                        std::string_view command,
                                                        const JsonText& arguments,
                                                        Milliseconds timeout) {
    const auto fd = connect_to(path);
    if (!fd) return std::unexpected(fd.error());
    set_timeout(fd->get(), timeout);
    send_line(fd->get(), control_request(command, arguments) + "\n");
    auto answer = receive_line(fd->get());
    JsonParser parser;
    if (answer && !parser.parse(*answer)) return failed(ControlFailure::kNoAnswer);
    return answer;
}

}  // namespace signalbox::app
