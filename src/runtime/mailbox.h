#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

#include "base/executor.h"

namespace signalbox::runtime {

/// The tasks that wait for one shard: a bounded FIFO with credit.
///
/// Threading: any thread posts; take(), prepare_sleep() and close() belong to the owner.
/// Bounds:    waiting tasks and outstanding credits together never exceed `tasks_max` through
///            try_push() and try_reserve(); push() is not bounded.
/// Invariant: a post returns kWake exactly when the owner sleeps, once a sleep.
class Mailbox {
public:
    enum class Posted : bool { kQuietly, kWake };

    explicit Mailbox(std::size_t tasks_max) : tasks_max_(tasks_max) {}

    enum class Admission : std::uint8_t { kRefused, kQuietly, kWake };
    /// Refused when full or closed; `task` is then untouched.
    [[nodiscard]] Admission try_push(Task& task);
    [[nodiscard]] bool try_reserve();
    void release();
    /// Uses a credit of try_reserve().
    [[nodiscard]] Posted push_reserved(Task task);
    [[nodiscard]] Posted push(Task task);

    /// Appends at most `max` tasks to `out`, oldest first.
    void take(std::vector<Task>& out, std::size_t max);
    /// @return false when tasks wait: do not sleep.
    [[nodiscard]] bool prepare_sleep();
    /// Destroys what waits, and from now on every task that is posted.
    void close();

private:
    Posted append(Task& task);

    const std::size_t tasks_max_;
    std::mutex mutex_;
    std::deque<Task> tasks_;
    std::size_t reserved_ = 0;
    bool sleeping_ = false;
    bool closed_ = false;
};

}  // namespace signalbox::runtime
