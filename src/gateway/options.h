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

enum class SessionMode : std::uint8_t { kStore, kClaim };
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
    std::size_t in_flight_per_user = 256;  ///< over both doors, counted on each shard
    std::size_t in_flight_max = 10'000;    ///< of a shard
    std::size_t subscriptions_per_connection = 100;
    std::size_t message_bytes_max = 256 * 1024;
    std::size_t violations_before_close = 100;
    Milliseconds violations_window{10'000};
};

struct Options {
    LimitOptions limits;
    TokenSources token_sources;
    SessionMode session_mode = SessionMode::kStore;
    MessageFormat format = MessageFormat::kString;
    Milliseconds token_leeway{5'000};
    Milliseconds expiry_warning{60'000};
    Milliseconds expiry_grace{25'000};
    Milliseconds session_ttl{std::chrono::hours(12)};
    Milliseconds session_ttl_max{std::chrono::hours(24 * 366)};
    /// How long a CONNECT that a retry may mend is held before its transport is closed.
    Milliseconds refusal_hold_max{10'000};
    /// Closes remembered for `lastClose`, and for how long.
    std::size_t last_closes_max = 10'000;
    Milliseconds last_close_age_max{std::chrono::hours(1)};
};

}  // namespace signalbox::gateway
