#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/permissions.h"
#include "auth/principal.h"
#include "base/ids.h"

/// The one place that decides what a principal may do, for the socket and for REST.
namespace signalbox::auth {

/// Why something is allowed or not. to_string() has the names of GET /permissions/explain.
enum class Ground : std::uint8_t {
    kNothingNeeded,   ///< no permission is needed
    kLiteral,         ///< the permission itself is claimed
    kWildcard,        ///< `orders:*` or `*` is claimed
    kAny,             ///< the permission's `:any` form is claimed, which reaches into every company
    kKeyOfAll,        ///< a service's key that names no company claims the permission literally
    kWholeCompany,    ///< artifacts: whoever is of the company may watch
    kArtifactsClaim,  ///< artifacts: a pattern of the token's claim fits
    kAuthorizer,      ///< artifacts: the API that is asked allows it
    // What follows is refused:
    kNotClaimed,      ///< nothing claimed grants it
    kNoWildcardCan,   ///< only a wildcard is claimed, and this permission must be claimed literally
    kForeignCompany,  ///< what is claimed does not reach that company
    kNotAmongClaimed,    ///< artifacts: no pattern of the token's claim fits
    kNoCompany,          ///< artifacts: services watch none
    kAuthorizerRefused,  ///< artifacts: neither does the API that is asked allow it
    kAuthorizerAsked,    ///< artifacts: nothing here allows it, and the API is to be asked
};
[[nodiscard]] std::string_view to_string(Ground ground);

struct Decision {
    Ground ground = Ground::kNotClaimed;
    /// The claim or pattern that decided; empty when none did. Borrows from the principal.
    std::string_view grant = {};

    [[nodiscard]] bool allowed() const { return ground < Ground::kNotClaimed; }
    /// The API has to be asked: what is not allowed here may be there.
    [[nodiscard]] bool is_open() const { return ground == Ground::kAuthorizerAsked; }
    [[nodiscard]] bool refused() const { return !allowed() && !is_open(); }
    explicit operator bool() const { return allowed(); }
};

/// What may allow to watch an artifact of the own company; the first that does decides.
enum class ArtifactRule : std::uint8_t {
    kCompany,     ///< whoever is of the company; when the token says which artifacts, those
    kClaim,       ///< a pattern of the token's claim (`auth.artifacts.claim`)
    kPermission,  ///< the permission `artifact:{id}:watch`, the id percent-encoded
    kAuthorizer,  ///< the API, asked last: the policy leaves that open
};

struct PolicyOptions {
    RoleTable roles;
    std::vector<ArtifactRule> artifact_rules{ArtifactRule::kCompany};
};

/// Threading: const after construction; any thread.
class Policy {
public:
    explicit Policy(PolicyOptions options = {}) : options_(std::move(options)) {}

    /// What `known` is by the roles of today; `known` itself when it has none.
    [[nodiscard]] Permissions renewed(const Permissions& known) const;
    /// The role that brings the grant of a decision; empty when the token or key itself does.
    [[nodiscard]] std::string_view role_of(const Permissions& permissions,
                                           std::string_view grant) const;

    /// An action that needs `permission` (empty: none). Its `:any` form suffices.
    [[nodiscard]] Decision may_run(const Principal& who, std::string_view permission) const;
    /// `permission` on what is no company's.
    [[nodiscard]] Decision may_use(const Principal& who, std::string_view permission) const;
    /// `permission` on things of `target`: within the own company (a service: its companies), or
    /// everywhere.
    [[nodiscard]] Decision may_use_in(const Principal& who, const CompanyId& target,
                                      std::string_view permission) const;
    /// `permission` in every company: with `permission + ":any"` claimed literally or, for a
    /// service whose key names no companies, `permission` itself. No wildcard reaches beyond a
    /// company.
    [[nodiscard]] Decision may_use_everywhere(const Principal& who,
                                              std::string_view permission) const;
    /// `permission` in one company at least: what is foreign is then only not found.
    [[nodiscard]] Decision may_use_somewhere(const Principal& who,
                                             std::string_view permission) const;
    /// An artifact of the principal's company. The only decision that may be left open.
    [[nodiscard]] Decision may_watch(const Principal& who, const ArtifactId& artifact) const;

private:
    PolicyOptions options_;
};

/// `artifact:{id}:watch`, the id percent-encoded.
[[nodiscard]] std::string watch_permission(const ArtifactId& artifact);
/// True when `text` fits `pattern`, in which `*` stands for any characters, also none.
[[nodiscard]] bool fits_pattern(std::string_view pattern, std::string_view text);

}  // namespace signalbox::auth
