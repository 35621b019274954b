#include <csignal>
#include <iostream>
#include <string_view>

#include "app/cli.h"
#include "app/serve.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX wants it declared

namespace {

std::map<std::string, std::string> read_environment() {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    signalbox::SystemClock clock;
    signalbox::SystemRandom random;
    signalbox::app::CliContext context{.out = std::cout,
                                       .err = std::cerr,
                                       .environment = read_environment(),
                                       .clock = clock,
                                       .random = random,
                                       .serve = &signalbox::app::run_server};
    return signalbox::app::run_cli({argv + 1, argv + argc}, context);
}
