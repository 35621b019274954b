#include "library/engine_node.h"

#include <atomic>
#include <thread>
#include <utility>

#include "base/check.h"

namespace signalbox::library {
namespace {

runtime::HttpServerOptions http_options(const EngineNodeOptions& options) {
    runtime::HttpServerOptions http;
    http.limits.body_bytes_max = options.engineio.payload_bytes_max;
    http.websocket_message_bytes_max = options.engineio.payload_bytes_max;
    http.websocket_compression = options.websocket_compression;
    return http;
}

/// What the calling thread is, so that a shard's own calls need no mailbox.
struct Current {
    const EngineNode* node = nullptr;
    ShardIndex shard = 0;
};
thread_local Current current;

}  // namespace

EngineNode::EngineNode(EngineNodeOptions options)
    : options_(std::move(options)), shards_({.shards = options_.shards}) {}

EngineNode::~EngineNode() {
    stop();
}

std::optional<ShardIndex> EngineNode::current_shard() const {
    if (current.node != this) return std::nullopt;
    return current.shard;
}

void EngineNode::start(const Applications& applications) {
    SB_CHECK(state_ == State::kNew);
    http_ = std::make_unique<runtime::HttpServer>(shards_, http_options(options_));
    for (ShardIndex i = 0; i < shards_.size(); ++i) {
        runtime::Shard& shard = shards_.shard(i);
        Part& part = *parts_.emplace_back(std::make_unique<Part>());
        part.engine = std::make_unique<engineio::Server>(options_.engineio, i, shard.wheel(),
                                                         shard.random(), applications(shard));
        part.door = std::make_unique<FrontDoor>(options_.path, options_.cors_origins, *part.engine);
        const auto owner_of = [count = shards_.size()](const HttpRequest& request) {
            return engineio::Server::owner_of(request.query, count);
        };
        http_->set_handlers(i, {part.door.get(), part.door.get(), owner_of});
    }
    shards_.start();
    shards_.run_on_all([this](runtime::Shard& shard) { current = {this, shard.index()}; });
    state_ = State::kRunning;
}

std::expected<std::uint16_t, runtime::ListenError> EngineNode::listen(std::string host,
                                                                      std::uint16_t port) {
    return http_->listen({.host = std::move(host), .port = port, .tls = options_.tls});
}

bool EngineNode::try_post(ShardIndex to, Task task) {
    return shards_.shard(to).mesh().try_post(to, std::move(task));
}

bool EngineNode::try_run_on_all(const std::function<void(ShardIndex)>& task) {
    const auto own = current_shard();
    std::vector<ShardIndex> others;
    for (ShardIndex i = 0; i < shards_.size(); ++i) {
        if (i != own) others.push_back(i);
    }
    ShardMesh& mesh = shards_.shard(own.value_or(0)).mesh();
    if (!mesh.try_reserve(others)) return false;
    for (const ShardIndex shard : others) mesh.post_reserved(shard, [task, shard] { task(shard); });
    if (own) task(*own);
    return true;
}

void EngineNode::close_sessions() {
    shards_.run_on_all([this](runtime::Shard& shard) {
        Part& part = *parts_[shard.index()];
        part.door->close();
        part.engine->close_all(engineio::CloseReason::kServerShutdown);
    });
    const MonotonicTime deadline = shards_.shard(0).clock().monotonic_now() + kFarewell;
    constexpr Milliseconds kPause{5};
    while (unfinished_sessions() > 0 && shards_.shard(0).clock().monotonic_now() < deadline)
        std::this_thread::sleep_for(kPause);
}

std::size_t EngineNode::unfinished_sessions() {
    std::atomic<std::size_t> sum = 0;
    shards_.run_on_all(
        [&](runtime::Shard& shard) { sum += parts_[shard.index()]->engine->unfinished_count(); });
    return sum;
}

void EngineNode::stop() {
    if (state_ == State::kRunning) {
        close_sessions();
        http_->close_listeners();
        http_->drain([] {});
        // Each task runs in a turn after the one that sent the last words.
        shards_.run_on_all([](runtime::Shard&) {});
        shards_.stop();
    }
    state_ = State::kStopped;
    for (const auto& part : parts_) {
        part->door.reset();
        part->engine.reset();
    }
    http_.reset();
}

}  // namespace signalbox::library
