#include "runtime/mailbox.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace signalbox::runtime {

Mailbox::Posted Mailbox::append(Task& task) {
    // A closed mailbox leaves the task with the caller, who destroys it outside the lock.
    if (closed_) return Posted::kQuietly;
    tasks_.push_back(std::move(task));
    return std::exchange(sleeping_, false) ? Posted::kWake : Posted::kQuietly;
}

Mailbox::Admission Mailbox::try_push(Task& task) {
    const std::lock_guard lock(mutex_);
    if (closed_ || tasks_.size() + reserved_ >= tasks_max_) return Admission::kRefused;
    return append(task) == Posted::kWake ? Admission::kWake : Admission::kQuietly;
}

bool Mailbox::try_reserve() {
    const std::lock_guard lock(mutex_);
    if (closed_ || tasks_.size() + reserved_ >= tasks_max_) return false;
    ++reserved_;
    return true;
}

void Mailbox::release() {
    const std::lock_guard lock(mutex_);
    SB_CHECK(reserved_ > 0);
    --reserved_;
}

Mailbox::Posted Mailbox::push_reserved(Task task) {
    const std::lock_guard lock(mutex_);
    SB_CHECK(reserved_ > 0);
    --reserved_;
    return append(task);
}

Mailbox::Posted Mailbox::push(Task task) {
    const std::lock_guard lock(mutex_);
    return append(task);
}

void Mailbox::take(std::vector<Task>& out, std::size_t max) {
    const std::lock_guard lock(mutex_);
    sleeping_ = false;
    const std::size_t n = std::min(max, tasks_.size());
    for (std::size_t i = 0; i < n; ++i) {
        out.push_back(std::move(tasks_.front()));
        tasks_.pop_front();
    }
}

bool Mailbox::prepare_sleep() {
    const std::lock_guard lock(mutex_);
    sleeping_ = tasks_.empty();
    return sleeping_;
}

void Mailbox::close() {
    std::deque<Task> rest;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    rest.swap(tasks_);
}

}  // namespace signalbox::runtime
