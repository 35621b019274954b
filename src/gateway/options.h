#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "limits/token_bucket.h"

namespace signalbox::gateway {

/// Where a token may come from, beside `auth.token` of the CONNECT packet.
struct TokenSources {
    bool header = true;  ///< `Authorization: Bearer` of the handshake
    bool query = false;  ///< `token` of the query: ends up in logs of proxies, hence not by default
};

enum class SessionMode : std::uint8_t { kStore, kClaim, kIntrospect };
enum class MessageFormat : std::uint8_t { kString, kObject };

/// `[limits]`; 0: no limit.
struct LimitOptions {
    limits::Rate connection_messages{50, 100};
    limits::Rate user_messages{};
    limits::Rate company_messages{};
    limits::Rate address_handshakes{50, 200};
    std::size_t connections_per_user = 100;
    std::size_t connections_per_company = 0;
    std::size_t in_flight_per_connection = 32;
    std::size_t in_flight_per_user = 256;   ///< over both doors, counted on each shard
    std::size_t in_flight_per_company = 0;  ///< likewise
    std::size_t in_flight_max = 10'000;     ///< of a shard
    std::size_t subscriptions_per_connection = 100;
    std::size_t message_bytes_max = 256 * 1024;
    std::size_t violations_before_close = 100;
    Milliseconds violations_window{10'000};
};

/// `[recovery]`.
struct RecoveryOptions {
    bool enabled = true;
    /// How long a broken connection waits for its client, and messages for theirs.
    Milliseconds max_disconnection{120'000};
    /// Private messages kept for one connection.
    std::size_t private_bytes_max = 64 * 1024;
    /// Updates kept for one company, and for all whose home is one shard.
    std::size_t log_bytes_max = 4 * 1024 * 1024;
    std::size_t log_total_bytes_max = 64 * 1024 * 1024;
    /// Broken connections: bytes for all of a home shard, numbers of each session, user, company.
    std::size_t parked_bytes_max = 64 * 1024 * 1024;
    std::size_t parked_per_session_max = 16;
    std::size_t parked_per_user_max = 100;
    std::size_t parked_per_company_max = 10'000;
    /// Missed messages that are sent at once; with more the connection is not recovered.
    std::size_t replay_bytes_max = 512 * 1024;
};

/// At most once; 0: no limit.
struct ReplayOptions {
    /// How long a key stands for the outcome of its execution.
    Milliseconds window{std::chrono::hours(24)};
    std::size_t keys_per_user_max = 10'000;
    std::size_t company_bytes_max = 256 * 1024 * 1024;
    std::size_t outcome_bytes_max = 1024 * 1024;
    /// Keys that run, of the companies whose home is one shard.
    std::size_t running_max = 10'000;
    std::size_t followers_max = 64;  ///< callers of one execution
    /// Statuses kept for those who attach: of one execution, of all on a home shard.
    std::size_t status_bytes_max = 64 * 1024;
    std::size_t status_total_bytes_max = 64 * 1024 * 1024;
    /// Resends without a key: how many of a session are known, for how long.
    std::size_t resends_per_session_max = 256;
    std::size_t resend_total_bytes_max = 64 * 1024 * 1024;
    Milliseconds resend_window{60'000};
    /// Between two attempts to write an outcome, and how many there are.
    Milliseconds save_again_after{250};
    unsigned save_attempts_max = 20;
};

/// An API that is asked for verdicts: remote_judge.h.
struct JudgeOptions {
    std::string name{};    ///< in the log: "introspection"
    std::string url{};     ///< empty: nobody is asked
    std::string bearer{};  ///< sent as `Authorization: Bearer`; empty: none
    std::string member{};  ///< of the answer: "active"
    Milliseconds timeout{5'000};
    Milliseconds cached_for{10'000};
    /// How much longer an answer counts while no new one is to be had.
    Milliseconds stale_for{30'000};
    double per_second = 100;  ///< questions that are sent; 0: no limit
    std::size_t entries_max = 100'000;
};

struct Options {
    LimitOptions limits;
    RecoveryOptions recovery;
    ReplayOptions replay;
    TokenSources token_sources;
    SessionMode session_mode = SessionMode::kStore;
    JudgeOptions introspection{.name = "introspection", .member = "active"};
    /// How long an answer about an open connection counts before it is asked for again.
    Milliseconds introspect_recheck{30'000};
    /// Who may watch an artifact, where the policy leaves that to the API.
    JudgeOptions authorization{.name = "authorizer", .member = "allowed"};
    /// How long its answer about an artifact that is watched counts before it is asked for again.
    Milliseconds authorize_recheck{30'000};
    MessageFormat format = MessageFormat::kString;
    Milliseconds token_leeway{5'000};
    Milliseconds expiry_warning{60'000};
    Milliseconds expiry_grace{25'000};
    /// A session without a connection or call for that long ends, up to an eighth later; 0: never.
    Milliseconds session_idle_timeout{0};
    Milliseconds session_ttl{std::chrono::hours(12)};
    /// How long a CONNECT that a retry may mend is held before its transport is closed.
    Milliseconds refusal_hold_max{10'000};
    /// Closes remembered for `lastClose`, and for how long.
    std::size_t last_closes_max = 10'000;
    Milliseconds last_close_age_max{std::chrono::hours(1)};
};

}  // namespace signalbox::gateway
