#include "gateway/remote_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "auth/token_json.h"

namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryAfterFailure{1'000};
constexpr Milliseconds kLogEvery{10'000};
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
    if (!root || !root->is_object() || auth::has_duplicate_members(*root)) return std::nullopt;
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

void JudgeNumbers::add(const JudgeNumbers& other) {
    yes += other.yes;
    no += other.no;
    failed += other.failed;
    not_sent += other.not_sent;
}

RemoteJudge::Entry* RemoteJudge::find(const std::string& key) {
    const auto known = entries_.find(key);
    if (known == entries_.end()) return nullptr;
    Entries& of_asker = known->second->asker->entries;
    of_asker.splice(of_asker.begin(), of_asker, known->second);
    return &of_asker.front();
}

RemoteJudge::Entry& RemoteJudge::make_entry(const Question& question) {
    const std::string name = question.company.str() + ' ' + question.user.str();
    Asker& asker = askers_.try_emplace(name, Asker{name, {}}).first->second;
    by_size_.erase({asker.entries.size(), &asker});
    Entry& entry = asker.entries.emplace_front();
    entry.key = question.key;
    entry.asker = &asker;
    entries_.emplace(entry.key, asker.entries.begin());
    recount(entry);
    by_size_.insert({asker.entries.size(), &asker});
    return entry;
}

void RemoteJudge::erase(Entries::iterator entry) {
    Asker& asker = *entry->asker;
    by_size_.erase({asker.entries.size(), &asker});
    entries_.erase(entry->key);
    bytes_ -= entry->bytes;
    asker.entries.erase(entry);
    if (!asker.entries.empty()) {
        by_size_.insert({asker.entries.size(), &asker});
        return;
    }
    const std::string name = asker.name;
    askers_.erase(name);
}

void RemoteJudge::recount(Entry& entry) {
    constexpr std::size_t kAround = 128;  // of the maps
    bytes_ -= entry.bytes;
    entry.bytes = sizeof(Entry) + kAround + entry.key.size();
    if (entry.verdict && entry.verdict->permissions) {
        for (const std::string& one : *entry.verdict->permissions)
            entry.bytes += sizeof(std::string) + one.size();
    }
    bytes_ += entry.bytes;
}

bool RemoteJudge::forget_one_of(Asker& asker) {
    for (auto entry = asker.entries.end(); entry != asker.entries.begin();) {
        if ((--entry)->call) continue;
        erase(entry);
        return true;
    }
    return false;
}

void RemoteJudge::forget_over_maximum() {
    while (entries_.size() > options_.entries_max || bytes_ > kBytesMax) {
        // What is under way stays; there is no more of it than of requests of the HTTP client.
        const bool forgotten =
            std::any_of(by_size_.rbegin(), by_size_.rend(),
                        [this](const auto& sized) { return forget_one_of(*sized.second); });
        if (!forgotten) return;
    }
}

bool RemoteJudge::may_send(const Question& question) {
    const limits::Rate rate{options_.per_second, std::max(1.0, options_.per_second)};
    const limits::FairRate::Taker taker{question.company.str(), question.user.str()};
    if (!rate.limited() || rate_.take(rate, taker, now())) return true;
    ++numbers_.not_sent;
    return false;
}

void RemoteJudge::ask(Question question, Done done) {
    Entry* entry = find(question.key);
    if (entry != nullptr && entry->verdict && is_fresh(*entry->verdict))
        return done(*entry->verdict);
    if (entry != nullptr && entry->call) {
        if (entry->waiting.size() >= kWaitingMax) return done(known(entry, ErrorCode::kOverloaded));
        entry->waiting.push_back(std::move(done));
        return;
    }
    if (options_.url.empty()) return done(known(entry, ErrorCode::kUpstreamUnavailable));
    if (entry != nullptr && now() < entry->ask_again_at) return done(known(entry, entry->failure));
    if (!may_send(question)) return done(known(entry, ErrorCode::kOverloaded));
    if (entry == nullptr) entry = &make_entry(question);
    entry->waiting.push_back(std::move(done));
    send(*entry, std::move(question.body));
    forget_over_maximum();
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
    entry.call = ports_.client.fetch(std::move(request), ports_.answer_on,
                                     [this, key = entry.key](auto answer) { take(key, answer); });
}

std::expected<Verdict, std::pair<ErrorCode, std::string>> RemoteJudge::verdict_of(
    const Outcome& answer) {
    constexpr int kOk = 200;
    if (!answer) {
        const bool ours = answer.error().fault == HttpClientFault::kOverloaded;
        return std::unexpected(
            std::pair(ours ? ErrorCode::kOverloaded : ErrorCode::kUpstreamUnavailable,
                      answer.error().reason));
    }
    auto verdict =
        answer->status == kOk ? read_verdict(parser_, answer->body, options_.member) : std::nullopt;
    if (verdict) return *std::move(verdict);
    return std::unexpected(std::pair(
        ErrorCode::kUpstreamUnavailable,
        answer->status == kOk ? std::string("the answer cannot be read")
                              : fmt::format("the answer's status is {}", answer->status)));
}

void RemoteJudge::take(const std::string& key, const Outcome& answer) {
    Entry* entry = find(key);
    if (entry == nullptr) return;
    entry->call.reset();
    auto verdict = verdict_of(answer);
    if (verdict) {
        verdict->answered_at = now();
        entry->verdict = *verdict;
        recount(*entry);
        count(*verdict);
    } else {
        entry->failure = verdict.error().first;
        entry->ask_again_at = now() + kRetryAfterFailure;
        count_failure(verdict.error().second);
    }
    const auto outcome =
        verdict ? std::expected<Verdict, Error>(*verdict) : known(entry, entry->failure);
    // They may ask again, and entries may go.
    auto waiting = std::exchange(entry->waiting, {});
    forget_over_maximum();
    for (Done& done : waiting) done(outcome);
}

void RemoteJudge::count(const Verdict& verdict) {
    ++(verdict.yes ? numbers_.yes : numbers_.no);
    if (!std::exchange(down_in_log_, false)) return;
    ports_.log.info(options_.name + ".recovered", {{"failures", numbers_.failed}});
}

void RemoteJudge::count_failure(std::string_view reason) {
    ++numbers_.failed;
    ++unlogged_failures_;
    if (failure_logged_at_ && now() < *failure_logged_at_ + kLogEvery) return;
    failure_logged_at_ = now();
    down_in_log_ = true;
    ports_.log.warn(options_.name + ".failed",
                    {{"reason", reason}, {"failures", std::exchange(unlogged_failures_, 0)}});
}

std::expected<Verdict, Error> RemoteJudge::known(const Entry* entry, ErrorCode otherwise) const {
    if (entry != nullptr && entry->verdict) {
        const Verdict& verdict = *entry->verdict;
        const Milliseconds counts_for = options_.cached_for + options_.stale_for;
        const bool counts = verdict.yes && now() < verdict.answered_at + counts_for;
        if (is_fresh(verdict) || counts) return verdict;
    }
    return std::unexpected(
        Error::of(otherwise, otherwise == ErrorCode::kOverloaded
                                 ? "too many questions wait for the API that decides this"
                                 : "the API that decides this does not answer"));
}

bool RemoteJudge::is_fresh(const Verdict& verdict) const {
    const bool is_over = verdict.expires_at && ports_.clock.wall_now() >= *verdict.expires_at;
    return !is_over && now() < verdict.answered_at + options_.cached_for;
}

void RemoteJudge::reconfigure(JudgeOptions options) {
    const bool same = options.url == options_.url && options.bearer == options_.bearer;
    options_ = std::move(options);
    if (same) return;
    std::vector<Done> waiting;
    for (auto& [name, asker] : askers_) {
        for (Entry& entry : asker.entries)
            std::ranges::move(entry.waiting, std::back_inserter(waiting));
    }
    entries_.clear();
    bytes_ = 0;
    by_size_.clear();
    askers_.clear();
    for (Done& done : waiting) done(known(nullptr, ErrorCode::kUpstreamUnavailable));
}

}  // namespace signalbox::gateway
