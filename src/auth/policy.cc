#include "auth/policy.h"

#include <algorithm>

namespace signalbox::auth {
namespace {

Decision by_claims(const Permissions& permissions, std::string_view permission) {
    const std::string* rule = permissions.rule_for(permission);
    if (rule != nullptr) return {*rule == permission ? Ground::kLiteral : Ground::kWildcard, *rule};
    const bool only_wildcard = is_literal_permission(permission) && permissions.claims("*");
    return {only_wildcard ? Ground::kNoWildcardCan : Ground::kNotClaimed};
}

Decision by_artifacts_claim(const Permissions& permissions, const ArtifactId& artifact) {
    for (const std::string& pattern : *permissions.grants().artifacts) {
        if (fits_pattern(pattern, artifact.str())) return {Ground::kArtifactsClaim, pattern};
    }
    return {Ground::kNotAmongClaimed};
}

Decision by_rule(ArtifactRule rule, const Principal& who, const ArtifactId& artifact) {
    if (rule == ArtifactRule::kAuthorizer) return {Ground::kAuthorizerAsked};
    if (rule == ArtifactRule::kPermission)
        return by_claims(who.permissions, watch_permission(artifact));
    if (who.permissions.grants().artifacts) return by_artifacts_claim(who.permissions, artifact);
    return {rule == ArtifactRule::kCompany ? Ground::kWholeCompany : Ground::kNotClaimed};
}

}  // namespace

std::string_view to_string(Ground ground) {
    constexpr std::string_view kNames[] = {"nothing_needed",  "literal",
                                           "wildcard",        "any",
                                           "key_of_all",      "company",
                                           "artifacts_claim", "authorizer",
                                           "not_claimed",     "no_wildcard",
                                           "foreign",         "not_among_claimed",
                                           "no_company",      "authorizer_refused",
                                           "authorizer_asked"};
    return kNames[static_cast<std::size_t>(ground)];
}

Permissions Policy::renewed(const Permissions& known) const {
    if (known.grants().roles.empty()) return known;
    Permissions now(known.grants(), options_.roles);
    return now == known ? known : now;
}

std::string_view Policy::role_of(const Permissions& permissions, std::string_view grant) const {
    const Grants& said = permissions.grants();
    if (std::ranges::find(said.permissions, grant) != said.permissions.end()) return {};
    for (const std::string& role : said.roles) {
        const auto known = options_.roles.find(role);
        if (known == options_.roles.end()) continue;
        if (std::ranges::find(known->second, grant) != known->second.end()) return role;
    }
    return {};
}

Decision Policy::may_run(const Principal& who, std::string_view permission) const {
    if (permission.empty()) return {Ground::kNothingNeeded};
    return may_use_somewhere(who, permission);
}

Decision Policy::may_use(const Principal& who, std::string_view permission) const {
    return by_claims(who.permissions, permission);
}

Decision Policy::may_use_everywhere(const Principal& who, std::string_view permission) const {
    if (permission.empty()) return {};
    const std::string any = std::string(permission) + ":any";
    if (const Decision reaching = by_claims(who.permissions, any);
        reaching.ground == Ground::kLiteral) {
        return {Ground::kAny, reaching.grant};
    }
    if (who.is_service() && who.service->companies.empty()) {
        const Decision literal = by_claims(who.permissions, permission);
        if (literal.ground == Ground::kLiteral) return {Ground::kKeyOfAll, literal.grant};
    }
    return by_claims(who.permissions, permission) ? Decision{Ground::kForeignCompany} : Decision{};
}

Decision Policy::may_use_in(const Principal& who, const CompanyId& target,
                            std::string_view permission) const {
    if (target.empty() || permission.empty()) return {};
    const Decision everywhere = may_use_everywhere(who, permission);
    if (everywhere) return everywhere;
    const bool own = who.is_service() ? who.service->acts_in(target) : who.company == target;
    return own ? by_claims(who.permissions, permission) : everywhere;
}

Decision Policy::may_use_somewhere(const Principal& who, std::string_view permission) const {
    const Decision own = by_claims(who.permissions, permission);
    if (own) return own;
    const Decision everywhere = may_use_everywhere(who, permission);
    return everywhere ? everywhere : own;
}

Decision Policy::may_watch(const Principal& who, const ArtifactId& artifact) const {
    if (who.company.empty()) return {Ground::kNoCompany};
    Decision refusal;
    for (const ArtifactRule rule : options_.artifact_rules) {
        const Decision decision = by_rule(rule, who, artifact);
        if (decision) return decision;
        if (decision.ground != Ground::kNotClaimed) refusal = decision;
    }
    return refusal;
}

std::string watch_permission(const ArtifactId& artifact) {
    return "artifact:" + percent_encode_id(artifact.str()) + ":watch";
}

/// Only the last `*` has to be tried again: what the ones before it took is as short as it can be.
bool fits_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, taken = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    return pattern.substr(p).find_first_not_of('*') == std::string_view::npos;
}

}  // namespace signalbox::auth
