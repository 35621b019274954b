#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/executor.h"

namespace signalbox::runtime {

struct ThreadPoolOptions {
    std::size_t threads = 4;         ///< > 0
    std::size_t queued_max = 1'024;  ///< tasks that wait for a thread; then try_run() refuses
    std::string name = "blocking";   ///< of the threads: "blocking-0"; at most 12 characters
};

/// Threads for work that blocks.
///
/// Threading: any thread.
/// Ending:    stop() and the destructor let running tasks finish and destroy the queued ones unrun.
class ThreadPool final : public BlockingPool {
public:
    explicit ThreadPool(ThreadPoolOptions options);
    ~ThreadPool() override;

    [[nodiscard]] bool try_run(Task& task) override;
    void stop();

private:
    void work();

    const std::size_t queued_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace signalbox::runtime
