#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error_code.h"
#include "base/executor.h"
#include "base/http_client.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "gateway/options.h"
#include "limits/fair_rate.h"

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
/// @return nullopt for anything else, and where a member is there twice.
[[nodiscard]] std::optional<Verdict> read_verdict(JsonParser& parser, std::string_view json,
                                                  std::string_view member);

/// What the API is asked.
struct Question {
    std::string key;      ///< in whatever words: equal keys have equal answers, and one asker
    std::string body;     ///< a JSON object
    CompanyId company{};  ///< for whom: users, and before them companies, share what there is
    UserId user{};
};

/// What a judge has done, for metrics.
struct JudgeNumbers {
    std::uint64_t yes = 0;
    std::uint64_t no = 0;
    std::uint64_t failed = 0;    ///< questions without a readable answer
    std::uint64_t not_sent = 0;  ///< over the rate

    void add(const JudgeNumbers& other);
};

/// Asks the API for verdicts by POST of a JSON object, and remembers them. The same question is
/// under way once at a time. Only a readable answer with status 200 counts; without one, and when
/// nothing that still counts is known, there is no verdict (fail closed). A no, and a yes whose time
/// has passed, do not outlive an outage. An outage is in the log, every 10 seconds, and so is its
/// end.
///
/// Threading: confined to its shard; `done` runs there, now or later, unless the judge ends before.
/// Bounds:    entries_max answers of kBytesMax bytes, of the user who has most the one that was not
///            asked for longest goes; kWaitingMax callers a question; per_second questions, shared
///            as FairRate does.
/// Errors:    UPSTREAM_UNAVAILABLE without an answer, OVERLOADED over a bound; both with
///            retry_after.
class RemoteJudge {
public:
    using Done = std::move_only_function<void(std::expected<Verdict, Error>)>;
    static constexpr std::size_t kWaitingMax = 256;
    static constexpr std::size_t kBytesMax = std::size_t{64} * 1024 * 1024;

    /// What a judge works with; all outlive it.
    struct Ports {
        HttpClient& client;
        Executor& answer_on;
        const Clock& clock;
        Log& log;
    };
    RemoteJudge(JudgeOptions options, Ports ports) : ports_(ports), options_(std::move(options)) {}

    void ask(Question question, Done done);
    /// From another API nothing is known: who waits for the one before hears UPSTREAM_UNAVAILABLE.
    void reconfigure(JudgeOptions options);
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] const JudgeNumbers& numbers() const { return numbers_; }

private:
    struct Asker;
    struct Entry {
        std::string key;
        Asker* asker;
        std::optional<Verdict> verdict;
        ErrorCode failure = ErrorCode::kUpstreamUnavailable;  // of the last question
        MonotonicTime ask_again_at{};
        std::optional<HttpCall> call;
        std::vector<Done> waiting;
        std::size_t bytes = 0;  // as they are counted
    };
    using Entries = std::list<Entry>;  // most recently used first
    /// A user of a company.
    struct Asker {
        std::string name;
        Entries entries;
    };
    using Outcome = std::expected<HttpResponse, HttpClientFailure>;

    [[nodiscard]] Entry* find(const std::string& key);
    Entry& make_entry(const Question& question);
    void erase(Entries::iterator entry);
    void recount(Entry& entry);
    void forget_over_maximum();
    [[nodiscard]] bool forget_one_of(Asker& asker);
    [[nodiscard]] bool may_send(const Question& question);
    void send(Entry& entry, std::string body);
    void take(const std::string& key, const Outcome& answer);
    /// @return the verdict, or why there is none: a code and a reason for the log.
    [[nodiscard]] std::expected<Verdict, std::pair<ErrorCode, std::string>> verdict_of(
        const Outcome& answer);
    void count(const Verdict& verdict);
    void count_failure(std::string_view reason);
    /// What counts without a new answer.
    [[nodiscard]] std::expected<Verdict, Error> known(const Entry* entry,
                                                      ErrorCode otherwise) const;
    /// Whether the answer can be given without asking.
    [[nodiscard]] bool is_fresh(const Verdict& verdict) const;
    [[nodiscard]] MonotonicTime now() const { return ports_.clock.monotonic_now(); }

    Ports ports_;
    JudgeOptions options_;
    JsonParser parser_;
    limits::FairRate rate_;
    std::unordered_map<std::string, Asker> askers_;
    std::set<std::pair<std::size_t, Asker*>> by_size_;
    std::unordered_map<std::string_view, Entries::iterator> entries_;
    std::size_t bytes_ = 0;
    JudgeNumbers numbers_;
    std::uint64_t unlogged_failures_ = 0;
    std::optional<MonotonicTime> failure_logged_at_;
    bool down_in_log_ = false;
};

}  // namespace signalbox::gateway
