#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "api/metrics.h"

namespace signalbox::api {
namespace {

/// The fields of /proc/self/stat after the program's name, which may hold anything: proc(5)'s field
/// n is element n - 3.
std::vector<std::string> stat_fields() {
    std::ifstream in("/proc/self/stat");
    std::string text(std::istreambuf_iterator<char>(in), {});
    std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
    return {std::istream_iterator<std::string>(fields), {}};
}

double stat_field(const std::vector<std::string>& fields, std::size_t number) {
    const std::size_t index = number - 3;
    return index < fields.size() ? std::strtod(fields[index].c_str(), nullptr) : 0;
}

double boot_time_seconds() {
    std::ifstream in("/proc/stat");
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
    }
    return 0;
}

double resident_bytes() {
    std::ifstream in("/proc/self/statm");
    double size = 0;
    double resident = 0;
    in >> size >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double count_open_fds() {
    std::error_code error;
    const std::filesystem::directory_iterator fds("/proc/self/fd", error);
    if (error) return 0;
    const auto listed = std::distance(begin(fds), end(fds));
    return static_cast<double>(listed - 1);  // the listing's own
}

double max_fds() {
    rlimit limit{};
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

ProcessNumbers read_process_numbers() {
    constexpr std::size_t kUserTime = 14;
    constexpr std::size_t kSystemTime = 15;
    constexpr std::size_t kStartTime = 22;
    const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    const auto fields = stat_fields();
    return {
        .cpu_seconds = (stat_field(fields, kUserTime) + stat_field(fields, kSystemTime)) / ticks,
        .start_time_seconds = boot_time_seconds() + stat_field(fields, kStartTime) / ticks,
        .resident_memory_bytes = resident_bytes(),
        .open_fds = count_open_fds(),
        .max_fds = max_fds()};
}

}  // namespace signalbox::api
