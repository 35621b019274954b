#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engineio/server.h"
#include "library/front_door.h"
#include "runtime/http_server.h"
#include "runtime/shard_group.h"
#include "runtime/tls_context.h"

namespace signalbox::library {

struct EngineNodeOptions {
    engineio::Options engineio;
    ShardIndex shards = 1;
    std::string path;                       ///< with or without a trailing slash
    std::vector<std::string> cors_origins;  ///< see engineio::OriginPolicy
    std::shared_ptr<runtime::TlsContext> tls = {};
    std::optional<runtime::WebSocketCompression> websocket_compression = {};
};

/// Engine.IO on shards of its own: threads, listener, the way from a request to the Engine.IO
/// server of its session.
///
/// Ownership: owns everything but the applications, which outlive stop().
/// Threading: start(), listen() and stop() belong to one thread that is no shard's; post() and
///            try_post() to any.
class EngineNode {
public:
    /// Gives each shard its application, before the shards run.
    using Applications = std::function<engineio::Application&(runtime::Shard&)>;

    explicit EngineNode(EngineNodeOptions options);
    /// stop()
    ~EngineNode();
    EngineNode(const EngineNode&) = delete;
    EngineNode& operator=(const EngineNode&) = delete;

    [[nodiscard]] ShardIndex shard_count() const { return shards_.size(); }
    /// The shard of this node whose thread calls, if any.
    [[nodiscard]] std::optional<ShardIndex> current_shard() const;

    void start(const Applications& applications);
    [[nodiscard]] std::expected<std::uint16_t, runtime::ListenError> listen(std::string host,
                                                                            std::uint16_t port);
    /// @return false when the shard's mailbox is full: the task was not taken.
    [[nodiscard]] bool try_post(ShardIndex to, Task task);
    /// Runs `task` once on every shard, at once on the calling one, or nowhere when a mailbox is
    /// full: then false.
    [[nodiscard]] bool try_run_on_all(const std::function<void(ShardIndex)>& task);
    /// For answers.
    void post(ShardIndex to, Task task) { shards_.post(to, std::move(task)); }

    /// Closes all sessions, opens no new ones, waits up to kFarewell until polling clients have
    /// fetched their last words, ends the threads. Tasks that still wait are destroyed unrun.
    void stop();

private:
    struct Part {
        std::unique_ptr<engineio::Server> engine;
        std::unique_ptr<FrontDoor> door;
    };
    static constexpr Milliseconds kFarewell{1'000};

    void close_sessions();
    [[nodiscard]] std::size_t unfinished_sessions();

    enum class State : std::uint8_t { kNew, kRunning, kStopped };

    const EngineNodeOptions options_;
    runtime::ShardGroup shards_;
    std::unique_ptr<runtime::HttpServer> http_;
    std::vector<std::unique_ptr<Part>> parts_;
    State state_ = State::kNew;
};

}  // namespace signalbox::library
