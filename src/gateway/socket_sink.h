#pragma once

#include <memory>
#include <optional>
#include <string>

#include "actions/executor.h"
#include "gateway/courier.h"
#include "updates/envelope.h"

namespace signalbox::gateway {

class Connection;
class Gateway;

/// Brings the statuses and the end of one execution to the connection that asked for it, also when
/// that has broken or moved to another shard.
/// Threading: confined to the execution's shard.
class SocketSink final : public actions::ExecutionSink {
public:
    struct Target {
        Address address;
        std::string request_id;
        std::string action;
        /// Given by the first incarnation of the connection that asked: no other knows it.
        std::optional<std::uint64_t> ack;
        std::uint32_t incarnation;
        std::uint64_t token;  ///< InFlight::token
    };
    SocketSink(Gateway& gateway, Target target) : gateway_(gateway), target_(std::move(target)) {}

    void on_status(actions::Status status, std::uint64_t seq, std::string_view progress) override;
    void on_end(actions::ActionResult result) override;
    void on_replay(actions::ActionResult result) override;

private:
    void finish(const actions::ActionResult& result, updates::Replay replay);
    /// Null when it is not here, or earlier messages are still on their way to where it was.
    [[nodiscard]] Connection* connection_here() const;
    void post(Letter letter);

    Gateway& gateway_;
    Target target_;
    std::shared_ptr<Courier> courier_;  // once the connection was not here
};

/// {"status":"progress","seq":3,"progress":…}: `data` of a status UPDATE.
[[nodiscard]] std::string status_data(actions::Status status, std::uint64_t seq,
                                      std::string_view progress);

}  // namespace signalbox::gateway
