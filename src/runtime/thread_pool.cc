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

bool ThreadPool::try_run(Task& task, const Share& share) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || !queue_.has_room(share.source, queued_max_)) return false;
        queue_.push(share, std::move(task));
    }
    changed_.notify_one();
    return true;
}

std::size_t ThreadPool::waiting() {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

void ThreadPool::stop() {
    DeficitRoundRobin<Task> unrun;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        std::swap(unrun, queue_);
    }
    changed_.notify_all();
    unrun = {};
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

void ThreadPool::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || queue_.size() > 0; });
        if (queue_.size() == 0) return;
        Task task = std::move(*queue_.pop());
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
    }
}

}  // namespace signalbox::runtime
