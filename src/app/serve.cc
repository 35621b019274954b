#include "app/serve.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "api/static_files.h"
#include "app/descriptors.h"
#include "app/dev_banner.h"
#include "app/server.h"

namespace signalbox::app {
namespace {

/// SIGTERM, SIGINT and SIGHUP as a descriptor. Blocked before any thread starts, so that every
/// thread inherits the mask.
class Signals {
public:
    Signals() {
        sigset_t set;
        sigemptyset(&set);
        for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
        pthread_sigmask(SIG_BLOCK, &set, &before_);
        fd_ = signalfd(-1, &set, SFD_CLOEXEC);
    }
    ~Signals() {
        close(fd_);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] int wait() const {
        signalfd_siginfo info{};
        while (read(fd_, &info, sizeof(info)) != sizeof(info)) {
        }
        return static_cast<int>(info.ssi_signo);
    }

private:
    sigset_t before_{};
    int fd_ = -1;
};

std::string url_of(const Config& config, std::uint16_t port) {
    const std::string scheme = config.server.tls_certificate_file.empty() ? "http" : "https";
    const bool v6 = config.server.host.contains(':');
    const std::string host = v6 ? '[' + config.server.host + ']' : config.server.host;
    return scheme + "://" + host + ':' + std::to_string(port);
}

void print_dev_login(const Config& config, Server& server, const std::string& url,
                     std::ostream& out) {
    SystemRandom random;
    const DevLogin login = make_dev_login(config, SystemClock().wall_now(), random);
    if (login.token.empty()) return;
    const bool stored = config.gateway.session_mode == gateway::SessionMode::kStore;
    if (stored && !server.put_session(login.session)) return;
    std::string page;
    if (server.has_test_client())
        page = url + config.server.base_path + std::string(api::kTestClientPath);
    out << dev_banner(page, login) << std::flush;
}

void reload(Server& server, const ServeContext& context) {
    auto loaded = context.reload();
    if (!loaded) {
        for (const ConfigProblem& problem : loaded.error()) {
            server.log().error("configuration.refused", {{"reason", problem.text()}});
        }
        return;
    }
    const ReloadOutcome outcome = server.reload(loaded->config);
    for (const std::string& problem : outcome.problems)
        server.log().error("configuration.refused", {{"reason", problem}});
    for (const std::string& key : outcome.restart_keys)
        server.log().warn("configuration.restart_needed", {{"key", key}});
    if (outcome.problems.empty()) server.log().info("configuration.reloaded", {});
}

}  // namespace

int run_server(const Config& config, const ServeContext& context, Embedding embedding) {
    const Signals signals;
    raise_descriptor_limit();
    auto created = Server::create(config, std::move(embedding.actions));
    if (!created) {
        context.err << "signalbox: " << created.error().message << '\n';
        return kExitUsage;
    }
    Server& server = **created;
    for (const std::string& warning : context.warnings) {
        server.log().warn("configuration.warning", {{"reason", warning}});
    }
    embedding.serves(&server.service());
    const std::string url = url_of(config, server.port());
    context.out << "signalbox listening on " << url << std::endl;
    if (config.mode == RunMode::kDev) print_dev_login(config, server, url, context.out);
    server.log().info("server.started", {{"url", url}, {"shards", config.server.shards}});

    int signal = signals.wait();
    for (; signal == SIGHUP; signal = signals.wait()) reload(server, context);
    server.log().info("server.stopping", {{"reason", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    server.drain();
    server.log().info("server.stopped", {});
    embedding.serves(nullptr);
    return kExitOk;
}

}  // namespace signalbox::app
