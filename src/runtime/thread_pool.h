#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/deficit_round_robin.h"
#include "base/executor.h"

namespace signalbox::runtime {

struct ThreadPoolOptions {
    std::size_t threads = 4;         ///< > 0
    std::size_t queued_max = 1'024;  ///< tasks that wait for a thread: deficit_round_robin.h
    std::string name = "blocking";   ///< of the threads: "blocking-0"; at most 12 characters
};

/// Threads for work that blocks. Sources of tasks take turns, so that who has many waiting holds up
/// the others by no more than one turn.
///
/// Threading: any thread.
/// Ending:    stop() and the destructor let running tasks finish and destroy the queued ones unrun.
class ThreadPool final : public BlockingPool {
public:
    explicit ThreadPool(ThreadPoolOptions options);
    ~ThreadPool() override;

    [[nodiscard]] bool try_run(Task& task, const Share& share) override;
    /// Tasks that wait for a thread.
    [[nodiscard]] std::size_t waiting();
    void stop();

private:
    void work();

    const std::size_t queued_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    DeficitRoundRobin<Task> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace signalbox::runtime
