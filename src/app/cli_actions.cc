#include <fmt/format.h>

#include <fstream>

#include "actions/upstream.h"
#include "api/contract.h"
#include "app/cli_commands.h"

#ifndef SIGNALBOX_VERSION
#define SIGNALBOX_VERSION "dev"
#endif

namespace signalbox::app {
namespace {

/// Those that a server of this configuration has, beside `registry`'s. It has been checked: none is faulty.
actions::ActionRegistry actions_of(const Config& config, actions::ActionRegistry registry) {
    actions::add_built_in_actions(registry);
    if (config.mode == RunMode::kDev) actions::add_dev_actions(registry);
    (void)actions::add_upstream_actions(registry, config.actions);
    return registry;
}

/// Where a client on this machine finds the server.
std::string local_host(const ServerConfig& server) {
    const bool anywhere = server.host == "0.0.0.0" || server.host == "::";
    const std::string host = anywhere ? "localhost" : server.host;
    return fmt::format("{}:{}", host.contains(':') ? "[" + host + "]" : host, server.port);
}

/// Everything: as a reader of `server.public_documents` sees it.
api::Contract contract_of(const Config& config, const actions::ActionRegistry& registry,
                          api::SchemaTexts& texts) {
    const bool in_token = config.gateway.session_mode == gateway::SessionMode::kClaim;
    api::Contract contract{
        .texts = texts,
        .version = SIGNALBOX_VERSION,
        .base_path = config.server.base_path,
        .socket_path = std::string(kRealtimePath),
        .host = local_host(config.server),
        .socket_protocol = config.server.tls_certificate_file.empty() ? "ws" : "wss",
        .sessions = in_token ? api::SessionSource::kToken : api::SessionSource::kRequest,
        .readers = config.server.public_documents ? api::DocumentReaders::kEverybody
                                                  : api::DocumentReaders::kCallers};
    for (const auto& [name, action] : registry.all()) contract.actions.push_back(&action);
    for (const api::Route& route : api::routes()) contract.routes.push_back(&route);
    return contract;
}

std::string document_for(Command command, const api::Contract& contract) {
    if (command == Command::kActionsOpenApi) return openapi_document(contract) + "\n";
    if (command == Command::kActionsAsyncApi) return asyncapi_document(contract) + "\n";
    return typescript_declarations(contract, "signalbox actions types");
}

}  // namespace

int print_actions(const CommandRun& run) {
    const actions::ActionRegistry registry = actions_of(run.config, run.context.actions);
    api::SchemaTexts texts;
    const std::string text =
        document_for(run.line.command, contract_of(run.config, registry, texts));
    if (run.line.output.empty()) {
        run.context.out << text;
        return kExitOk;
    }
    std::ofstream file(run.line.output, std::ios::binary | std::ios::trunc);
    file << text << std::flush;
    if (file) return kExitOk;
    return run.fail(kExitFailure, "cannot write " + run.line.output);
}

}  // namespace signalbox::app
