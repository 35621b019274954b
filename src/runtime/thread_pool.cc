#include "runtime/thread_pool.h"

#include <pthread.h>

#include <utility>

#include "base/check.h"

namespace signalbox::runtime {

ThreadPool::ThreadPool(ThreadPoolOptions options) : queued_max_(options.queued_max) {
    SB_CHECK(options.threads > 0);
    for (std::size_t i = 0; i < options.threads; ++i) {
        threads_.emplace_back([this] { work(); });
        const std::string name = (options.name + '-' + std::to_string(i)).substr(0, 15);
        ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
    }
}

ThreadPool::~ThreadPool() {
    stop();
}

bool ThreadPool::try_run(Task& task) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || queue_.size() >= queued_max_) return false;
        queue_.push_back(std::move(task));
    }
    changed_.notify_one();
    return true;
}

void ThreadPool::stop() {
    std::deque<Task> unrun;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        unrun.swap(queue_);
    }
    changed_.notify_all();
    unrun.clear();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

void ThreadPool::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        Task task = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
    }
}

}  // namespace signalbox::runtime
