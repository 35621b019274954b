#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace signalbox::auth {

/// `auth.roles`: role → permissions.
using RoleTable = std::map<std::string, std::vector<std::string>>;

/// What a token, a key or the API says that somebody may do.
struct Grants {
    std::vector<std::string> permissions;
    std::vector<std::string> roles;
    /// Patterns of the artifacts that may be watched; nullopt: nothing is said about them.
    std::optional<std::vector<std::string>> artifacts;
    friend bool operator==(const Grants&, const Grants&) = default;
};

/// What somebody may do by its grants and its roles (design: "Permissions"). A claim grants itself;
/// `orders:*` grants all that begins `orders:`; `*` grants all. The literal ones
/// (is_literal_permission()) are granted by no wildcard. What is decided with it: policy.h.
///
/// Ownership: a handle of immutable data, cheap to copy; PermissionPool lets equal ones share it.
/// Threading: any.
class Permissions {
public:
    Permissions() = default;
    /// Without roles. Sorted, deduplicated; empty strings dropped.
    explicit Permissions(std::vector<std::string> claimed);
    /// Those of the grants themselves and of their roles that the table knows.
    Permissions(Grants grants, const RoleTable& roles);

    [[nodiscard]] bool allows(std::string_view permission) const {
        return rule_for(permission) != nullptr;
    }
    /// True when exactly `claim` was claimed; wildcards do not count.
    [[nodiscard]] bool claims(std::string_view claim) const { return find(claim) != nullptr; }
    /// The claim that grants `permission` ("orders:*"), or nullptr.
    [[nodiscard]] const std::string* rule_for(std::string_view permission) const;
    /// Those of the roles included.
    [[nodiscard]] const std::vector<std::string>& claimed() const;
    [[nodiscard]] const Grants& grants() const;
    /// True when both allow the same, whatever it comes from.
    friend bool operator==(const Permissions& a, const Permissions& b);

private:
    friend class PermissionPool;
    struct Data {
        Grants grants;
        std::vector<std::string> with_roles;  // only when there are roles
        friend bool operator==(const Data&, const Data&) = default;
        [[nodiscard]] std::size_t hash() const;
    };
    [[nodiscard]] const std::string* find(std::string_view claim) const;
    std::shared_ptr<const Data> data_;
};

/// Lets the permissions of many connections, of which few differ, share their memory.
///
/// Threading: confined to its shard; what it gives out is not.
/// Bounds:    holds an entry for what somebody still uses, and at most as many dead ones.
class PermissionPool {
public:
    /// What `permissions` is, in shared memory.
    [[nodiscard]] Permissions shared(Permissions permissions);
    [[nodiscard]] std::size_t size() const { return known_.size(); }

private:
    void forget_unused();
    static constexpr std::size_t kForgetFrom = 64;
    std::unordered_multimap<std::size_t, std::weak_ptr<const Permissions::Data>> known_;
    std::size_t forget_at_ = kForgetFrom;
};

/// `updates:send:any`, `sessions:manage:any`, `connections:manage:any`, `admin`, `metrics`.
[[nodiscard]] bool is_literal_permission(std::string_view permission);

}  // namespace signalbox::auth
