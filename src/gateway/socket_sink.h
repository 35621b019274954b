#pragma once

#include <optional>
#include <string>

#include "actions/executor.h"

namespace signalbox::gateway {

class Gateway;

/// Brings the statuses and the end of one execution to the connection that asked for it, while it
/// is there. Threading: confined to the connection's shard.
class SocketSink final : public actions::ExecutionSink {
public:
    struct Target {
        std::string socket_id;
        std::string request_id;
        std::string action;
        std::optional<std::uint64_t> ack;
        std::uint64_t token;  ///< Connection::InFlight::token
    };
    SocketSink(Gateway& gateway, Target target) : gateway_(gateway), target_(std::move(target)) {}

    void on_status(actions::Status status, std::uint64_t seq, std::string_view progress) override;
    void on_end(actions::ActionResult result) override;

private:
    Gateway& gateway_;
    Target target_;
};

/// {"status":"progress","seq":3,"progress":…}: `data` of a status UPDATE.
[[nodiscard]] std::string status_data(actions::Status status, std::uint64_t seq,
                                      std::string_view progress);

}  // namespace signalbox::gateway
