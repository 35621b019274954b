#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "signalbox/socketio.h"

namespace signalbox::io::detail {

/// Which sockets of a namespace a Broadcast means.
struct Selection {
    std::vector<std::string> rooms;
    std::vector<std::string> except;

    /// Whether a socket that is in `own_rooms` is meant.
    [[nodiscard]] bool includes(const std::vector<std::string>& own_rooms) const;
};

/// An event with its arguments, shared by the shards that send it.
struct OutgoingEvent {
    std::string name;
    Args args;
};

/// Names one recoverable event: each origin (a shard, or all threads outside) numbers its own, and
/// every shard sees an origin's events in the order of their numbers.
struct Stamp {
    std::uint32_t origin = 0;
    std::uint64_t number = 0;

    /// What the client gives back as its offset.
    [[nodiscard]] std::string offset() const;
    [[nodiscard]] static std::optional<Stamp> parse(std::string_view offset);
    friend auto operator<=>(const Stamp&, const Stamp&) = default;
};

/// The highest number of each origin.
class Progress {
public:
    [[nodiscard]] bool covers(Stamp stamp) const;
    void advance(Stamp stamp);

private:
    std::vector<std::uint64_t> highest_;
};

struct LoggedEvent {
    Stamp stamp;
    Selection to;
    std::shared_ptr<const OutgoingEvent> event;
};

/// The recoverable events of a namespace on one shard, in the order in which it sent them. Sans-IO.
///
/// Threading: confined to its shard.
/// Bounds:    keeps an event for `kept`, and at most `bytes_max` bytes; the oldest go first.
class EventLog {
public:
    struct Limits {
        Milliseconds kept;
        std::size_t bytes_max;
    };
    /// Counts all events ever appended.
    using Position = std::uint64_t;

    explicit EventLog(Limits limits) : limits_(limits) {}

    void append(LoggedEvent event, MonotonicTime now);
    /// Behind the newest.
    [[nodiscard]] Position end() const { return first_ + entries_.size(); }
    /// What has been seen on this shard, whether or not it is still kept.
    [[nodiscard]] const Progress& progress() const { return progress_; }

    /// Where a client goes on that joined at `joined` and has last heard of `offset`: behind that,
    /// but not before it joined. @return nullopt when something from there on is not kept any more.
    [[nodiscard]] std::optional<Position> resume_at(std::string_view offset, Position joined,
                                                    MonotonicTime now);
    /// In order. Only from a position that resume_at() gave, or end().
    void for_each_from(Position from, const std::function<void(const LoggedEvent&)>& visit) const;

private:
    struct Entry {
        LoggedEvent event;
        MonotonicTime time;
        std::size_t bytes;
    };
    void expire(MonotonicTime now);
    void drop_oldest();

    const Limits limits_;
    std::deque<Entry> entries_;
    Position first_ = 0;
    std::size_t bytes_ = 0;
    std::map<Stamp, Position> positions_;
    Progress progress_;
};

}  // namespace signalbox::io::detail
