#include "runtime/poller.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/check.h"

namespace signalbox::runtime {
namespace {

std::uint32_t events_for(Interest interest) {
    std::uint32_t events = 0;
    if (has(interest, Interest::kRead)) events |= EPOLLIN;
    if (has(interest, Interest::kWrite)) events |= EPOLLOUT;
    return events;
}

Readiness readiness_of(std::uint32_t events) {
    return {.readable = (events & EPOLLIN) != 0,
            .writable = (events & EPOLLOUT) != 0,
            .peer_closed = (events & EPOLLRDHUP) != 0,
            .hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0};
}

int milliseconds(std::optional<std::chrono::nanoseconds> timeout) {
    if (!timeout) return -1;
    const auto ms = std::chrono::ceil<Milliseconds>(*timeout).count();
    return static_cast<int>(std::clamp<std::int64_t>(ms, 0, INT_MAX));
}

}  // namespace

Poller::Poller()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    SB_CHECK(epoll_ && wake_);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &wake_;
    SB_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
}

bool Poller::control(int operation, int fd, std::uint32_t events, Watcher& watcher) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watcher;
    return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

bool Poller::add(int fd, Watcher& watcher, Interest interest) {
    return control(EPOLL_CTL_ADD, fd, events_for(interest), watcher);
}

void Poller::modify(int fd, Watcher& watcher, Interest interest) {
    SB_CHECK(control(EPOLL_CTL_MOD, fd, events_for(interest), watcher));
}

bool Poller::add_edge_triggered(int fd, Watcher& watcher) {
    return control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, watcher);
}

void Poller::remove(int fd, Watcher& watcher) {
    SB_CHECK(control(EPOLL_CTL_DEL, fd, 0, watcher));
    for (std::size_t i = next_; i < ready_; ++i) {
        if (events_[i].data.ptr == &watcher) events_[i].data.ptr = nullptr;
    }
    Watcher* const none = nullptr;
    std::ranges::replace(repeats_, &watcher, none);
}

void Poller::wait(std::optional<std::chrono::nanoseconds> timeout) {
    if (!repeats_.empty()) timeout = std::chrono::nanoseconds(0);
    const int got = epoll_wait(epoll_.get(), events_.data(), kEventsMax, milliseconds(timeout));
    SB_CHECK(got >= 0 || errno == EINTR);
    ready_ = static_cast<std::size_t>(std::max(got, 0));
    next_ = 0;
    repeating_ = std::min(repeats_.size(), kEventsMax);
}

void Poller::dispatch() {
    while (next_ < ready_) {
        const epoll_event event = events_[next_++];
        if (event.data.ptr == &wake_) {
            drain_wake_ups();
        } else if (event.data.ptr != nullptr) {  // null: removed in this round
            static_cast<Watcher*>(event.data.ptr)->on_ready(readiness_of(event.events));
        }
    }
    dispatch_repeats();
}

void Poller::dispatch_repeats() {
    // By index: a call may repeat() or remove().
    for (std::size_t i = 0; i < repeating_; ++i) {
        Watcher* watcher = std::exchange(repeats_[i], nullptr);
        if (watcher != nullptr) watcher->on_ready({.repeated = true});
    }
    repeats_.erase(repeats_.begin(), repeats_.begin() + static_cast<std::ptrdiff_t>(repeating_));
    repeating_ = 0;
}

void Poller::drain_wake_ups() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
}

void Poller::wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace signalbox::runtime
