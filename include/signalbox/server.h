#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "signalbox/action.h"
#include "signalbox/websocket_service.h"

namespace signalbox {

/// Whether the variables `SIGNALBOX_…` of the process count.
enum class Environment : std::uint8_t { kRead, kIgnore };

/// Where a server's configuration comes from; docs/configuration.md has the keys. What comes later
/// wins: defaults, file, environment, arguments, settings.
struct ServerOptions {
    /// Those of `signalbox serve`: {"--config", "signalbox.toml", "--port", "0"}, {"--dev"}.
    std::vector<std::string> arguments = {};
    /// Values by their keys, written as in the environment: {"server.port", "0"}.
    std::map<std::string, std::string> settings = {};
    Environment environment = Environment::kRead;
};

/// Signalbox inside a program: the gateway with the program's own actions, over Socket.IO and HTTP.
///
///     int main(int argc, char** argv) {
///         signalbox::Server server;
///         server.add_action({.name = "hello", .handler = [](auto& context, std::string) {
///             return signalbox::json_string("Hello " + context.principal().user_id);
///         }});
///         return server.run(argc, argv);
///     }
///
/// Either run() is the program, or start() and stop() stand in one.
///
/// Threading: add_action(), start(), reload(), stop(), run() and the destructor belong to one thread
///            that is none of the server's: not to handlers. send_update() may be called from any.
/// Process:   start() installs no signal handler, calls no exit(), and leaves the limit of open
///            files as it is. A program should ignore SIGPIPE, which an upstream of actions that
///            goes away can raise over TLS. Several servers in one process need a `data.dir` each.
class Server {
public:
    Server();
    /// stop()
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Before start() and run(), else std::logic_error. Throws std::invalid_argument with a sentence
    /// that names the fault: a bad name, one that is taken, no handler, a schema that does not
    /// compile. An action of `--dev` (`echo`, …) gives way to one of the same name.
    void add_action(ActionDefinition definition);

    /// Opens the data directory, listens and serves, on threads of its own; returns at once.
    /// @return the port, or all that is wrong, a line each: nothing runs then.
    [[nodiscard]] std::expected<std::uint16_t, std::string> start(ServerOptions options = {});

    /// Reads the configuration from the same places again and applies what can change while it runs
    /// (as `serve` does at SIGHUP). Nothing stops because of a fault.
    /// @return what stayed as it was, and why.
    [[nodiscard]] std::vector<std::string> reload();

    /// Tells the clients, refuses new work, lets actions finish, at most for `server.shutdown_grace`,
    /// and ends all threads. Does nothing when none runs. start() may follow.
    void stop();

    /// Is the program `signalbox` with these actions: has its commands (`serve --dev`,
    /// `token create …`, `--help`), prints what it prints, and serves until SIGTERM or SIGINT, which
    /// it takes, as it does SIGHUP; ignores SIGPIPE. Call it in main(), before other threads start.
    /// @return the program's exit code: 0 done, 1 failed, 2 usage, configuration or used port, 3 the
    ///         command needs a running server.
    [[nodiscard]] int run(int argc, const char* const* argv);

    /// Sends `update` to every connection of the company or, with an artifact, to those that watch
    /// it. Returns at once; delivery follows in the order of the calls of one thread.
    /// @return empty, or a sentence that says why nothing was sent: what is wrong with the
    ///         arguments, or that the server does not run.
    std::string send_update(std::string_view company_id, const UpdateMessage& update,
                            std::string_view artifact_id = {});

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace signalbox
