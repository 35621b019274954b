#include "runtime/write_pace.h"

// Not netinet/tcp.h, whose tcp_info ends before what is needed here.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace signalbox::runtime {
namespace {

std::uint64_t acknowledged_bytes(int fd) {
    tcp_info info{};
    socklen_t length = sizeof info;
    ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info.tcpi_bytes_acked;
}

}  // namespace

void WritePace::begin(int fd) {
    acknowledged_ = acknowledged_bytes(fd);
}

bool WritePace::suffices(int fd, Milliseconds period, std::uint64_t bytes_per_second) const {
    const auto ms = static_cast<std::uint64_t>(period.count());
    const std::uint64_t needed = std::max<std::uint64_t>(1, bytes_per_second * ms / 1000);
    return acknowledged_bytes(fd) - acknowledged_ >= needed;
}

}  // namespace signalbox::runtime
