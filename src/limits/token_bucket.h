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
/// Threading: confined to one shard. Time by the caller; one that goes back counts as standing
/// still.
class TokenBucket {
public:
    /// Takes `cost` tokens. @return nullopt when taken, else after how long they will be there
    /// (1 ms to kWaitMax); nothing is taken then. A cost over the burst waits for a full bucket and
    /// leaves it in debt, so that the rate holds in the long run.
    [[nodiscard]] std::optional<Milliseconds> take(const Rate& rate, MonotonicTime now,
                                                   double cost = 1);
    /// True when the bucket is full at `now`, so that forgetting it changes nothing.
    [[nodiscard]] bool full(const Rate& rate, MonotonicTime now) const {
        return missing_at(rate, now) == 0;
    }

    /// Tokens in it; below 0 after a cost over the burst.
    [[nodiscard]] double level(const Rate& rate, MonotonicTime now) const {
        return rate.burst - missing_at(rate, now);
    }

    static constexpr Milliseconds kWaitMax = std::chrono::hours(24);

private:
    [[nodiscard]] double missing_at(const Rate& rate, MonotonicTime now) const;

    double missing_ = 0;  ///< tokens below the burst at updated_
    MonotonicTime updated_{};
};

/// Buckets by key (address, user, company), all of one rate. Full buckets are forgotten; over
/// `keys_max` the least recently used goes. Work of a call: constant.
/// Threading: confined to one shard.
class BucketTable {
public:
    /// @param keys_max  buckets to remember; > 0.
    explicit BucketTable(std::size_t keys_max);
    [[nodiscard]] std::optional<Milliseconds> take(std::string_view key, const Rate& rate,
                                                   MonotonicTime now, double cost = 1);
    [[nodiscard]] std::size_t size() const { return buckets_.size(); }

private:
    void forget(const Rate& rate, MonotonicTime now);
    TokenBucket& bucket_of(std::string_view key);

    struct Entry {
        std::string key;
        TokenBucket bucket;
    };
    std::size_t keys_max_;
    std::list<Entry> recent_;  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator>
        buckets_;  // keys borrow Entry::key
};

}  // namespace signalbox::limits
