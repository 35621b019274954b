#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/histogram.h"
#include "load/loop.h"

namespace signalbox::bench {

/// The server as the kernel accounts for it, with the proxy before it where there is one.
class ServerProcess {
public:
    /// Ends the program when there is no such process.
    explicit ServerProcess(const std::vector<int>& pids);
    /// User and system time of all its threads, also of those that have ended.
    [[nodiscard]] Nanoseconds cpu_time() const;
    [[nodiscard]] std::uint64_t resident_bytes() const;

private:
    struct Process {
        int pid;
        clockid_t clock;
    };
    std::vector<Process> processes_;
};

/// Operations, time and the server's CPU between start() and stop(); may be started again, the
/// parts add up.
class Measurement {
public:
    explicit Measurement(const ServerProcess& server) : server_(server) {}

    void start();
    void stop();
    [[nodiscard]] bool running() const { return running_; }
    /// Counts `latency` while running.
    void operation(Nanoseconds latency) {
        if (!running_) return;
        latencies_.record(latency);
    }
    [[nodiscard]] std::uint64_t operations() const { return latencies_.count(); }
    [[nodiscard]] double operations_per_second() const;
    [[nodiscard]] Nanoseconds elapsed() const { return elapsed_; }

    /// Members of a JSON object, without braces.
    [[nodiscard]] std::string json() const;

private:
    const ServerProcess& server_;
    bool running_ = false;
    TimePoint started_;
    Nanoseconds cpu_at_start_{};
    Nanoseconds elapsed_{};
    Nanoseconds cpu_{};
    Histogram latencies_;
};

/// `"name":value`, for numbers that only some scenarios have.
[[nodiscard]] std::string json_member(std::string_view name, double value);

}  // namespace signalbox::bench
