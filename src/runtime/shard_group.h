#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "runtime/shard.h"

namespace signalbox::runtime {

struct ShardGroupOptions {
    ShardIndex shards = 1;                   ///< threads with an event loop; > 0
    std::size_t mailbox_tasks_max = 65'536;  ///< waiting for one shard; then try_post() refuses
    const Clock* clock = nullptr;            ///< borrowed; nullptr: the system's
};

/// The shards of this node.
///
/// Ownership: owns the shards and their threads; what lives on a shard must end before the group,
///            and after stop().
/// Threading: start(), join() and stop() belong to one thread, post() and run_on_all() to any.
class ShardGroup {
public:
    explicit ShardGroup(ShardGroupOptions options);
    /// stop()
    ~ShardGroup();
    ShardGroup(const ShardGroup&) = delete;
    ShardGroup& operator=(const ShardGroup&) = delete;

    [[nodiscard]] ShardIndex size() const { return static_cast<ShardIndex>(shards_.size()); }
    [[nodiscard]] Shard& shard(ShardIndex index) { return *shards_[index]; }

    void start();
    /// As post(), but @return false, with `task` destroyed, when the shard's mailbox is full.
    [[nodiscard]] bool try_post(ShardIndex to, Task task) {
        return shards_[to]->mesh().try_post(to, std::move(task));
    }
    /// Runs `task` on the shard, after start(). Always admitted, so not for what others may ask for
    /// without end; after stop() it is destroyed unrun.
    void post(ShardIndex to, Task task) { shards_[to]->mesh().post(std::move(task)); }
    /// Runs `task` on every shard and returns when all have. Not from a shard; between start() and
    /// stop() only.
    void run_on_all(const std::function<void(Shard&)>& task);
    /// Lets each shard finish its turn and joins the threads. Connections stay as they are until
    /// their owners end; tasks that are posted from now on wait for stop().
    void join();
    /// join(), and destroys the tasks that wait, unrun.
    void stop();

private:
    std::unique_ptr<SystemClock> system_clock_;
    std::vector<std::unique_ptr<Shard>> owned_;
    std::vector<Shard*> shards_;
    std::vector<std::thread> threads_;
};

}  // namespace signalbox::runtime
