#pragma once

#include <chrono>
#include <concepts>
#include <vector>

#include "load/histogram.h"
#include "runtime/poller.h"

namespace signalbox::bench {

using TimePoint = std::chrono::steady_clock::time_point;
[[nodiscard]] inline TimePoint now() {
    return std::chrono::steady_clock::now();
}

/// The generator's one thread: readiness of its sockets, and the buffer that all of them read into.
class Loop {
public:
    [[nodiscard]] runtime::Poller& poller() { return poller_; }
    [[nodiscard]] std::vector<char>& receive_buffer() { return receive_; }

    void run_until(TimePoint end) {
        run_while(end, [] { return true; });
    }
    /// @return false when `end` came first.
    bool run_while(TimePoint end, std::predicate auto going_on) {
        while (going_on()) {
            const TimePoint time = now();
            if (time >= end) return false;
            poller_.wait(end - time);
            poller_.dispatch();
        }
        return true;
    }
    /// One round without sleeping.
    void spin() {
        poller_.wait(Nanoseconds(0));
        poller_.dispatch();
    }

private:
    runtime::Poller poller_;
    std::vector<char> receive_ = std::vector<char>(std::size_t{256} * 1024);
};

}  // namespace signalbox::bench
