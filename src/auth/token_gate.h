#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/key_source.h"
#include "auth/token_verifier.h"
#include "base/clock.h"
#include "base/error_code.h"
#include "base/executor.h"
#include "base/fair_queue.h"

namespace signalbox::auth {

/// SHA-256 of a token: what is kept instead of it.
using TokenDigest = std::array<std::uint8_t, 32>;
[[nodiscard]] TokenDigest digest_of(std::string_view token);

/// Tokens that have been verified, until their end or until others are used more often.
/// Threading: confined to one thread.
/// Bounds:    `tokens_max` tokens; the one that was not asked for longest goes first.
class VerifiedTokens {
public:
    explicit VerifiedTokens(std::size_t tokens_max) : tokens_max_(tokens_max) {}

    /// @return nullptr when it is not known; borrowed until the next call.
    [[nodiscard]] const TokenClaims* find(const TokenDigest& digest);
    void insert(const TokenDigest& digest, TokenClaims claims);
    void erase(const TokenDigest& digest);
    void clear();
    [[nodiscard]] std::size_t size() const { return index_.size(); }

private:
    struct Hash {
        std::size_t operator()(const TokenDigest& digest) const;
    };
    struct Entry {
        TokenDigest digest;
        TokenClaims claims;
    };

    const std::size_t tokens_max_;
    std::list<Entry> entries_;  // the last used first
    std::unordered_map<TokenDigest, std::list<Entry>::iterator, Hash> index_;
};

/// Verifies the tokens of one shard without holding it up: HS tokens at once; others from what
/// was verified before, else on a pool, where those who present them take turns: one that sends
/// many holds up its own. A token whose key is not known waits until the source has been asked
/// once.
///
/// Ownership: borrows all ports; outlives the tasks that the pool and the source post to `own`.
/// Threading: confined to the thread of `own`. `done` runs there exactly once, often inside
///            check(), unless `own` drops its tasks.
/// Bounds:    kQueuedMax tokens wait for the pool, of which it gets kOnPoolMax at a time; kWaitingMax
///            wait for a key.
/// Errors:    those of TokenVerifier; OVERLOADED over a bound, for who has most waiting, and when
///            the pool is full; UPSTREAM_UNAVAILABLE when the key is not known and the source does
///            not answer.
class TokenGate {
public:
    static constexpr std::size_t kVerifiedMax = 4'096;
    static constexpr std::size_t kWaitingMax = 4'096;
    static constexpr std::size_t kQueuedMax = 2'048;
    static constexpr std::size_t kOnPoolMax = 16;

    struct Ports {
        const Clock& clock;
        Executor& own;
        BlockingPool* pool = nullptr;  ///< nullptr: all tokens are verified at once
        KeySource* source = nullptr;   ///< nullptr: no keys but the verifier's own
    };
    struct Presented {
        std::string token;
        std::string source;  ///< who waits behind each other: the network it came from
    };
    using Outcome = std::expected<TokenClaims, Error>;
    using Done = std::move_only_function<void(Outcome)>;

    TokenGate(Ports ports, std::shared_ptr<const TokenVerifier> verifier);

    /// For the tokens that come next; what was verified before does not count any more.
    void set_verifier(std::shared_ptr<const TokenVerifier> verifier);
    void check(Presented presented, Expiry expiry, Done done);
    /// Tokens that wait for a key.
    [[nodiscard]] std::size_t waiting() const { return waiting_; }

private:
    enum class Attempt : std::uint8_t { kFirst, kLast };
    struct Job {
        std::string token;
        std::string source;
        Expiry expiry;
        Done done;
        Attempt attempt = Attempt::kFirst;
        std::shared_ptr<const TokenVerifier> verifier;
        VerifyCost cost = VerifyCost::kSmall;
        TokenDigest digest{};
        std::shared_ptr<const KeySet> keys;  // those that it was verified with
    };

    [[nodiscard]] VerifyCost cost_of(std::string_view token);
    void run(Job job);
    [[nodiscard]] Outcome known(const Job& job, const TokenClaims& claims);
    void wait_for_pool(Job job);
    void feed_pool();
    void run_on_pool(Job job);
    void finish(Job job, Judged judged);
    void wait_for_key(Job job);
    void forget_when_keys_changed();

    Ports ports_;
    std::shared_ptr<const TokenVerifier> verifier_;
    std::shared_ptr<const KeySet> keys_;  // those that verified_ was verified with
    VerifiedTokens verified_{kVerifiedMax};
    FairQueue<Job> queue_{kQueuedMax};
    std::size_t on_pool_ = 0;
    std::string last_header_;  // most tokens have the same
    VerifyCost last_cost_ = VerifyCost::kSmall;
    std::size_t waiting_ = 0;
};

}  // namespace signalbox::auth
