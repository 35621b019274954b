#include "app/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace signalbox::app {
namespace {

constexpr std::size_t kReserveOfNode = 64;
constexpr std::size_t kReserveOfShard = 8;

}  // namespace

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    // Refused: the soft limit stays, and connections_within() respects it.
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::size_t descriptor_limit() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1'024;
}

std::size_t connections_within(std::size_t limit, std::size_t shards) {
    const std::size_t reserve = kReserveOfNode + kReserveOfShard * shards;
    const std::size_t rest = limit > reserve ? limit - reserve : 0;
    return std::max<std::size_t>({1, rest, limit / 2});
}

}  // namespace signalbox::app
