#include "auth/permissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace signalbox::auth {
namespace {

using Names = std::vector<std::string>;

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

TEST(Permissions, AreThoseOfTheGrantsAndOfTheRolesThatAreKnown) {
    const RoleTable roles{{"seller", {"orders:*", "x"}}, {"boss", {"*"}}};
    const Permissions permissions(
        Grants{.permissions = {"y", "x"}, .roles = {"seller", "unknown"}, .artifacts = {}}, roles);
    EXPECT_EQ(permissions.claimed(), Names({"orders:*", "x", "y"}));
    EXPECT_EQ(permissions.grants().permissions, Names({"x", "y"}));
    EXPECT_EQ(permissions.grants().roles, Names({"seller", "unknown"}));
}

TEST(Permissions, AreEqualWhenTheyAllowTheSame) {
    const RoleTable roles{{"a", {"x"}}};
    const auto of = [&](Names claimed, Names names, std::optional<Names> artifacts) {
        return Permissions(Grants{std::move(claimed), std::move(names), std::move(artifacts)},
                           roles);
    };
    EXPECT_EQ(of({"x"}, {}, {}), of({}, {"a"}, {}));
    EXPECT_NE(of({"x"}, {}, {}), of({"x"}, {}, Names()));
    EXPECT_NE(of({"x"}, {}, {}), of({"y"}, {}, {}));
    EXPECT_EQ(Permissions(), of({""}, {}, {}));
}

TEST(PermissionPool, GivesEqualOnesTheSameMemory) {
    PermissionPool pool;
    const Permissions a = pool.shared(Permissions({"x", "y"}));
    const Permissions b = pool.shared(Permissions({"y", "x"}));
    const Permissions c = pool.shared(Permissions({"z"}));
    EXPECT_EQ(&a.claimed(), &b.claimed());
    EXPECT_NE(&a.claimed(), &c.claimed());
    EXPECT_EQ(pool.size(), 2U);
    EXPECT_EQ(pool.shared(Permissions()).claimed(), Names());
}

TEST(PermissionPool, ForgetsWhatNobodyUses) {
    PermissionPool pool;
    const Permissions kept = pool.shared(Permissions({"kept"}));
    for (int i = 0; i < 10'000; ++i) (void)pool.shared(Permissions({std::to_string(i)}));
    EXPECT_LE(pool.size(), 65U);
    EXPECT_EQ(&pool.shared(Permissions({"kept"})).claimed(), &kept.claimed());
}

}  // namespace
}  // namespace signalbox::auth
