#include "auth/service_keys.h"

#include <gtest/gtest.h>

#include "auth/policy.h"

namespace signalbox::auth {
namespace {

constexpr std::string_view kKey = "sbk_0123456789012345678901234567890123456789abc";

ServiceKey key_named(std::string id, std::string_view secret = kKey) {
    return {std::move(id), sha256_hex(secret), {"updates:send"}, {CompanyId::trusted("acme")}};
}

TEST(Sha256Hex, MatchesTheVectorsOfFips180) {
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(ServiceKeys, FindsTheServiceOfAKey) {
    const auto keys = ServiceKeys::create({key_named("old", "another"), key_named("billing")});
    ASSERT_TRUE(keys.has_value()) << keys.error();
    const auto service = keys->find(kKey);
    ASSERT_TRUE(service.has_value());
    EXPECT_EQ(service->service->key_id, "billing");
    EXPECT_TRUE(service->is_service());
    EXPECT_TRUE(service->user.empty());
    EXPECT_TRUE(Policy().may_use_in(*service, CompanyId::trusted("acme"), "updates:send"));
    EXPECT_FALSE(Policy().may_use_in(*service, CompanyId::trusted("other"), "updates:send"));
    EXPECT_EQ(keys->find("another")->service->key_id, "old");
}

TEST(ServiceKeys, KnowsNoOtherKey) {
    const auto keys = ServiceKeys::create({key_named("billing")});
    EXPECT_FALSE(keys->find("").has_value());
    EXPECT_FALSE(keys->find(sha256_hex(kKey)).has_value());
    EXPECT_FALSE(keys->find(std::string(kKey) + " ").has_value());
    EXPECT_FALSE(ServiceKeys().find(kKey).has_value());
}

TEST(ServiceKeys, AcceptsAHashInCapitals) {
    ServiceKey key = key_named("billing");
    for (char& c : key.sha256_hex) c = static_cast<char>(std::toupper(c));
    EXPECT_TRUE(ServiceKeys::create({key})->find(kKey).has_value());
}

TEST(ServiceKeys, NamesTheKeyAtFault) {
    ServiceKey broken = key_named("billing");
    broken.sha256_hex.back() = 'g';
    EXPECT_EQ(ServiceKeys::create({broken}).error(),
              "service key 'billing': sha256 is not 64 hex digits");
    broken.sha256_hex = "abc";
    EXPECT_FALSE(ServiceKeys::create({broken}).has_value());
    EXPECT_EQ(ServiceKeys::create({key_named("a"), key_named("a", "other")}).error(),
              "service key 'a' is there twice");
    EXPECT_EQ(ServiceKeys::create({key_named("")}).error(), "a service key has no id");
    EXPECT_EQ(ServiceKeys::create({key_named("a"), key_named("b")}).error(),
              "service keys 'a' and 'b' have the same sha256");
}

TEST(MayBeServiceKey, IsTrueOfAnyTextThatCannotBeAToken) {
    EXPECT_TRUE(may_be_service_key(kKey));
    EXPECT_TRUE(may_be_service_key("a secret of one's own"));
    EXPECT_TRUE(may_be_service_key("with.one-dot"));
    EXPECT_TRUE(may_be_service_key("a.b.c.d"));
    EXPECT_TRUE(may_be_service_key(std::string(kServiceKeyBytesMax, 'x')));
    EXPECT_FALSE(may_be_service_key(std::string(kServiceKeyBytesMax + 1, 'x')));
    EXPECT_FALSE(may_be_service_key("eyJhbGciOiJIUzI1NiJ9.e30.c2ln"));
}

}  // namespace
}  // namespace signalbox::auth
