#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "auth/policy.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/timer_wheel.h"

/// Artifacts about which the API is asked (`auth.artifacts.rules` with "authorizer").
namespace signalbox::gateway {

class Connection;

/// What it said, of whom has those permissions.
struct WatchAnswer {
    ArtifactId artifact;
    auth::Permissions permissions;
    auth::Ground ground = auth::Ground::kAuthorizerRefused;
    MonotonicTime answered_at{};
    std::optional<WallTime> end = {};  ///< of the right; nullopt: none is named

    [[nodiscard]] bool allowed() const { return auth::Decision{ground}.allowed(); }
};

/// One that a connection watches by the API's leave.
struct WatchRight {
    ArtifactId artifact;
    MonotonicTime ask_again_at{};
    MonotonicTime counts_until{};  ///< from then on a question without an answer ends it
    MonotonicTime ends_at{};       ///< whatever is under way then; not before counts_until
    std::uint64_t question = 0;    ///< that is under way; 0: none

    /// When something is to be done about it.
    [[nodiscard]] MonotonicTime due_at() const {
        return question == 0 ? std::min(ask_again_at, ends_at) : ends_at;
    }
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

    explicit WatchRights(Connection& owner);

    std::vector<WatchRight> rights;
    std::vector<WatchRequest> requests;
    Timer timer;  ///< not after the first of the rights is due

    /// Null when it is watched without, or not at all.
    [[nodiscard]] WatchRight* find(const ArtifactId& artifact) {
        const auto found = std::ranges::find(rights, artifact, &WatchRight::artifact);
        return found == rights.end() ? nullptr : &*found;
    }
};

}  // namespace signalbox::gateway
