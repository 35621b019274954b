#include "auth/principal.h"

#include <algorithm>
#include <array>

namespace signalbox::auth {

Permissions::Permissions(std::vector<std::string> claimed) : claimed_(std::move(claimed)) {
    std::erase(claimed_, "");
    std::ranges::sort(claimed_);
    const auto repeated = std::ranges::unique(claimed_);
    claimed_.erase(repeated.begin(), repeated.end());
}

const std::string* Permissions::find(std::string_view claim) const {
    const auto at = std::ranges::lower_bound(
        claimed_, claim, {}, [](const std::string& c) -> std::string_view { return c; });
    return at != claimed_.end() && *at == claim ? &*at : nullptr;
}

const std::string* Permissions::rule_for(std::string_view permission) const {
    if (permission.empty() || claimed_.empty()) return nullptr;
    if (const std::string* itself = find(permission)) return itself;
    if (is_literal_permission(permission)) return nullptr;
    std::string wildcard;
    for (std::size_t colon = permission.rfind(':'); colon != std::string_view::npos;
         colon = colon == 0 ? std::string_view::npos : permission.rfind(':', colon - 1)) {
        wildcard.assign(permission, 0, colon + 1).push_back('*');
        if (const std::string* rule = find(wildcard)) return rule;
    }
    return find("*");
}

bool is_literal_permission(std::string_view permission) {
    constexpr std::array<std::string_view, 5> kLiteral{
        "updates:send:any", "sessions:manage:any", "connections:manage:any", "admin", "metrics"};
    return std::ranges::find(kLiteral, permission) != kLiteral.end();
}

bool Principal::may_everywhere(std::string_view permission) const {
    if (permission.empty()) return false;
    if (permissions.claims(std::string(permission) + ":any")) return true;
    return is_service() && service_companies.empty() && permissions.claims(permission);
}

bool Principal::may_in(const CompanyId& target, std::string_view permission) const {
    if (target.empty() || permission.empty()) return false;
    if (may_everywhere(permission)) return true;
    const bool own = is_service()
                         ? std::ranges::find(service_companies, target) != service_companies.end()
                         : company == target;
    return own && permissions.allows(permission);
}

}  // namespace signalbox::auth
