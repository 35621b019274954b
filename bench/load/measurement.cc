#include "load/measurement.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "load/options.h"

namespace signalbox::bench {
namespace {

double microseconds(Nanoseconds duration) {
    return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

ServerProcess::ServerProcess(const std::vector<int>& pids) {
    for (const int pid : pids) {
        clockid_t clock{};
        if (clock_getcpuclockid(pid, &clock) != 0) fail("there is no process of this --pid");
        processes_.push_back({pid, clock});
    }
}

Nanoseconds ServerProcess::cpu_time() const {
    Nanoseconds sum{};
    for (const Process& process : processes_) {
        timespec time{};
        if (clock_gettime(process.clock, &time) != 0) fail("the server has ended");
        sum += std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
    }
    return sum;
}

std::uint64_t ServerProcess::resident_bytes() const {
    std::uint64_t pages = 0;
    for (const Process& process : processes_) {
        std::ifstream statm(fmt::format("/proc/{}/statm", process.pid));
        std::uint64_t size = 0, resident = 0;
        if (!(statm >> size >> resident)) fail("the server has ended");
        pages += resident;
    }
    return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void Measurement::start() {
    running_ = true;
    started_ = now();
    cpu_at_start_ = server_.cpu_time();
}

void Measurement::stop() {
    running_ = false;
    cpu_ += server_.cpu_time() - cpu_at_start_;
    elapsed_ += now() - started_;
}

double Measurement::operations_per_second() const {
    const double seconds = std::chrono::duration<double>(elapsed_).count();
    return seconds > 0 ? static_cast<double>(operations()) / seconds : 0;
}

std::string Measurement::json() const {
    if (operations() == 0) fail("nothing was answered while it was measured");
    return fmt::format(
        R"("operations":{},"seconds":{:.4f},"cpuSeconds":{:.6f},"cpuMicrosecondsPerOperation":{:.4f},)"
        R"("operationsPerSecond":{:.1f},"p50Microseconds":{:.1f},"p99Microseconds":{:.1f},"p999Microseconds":{:.1f})",
        operations(), std::chrono::duration<double>(elapsed_).count(),
        std::chrono::duration<double>(cpu_).count(),
        microseconds(cpu_) / static_cast<double>(operations()), operations_per_second(),
        microseconds(latencies_.quantile(0.5)), microseconds(latencies_.quantile(0.99)),
        microseconds(latencies_.quantile(0.999)));
}

std::string json_member(std::string_view name, double value) {
    return fmt::format(R"("{}":{:.1f})", name, value);
}

}  // namespace signalbox::bench
