#include "auth/permissions.h"

#include <algorithm>
#include <array>
#include <functional>

namespace signalbox::auth {
namespace {

void normalise(std::vector<std::string>& texts) {
    std::erase(texts, "");
    std::ranges::sort(texts);
    const auto repeated = std::ranges::unique(texts);
    texts.erase(repeated.begin(), repeated.end());
    texts.shrink_to_fit();
}

void mix(std::size_t& hash, const std::vector<std::string>& texts) {
    constexpr std::size_t kSpread = 0x9e3779b97f4a7c15;
    hash = (hash ^ texts.size()) * kSpread;
    for (const std::string& text : texts) hash = (hash ^ std::hash<std::string>{}(text)) * kSpread;
}

}  // namespace

Permissions::Permissions(std::vector<std::string> claimed)
    : Permissions(Grants{.permissions = std::move(claimed), .roles = {}, .artifacts = {}}, {}) {}

Permissions::Permissions(Grants grants, const RoleTable& roles) {
    Data data{.grants = std::move(grants), .with_roles = {}};
    normalise(data.grants.permissions);
    normalise(data.grants.roles);
    if (data.grants.artifacts) normalise(*data.grants.artifacts);
    if (data.grants == Grants()) return;
    if (!data.grants.roles.empty()) {
        data.with_roles = data.grants.permissions;
        for (const std::string& role : data.grants.roles) {
            const auto known = roles.find(role);
            if (known == roles.end()) continue;
            data.with_roles.insert(data.with_roles.end(), known->second.begin(),
                                   known->second.end());
        }
        normalise(data.with_roles);
    }
    data_ = std::make_shared<const Data>(std::move(data));
}

const std::vector<std::string>& Permissions::claimed() const {
    const Grants& said = grants();
    return said.roles.empty() ? said.permissions : data_->with_roles;
}

const Grants& Permissions::grants() const {
    static const Grants kNone;
    return data_ ? data_->grants : kNone;
}

bool operator==(const Permissions& a, const Permissions& b) {
    return a.data_ == b.data_ ||
           (a.claimed() == b.claimed() && a.grants().artifacts == b.grants().artifacts);
}

const std::string* Permissions::find(std::string_view claim) const {
    const auto& held = claimed();
    const auto at = std::ranges::lower_bound(
        held, claim, {}, [](const std::string& c) -> std::string_view { return c; });
    return at != held.end() && *at == claim ? &*at : nullptr;
}

const std::string* Permissions::rule_for(std::string_view permission) const {
    if (permission.empty() || claimed().empty()) return nullptr;
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

std::size_t Permissions::Data::hash() const {
    std::size_t sum = 0;
    mix(sum, grants.permissions);
    mix(sum, grants.roles);
    mix(sum, grants.artifacts.value_or(std::vector<std::string>()));
    mix(sum, with_roles);
    return sum;
}

Permissions PermissionPool::shared(Permissions permissions) {
    if (!permissions.data_) return permissions;
    const std::size_t hash = permissions.data_->hash();
    const auto [begin, end] = known_.equal_range(hash);
    for (auto entry = begin; entry != end; ++entry) {
        auto data = entry->second.lock();
        if (!data || *data != *permissions.data_) continue;
        permissions.data_ = std::move(data);
        return permissions;
    }
    if (known_.size() >= forget_at_) forget_unused();
    known_.emplace(hash, permissions.data_);
    return permissions;
}

void PermissionPool::forget_unused() {
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    forget_at_ = std::max(kForgetFrom, 2 * known_.size());
}

bool is_literal_permission(std::string_view permission) {
    constexpr std::array<std::string_view, 5> kLiteral{
        "updates:send:any", "sessions:manage:any", "connections:manage:any", "admin", "metrics"};
    return std::ranges::find(kLiteral, permission) != kLiteral.end();
}

}  // namespace signalbox::auth
