#pragma once

#include <memory>
#include <string>

#include "actions/executor.h"
#include "gateway/gateway.h"
#include "updates/envelope.h"

namespace signalbox::gateway {

/// Brings the statuses and the end of one execution to a caller over REST, as envelopes.
class CallSink final : public actions::ExecutionSink {
public:
    CallSink(Gateway& gateway, std::string request_id, std::string action,
             std::shared_ptr<CallListener> listener);

    void on_status(actions::Status status, std::uint64_t seq, std::string_view progress) override;
    void on_end(actions::ActionResult result) override;
    void on_replay(actions::ActionResult result) override;

private:
    void finish(const actions::ActionResult& result, updates::Replay replay);

    Gateway& gateway_;
    std::string request_id_;
    std::string action_;
    std::shared_ptr<CallListener> listener_;
};

}  // namespace signalbox::gateway
