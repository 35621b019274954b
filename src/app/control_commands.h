#pragma once

#include "app/session_commands.h"
#include "gateway/gateway.h"
#include "runtime/shard_group.h"

namespace signalbox::app {

/// What the command line can ask of a running server: the session commands, `update.send` with the
/// body of `POST /updates`, and `company.delete`, which closes connections where no sessions are
/// kept, too. All run on shard 0.
/// Threading: handle() on the control socket's thread.
class ControlCommands final : public ControlHandler {
public:
    ControlCommands(runtime::ShardGroup& shards, gateway::Gateway& gateway,
                    auth::SessionStore* store, actions::ExecutionStore& executions,
                    const Clock& clock, Milliseconds session_ttl);

    void handle(std::string command, JsonText arguments, ControlAnswer done) override;

private:
    void send_update(JsonText arguments, ControlAnswer done);
    void end_company(JsonText arguments, ControlAnswer done);

    runtime::ShardGroup& shards_;
    gateway::Gateway& gateway_;
    actions::ExecutionStore& executions_;
    SystemRandom random_;
    std::optional<SessionCommands> sessions_;
};

}  // namespace signalbox::app
