#pragma once

#include "auth/policy.h"
#include "base/error_code.h"

/// Refusals that more than one part of the gateway gives.
namespace signalbox::gateway {

[[nodiscard]] inline Error broke_meanwhile() {
    return Error::of(ErrorCode::kOverloaded, "the connection broke meanwhile; send it again");
}

/// @param ground  that refused.
[[nodiscard]] inline Error artifact_forbidden(auth::Ground ground) {
    return Error::of(ErrorCode::kArtifactForbidden,
                     ground == auth::Ground::kAuthorizerRefused
                         ? "this artifact may not be watched: the API does not allow it"
                         : "this artifact may not be watched");
}

}  // namespace signalbox::gateway
