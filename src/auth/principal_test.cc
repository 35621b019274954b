#include "auth/principal.h"

#include <gtest/gtest.h>

namespace signalbox::auth {
namespace {

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
    principal.service_key_id = "key";
    principal.service_companies = std::move(companies);
    principal.permissions = Permissions(std::move(claimed));
    return principal;
}

TEST(Permissions, GrantsExactlyWhatIsClaimed) {
    const Permissions permissions({"orders:create"});
    EXPECT_TRUE(permissions.allows("orders:create"));
    EXPECT_FALSE(permissions.allows("orders:creat"));
    EXPECT_FALSE(permissions.allows("orders:created"));
    EXPECT_FALSE(permissions.allows("orders"));
    EXPECT_FALSE(permissions.allows("Orders:create"));
    EXPECT_FALSE(permissions.allows(""));
    EXPECT_FALSE(Permissions().allows("orders:create"));
}

TEST(Permissions, AWildcardAfterAColonGrantsAllThatBeginsThere) {
    const Permissions permissions({"orders:*", "a:b:*"});
    EXPECT_TRUE(permissions.allows("orders:create"));
    EXPECT_TRUE(permissions.allows("orders:items:delete"));
    EXPECT_TRUE(permissions.allows("orders:"));
    EXPECT_TRUE(permissions.allows("a:b:c"));
    EXPECT_FALSE(permissions.allows("a:c"));
    EXPECT_FALSE(permissions.allows("orders"));
    EXPECT_FALSE(permissions.allows("ordersx:create"));
    EXPECT_FALSE(permissions.allows("*"));
}

TEST(Permissions, AStarElsewhereIsOnlyAStar) {
    const Permissions permissions({"ord*", "a:**", "*:b", "x:*y", "**", "*:*", "c*:d"});
    EXPECT_TRUE(permissions.allows("ord*"));
    EXPECT_TRUE(permissions.allows("a:**"));
    EXPECT_TRUE(permissions.allows("*:c"));  // `*:*` is the wildcard of what begins "*:"
    for (const char* denied :
         {"orders", "a:b", "a:*", "c:b", "x:zy", "orders:create", "cc:d", ":"}) {
        EXPECT_FALSE(permissions.allows(denied)) << denied;
    }
}

TEST(Permissions, NoWildcardGrantsALiteralPermission) {
    const Permissions wild(
        {"*", "updates:*", "updates:send:*", "sessions:*", "connections:manage:*"});
    for (const char* literal : {"updates:send:any", "sessions:manage:any", "connections:manage:any",
                                "admin", "metrics"}) {
        EXPECT_TRUE(is_literal_permission(literal));
        EXPECT_FALSE(wild.allows(literal)) << literal;
        EXPECT_TRUE(Permissions({literal}).allows(literal)) << literal;
    }
    EXPECT_TRUE(wild.allows("updates:send"));
    EXPECT_TRUE(wild.allows("admin:read"));
}

TEST(Permissions, NamesTheClaimThatGrants) {
    const Permissions permissions({"*", "orders:*", "orders:create", "orders:items:*"});
    EXPECT_EQ(*permissions.rule_for("orders:create"), "orders:create");
    EXPECT_EQ(*permissions.rule_for("orders:items:x"), "orders:items:*");
    EXPECT_EQ(*permissions.rule_for("orders:delete"), "orders:*");
    EXPECT_EQ(*permissions.rule_for("else"), "*");
    EXPECT_EQ(permissions.rule_for("admin"), nullptr);
}

TEST(Permissions, AreSortedWithoutRepetitionsOrEmptyOnes) {
    EXPECT_EQ(Permissions({"b", "", "a", "b"}).claimed(), std::vector<std::string>({"a", "b"}));
}

TEST(Principal, AUserMayActInItsOwnCompanyOnly) {
    const Principal user = user_of("acme", {"updates:send"});
    EXPECT_TRUE(user.may_in(company("acme"), "updates:send"));
    EXPECT_FALSE(user.may_in(company("other"), "updates:send"));
    EXPECT_FALSE(user.may_in(company("acme"), "sessions:manage"));
    EXPECT_FALSE(user.may_in(CompanyId(), "updates:send"));
}

TEST(Principal, OnlyTheLiteralAnyCrossesCompanies) {
    EXPECT_TRUE(user_of("acme", {"updates:send:any"}).may_in(company("other"), "updates:send"));
    EXPECT_TRUE(user_of("acme", {"updates:send:any"}).may_in(company("acme"), "updates:send"));
    EXPECT_FALSE(user_of("acme", {"updates:send:any"}).may_in(company("other"), "sessions:manage"));
    for (const char* wildcard : {"*", "updates:*", "updates:send:*"}) {
        EXPECT_FALSE(user_of("acme", {wildcard}).may_in(company("other"), "updates:send"))
            << wildcard;
    }
}

TEST(Principal, AWildcardIsNoAnyEvenOfAPermissionOutsideTheLiteralList) {
    EXPECT_FALSE(user_of("acme", {"*", "orders:*"}).may_in(company("other"), "orders:read"));
    EXPECT_TRUE(user_of("acme", {"orders:read:any"}).may_in(company("other"), "orders:read"));
}

TEST(Principal, AServiceMayActInItsCompaniesOrInAllWhenNoneIsNamed) {
    const Principal some = service_of({company("a"), company("b")}, {"updates:*"});
    EXPECT_TRUE(some.may_in(company("b"), "updates:send"));
    EXPECT_FALSE(some.may_in(company("c"), "updates:send"));
    EXPECT_FALSE(some.may_in(company("a"), "sessions:manage"));
    const Principal all = service_of({}, {"updates:send"});
    EXPECT_TRUE(all.may_in(company("c"), "updates:send"));
    EXPECT_FALSE(all.may_in(CompanyId(), "updates:send"));
}

TEST(Principal, NoWildcardTakesAServiceIntoCompaniesThatItsKeyDoesNotName) {
    for (const char* wildcard : {"*", "updates:*"}) {
        EXPECT_FALSE(service_of({}, {wildcard}).may_in(company("c"), "updates:send")) << wildcard;
        EXPECT_TRUE(service_of({company("c")}, {wildcard}).may_in(company("c"), "updates:send"));
    }
    EXPECT_TRUE(service_of({}, {"updates:send"}).may_everywhere("updates:send"));
    EXPECT_FALSE(service_of({company("c")}, {"updates:send"}).may_everywhere("updates:send"));
}

TEST(Principal, AUserWithoutCompanyMayNothing) {
    EXPECT_FALSE(user_of("", {"*"}).may_in(CompanyId(), "updates:send"));
    EXPECT_FALSE(user_of("", {"*"}).may_in(company("a"), "updates:send"));
}

}  // namespace
}  // namespace signalbox::auth
