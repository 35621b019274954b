#include "auth/jwks_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ranges>
#include <utility>

namespace signalbox::auth {
namespace {

using namespace std::chrono_literals;

constexpr Milliseconds kLifetimeMin = 1min, kLifetimeMax = 24h, kLifetimeDefault = 10min;
constexpr Milliseconds kRetryFirst = 1s, kRetryMax = 60s;
constexpr std::size_t kWarningsMax = 10;
constexpr int kOk = 200, kNotModified = 304;

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// delta-seconds of RFC 9111 section 1.2.2; 0 for what is none.
std::chrono::seconds seconds_of(std::string_view text) {
    constexpr std::uint32_t kMost = 1U << 31;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
    if (error == std::errc::result_out_of_range || value > kMost) value = kMost;
    return std::chrono::seconds(value);
}

/// @return nullopt when Cache-Control says nothing about it.
std::optional<std::chrono::seconds> max_age(std::string_view directives) {
    std::optional<std::chrono::seconds> age;
    while (!directives.empty()) {
        const std::string_view one = directives.substr(0, directives.find(','));
        directives.remove_prefix(std::min(directives.size(), one.size() + 1));
        const std::string_view name = trimmed(one.substr(0, one.find('=')));
        if (equal_ignoring_case(name, "no-store") || equal_ignoring_case(name, "no-cache"))
            return 0s;
        if (!equal_ignoring_case(name, "max-age") || name.size() == one.size()) continue;
        std::string_view value = trimmed(one.substr(one.find('=') + 1));
        if (value.starts_with('"')) value.remove_prefix(1);
        age = seconds_of(value);
    }
    return age;
}

}  // namespace

Milliseconds key_set_lifetime(const HttpHeaders& headers) {
    const auto stated = max_age(headers.find("Cache-Control").value_or(""));
    if (!stated) return kLifetimeDefault;
    const Milliseconds left = *stated - seconds_of(headers.find("Age").value_or("0"));
    return std::clamp(left, kLifetimeMin, kLifetimeMax);
}

JwksSource::JwksSource(Ports ports, std::shared_ptr<SharedKeySet> keys)
    : ports_(ports), keys_(std::move(keys)) {}

void JwksSource::configure(JwksSourceOptions options) {
    call_.cancel();
    fetching_ = false;
    if (options.url != options_.url) {
        store(nullptr);
        failures_ = 0;
    }
    options_ = std::move(options);
    next_at_ = ports_.wheel.now();
    if (options_.url.empty()) {
        answer_waiters_before(MonotonicTime::max(), KeysAnswer::kFresh);
    }
    fetch_when_allowed();
}

void JwksSource::refresh(Executor& answer_on, Done done) {
    ports_.own.post([this, to = &answer_on, done = std::move(done)]() mutable {
        add_waiter({ports_.wheel.now(), to, std::move(done)});
    });
}

void JwksSource::add_waiter(Waiter waiter) {
    const auto answer = [&waiter](KeysAnswer what) {
        waiter.answer_on->post([done = std::move(waiter.done), what]() mutable { done(what); });
    };
    if (options_.url.empty()) return answer(KeysAnswer::kFresh);
    if (waiters_.size() >= kWaitersMax) return answer(KeysAnswer::kOverloaded);
    // One that fails is asked again by itself, not by everybody who waits.
    const bool too_soon = failures_ > 0 && !fetching_ && allowed_at() > ports_.wheel.now();
    if (too_soon) return answer(KeysAnswer::kUnavailable);
    waiters_.push_back(std::move(waiter));
    fetch_when_allowed();
}

MonotonicTime JwksSource::allowed_at() const {
    return starts_.size() < kFetchesMax ? MonotonicTime::min() : starts_.front() + kFetchesWindow;
}

void JwksSource::fetch_when_allowed() {
    const MonotonicTime now = ports_.wheel.now();
    const bool wanted = !waiters_.empty() || next_at_ <= now;
    if (!fetching_ && wanted && !options_.url.empty() && allowed_at() <= now) return fetch();
    arm();
}

void JwksSource::arm() {
    timer_.cancel();
    if (fetching_ || options_.url.empty()) return;
    const MonotonicTime wanted_at = waiters_.empty() ? next_at_ : ports_.wheel.now();
    ports_.wheel.arm(timer_, std::max(wanted_at, allowed_at()));
}

void JwksSource::fetch() {
    timer_.cancel();
    fetching_ = true;
    starts_.push_back(ports_.wheel.now());
    if (starts_.size() > kFetchesMax) starts_.pop_front();
    HttpClientRequest request{.url = options_.url,
                              .timeout = kTimeout,
                              .response_bytes_max = kKeySetBytesMax,
                              .resend = Resend::kAllowed};
    request.headers.add("Accept", "application/jwk-set+json, application/json");
    if (!etag_.empty()) request.headers.add("If-None-Match", etag_);
    call_ = ports_.http.fetch(std::move(request), ports_.own,
                              [this](auto outcome) { finish(outcome); });
}

void JwksSource::finish(const std::expected<HttpResponse, HttpClientFailure>& outcome) {
    fetching_ = false;
    const std::uint64_t changed_before = changed_;
    std::string fault = outcome ? take(*outcome) : outcome.error().reason;
    if (fault.empty()) {
        succeed(outcome->headers);
        if (changed_ != changed_before)
            answer_waiters_before(MonotonicTime::max(), KeysAnswer::kChanged);
    } else {
        fail(fault);
    }
    fetch_when_allowed();
}

std::string JwksSource::take(const HttpResponse& response) {
    const bool same = response.status == kNotModified && !etag_.empty();
    if (same || (response.status == kOk && response.body == body_ && !body_.empty())) {
        ++unchanged_;
        return {};
    }
    if (response.status != kOk) return fmt::format("the answer's status is {}", response.status);
    auto set = parse_key_set(response.body);
    if (!set) return "the key set " + set.error();
    adopt(std::move(*set), response);
    return {};
}

void JwksSource::adopt(KeySet set, const HttpResponse& response) {
    ++changed_;
    body_ = response.body;
    etag_ = response.headers.find("ETag").value_or("");
    for (const std::string& warning : set.warnings | std::views::take(kWarningsMax))
        ports_.log.warn("jwks.key_left_out", {{"reason", warning}});
    ports_.log.info("jwks.changed", {{"keys", set.keys.size()}});
    store(std::make_shared<const KeySet>(std::move(set)));
}

void JwksSource::succeed(const HttpHeaders& headers) {
    if (failures_ > 0) ports_.log.info("jwks.recovered", {{"failures", failures_}});
    failures_ = 0;
    fetched_at_ = ports_.clock.wall_now();
    const Milliseconds life = key_set_lifetime(headers);
    const MonotonicTime now = ports_.wheel.now();
    const auto jitter = static_cast<std::uint64_t>(life.count() / 20);
    fresh_until_ = now + life;
    next_at_ = now + life * 4 / 5 - Milliseconds(ports_.random.below(jitter));
    answer_waiters_before(starts_.back(), KeysAnswer::kFresh);
}

void JwksSource::fail(std::string_view reason) {
    ++failed_;
    const Milliseconds wait = std::min(kRetryMax, kRetryFirst * (1 << std::min(failures_, 10U)));
    ++failures_;
    next_at_ = ports_.wheel.now() + wait;
    ports_.log.warn("jwks.failed",
                    {{"reason", reason}, {"failures", failures_}, {"retryMs", wait.count()}});
    drop_when_stale();
    answer_waiters_before(MonotonicTime::max(), KeysAnswer::kUnavailable);
}

void JwksSource::drop_when_stale() {
    if (keys_->get() == nullptr) return;
    if (ports_.wheel.now() < fresh_until_ + options_.stale_max) return;
    ports_.log.error("jwks.dropped", {{"reason", "the last set is older than jwks_stale_max"}});
    store(nullptr);
}

void JwksSource::store(std::shared_ptr<const KeySet> set) {
    count_ = set == nullptr ? 0 : set->keys.size();
    if (set == nullptr) {
        etag_.clear();
        body_.clear();
        fetched_at_ = WallTime{};
    }
    keys_->set(std::move(set));
}

void JwksSource::answer_waiters_before(MonotonicTime time, KeysAnswer answer) {
    while (!waiters_.empty() && waiters_.front().asked_at <= time) {
        Waiter waiter = std::move(waiters_.front());
        waiters_.pop_front();
        waiter.answer_on->post([done = std::move(waiter.done), answer]() mutable { done(answer); });
    }
}

JwksNumbers JwksSource::numbers() const {
    JwksNumbers numbers{
        .changed = changed_, .unchanged = unchanged_, .failed = failed_, .keys = count_};
    const WallTime fetched = fetched_at_;
    if (fetched == WallTime{}) return numbers;
    const std::chrono::duration<double> age = ports_.clock.wall_now() - fetched;
    numbers.age_seconds = std::max(0.0, age.count());
    return numbers;
}

}  // namespace signalbox::auth
