#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/error_code.h"
#include "base/executor.h"
#include "base/http_client.h"
#include "base/json.h"
#include "gateway/options.h"
#include "limits/token_bucket.h"

namespace signalbox::gateway {

/// What the API answers to one question.
struct Verdict {
    bool yes = false;
    std::optional<std::vector<std::string>> permissions;  ///< nullopt: nothing is said about them
    std::optional<WallTime> expires_at;
    MonotonicTime answered_at{};  ///< by the judge
};

/// `{"active": true, "permissions"?: […], "expiresAt"?: "2026-11-22T08:00:00.000Z" or seconds}`.
/// @param member  that says yes or no: "active".
/// @return nullopt for anything else.
[[nodiscard]] std::optional<Verdict> read_verdict(JsonParser& parser, std::string_view json,
                                                  std::string_view member);

/// Asks the API for verdicts by POST of a JSON object, and remembers them. The same question is
/// under way once at a time. Only a readable answer with status 200 counts; without one, and when
/// nothing that still counts is known, there is no verdict (fail closed). A no, and a yes whose time
/// has passed, do not outlive an outage.
///
/// Threading: confined to its shard; `done` runs there, now or later, unless the judge ends before.
/// Bounds:    entries_max answers, the least recently used go; kWaitingMax callers a question;
///            per_second questions.
/// Errors:    OVERLOADED with retry_after.
class RemoteJudge {
public:
    using Done = std::move_only_function<void(std::expected<Verdict, Error>)>;
    static constexpr std::size_t kWaitingMax = 256;

    RemoteJudge(JudgeOptions options, HttpClient& client, Executor& answer_on, const Clock& clock)
        : options_(std::move(options)), client_(client), answer_on_(answer_on), clock_(clock) {}

    /// @param key  the question, in whatever words: equal keys have equal answers.
    void ask(const std::string& key, std::string body, Done done);
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::string key;
        std::optional<Verdict> verdict;
        MonotonicTime ask_again_at{};
        std::optional<HttpCall> call;
        std::vector<Done> waiting;
    };
    Entry& entry_of(const std::string& key);
    void send(Entry& entry, std::string body);
    void take(const std::string& key, const std::expected<HttpResponse, HttpClientFailure>& answer);
    /// What counts without a new answer.
    [[nodiscard]] std::expected<Verdict, Error> known(const Entry& entry) const;
    void forget_oldest();
    /// Whether the answer can be given without asking.
    [[nodiscard]] bool is_fresh(const Verdict& verdict) const;

    JudgeOptions options_;
    HttpClient& client_;
    Executor& answer_on_;
    const Clock& clock_;
    JsonParser parser_;
    limits::TokenBucket questions_;
    std::list<Entry> recent_;  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> entries_;
};

}  // namespace signalbox::gateway
