#include "gateway/remote_judge.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryAfterFailure{1'000};
constexpr std::size_t kAnswerBytesMax = std::size_t{64} * 1024;

std::optional<WallTime> time_of(JsonElement element) {
    constexpr double kSecondsMax = 253'402'300'799;  // the end of the year 9999
    std::string_view text;
    if (element.get(text) == simdjson::SUCCESS) return parse_time(text);
    double seconds = 0;
    if (element.get(seconds) != simdjson::SUCCESS) return std::nullopt;
    if (!(seconds >= 0 && seconds <= kSecondsMax)) return std::nullopt;
    return WallTime(Milliseconds(static_cast<std::int64_t>(std::floor(seconds * 1'000))));
}

std::optional<std::vector<std::string>> texts_of(JsonElement element) {
    simdjson::dom::array list;
    if (element.get(list) != simdjson::SUCCESS) return std::nullopt;
    std::vector<std::string> texts;
    for (const JsonElement item : list) {
        std::string_view text;
        if (item.get(text) != simdjson::SUCCESS) return std::nullopt;
        texts.emplace_back(text);
    }
    return texts;
}

/// The member, unless it is absent or null.
std::optional<JsonElement> member_of(JsonElement object, std::string_view name) {
    JsonElement member;
    if (object.at_key(name).get(member) != simdjson::SUCCESS || member.is_null())
        return std::nullopt;
    return member;
}

}  // namespace

std::optional<Verdict> read_verdict(JsonParser& parser, std::string_view json,
                                    std::string_view member) {
    const auto root = parser.parse(json);
    if (!root || !root->is_object()) return std::nullopt;
    Verdict verdict;
    if (root->at_key(member).get(verdict.yes) != simdjson::SUCCESS) return std::nullopt;
    if (const auto permissions = member_of(*root, "permissions")) {
        verdict.permissions = texts_of(*permissions);
        if (!verdict.permissions) return std::nullopt;
    }
    if (const auto end = member_of(*root, "expiresAt")) {
        verdict.expires_at = time_of(*end);
        if (!verdict.expires_at) return std::nullopt;
    }
    return verdict;
}

RemoteJudge::Entry& RemoteJudge::entry_of(const std::string& key) {
    const auto known = entries_.find(key);
    if (known != entries_.end()) {
        recent_.splice(recent_.begin(), recent_, known->second);
        return recent_.front();
    }
    recent_.emplace_front().key = key;
    entries_.emplace(recent_.front().key, recent_.begin());
    forget_oldest();
    return recent_.front();
}

void RemoteJudge::forget_oldest() {
    auto oldest = recent_.end();
    while (entries_.size() > options_.entries_max && --oldest != recent_.begin()) {
        if (oldest->call) continue;
        entries_.erase(oldest->key);
        oldest = recent_.erase(oldest);
    }
}

void RemoteJudge::ask(const std::string& key, std::string body, Done done) {
    Entry& entry = entry_of(key);
    const MonotonicTime now = clock_.monotonic_now();
    if (entry.verdict && is_fresh(*entry.verdict)) return done(*entry.verdict);
    if (entry.call) {
        if (entry.waiting.size() >= kWaitingMax) return done(known(entry));
        entry.waiting.push_back(std::move(done));
        return;
    }
    const limits::Rate rate{options_.per_second, std::max(1.0, options_.per_second)};
    const bool too_soon = now < entry.ask_again_at;
    if (too_soon || (rate.limited() && questions_.take(rate, now))) return done(known(entry));
    entry.waiting.push_back(std::move(done));
    send(entry, std::move(body));
}

void RemoteJudge::send(Entry& entry, std::string body) {
    HttpClientRequest request{.method = "POST",
                              .url = options_.url,
                              .body = std::move(body),
                              .timeout = options_.timeout,
                              .response_bytes_max = kAnswerBytesMax,
                              .resend = Resend::kAllowed};
    request.headers.add("Content-Type", "application/json");
    request.headers.add("Accept", "application/json");
    if (!options_.bearer.empty()) request.headers.add("Authorization", "Bearer " + options_.bearer);
    entry.call = client_.fetch(std::move(request), answer_on_,
                               [this, key = entry.key](auto answer) { take(key, answer); });
}

void RemoteJudge::take(const std::string& key,
                       const std::expected<HttpResponse, HttpClientFailure>& answer) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    Entry& entry = *found->second;
    entry.call.reset();
    constexpr int kOk = 200;
    auto verdict = answer && answer->status == kOk
                       ? read_verdict(parser_, answer->body, options_.member)
                       : std::nullopt;
    const MonotonicTime now = clock_.monotonic_now();
    if (verdict) {
        verdict->answered_at = now;
        entry.verdict = verdict;
    } else {
        entry.ask_again_at = now + kRetryAfterFailure;
    }
    const auto outcome = verdict ? std::expected<Verdict, Error>(*verdict) : known(entry);
    // They may ask again, and entries may go.
    for (Done& done : std::exchange(entry.waiting, {})) done(outcome);
}

std::expected<Verdict, Error> RemoteJudge::known(const Entry& entry) const {
    const auto& verdict = entry.verdict;
    if (verdict && is_fresh(*verdict)) return *verdict;
    const Milliseconds counts_for = options_.cached_for + options_.stale_for;
    if (verdict && verdict->yes && clock_.monotonic_now() < verdict->answered_at + counts_for)
        return *verdict;
    return std::unexpected(
        Error::of(ErrorCode::kOverloaded, "the API that decides this does not answer"));
}

bool RemoteJudge::is_fresh(const Verdict& verdict) const {
    const bool is_over = verdict.expires_at && clock_.wall_now() >= *verdict.expires_at;
    return !is_over && clock_.monotonic_now() < verdict.answered_at + options_.cached_for;
}

}  // namespace signalbox::gateway
