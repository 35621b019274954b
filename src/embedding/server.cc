#include "signalbox/server.h"

#include <algorithm>
#include <csignal>
#include <iostream>
#include <iterator>
#include <shared_mutex>
#include <stdexcept>

#include "app/cli.h"
#include "app/command_line.h"
#include "app/dev_secret.h"
#include "app/server.h"
#include "embedding/action_adapter.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX wants it declared

namespace signalbox {
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

/// @return what is wrong with the arguments, or asked for by them ("--help").
std::expected<app::ConfigSources, std::string> sources_of(const ServerOptions& options) {
    app::ConfigSources sources;
    if (!options.arguments.empty()) {
        std::vector<std::string> line{"serve"};
        std::ranges::copy(options.arguments, std::back_inserter(line));
        auto parsed = app::parse_command_line(std::move(line));
        if (!parsed) {
            std::string& text = parsed.error().text;
            return std::unexpected(text.substr(0, text.find_last_not_of('\n') + 1));
        }
        sources = std::move(parsed->sources);
    }
    if (options.environment == Environment::kRead) sources.environment = read_environment();
    for (const auto& [path, text] : options.settings)
        sources.flags.push_back({"settings", path, text});
    return sources;
}

std::vector<std::string> texts_of(const std::vector<app::ConfigProblem>& problems) {
    std::vector<std::string> texts;
    for (const app::ConfigProblem& problem : problems) texts.push_back(problem.text());
    return texts;
}

std::string lines_of(const std::vector<std::string>& texts) {
    std::string lines;
    for (const std::string& text : texts) lines += (lines.empty() ? "" : "\n") + text;
    return lines;
}

bool is_built_in(std::string_view name) {
    actions::ActionRegistry built_in;
    actions::add_built_in_actions(built_in);
    return built_in.find(name) != nullptr;
}

}  // namespace

struct Server::State {
    actions::ActionRegistry actions;
    SystemRandom random;
    app::ConfigSources sources;
    std::unique_ptr<app::Server> server;  ///< that of start()

    /// Between send_update() on any thread and the server's end.
    std::shared_mutex mutex;
    WebSocketService* service = nullptr;

    void serve(WebSocketService* by) {
        const std::unique_lock lock(mutex);
        service = by;
    }
};

Server::Server() : state_(std::make_unique<State>()) {}

Server::~Server() {
    stop();
}

void Server::add_action(ActionDefinition definition) {
    if (state_->server) throw std::logic_error("actions are added before the server starts");
    if (is_built_in(definition.name))
        throw std::invalid_argument("action \"" + definition.name + "\" is the server's own");
    auto added = state_->actions.add(embedding::adapted(std::move(definition)));
    if (!added) throw std::invalid_argument(added.error());
}

std::expected<std::uint16_t, std::string> Server::start(ServerOptions options) {
    if (state_->server) throw std::logic_error("the server runs already");
    auto sources = sources_of(options);
    if (!sources) return std::unexpected(std::move(sources.error()));
    app::ConfigSources for_start = *sources;
    for_start.use = app::ConfigUse::kStart;
    const auto loaded = app::load_with_secret(for_start, state_->random);
    if (!loaded) return std::unexpected(lines_of(texts_of(loaded.error())));
    auto created = app::Server::create(loaded->config, state_->actions);
    if (!created) return std::unexpected(std::move(created.error().message));
    app::Server& server = **created;
    for (const std::string& warning : loaded->warnings)
        server.log().warn("configuration.warning", {{"reason", warning}});
    server.log().info("server.started", {{"port", server.port()}});
    state_->sources = std::move(*sources);
    state_->server = std::move(*created);
    state_->serve(&server.service());
    return server.port();
}

std::vector<std::string> Server::reload() {
    if (!state_->server) return {"the server does not run"};
    const auto loaded = app::load_with_secret(state_->sources, state_->random);
    if (!loaded) return texts_of(loaded.error());
    app::ReloadOutcome outcome = state_->server->reload(loaded->config);
    for (const std::string& key : outcome.restart_keys)
        outcome.problems.push_back(key + " counts after a restart");
    return std::move(outcome.problems);
}

void Server::stop() {
    if (!state_->server) return;
    state_->server->log().info("server.stopping", {});
    state_->server->drain();
    state_->serve(nullptr);
    state_->server.reset();
}

int Server::run(int argc, const char* const* argv) {
    if (state_->server) throw std::logic_error("the server runs already");
    std::signal(SIGPIPE, SIG_IGN);
    const SystemClock clock;
    const auto serve = [this](const app::Config& config, const app::ServeContext& context) {
        return app::run_server(config, context,
                               {.actions = state_->actions,
                                .serves = [this](WebSocketService* by) { state_->serve(by); }});
    };
    app::CliContext context{.out = std::cout,
                            .err = std::cerr,
                            .environment = read_environment(),
                            .clock = clock,
                            .random = state_->random,
                            .serve = serve,
                            .actions = state_->actions};
    return app::run_cli({argv + std::min(argc, 1), argv + argc}, context);
}

std::string Server::send_update(std::string_view company_id, const UpdateMessage& update,
                                std::string_view artifact_id) {
    const std::shared_lock lock(state_->mutex);
    if (state_->service == nullptr) return "The server does not run.";
    return state_->service->send_update(company_id, update, artifact_id);
}

}  // namespace signalbox
