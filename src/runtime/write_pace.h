#pragma once

#include <cstdint>

#include "base/clock.h"

namespace signalbox::runtime {

/// How fast a peer takes what waits for it, by what its TCP has acknowledged: the readiness of a
/// socket tells little, because a large kernel buffer hides progress for a long time.
/// Threading: that of its socket.
class WritePace {
public:
    /// Counts from now on. @param fd  a TCP socket.
    void begin(int fd);
    /// Whether the peer has acknowledged `bytes_per_second` in each second of `period` on average,
    /// and at least one byte.
    [[nodiscard]] bool suffices(int fd, Milliseconds period, std::uint64_t bytes_per_second) const;

private:
    std::uint64_t acknowledged_ = 0;
};

}  // namespace signalbox::runtime
