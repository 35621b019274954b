#include "auth/key_set.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "auth/keys_for_tests.h"
#include "base/base64.h"
#include "base/json.h"

namespace signalbox::auth {
namespace {

using testing::jwk_members;
using testing::key_for;
using testing::key_set_of;
using testing::make_key;
using testing::sign;

constexpr const char* kAllAsymmetric[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                          "PS512", "ES256", "ES384", "ES512", "EdDSA"};

std::vector<const Algorithm*> algorithms(std::initializer_list<const char*> names) {
    std::vector<const Algorithm*> list;
    for (const char* name : names) list.push_back(find_algorithm(name));
    return list;
}

KeySet parse(const std::string& json) {
    auto set = parse_key_set(json);
    EXPECT_TRUE(set.has_value()) << set.error();
    return set ? std::move(*set) : KeySet();
}

std::string set_of(const std::string& keys) {
    return "{\"keys\":[" + keys + "]}";
}

/// What is said of a key that is left out beside a good one.
std::string warning_of(const std::string& jwk) {
    const std::string good = '{' + jwk_members(key_for(*find_algorithm("ES256"))) + '}';
    const KeySet set = parse(set_of(good + ',' + jwk));
    EXPECT_EQ(set.keys.size(), 1U) << jwk;
    return set.warnings.empty() ? "" : set.warnings.front();
}

/// RFC 7515 appendices A.1 to A.4 and RFC 8037 appendix A.4: key, signed text, signature.
struct Vector {
    const char* algorithm;
    const char* jwk;
    const char* text;
    const char* signature;
};
constexpr const char* kClaims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";
const Vector kVectors[] = {
    {"HS256",
     R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow","kid":"HMAC key used in JWS spec Appendix A.1 example"})",
     "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
    {"RS256",
     R"({"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"})",
     "eyJhbGciOiJSUzI1NiJ9.",
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
     "O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
     "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
     "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
     "cN_IoypGlUPQGe77Rw"},
    {"ES256",
     R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
     "eyJhbGciOiJFUzI1NiJ9.",
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
    {"ES512",
     R"({"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"})",
     "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
     "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_"
     "7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_"
     "Jn"},
    {"EdDSA", R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
};

TEST(ParseKeySet, ReadsTheKeysOfTheStandardsSoThatTheyVerifyTheirExamples) {
    for (const Vector& vector : kVectors) {
        const KeySet set = parse(set_of(vector.jwk));
        ASSERT_EQ(set.keys.size(), 1U) << vector.algorithm;
        std::string text = vector.text;
        if (text.ends_with('.')) text += kClaims;
        const auto signature = base64url_decode(vector.signature);
        EXPECT_TRUE(set.keys[0].material->verify(*find_algorithm(vector.algorithm), text,
                                                 signature.value_or("")))
            << vector.algorithm;
        EXPECT_FALSE(set.keys[0].material->verify(*find_algorithm(vector.algorithm), text + 'x',
                                                  signature.value_or("")));
    }
}

TEST(ParseKeySet, TakesFromTheExampleOfRfc7517WhatIsForSignatures) {
    const KeySet set = parse(set_of(
        R"({"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},)"
        R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"})"));
    ASSERT_EQ(set.keys.size(), 1U);
    EXPECT_EQ(set.keys[0].kid, "2011-04-29");
    EXPECT_EQ(set.keys[0].algorithm, find_algorithm("RS256"));
    EXPECT_TRUE(set.warnings.empty());
}

TEST(ParseKeySet, ReadsAKeyForEveryAsymmetricAlgorithm) {
    for (const char* name : kAllAsymmetric) {
        const Algorithm& algorithm = *find_algorithm(name);
        EVP_PKEY* key = key_for(algorithm);
        const KeySet set =
            parse(key_set_of({{key, fmt::format(R"("alg":"{}","kid":"k","use":"sig")", name)}}));
        ASSERT_EQ(set.keys.size(), 1U) << name;
        EXPECT_EQ(set.keys[0].algorithm, &algorithm);
        EXPECT_EQ(set.keys[0].kid, "k");
        EXPECT_TRUE(set.keys[0].material->verify(algorithm, "t", sign(algorithm, key, "t")));
    }
}

TEST(ParseKeySet, BindsAKeyWithoutAlgToItsCurvesOrTheFirstAcceptedAlgorithm) {
    const auto accepted = algorithms({"HS512", "PS384", "RS256", "HS256", "ES256", "ES384"});
    const auto bound = [&](const std::string& json) {
        const KeySet set = parse(json);
        const Algorithm* algorithm = set.keys.at(0).bound_to(accepted);
        return algorithm == nullptr ? "" : algorithm->name;
    };
    EXPECT_EQ(bound(key_set_of({{key_for(*find_algorithm("RS256")), ""}})), "PS384");
    EXPECT_EQ(bound(key_set_of({{key_for(*find_algorithm("ES384")), ""}})), "ES384");
    EXPECT_EQ(bound(key_set_of({{key_for(*find_algorithm("EdDSA")), ""}})), "EdDSA");
    EXPECT_EQ(bound(set_of(kVectors[0].jwk)), "HS512");
    EXPECT_EQ(parse(set_of(kVectors[0].jwk)).keys[0].bound_to(algorithms({"RS256"})), nullptr);
}

TEST(ParseKeySet, LeavesOutKeysForOtherUsesSilently) {
    EVP_PKEY* key = key_for(*find_algorithm("RS256"));
    const KeySet set = parse(key_set_of({{key, R"("use":"enc")"},
                                         {key, R"("key_ops":["encrypt","wrapKey"])"},
                                         {key, R"("key_ops":["sign","verify"],"kid":"good")"}}));
    ASSERT_EQ(set.keys.size(), 1U);
    EXPECT_EQ(set.keys[0].kid, "good");
    EXPECT_TRUE(set.warnings.empty());
}

TEST(ParseKeySet, SaysWhyAKeyIsLeftOut) {
    const auto rsa = make_key("RSA", 1024);
    EXPECT_EQ(warning_of('{' + jwk_members(rsa.get()) + '}'),
              "key 1 is left out: the public key is an RSA key of fewer than 2048 bits");
    EXPECT_EQ(warning_of(R"({"kty":"oct","k":"c2hvcnQ","alg":"HS256"})"),
              "key 1 is left out: it is a secret of fewer than 32 bytes");
    EXPECT_EQ(warning_of(fmt::format(R"({{"kty":"oct","k":"{}","alg":"HS512"}})",
                                     base64url_encode(std::string(63, 'k')))),
              "key 1 is left out: it is a secret of fewer than 64 bytes");
    EXPECT_EQ(warning_of(R"({"kty":"AKP","alg":"ML-DSA-44"})"),
              "key 1 is left out: its alg is not supported");
    EXPECT_EQ(warning_of(R"({"kty":"rsa"})"), "key 1 is left out: its kty is not supported");
    EXPECT_EQ(warning_of(R"({})"), "key 1 is left out: it has no kty");
    EXPECT_EQ(warning_of(R"("RSA")"), "key 1 is left out: it is no object");
    EXPECT_EQ(warning_of(R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})"),
              "key 1 is left out: its curve is not supported");
    EXPECT_EQ(warning_of(R"({"kty":"OKP","crv":"X25519","x":"AA"})"),
              "key 1 is left out: its curve is not supported");
    EXPECT_EQ(warning_of(R"({"kty":"OKP","crv":"Ed25519","x":"AA"})"),
              "key 1 is left out: its x has another length than its curve's");
    EXPECT_EQ(warning_of(R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"),
              "key 1 is left out: its coordinates have another length than its curve's");
    EXPECT_EQ(warning_of(R"({"kty":"RSA","n":"AA==","e":"AQAB"})"),
              "key 1 is left out: n is missing or no base64url");
    EVP_PKEY* good = key_for(*find_algorithm("RS256"));
    EXPECT_EQ(warning_of('{' + jwk_members(good) + R"(,"alg":"ES256"})"),
              "key 1 is left out: its alg and its kty do not go together");
    EXPECT_EQ(warning_of('{' + jwk_members(good) + R"(,"kid":7})"),
              "key 1 is left out: its kid is no short string");
    EXPECT_EQ(warning_of('{' + jwk_members(good) + R"(,"kid":")" + std::string(257, 'k') + "\"}"),
              "key 1 is left out: its kid is no short string");
}

TEST(ParseKeySet, RefusesPointsOffTheirCurveAndExponentsThatHideNothing) {
    const std::string x = base64url_encode(std::string(32, '\1'));
    EXPECT_EQ(warning_of(fmt::format(R"({{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}})", x)),
              "key 1 is left out: its numbers make no key");
    const auto rsa_with = [](const char* e) {
        const std::string n = base64url_encode(std::string(256, '\xff'));
        return fmt::format(R"({{"kty":"RSA","n":"{}","e":"{}"}})", n, e);
    };
    EXPECT_EQ(warning_of(rsa_with("AQ")), "key 1 is left out: its exponent is even or 1");
    EXPECT_EQ(warning_of(rsa_with("Ag")), "key 1 is left out: its exponent is even or 1");
    EXPECT_EQ(warning_of(rsa_with("AQAAAAAAAAAB")), "key 1 is left out: its numbers are too large");
}

TEST(ParseKeySet, KeepsTheFirstKeyOfOneKidAndAlgorithm) {
    EVP_PKEY* rsa = key_for(*find_algorithm("RS256"));
    const KeySet set = parse(key_set_of({{rsa, R"("kid":"a","alg":"RS256")"},
                                         {rsa, R"("kid":"a","alg":"PS256")"},
                                         {rsa, R"("kid":"a","alg":"RS256")"},
                                         {rsa, ""},
                                         {rsa, ""}}));
    EXPECT_EQ(set.keys.size(), 4U);
    EXPECT_EQ(set.warnings,
              std::vector<std::string>{"key 2 is left out: another key before it has its kid"});
}

TEST(ParseKeySet, RefusesWhatIsNoUsableSet) {
    const auto fault = [](const std::string& json) {
        const auto set = parse_key_set(json);
        return set ? "" : set.error();
    };
    EXPECT_EQ(fault("<html>"), "is no JSON: " + std::string(to_string(JsonError::kSyntax)));
    EXPECT_EQ(fault("[]"), "is no JSON Web Key Set: it has no array `keys`");
    EXPECT_EQ(fault("{}"), "is no JSON Web Key Set: it has no array `keys`");
    EXPECT_EQ(fault(R"({"keys":{}})"), "is no JSON Web Key Set: it has no array `keys`");
    EXPECT_EQ(fault(R"({"keys":[]})"), "has no key for signatures");
    EXPECT_EQ(fault(R"({"keys":[],"keys":[]})"), "has a member twice");
    EXPECT_EQ(fault(R"({"keys":[{"kty":"RSA","kty":"EC"}]})"), "has a member twice");
    EXPECT_EQ(fault(R"({"keys":[{"kty":"x"}]})"),
              "has no usable key: key 0 is left out: its kty is not supported");
    const std::string key = std::string(",") + kVectors[4].jwk;
    std::string hundred = kVectors[4].jwk;
    for (std::size_t i = 1; i < kKeySetKeysMax; ++i) hundred += key;
    EXPECT_EQ(parse(set_of(hundred)).keys.size(), kKeySetKeysMax);
    EXPECT_EQ(fault(set_of(hundred + key)), "has more than 100 keys");
    std::string long_set = set_of(kVectors[4].jwk);
    long_set.resize(kKeySetBytesMax, ' ');
    EXPECT_EQ(fault(long_set), "");
    EXPECT_EQ(fault(long_set + ' '), "is over 262144 bytes");
}

TEST(SharedKeySet, AReaderKeepsTheSetThatItGot) {
    SharedKeySet shared;
    EXPECT_EQ(shared.get(), nullptr);
    shared.set(std::make_shared<KeySet>(parse(set_of(kVectors[4].jwk))));
    const SharedKeySet::Snapshot first = shared.get();
    shared.set(nullptr);
    EXPECT_EQ(first->keys.size(), 1U);
}

}  // namespace
}  // namespace signalbox::auth
