#pragma once

#include <string>
#include <string_view>

#include "auth/policy.h"
#include "base/error_code.h"

/// Refusals that more than one part of the gateway gives.
namespace signalbox::gateway {

[[nodiscard]] inline Error broke_meanwhile() {
    return Error::of(ErrorCode::kOverloaded, "the connection broke meanwhile; send it again");
}

[[nodiscard]] inline Error no_such_action(std::string_view name) {
    return Error::of(ErrorCode::kActionNotFound,
                     "there is no action `" + std::string(name.substr(0, 128)) +
                         "`; `actions.list` names those that you may run");
}

[[nodiscard]] inline Error no_artifact_id() {
    return Error::of(ErrorCode::kArtifactForbidden,
                     "artifactId is not an id: 1 to 128 printable characters without spaces");
}

/// @param ground  that refused.
[[nodiscard]] inline Error artifact_forbidden(auth::Ground ground) {
    return Error::of(ErrorCode::kArtifactForbidden,
                     ground == auth::Ground::kAuthorizerRefused
                         ? "this artifact may not be watched: the API does not allow it"
                         : "this artifact may not be watched");
}

}  // namespace signalbox::gateway
