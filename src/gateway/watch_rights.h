#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "auth/policy.h"
#include "base/clock.h"
#include "base/ids.h"

/// Artifacts about which the API is asked (`auth.artifacts.rules` with "authorizer").
namespace signalbox::gateway {

/// What it said.
struct WatchAnswer {
    ArtifactId artifact;
    auth::Ground ground = auth::Ground::kAuthorizerRefused;
    MonotonicTime answered_at{};
    std::optional<WallTime> end = {};  ///< of the right; nullopt: none is named

    [[nodiscard]] bool allowed() const { return auth::Decision{ground}.allowed(); }
};

/// One that a connection watches by the API's leave.
struct WatchRight {
    ArtifactId artifact;
    MonotonicTime ask_again_at{};
    MonotonicTime counts_until{};  ///< without a new answer
    std::uint64_t question = 0;    ///< that is under way; 0: none
};

/// One that a client has asked for, before the answer is here.
struct WatchRequest {
    ArtifactId artifact;
    std::uint64_t question;
};

/// Of one connection.
/// Bounds: as many rights as it has subscriptions, and one; requests within its maximum of these.
struct WatchRights {
    static constexpr std::size_t kRequestsMax = 1'000;

    std::vector<WatchRight> rights;
    std::vector<WatchRequest> requests;

    /// Null when it is watched without, or not at all.
    [[nodiscard]] WatchRight* find(const ArtifactId& artifact) {
        const auto found = std::ranges::find(rights, artifact, &WatchRight::artifact);
        return found == rights.end() ? nullptr : &*found;
    }
};

}  // namespace signalbox::gateway
