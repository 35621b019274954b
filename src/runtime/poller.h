#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "runtime/unique_fd.h"

namespace signalbox::runtime {

/// What a watcher wants to hear of; a set of bits. A hang-up or an error is always told.
enum class Interest : std::uint8_t {
    kNone = 0,
    kRead = 1,
    kWrite = 2,
    kPeerClose = 4,  ///< the peer's FIN, without reading what comes before it
};
[[nodiscard]] constexpr Interest operator|(Interest a, Interest b) {
    return static_cast<Interest>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr bool has(Interest set, Interest bit) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(bit)) != 0;
}

struct Readiness {
    bool readable = false;
    bool writable = false;
    bool peer_closed = false;  ///< only with Interest::kPeerClose
    bool hung_up = false;      ///< reset, or both directions ended
};

/// Hears that its descriptor is ready. Level-triggered: told again as long as it is.
class Watcher {
public:
    virtual void on_ready(Readiness readiness) = 0;

protected:
    ~Watcher() = default;
};

/// Readiness of file descriptors, over epoll.
///
/// Ownership: borrows watchers and descriptors; remove() before either ends.
/// Threading: one thread, except wake().
/// Re-entrancy: add(), modify() and remove() may be called from on_ready(); a removed watcher hears
///            nothing more, not even of what was ready in the same round.
/// Bounds:    a round tells of at most kEventsMax descriptors; the others come in the next.
class Poller {
public:
    static constexpr std::size_t kEventsMax = 256;

    Poller();

    /// @return false when the kernel refuses (out of memory or watches).
    [[nodiscard]] bool add(int fd, Watcher& watcher, Interest interest);
    void modify(int fd, Watcher& watcher, Interest interest);
    void remove(int fd, Watcher& watcher);

    /// Sleeps until something is ready, wake() is called or `timeout` (rounded up to milliseconds;
    /// nullopt: for ever) has passed.
    void wait(std::optional<std::chrono::nanoseconds> timeout);
    /// Calls the watchers of what wait() found.
    void dispatch();
    /// Ends a wait(), the present or the next one. From any thread.
    void wake() const;

private:
    void drain_wake_ups() const;

    UniqueFd epoll_;
    UniqueFd wake_;
    std::array<epoll_event, kEventsMax> events_{};
    std::size_t ready_ = 0;  // events of this round
    std::size_t next_ = 0;   // the first that was not yet told
};

}  // namespace signalbox::runtime
