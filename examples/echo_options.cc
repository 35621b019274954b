#include "echo_options.h"

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace {

constexpr std::string_view kUsage =
    R"( [--host H] [--port P] [--shards N] [--path PATH] [--ping-interval MS] [--ping-timeout MS]
    [--connect-timeout MS] [--max-payload BYTES] [--allow-eio3] [--recovery]
)";

[[noreturn]] void fail(std::string_view program, std::string_view message) {
    std::cerr << program << ": " << message << "\nusage: " << program << kUsage;
    std::exit(2);
}

std::optional<std::uint64_t> number_of(std::string_view text, std::uint64_t max) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number > max) return {};
    return number;
}

class Reader {
public:
    Reader(int argc, char** argv) : program_(argv[0]), next_(argv + 1), end_(argv + argc) {}

    [[nodiscard]] bool more() const { return next_ != end_; }
    /// The next flag's name; `--flag=value` leaves the value for the calls below.
    std::string_view flag() {
        std::string_view argument = *next_++;
        const std::size_t equals = argument.find('=');
        if (argument.starts_with("--") && equals != std::string_view::npos) {
            attached_ = argument.substr(equals + 1);
            argument = argument.substr(0, equals);
        }
        flag_ = argument;
        return argument;
    }
    std::string_view text() {
        if (attached_) return *std::exchange(attached_, std::nullopt);
        if (!more()) fail(program_, std::string(flag_) + " needs a value");
        return *next_++;
    }
    std::uint64_t number(std::uint64_t max) {
        const std::string_view given = text();
        const auto number = number_of(given, max);
        if (!number) fail(program_, std::string(flag_) + " cannot be " + std::string(given));
        return *number;
    }
    std::chrono::milliseconds milliseconds() {
        return std::chrono::milliseconds(number(std::numeric_limits<std::int32_t>::max()));
    }
    bool present() {
        if (attached_) fail(program_, std::string(flag_) + " takes no value");
        return true;
    }
    [[noreturn]] void refuse() { fail(program_, "unknown argument " + std::string(flag_)); }

private:
    std::string_view program_;
    char** next_;
    char** end_;
    std::string_view flag_;
    std::optional<std::string_view> attached_;
};

void read_one(Reader& reader, EchoOptions& options) {
    const std::string_view flag = reader.flag();
    if (flag == "--host") {
        options.host = reader.text();
    } else if (flag == "--port") {
        options.port = static_cast<std::uint16_t>(reader.number(65'535));
    } else if (flag == "--shards") {
        options.shards = static_cast<std::uint16_t>(reader.number(256));
    } else if (flag == "--path") {
        options.path = reader.text();
    } else if (flag == "--ping-interval") {
        options.ping_interval = reader.milliseconds();
    } else if (flag == "--ping-timeout") {
        options.ping_timeout = reader.milliseconds();
    } else if (flag == "--connect-timeout") {
        options.connect_timeout = reader.milliseconds();
    } else if (flag == "--max-payload") {
        options.max_payload = reader.number(std::numeric_limits<std::uint32_t>::max());
    } else if (flag == "--allow-eio3") {
        options.allow_eio3 = reader.present();
    } else if (flag == "--recovery") {
        options.recovery = reader.present();
    } else {
        reader.refuse();
    }
}

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

}  // namespace

EchoOptions read_echo_options(int argc, char** argv, std::string default_path) {
    EchoOptions options;
    options.path = std::move(default_path);
    Reader reader(argc, argv);
    while (reader.more()) read_one(reader, options);
    if (options.shards == 0) fail(argv[0], "--shards cannot be 0");
    if (!options.path.starts_with('/')) fail(argv[0], "--path must begin with /");
    return options;
}

void block_stop_signals() {
    const sigset_t set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void wait_for_stop_signal() {
    const sigset_t set = stop_signals();
    int signal = 0;
    sigwait(&set, &signal);
}
