#include "limits/token_bucket.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/check.h"

namespace signalbox::limits {
namespace {

/// Tokens that rounding may lose or win, so that a caller who waited as told is let in.
constexpr double kRounding = 1e-6;

using Seconds = std::chrono::duration<double>;

Milliseconds time_to_gain(double tokens, const Rate& rate) {
    const double longest = Seconds(TokenBucket::kWaitMax).count();
    const Seconds wait(std::min((tokens - kRounding / 2) / rate.per_second, longest));
    return std::max(std::chrono::ceil<Milliseconds>(wait), Milliseconds(1));
}

}  // namespace

static_assert(sizeof(TokenBucket) == 16);

double TokenBucket::missing_at(const Rate& rate, MonotonicTime now) const {
    const double gained = Seconds(std::max(now, updated_) - updated_).count() * rate.per_second;
    const double missing = missing_ - gained;
    return missing > kRounding ? missing : 0;
}

std::optional<Milliseconds> TokenBucket::take(const Rate& rate, MonotonicTime now, double cost) {
    if (!rate.limited()) return std::nullopt;
    missing_ = missing_at(rate, now);
    updated_ = std::max(now, updated_);
    const double lacking = missing_ + std::min(cost, rate.burst) - rate.burst;
    if (lacking > kRounding) return time_to_gain(lacking, rate);
    missing_ += cost;
    return std::nullopt;
}

BucketTable::BucketTable(std::size_t keys_max) : keys_max_(keys_max) {
    SB_CHECK(keys_max > 0);
}

std::optional<Milliseconds> BucketTable::take(std::string_view key, const Rate& rate,
                                              MonotonicTime now, double cost) {
    if (!rate.limited()) return std::nullopt;
    forget(rate, now);
    return bucket_of(key).take(rate, now, cost);
}

/// Two a call: more than the one that a call can add.
void BucketTable::forget(const Rate& rate, MonotonicTime now) {
    for (int i = 0; i < 2 && !recent_.empty() && recent_.back().bucket.full(rate, now); ++i) {
        buckets_.erase(recent_.back().key);
        recent_.pop_back();
    }
}

TokenBucket& BucketTable::bucket_of(std::string_view key) {
    if (const auto known = buckets_.find(key); known != buckets_.end()) {
        recent_.splice(recent_.begin(), recent_, known->second);
        return known->second->bucket;
    }
    if (buckets_.size() >= keys_max_) {
        buckets_.erase(recent_.back().key);
        recent_.pop_back();
    }
    recent_.emplace_front(std::string(key));
    buckets_.emplace(recent_.front().key, recent_.begin());
    return recent_.front().bucket;
}

}  // namespace signalbox::limits
