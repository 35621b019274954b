#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace signalbox::limits {

/// `per_second` tokens flow in, up to `burst`. per_second 0: no limit.
struct Rate {
    double per_second = 0;
    double burst = 0;
    [[nodiscard]] bool limited() const { return per_second > 0; }
};

/// A token bucket of 16 bytes. Full when made.
/// Threading: confined to one shard. Time by the caller, monotonic.
class TokenBucket {
public:
    /// Takes `cost` tokens. @return nullopt when taken, else after how long they will be there
    /// (at least 1 ms); nothing is taken then. A cost over the burst waits for a full bucket.
    [[nodiscard]] std::optional<Milliseconds> take(const Rate& rate, MonotonicTime now, double cost = 1);
    /// True when the bucket is full at `now`, so that forgetting it changes nothing.
    [[nodiscard]] bool full(const Rate& rate, MonotonicTime now) const;

private:
    double missing_ = 0;          ///< tokens below the burst at updated_
    MonotonicTime updated_{};
};

/// Buckets by key (address, user, company). Full buckets are forgotten; over `keys_max` the least
/// recently used goes.
class BucketTable {
public:
    explicit BucketTable(std::size_t keys_max) : keys_max_(keys_max) {}
    [[nodiscard]] std::optional<Milliseconds> take(std::string_view key, const Rate& rate,
                                                   MonotonicTime now, double cost = 1);
    [[nodiscard]] std::size_t size() const { return buckets_.size(); }

private:
    struct Entry {
        std::string key;
        TokenBucket bucket;
    };
    std::size_t keys_max_;
    std::list<Entry> recent_;  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> buckets_;
};

}  // namespace signalbox::limits
