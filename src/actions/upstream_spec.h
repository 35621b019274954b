#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace signalbox::actions {

/// `permission` of an action whose API decides itself who may run it.
inline constexpr std::string_view kUpstreamDecides = "upstream";

/// Who decides whether a caller may run an action.
enum class Deciding : std::uint8_t { kUs, kUpstream };

enum class UpstreamMode : std::uint8_t {
    kEnvelope,  ///< POST of {requestId, action, data, timeoutMs, idempotencyKey?, context}
    kRest,      ///< an ordinary endpoint: method and URL template
};

/// One `[[actions.upstream]]`.
struct UpstreamSpec {
    std::string name;          ///< "orders.create", or "orders.*" for all that begin "orders."
    std::string url;           ///< with placeholders: upstream_template.h
    std::string permission{};  ///< empty: none; kUpstreamDecides
    std::string description{};
    UpstreamMode mode = UpstreamMode::kEnvelope;
    std::string method = "POST";
    std::string input_schema = "true";
    std::string output_schema{};  ///< empty: none
    Milliseconds timeout{30'000};
    unsigned retries = 2;  ///< more tries, where one cannot do the work twice
    bool safe_to_retry = false;
    std::size_t max_concurrency = 0;  ///< 0: none
    std::size_t max_waiting = 1'024;  ///< for one of these
    double cost = 1;
    bool progress = false;
    bool deprecated = false;
    std::map<std::string, std::string> headers{};
    bool forward_authorization = false;
    /// Of an answer, or of one line of NDJSON.
    std::size_t response_bytes_max = std::size_t{256} * 1024;
    unsigned breaker_failures = 5;  ///< 0: no breaker
    Milliseconds breaker_pause{10'000};

    friend bool operator==(const UpstreamSpec&, const UpstreamSpec&) = default;
};

/// `[actions]`.
struct UpstreamOptions {
    std::vector<UpstreamSpec> upstreams{};
    std::string signing_secret{};  ///< empty: requests are not signed
};

}  // namespace signalbox::actions
