#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/permissions.h"
#include "base/clock.h"
#include "base/ids.h"

namespace signalbox::auth {

/// A program with a key instead of a user with a token.
struct Service {
    std::string key_id;
    std::vector<CompanyId> companies;  ///< empty: every one, by permissions claimed literally

    /// By name.
    [[nodiscard]] bool acts_in(const CompanyId& company) const {
        return std::ranges::find(companies, company) != companies.end();
    }
};

/// Who acts. Built only by code that has verified it. What it may do, policy.h decides.
struct Principal {
    /// A user with a token, or a service with a key (no user, no session).
    UserId user;
    CompanyId company;  ///< a service's: empty
    SessionId session;  ///< a service's: empty
    Permissions permissions;
    std::optional<WallTime> expires_at;      ///< of the token; none for keys
    std::shared_ptr<const Service> service;  ///< null: a user
    /// As verified; only where an action forwards it (`forward_authorization`), else null.
    std::shared_ptr<const std::string> token;

    [[nodiscard]] bool is_service() const { return service != nullptr; }
    /// The one company of a user, or of a service that has one; else null.
    [[nodiscard]] const CompanyId* only_company() const;
};

inline const CompanyId* Principal::only_company() const {
    if (!company.empty()) return &company;
    return is_service() && service->companies.size() == 1 ? &service->companies.front() : nullptr;
}

}  // namespace signalbox::auth
