#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace signalbox::bench {

using Nanoseconds = std::chrono::nanoseconds;

/// Durations in buckets of at most 1/64 relative width, from 1 ns to hours: constant memory, and a
/// record() costs a few instructions.
class Histogram {
public:
    void record(Nanoseconds duration);
    void clear() { *this = Histogram(); }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// @param share  0 to 1. @return the upper edge of the bucket that holds it; 0 when empty.
    [[nodiscard]] Nanoseconds quantile(double share) const;

private:
    static constexpr unsigned kSubBits = 6;
    static constexpr unsigned kOctaves = 44 - kSubBits;
    [[nodiscard]] static std::size_t index_of(std::uint64_t value);
    [[nodiscard]] static std::uint64_t upper_edge(std::size_t index);

    std::array<std::uint64_t, (kOctaves + 1) << kSubBits> buckets_{};
    std::uint64_t count_ = 0;
};

}  // namespace signalbox::bench
