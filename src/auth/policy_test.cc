#include "auth/policy.h"

#include <gtest/gtest.h>

namespace signalbox::auth {
namespace {

const Policy kPolicy;

CompanyId company(const char* text) {
    return CompanyId::trusted(text);
}

Principal user_of(const char* of, std::vector<std::string> claimed) {
    Principal principal;
    principal.user = UserId::trusted("u");
    principal.company = company(of);
    principal.permissions = Permissions(std::move(claimed));
    return principal;
}

Principal service_of(std::vector<CompanyId> companies, std::vector<std::string> claimed) {
    Principal principal;
    principal.service = std::make_shared<const Service>("key", std::move(companies));
    principal.permissions = Permissions(std::move(claimed));
    return principal;
}

TEST(Policy, AUserMayActInItsOwnCompanyOnly) {
    const Principal user = user_of("acme", {"updates:send"});
    EXPECT_TRUE(kPolicy.may_use_in(user, company("acme"), "updates:send"));
    EXPECT_FALSE(kPolicy.may_use_in(user, company("other"), "updates:send"));
    EXPECT_FALSE(kPolicy.may_use_in(user, company("acme"), "sessions:manage"));
    EXPECT_FALSE(kPolicy.may_use_in(user, CompanyId(), "updates:send"));
}

TEST(Policy, OnlyTheLiteralAnyCrossesCompanies) {
    EXPECT_TRUE(kPolicy.may_use_in(user_of("acme", {"updates:send:any"}), company("other"),
                                   "updates:send"));
    EXPECT_TRUE(
        kPolicy.may_use_in(user_of("acme", {"updates:send:any"}), company("acme"), "updates:send"));
    EXPECT_FALSE(kPolicy.may_use_in(user_of("acme", {"updates:send:any"}), company("other"),
                                    "sessions:manage"));
    for (const char* wildcard : {"*", "updates:*", "updates:send:*"}) {
        EXPECT_FALSE(
            kPolicy.may_use_in(user_of("acme", {wildcard}), company("other"), "updates:send"))
            << wildcard;
    }
}

TEST(Policy, AWildcardIsNoAnyEvenOfAPermissionOutsideTheLiteralList) {
    EXPECT_FALSE(
        kPolicy.may_use_in(user_of("acme", {"*", "orders:*"}), company("other"), "orders:read"));
    EXPECT_TRUE(
        kPolicy.may_use_in(user_of("acme", {"orders:read:any"}), company("other"), "orders:read"));
}

TEST(Policy, AServiceMayActInItsCompaniesOrInAllWhenNoneIsNamed) {
    const Principal some = service_of({company("a"), company("b")}, {"updates:*"});
    EXPECT_TRUE(kPolicy.may_use_in(some, company("b"), "updates:send"));
    EXPECT_FALSE(kPolicy.may_use_in(some, company("c"), "updates:send"));
    EXPECT_FALSE(kPolicy.may_use_in(some, company("a"), "sessions:manage"));
    const Principal all = service_of({}, {"updates:send"});
    EXPECT_TRUE(kPolicy.may_use_in(all, company("c"), "updates:send"));
    EXPECT_FALSE(kPolicy.may_use_in(all, CompanyId(), "updates:send"));
}

TEST(Policy, NoWildcardTakesAServiceIntoCompaniesThatItsKeyDoesNotName) {
    for (const char* wildcard : {"*", "updates:*"}) {
        EXPECT_FALSE(kPolicy.may_use_in(service_of({}, {wildcard}), company("c"), "updates:send"))
            << wildcard;
        EXPECT_TRUE(kPolicy.may_use_in(service_of({company("c")}, {wildcard}), company("c"),
                                       "updates:send"));
    }
    EXPECT_TRUE(kPolicy.may_use_everywhere(service_of({}, {"updates:send"}), "updates:send"));
    EXPECT_FALSE(
        kPolicy.may_use_everywhere(service_of({company("c")}, {"updates:send"}), "updates:send"));
}

TEST(Policy, LetsAnActionRunWithItsPermissionOrTheAnyFormOfIt) {
    const auto ground = [](std::vector<std::string> claimed) {
        return kPolicy.may_run(user_of("acme", std::move(claimed)), "updates:send").ground;
    };
    EXPECT_EQ(kPolicy.may_run(user_of("acme", {}), "").ground, Ground::kNothingNeeded);
    EXPECT_EQ(ground({}), Ground::kNotClaimed);
    EXPECT_EQ(ground({"updates:sen", "updates"}), Ground::kNotClaimed);
    EXPECT_EQ(ground({"updates:send"}), Ground::kLiteral);
    EXPECT_EQ(ground({"updates:*"}), Ground::kWildcard);
    EXPECT_EQ(ground({"updates:send:any"}), Ground::kAny);
}

TEST(Policy, SaysWhichGrantDecided) {
    const Principal user = user_of("acme", {"orders:*", "*"});
    EXPECT_EQ(kPolicy.may_use(user, "orders:create").grant, "orders:*");
    EXPECT_EQ(kPolicy.may_use(user, "else").grant, "*");
    EXPECT_EQ(kPolicy.may_use(user, "metrics").ground, Ground::kNoWildcardCan);
    EXPECT_EQ(kPolicy.may_use_in(user, company("other"), "orders:create").ground,
              Ground::kForeignCompany);
    EXPECT_EQ(kPolicy.may_use_in(service_of({}, {"x"}), company("a"), "x").ground,
              Ground::kKeyOfAll);
}

TEST(Policy, SaysWhichRoleBringsAGrant) {
    const Policy policy({.roles = {{"seller", {"orders:*"}}, {"other", {"x"}}}});
    const Permissions permissions = policy.renewed(Permissions(
        Grants{.permissions = {"x"}, .roles = {"seller", "other"}, .artifacts = {}}, {}));
    EXPECT_EQ(policy.role_of(permissions, "orders:*"), "seller");
    EXPECT_EQ(policy.role_of(permissions, "x"), "");
    EXPECT_EQ(Policy().renewed(permissions).claimed(), std::vector<std::string>{"x"});
}

class ArtifactRules : public ::testing::Test {
protected:
    static Ground ask(std::vector<ArtifactRule> rules, Grants grants, const char* artifact) {
        Principal who = user_of("acme", {});
        who.permissions = Permissions(std::move(grants), {});
        const Policy policy({.roles = {}, .artifact_rules = std::move(rules)});
        return policy.may_watch(who, ArtifactId::trusted(artifact)).ground;
    }
    static Grants claiming(std::vector<std::string> patterns) {
        return {.permissions = {}, .roles = {}, .artifacts = std::move(patterns)};
    }
    static Grants permitted(std::vector<std::string> permissions) {
        return {.permissions = std::move(permissions), .roles = {}, .artifacts = {}};
    }
    using enum ArtifactRule;
};

TEST_F(ArtifactRules, LetEverybodyOfTheCompanyWatchUnlessTheTokenSaysWhich) {
    EXPECT_EQ(ask({kCompany}, {}, "a"), Ground::kWholeCompany);
    EXPECT_EQ(ask({kCompany}, claiming({"a", "b-*"}), "a"), Ground::kArtifactsClaim);
    EXPECT_EQ(ask({kCompany}, claiming({"a", "b-*"}), "b-1"), Ground::kArtifactsClaim);
    EXPECT_EQ(ask({kCompany}, claiming({"a", "b-*"}), "c"), Ground::kNotAmongClaimed);
    EXPECT_EQ(ask({kCompany}, claiming({}), "a"), Ground::kNotAmongClaimed);
}

TEST_F(ArtifactRules, MayAskForTheClaim) {
    EXPECT_EQ(ask({kClaim}, {}, "a"), Ground::kNotClaimed);
    EXPECT_EQ(ask({kClaim}, claiming({"*"}), "a"), Ground::kArtifactsClaim);
}

TEST_F(ArtifactRules, MayAskForThePermissionOfTheEncodedId) {
    EXPECT_EQ(ask({kPermission}, {}, "a"), Ground::kNotClaimed);
    EXPECT_EQ(ask({kPermission}, permitted({"artifact:a:watch"}), "a"), Ground::kLiteral);
    EXPECT_EQ(ask({kPermission}, permitted({"artifact:a%3Ab:watch"}), "a:b"), Ground::kLiteral);
    EXPECT_EQ(ask({kPermission}, permitted({"artifact:a:*"}), "a:b"), Ground::kNotClaimed);
    EXPECT_EQ(ask({kPermission}, permitted({"artifact:*"}), "a"), Ground::kWildcard);
    EXPECT_EQ(ask({kPermission}, permitted({"artifact:a:write"}), "a"), Ground::kNotClaimed);
}

TEST_F(ArtifactRules, AllowWhatOneOfThemAllows) {
    Grants grants = claiming({"b"});
    grants.permissions = {"artifact:a:watch"};
    EXPECT_EQ(ask({kCompany, kPermission}, grants, "a"), Ground::kLiteral);
    EXPECT_EQ(ask({kCompany, kPermission}, grants, "b"), Ground::kArtifactsClaim);
    EXPECT_EQ(ask({kCompany, kPermission}, grants, "c"), Ground::kNotAmongClaimed);
}

TEST_F(ArtifactRules, LeaveOpenWhatTheAuthorizerIsLeft) {
    const auto open = {kPermission, kAuthorizer};
    EXPECT_EQ(ask(open, permitted({"artifact:a:watch"}), "a"), Ground::kLiteral);
    EXPECT_EQ(ask(open, permitted({"artifact:a:watch"}), "b"), Ground::kAuthorizerAsked);
    EXPECT_EQ(ask({kClaim, kAuthorizer}, claiming({"b"}), "a"), Ground::kAuthorizerAsked);
    const Decision undecided{Ground::kAuthorizerAsked};
    EXPECT_TRUE(undecided.is_open());
    EXPECT_FALSE(undecided.allowed() || undecided.refused());
    EXPECT_TRUE(Decision{Ground::kAuthorizer}.allowed());
    EXPECT_TRUE(Decision{Ground::kAuthorizerRefused}.refused());
}

TEST_F(ArtifactRules, LetNoServiceWatch) {
    EXPECT_EQ(Policy().may_watch(service_of({}, {"*"}), ArtifactId::trusted("a")).ground,
              Ground::kNoCompany);
}

TEST(Patterns, LetAStarStandForAnyCharacters) {
    for (const auto& [pattern, text] :
         std::initializer_list<std::pair<const char*, const char*>>{{"a", "a"},
                                                                    {"*", "a"},
                                                                    {"**", "a"},
                                                                    {"a*", "a"},
                                                                    {"a*", "abc"},
                                                                    {"*c", "abc"},
                                                                    {"a*c", "ac"},
                                                                    {"a*b*c", "aXbYbZc"},
                                                                    {"*ab", "aab"},
                                                                    {"", ""},
                                                                    {"*", ""}}) {
        EXPECT_TRUE(fits_pattern(pattern, text)) << pattern << ' ' << text;
    }
    for (const auto& [pattern, text] :
         std::initializer_list<std::pair<const char*, const char*>>{{"a", "b"},
                                                                    {"a", "ab"},
                                                                    {"ab", "a"},
                                                                    {"a*", "ba"},
                                                                    {"*c", "cb"},
                                                                    {"a*c", "acb"},
                                                                    {"a?c", "abc"},
                                                                    {"", "a"},
                                                                    {"A", "a"}}) {
        EXPECT_FALSE(fits_pattern(pattern, text)) << pattern << ' ' << text;
    }
}

TEST(Patterns, TakeLinearTimePerStar) {
    const std::string text(128, 'a');
    std::string pattern;
    for (int i = 0; i < 2'000; ++i) pattern += "*a";
    EXPECT_FALSE(fits_pattern(pattern + "b", text));
}

TEST(Policy, AUserWithoutCompanyMayNothing) {
    EXPECT_FALSE(kPolicy.may_use_in(user_of("", {"*"}), CompanyId(), "updates:send"));
    EXPECT_FALSE(kPolicy.may_use_in(user_of("", {"*"}), company("a"), "updates:send"));
}

}  // namespace
}  // namespace signalbox::auth
