#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/key_set.h"
#include "auth/key_source.h"
#include "base/clock.h"
#include "base/http_client.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timer_wheel.h"

namespace signalbox::auth {

struct JwksSourceOptions {
    std::string url;  ///< `auth.jwt.jwks_url`; empty: there is no source
    /// `auth.jwt.jwks_stale_max`: how long the last set counts after its lifetime while the source
    /// is down.
    Milliseconds stale_max{std::chrono::hours(24)};
    friend bool operator==(const JwksSourceOptions&, const JwksSourceOptions&) = default;
};

/// What a source has done, for metrics.
struct JwksNumbers {
    std::uint64_t changed = 0;    ///< fetches that brought another set
    std::uint64_t unchanged = 0;  ///< 304, or the same bytes
    std::uint64_t failed = 0;
    std::uint64_t keys = 0;               ///< usable ones, now
    std::optional<double> age_seconds{};  ///< of the set; nullopt: there is none
};

/// How long an answer counts: `max-age` of Cache-Control less Age; 10 minutes without it; held
/// within a minute and a day.
[[nodiscard]] Milliseconds key_set_lifetime(const HttpHeaders& headers);

/// Keeps a SharedKeySet as a JSON Web Key Set on the web has it.
///
/// Fetches at once, then when four fifths of the answer's lifetime are over, and when refresh()
/// asks; never more than kFetchesMax times in kFetchesWindow. A fetch that fails (no answer within
/// kTimeout, another status than 200 and 304, a body that parse_key_set() refuses, no usable key)
/// is repeated after 1 s, 2 s, 4 s … 60 s; until it succeeds the last set counts, for at most its
/// lifetime and options.stale_max.
///
/// Ownership: borrows all ports; answers of the HTTP client may still come until `own` runs no
///            more, so it ends after that.
/// Threading: the thread of `own` and of the wheel; refresh() and numbers() from any.
/// Bounds:    kWaitersMax questions wait, each for at most kFetchesWindow and kTimeout.
class JwksSource final : public KeySource {
public:
    static constexpr Milliseconds kTimeout{5'000};
    static constexpr std::size_t kFetchesMax = 2;
    static constexpr Milliseconds kFetchesWindow{6'000};
    static constexpr std::size_t kWaitersMax = 10'000;

    struct Ports {
        HttpClient& http;
        Executor& own;
        const Clock& clock;
        TimerWheel& wheel;
        Random& random;
        Log& log;
    };
    JwksSource(Ports ports, std::shared_ptr<SharedKeySet> keys);

    /// Fetches now, also when nothing has changed. From another URL on, what the one before gave
    /// does not count; without a URL there is no set.
    void configure(JwksSourceOptions options);
    void refresh(Executor& answer_on, Done done) override;
    [[nodiscard]] JwksNumbers numbers() const;

private:
    struct Waiter {
        MonotonicTime asked_at;
        Executor* answer_on;
        Done done;
    };

    void add_waiter(Waiter waiter);
    void fetch_when_allowed();
    [[nodiscard]] MonotonicTime allowed_at() const;
    void fetch();
    void finish(const std::expected<HttpResponse, HttpClientFailure>& outcome);
    /// @return a sentence when it failed.
    [[nodiscard]] std::string take(const HttpResponse& response);
    void adopt(KeySet set, const HttpResponse& response);
    void succeed(const HttpHeaders& headers);
    void fail(std::string_view reason);
    void drop_when_stale();
    void store(std::shared_ptr<const KeySet> set);
    void answer_waiters_before(MonotonicTime time, KeysAnswer answer);
    void arm();
    void on_timer() { fetch_when_allowed(); }

    Ports ports_;
    const std::shared_ptr<SharedKeySet> keys_;
    JwksSourceOptions options_;
    HttpCall call_;
    bool fetching_ = false;
    std::deque<MonotonicTime> starts_;  // the last kFetchesMax
    MonotonicTime next_at_{};           // without anybody asking
    MonotonicTime fresh_until_{};
    unsigned failures_ = 0;  // in a row
    std::string etag_;
    std::string body_;  // of the set that counts
    std::deque<Waiter> waiters_;
    Timer timer_ = Timer::calling<&JwksSource::on_timer>(this);

    std::atomic<std::uint64_t> changed_{0}, unchanged_{0}, failed_{0}, count_{0};
    std::atomic<WallTime> fetched_at_{WallTime{}};
};

}  // namespace signalbox::auth
