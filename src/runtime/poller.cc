#include "runtime/poller.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/check.h"

namespace signalbox::runtime {
namespace {

epoll_event event_for(Watcher& watcher, Interest interest) {
    epoll_event event{};
    if (has(interest, Interest::kRead)) event.events |= EPOLLIN;
    if (has(interest, Interest::kWrite)) event.events |= EPOLLOUT;
    if (has(interest, Interest::kPeerClose)) event.events |= EPOLLRDHUP;
    event.data.ptr = &watcher;
    return event;
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

bool Poller::add(int fd, Watcher& watcher, Interest interest) {
    epoll_event event = event_for(watcher, interest);
    return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::modify(int fd, Watcher& watcher, Interest interest) {
    epoll_event event = event_for(watcher, interest);
    SB_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Poller::remove(int fd, Watcher& watcher) {
    SB_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0);
    for (std::size_t i = next_; i < ready_; ++i) {
        if (events_[i].data.ptr == &watcher) events_[i].data.ptr = nullptr;
    }
}

void Poller::wait(std::optional<std::chrono::nanoseconds> timeout) {
    const int got = epoll_wait(epoll_.get(), events_.data(), kEventsMax, milliseconds(timeout));
    SB_CHECK(got >= 0 || errno == EINTR);
    ready_ = static_cast<std::size_t>(std::max(got, 0));
    next_ = 0;
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
