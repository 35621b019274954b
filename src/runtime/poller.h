#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "runtime/unique_fd.h"

namespace signalbox::runtime {

/// What a level-triggered watcher wants to hear of; a set of bits. A hang-up or an error is always
/// told.
enum class Interest : std::uint8_t { kNone = 0, kRead = 1, kWrite = 2 };
[[nodiscard]] constexpr Interest operator|(Interest a, Interest b) {
    return static_cast<Interest>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr bool has(Interest set, Interest bit) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(bit)) != 0;
}

struct Readiness {
    bool readable = false;
    bool writable = false;
    bool peer_closed = false;  ///< its FIN has come, maybe behind bytes; only edge-triggered
    bool hung_up = false;      ///< reset, or both directions ended
    bool repeated = false;     ///< nothing of this: repeat() was called

    void add(const Readiness& more) {
        readable |= more.readable;
        writable |= more.writable;
        peer_closed |= more.peer_closed;
        hung_up |= more.hung_up;
    }
};

/// Hears that its descriptor is ready.
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
/// Re-entrancy: all but wait() and dispatch() may be called from on_ready(); a removed watcher hears
///            nothing more, not even of what was ready in the same round.
/// Bounds:    a round tells of at most kEventsMax descriptors, and repeats as many calls; the others
///            come in the next.
class Poller {
public:
    static constexpr std::size_t kEventsMax = 256;

    Poller();

    /// Level-triggered: told again as long as it is ready.
    /// @return false when the kernel refuses (out of memory or watches), here and below.
    [[nodiscard]] bool add(int fd, Watcher& watcher, Interest interest);
    void modify(int fd, Watcher& watcher, Interest interest);
    /// Edge-triggered: told once of all that is ready now, and once of each change; so no system
    /// call is needed while it is not to be read. What is not used up must be remembered.
    [[nodiscard]] bool add_edge_triggered(int fd, Watcher& watcher);
    void remove(int fd, Watcher& watcher);
    /// Calls `watcher` in a later round, which does not sleep before: the next one unless kEventsMax
    /// are due then. Once for each call.
    void repeat(Watcher& watcher) { repeats_.push_back(&watcher); }

    /// Sleeps until something is ready, wake() is called or `timeout` (rounded up to milliseconds;
    /// nullopt: for ever) has passed.
    void wait(std::optional<std::chrono::nanoseconds> timeout);
    /// Calls the watchers of what wait() found.
    void dispatch();
    /// Ends a wait(), the present or the next one. From any thread.
    void wake() const;

private:
    [[nodiscard]] bool control(int operation, int fd, std::uint32_t events, Watcher& watcher);
    void drain_wake_ups() const;
    void dispatch_repeats();

    UniqueFd epoll_;
    UniqueFd wake_;
    std::array<epoll_event, kEventsMax> events_{};
    std::size_t ready_ = 0;          // events of this round
    std::size_t next_ = 0;           // the first that was not yet told
    std::vector<Watcher*> repeats_;  // those of this round first; null: removed
    std::size_t repeating_ = 0;      // how many are of this round
};

}  // namespace signalbox::runtime
