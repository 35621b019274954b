#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace signalbox {

/// For deadlines and intervals.
using MonotonicTime = std::chrono::steady_clock::time_point;
/// For what people and tokens see; milliseconds since the Unix epoch.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;

/// Where all code gets the time from, so that tests and the simulator choose it.
/// Threading: implementations may be called from any thread.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual MonotonicTime monotonic_now() const = 0;
    [[nodiscard]] virtual WallTime wall_now() const = 0;
};

/// The operating system's clocks.
class SystemClock final : public Clock {
public:
    [[nodiscard]] MonotonicTime monotonic_now() const override;
    [[nodiscard]] WallTime wall_now() const override;
};

/// A clock that stands still until advance() is called.
class ManualClock final : public Clock {
public:
    [[nodiscard]] MonotonicTime monotonic_now() const override { return monotonic_; }
    [[nodiscard]] WallTime wall_now() const override { return wall_; }

    void advance(Milliseconds by) {
        monotonic_ += by;
        wall_ += by;
    }

private:
    MonotonicTime monotonic_{std::chrono::hours(1)};
    WallTime wall_{std::chrono::seconds(1'790'000'000)};
};

/// RFC 3339 in UTC with milliseconds: "2026-11-22T08:00:00.000Z".
[[nodiscard]] std::string format_time(WallTime time);

/// The inverse of format_time() for exactly its format; nullopt for anything else.
[[nodiscard]] std::optional<WallTime> parse_time(std::string_view text);

}  // namespace signalbox
