#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/permissions.h"
#include "base/clock.h"
#include "base/ids.h"

namespace signalbox::auth {

/// Who acts. Built only by code that has verified it. What it may do, policy.h decides.
struct Principal {
    /// A user with a token, or a service with a key (no user, no session).
    UserId user;
    CompanyId company;  ///< a service's: empty
    SessionId session;  ///< a service's: empty
    Permissions permissions;
    std::optional<WallTime> expires_at;        ///< of the token; none for keys
    std::string service_key_id;                ///< a service's key id, else empty
    std::vector<CompanyId> service_companies;  ///< a service's; empty: every one, by permissions
                                               ///< claimed literally

    [[nodiscard]] bool is_service() const { return !service_key_id.empty(); }
};

}  // namespace signalbox::auth
