#include "app/control_commands.h"

namespace signalbox::app {

ControlCommands::ControlCommands(runtime::ShardGroup& shards, gateway::Gateway& gateway,
                                 auth::SessionStore* store, actions::ExecutionStore& executions,
                                 const Clock& clock, Milliseconds session_ttl)
    : shards_(shards), gateway_(gateway), executions_(executions) {
    if (store == nullptr) return;
    SessionCommands::Ports ports{
        .store = *store,
        .reply_on = shards.shard(0).mesh(),
        .clock = clock,
        .random = random_,
        .default_ttl = session_ttl,
        .on_revoked = [this](const auth::SessionRecord& record) { gateway_.close_revoked(record); },
        .audit = &gateway_.log(),
        .end_company = [this](const CompanyId& company,
                              auto done) { gateway_.end_company(company, std::move(done)); },
        .executions = &executions_};
    sessions_.emplace(std::move(ports));
}

void ControlCommands::handle(std::string command, JsonText arguments, ControlAnswer done) {
    if (command == "update.send") return send_update(std::move(arguments), std::move(done));
    if (command == "company.delete" && !sessions_)
        return end_company(std::move(arguments), std::move(done));
    if (!sessions_) {
        return done(control_error(
            "NOT_FOUND", "this server keeps no sessions (auth.sessions.mode is not \"store\")"));
    }
    sessions_->handle(std::move(command), std::move(arguments), std::move(done));
}

/// Without a store of sessions there are none to delete.
void ControlCommands::end_company(JsonText arguments, ControlAnswer done) {
    JsonParser parser;
    std::string_view text;
    (void)parser.parse(arguments.str())->at_key("companyId").get(text);
    auto company = CompanyId::parse(text);
    if (!company) return done(control_error("INVALID_MESSAGE", "companyId must be an id"));
    shards_.post(0, [this, company = std::move(*company), done = std::move(done)]() mutable {
        auto then = [this, company, done = std::move(done)](std::size_t connections) mutable {
            auto answer = [this, company, connections,
                           done = std::move(done)](std::optional<std::size_t> executions) mutable {
                if (!executions)
                    return done(
                        control_error("OVERLOADED", "the store does not answer; try again"));
                const CompanyDeletion deletion{company, 0, connections, *executions};
                audit_company_deletion(gateway_.log(), deletion);
                done(control_ok(deletion_json(deletion)));
            };
            delete_executions(executions_, shards_.shard(0).mesh(), company, std::move(answer));
        };
        gateway_.end_company(company, std::move(then));
    });
}

void ControlCommands::send_update(JsonText arguments, ControlAnswer done) {
    auto updates = updates::parse_updates(arguments.str(), std::nullopt);
    if (!updates) {
        const Error& error = updates.error();
        return done(control_error(error.code, error.message + ' ' + error.details));
    }
    shards_.post(0, [this, updates = std::move(*updates), done = std::move(done)]() mutable {
        gateway_.publish_trusted(
            std::move(updates), [done = std::move(done)](auto receipt) mutable {
                if (!receipt)
                    return done(control_error(receipt.error().code, receipt.error().message));
                done(control_ok(gateway::receipt_json(*receipt)));
            });
    });
}

}  // namespace signalbox::app
