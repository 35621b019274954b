#include "load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace signalbox::bench {

std::size_t Histogram::index_of(std::uint64_t value) {
    if (value < (1U << kSubBits)) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - kSubBits - 1;
    return ((shift + 1) << kSubBits) + ((value >> shift) & ((1U << kSubBits) - 1));
}

std::uint64_t Histogram::upper_edge(std::size_t index) {
    const std::size_t octave = index >> kSubBits;
    if (octave == 0) return index;
    const std::uint64_t sub = (index & ((1U << kSubBits) - 1)) + (1U << kSubBits);
    return ((sub + 1) << (octave - 1)) - 1;
}

void Histogram::record(Nanoseconds duration) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    ++buckets_[std::min(index_of(value), buckets_.size() - 1)];
    ++count_;
}

Nanoseconds Histogram::quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen >= wanted && seen > 0) return Nanoseconds(upper_edge(i));
    }
    return Nanoseconds(0);
}

}  // namespace signalbox::bench
