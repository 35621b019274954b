#include "load/options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>

namespace signalbox::bench {
namespace {

[[noreturn]] void refuse(std::string_view sentence) {
    std::fprintf(stderr, "signalbox_bench_load: %.*s\n", static_cast<int>(sentence.size()),
                 sentence.data());
    std::exit(2);
}

template <class Number>
Number number_of(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        refuse("not a number: " + std::string(text));
    }
    return value;
}

Nanoseconds seconds_of(std::string_view text) {
    return std::chrono::duration_cast<Nanoseconds>(
        std::chrono::duration<double>(number_of<double>(text)));
}

Dialect dialect_of(std::string_view text) {
    if (text == "socketio") return Dialect::kSocketio;
    if (text == "websocket") return Dialect::kWebsocket;
    if (text == "floor") return Dialect::kFloor;
    refuse("--dialect is socketio, websocket or floor");
}

std::vector<Credentials> read_credentials(const std::string& file) {
    std::vector<Credentials> all;
    std::ifstream in(file);
    for (Credentials one; in >> one.company >> one.session >> one.token;) all.push_back(one);
    if (all.empty()) refuse("no credentials in " + file);
    return all;
}

using Setter = std::function<void(Options&, std::string_view)>;

const std::map<std::string_view, Setter>& setters() {
    static const std::map<std::string_view, Setter> all{
        {"--dialect", [](Options& o, std::string_view v) { o.dialect = dialect_of(v); }},
        {"--port", [](Options& o, std::string_view v) { o.port = number_of<std::uint16_t>(v); }},
        {"--pid", [](Options& o, std::string_view v) { o.pids.push_back(number_of<int>(v)); }},
        {"--path", [](Options& o, std::string_view v) { o.path = v; }},
        {"--credentials",
         [](Options& o, std::string_view v) { o.credentials = read_credentials(std::string(v)); }},
        {"--connections",
         [](Options& o, std::string_view v) { o.connections = number_of<std::size_t>(v); }},
        {"--in-flight",
         [](Options& o, std::string_view v) { o.in_flight = number_of<std::size_t>(v); }},
        {"--operations",
         [](Options& o, std::string_view v) { o.operations = number_of<std::size_t>(v); }},
        {"--data-bytes",
         [](Options& o, std::string_view v) { o.data_bytes = number_of<std::size_t>(v); }},
        {"--action", [](Options& o, std::string_view v) { o.action = v; }},
        {"--data", [](Options& o, std::string_view v) { o.data = v; }},
        {"--rate", [](Options& o, std::string_view v) { o.rate = number_of<double>(v); }},
        {"--warm-up", [](Options& o, std::string_view v) { o.warm_up = seconds_of(v); }},
        {"--seconds", [](Options& o, std::string_view v) { o.window = seconds_of(v); }},
        {"--tls", [](Options& o, std::string_view v) { o.tls = v == "1"; }},
        {"--deflate", [](Options& o, std::string_view v) { o.deflate = v == "1"; }},
    };
    return all;
}

}  // namespace

Options parse_options(const std::vector<std::string_view>& arguments) {
    if (arguments.empty() || arguments.size() % 2 == 0) {
        refuse("usage: signalbox_bench_load SCENARIO [--option value]...");
    }
    Options options;
    options.scenario = arguments[0];
    for (std::size_t i = 1; i < arguments.size(); i += 2) {
        const auto setter = setters().find(arguments[i]);
        if (setter == setters().end()) refuse("unknown option " + std::string(arguments[i]));
        setter->second(options, arguments[i + 1]);
    }
    if (options.port == 0 || options.pids.empty() || options.credentials.empty()) {
        refuse("--port, --pid and --credentials are required");
    }
    if (options.connections < options.credentials.size()) {
        refuse("fewer connections than credentials");
    }
    return options;
}

void fail(std::string_view sentence) {
    std::fprintf(stderr, "signalbox_bench_load: %.*s\n", static_cast<int>(sentence.size()),
                 sentence.data());
    std::exit(1);
}

}  // namespace signalbox::bench
