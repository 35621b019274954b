#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace signalbox::auth {

/// What a token or key claims it may do, and the one rule that decides (design: "Permissions").
/// A claim grants itself; `orders:*` grants all that begins `orders:`; `*` grants all. The literal
/// ones (is_literal_permission()) are granted by no wildcard.
class Permissions {
public:
    Permissions() = default;
    /// Sorted, deduplicated; empty strings dropped.
    explicit Permissions(std::vector<std::string> claimed);

    [[nodiscard]] bool allows(std::string_view permission) const {
        return rule_for(permission) != nullptr;
    }
    /// True when exactly `claim` was claimed; wildcards do not count.
    [[nodiscard]] bool claims(std::string_view claim) const { return find(claim) != nullptr; }
    /// The claim that grants `permission` ("orders:*"), or nullptr: for explanations.
    [[nodiscard]] const std::string* rule_for(std::string_view permission) const;
    [[nodiscard]] const std::vector<std::string>& claimed() const { return claimed_; }
    friend bool operator==(const Permissions&, const Permissions&) = default;

private:
    [[nodiscard]] const std::string* find(std::string_view claim) const;
    std::vector<std::string> claimed_;  // sorted
};

/// `updates:send:any`, `sessions:manage:any`, `connections:manage:any`, `admin`, `metrics`.
[[nodiscard]] bool is_literal_permission(std::string_view permission);

/// Who acts. Built only by code that has verified it.
struct Principal {
    /// A user with a token, or a service with a key (no user, no session).
    UserId user;
    CompanyId company;  ///< a service's: empty
    SessionId session;  ///< a service's: empty
    Permissions permissions;
    std::optional<WallTime> expires_at;        ///< of the token; none for keys
    std::string service_key_id;                ///< a service's key id, else empty
    std::vector<CompanyId> service_companies;  ///< a service's; empty: see may_everywhere()

    [[nodiscard]] bool is_service() const { return !service_key_id.empty(); }
    /// True when the principal may use `permission` in every company: with `permission + ":any"`
    /// claimed literally or, for a service whose key names no companies, with `permission` itself
    /// claimed literally. No wildcard reaches beyond a company.
    [[nodiscard]] bool may_everywhere(std::string_view permission) const;
    /// True when the principal may use `permission` on things of `target`: within its own company
    /// (a service: its companies), or everywhere.
    [[nodiscard]] bool may_in(const CompanyId& target, std::string_view permission) const;
};

}  // namespace signalbox::auth
