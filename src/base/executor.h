#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/share.h"

namespace signalbox {

/// Work to run once, on the thread that the receiver documents.
using Task = std::move_only_function<void()>;

/// Runs tasks later, in the order given, all on one thread.
/// Threading: post() from any thread.
class Executor {
public:
    virtual ~Executor() = default;
    /// Always admitted; use for the answers to bounded work only.
    virtual void post(Task task) = 0;
};

/// Runs tasks that may block, on threads of its own.
/// Threading: any thread.
class BlockingPool {
public:
    virtual ~BlockingPool() = default;
    /// Those that wait for a thread take turns by `share`.
    /// @return false when the queue has no room for it; the task was not taken.
    [[nodiscard]] virtual bool try_run(Task& task, const Share& share) = 0;
};

/// Index of a shard of this node, below ShardMesh::shard_count().
using ShardIndex = std::uint16_t;

/// How one shard reaches the others (and itself). Each shard owns one instance.
///
/// Ordering:  tasks from one shard to one other run in the order of their posting.
/// Threading: an instance belongs to its shard; tasks run on the target's thread. A task to the
///            own shard runs later too, never inside the call.
/// Bounds:    try_post() is refused when a target's mailbox holds its maximum; post_admitted() is
///            for answers, and for the release of what an earlier try_post() was admitted for, and
///            is never refused.
class ShardMesh : public Executor {
public:
    [[nodiscard]] virtual ShardIndex self() const = 0;
    [[nodiscard]] virtual ShardIndex shard_count() const = 0;

    /// @return false when the mailbox of `to` is full: the task was not taken, answer OVERLOADED.
    [[nodiscard]] virtual bool try_post(ShardIndex to, Task task) = 0;
    /// Credit for one task on every shard of `targets`, all or none; each credit is then used by
    /// one post_reserved(). @return false when any mailbox is full: no credit was taken.
    [[nodiscard]] virtual bool try_reserve(std::span<const ShardIndex> targets) = 0;
    /// Uses a credit of try_reserve().
    virtual void post_reserved(ShardIndex to, Task task) = 0;
    virtual void post_admitted(ShardIndex to, Task task) = 0;

    /// Executor: post_admitted() to the own shard, callable from any thread.
    void post(Task task) override = 0;
};

}  // namespace signalbox
