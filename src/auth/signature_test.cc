#include "auth/signature.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <map>

#include "auth/keys_for_tests.h"
#include "base/base64.h"

namespace signalbox::auth {
namespace {

using testing::Key;
using testing::make_key;
using testing::pem_of;
using testing::sign;
using testing::sign_der;

std::string pem_of_der(std::string_view der) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    return pem_of(Key(d2i_PUBKEY(nullptr, &bytes, static_cast<long>(der.size()))).get());
}

std::unique_ptr<SignatureKeys> keys_with(std::string_view secret, std::string_view pem) {
    auto keys = SignatureKeys::create(secret, pem);
    EXPECT_TRUE(keys.has_value()) << keys.error();
    return std::move(*keys);
}

TEST(FindAlgorithm, KnowsNamesExactlyAsTheyAreWritten) {
    for (const char* name : {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384",
                             "PS512", "ES256", "ES384", "ES512", "EdDSA"}) {
        ASSERT_NE(find_algorithm(name), nullptr) << name;
        EXPECT_EQ(find_algorithm(name)->name, name);
    }
    for (const char* name : {"none", "None", "", "hs256", "Hs256", "HS256 ", "EDDSA", "ES256K"}) {
        EXPECT_EQ(find_algorithm(name), nullptr) << name;
    }
}

TEST(SignatureKeys, VerifiesTheHs256ExampleOfRfc7515) {
    const auto secret = *base64url_decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    const auto keys = keys_with(secret, "");
    constexpr std::string_view kText =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn"
        "Vl"
        "fQ";
    const auto signature = *base64url_decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    EXPECT_TRUE(keys->verify(*find_algorithm("HS256"), kText, signature));
    EXPECT_EQ(sign_hmac(*find_algorithm("HS256"), secret, kText), signature);
    EXPECT_FALSE(keys->verify(*find_algorithm("HS256"), kText, signature.substr(0, 31)));
    EXPECT_FALSE(keys->verify(*find_algorithm("HS384"), kText, signature));
}

TEST(SignatureKeys, VerifiesTheEs256ExampleOfRfc7515) {
    const std::string der =
        std::string(
            "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d"
            "\x03\x01\x07\x03\x42\x00\x04",
            27) +
        *base64url_decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU") +
        *base64url_decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    const auto keys = keys_with("", pem_of_der(der));
    EXPECT_TRUE(keys->verify(
        *find_algorithm("ES256"),
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn"
        "Vl"
        "fQ",
        *base64url_decode(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3"
            "-Kg6NU1Q")));
}

TEST(SignatureKeys, VerifiesTheEd25519ExampleOfRfc8037) {
    const std::string der = std::string("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12) +
                            *base64url_decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    const auto keys = keys_with("", pem_of_der(der));
    EXPECT_TRUE(keys->verify(
        *find_algorithm("EdDSA"), "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        *base64url_decode(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr"
            "_MuM0KAg")));
}

TEST(SignatureKeys, VerifiesEveryAsymmetricAlgorithmWithItsOwnKindOfKeyOnly) {
    const std::map<std::string, std::vector<std::string>> of_kind = {
        {"RSA", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}},
        {"P-256", {"ES256"}},
        {"P-384", {"ES384"}},
        {"P-521", {"ES512"}},
        {"ED25519", {"EdDSA"}},
        {"ED448", {"EdDSA"}}};
    for (const auto& [kind, own] : of_kind) {
        const Key key = make_key(kind);
        const auto keys = keys_with("", pem_of(key.get()));
        for (const auto& [other, names] : of_kind) {
            for (const std::string& name : names) {
                const Algorithm& algorithm = *find_algorithm(name);
                const bool fits = std::ranges::find(own, name) != own.end();
                ASSERT_EQ(keys->can_verify(algorithm), fits) << kind << ' ' << name;
                if (!fits) continue;
                std::string signature = sign(algorithm, key.get(), "text");
                EXPECT_TRUE(keys->verify(algorithm, "text", signature)) << name;
                EXPECT_FALSE(keys->verify(algorithm, "text.", signature)) << name;
                EXPECT_FALSE(keys->verify(algorithm, "text", "")) << name;
                EXPECT_FALSE(keys->verify(algorithm, "text", signature + '\0')) << name;
                signature[signature.size() / 2] ^= 1;
                EXPECT_FALSE(keys->verify(algorithm, "text", signature)) << name;
            }
        }
        EXPECT_FALSE(keys->can_verify(*find_algorithm("HS256")));
    }
}

TEST(SignatureKeys, TakesEcdsaSignaturesOfTheFixedWidthOnly) {
    const Key key = make_key("P-256");
    const auto keys = keys_with("", pem_of(key.get()));
    const Algorithm& es256 = *find_algorithm("ES256");
    EXPECT_FALSE(keys->verify(es256, "text", sign_der(es256, key.get(), "text")));
    EXPECT_FALSE(keys->verify(es256, "text", std::string(64, '\0')));
    EXPECT_FALSE(keys->verify(es256, "text", std::string(64, '\xff')));
    EXPECT_FALSE(keys->verify(es256, "text", std::string(63, '\1')));
}

TEST(SignatureKeys, KeepsTheTwoRsaPaddingsApartAndRefusesOtherSalts) {
    const Key key = make_key("RSA");
    const auto keys = keys_with("", pem_of(key.get()));
    const Algorithm &rs256 = *find_algorithm("RS256"), &ps256 = *find_algorithm("PS256");
    EXPECT_FALSE(keys->verify(ps256, "text", sign(rs256, key.get(), "text")));
    EXPECT_FALSE(keys->verify(rs256, "text", sign(ps256, key.get(), "text")));
    EXPECT_FALSE(keys->verify(ps256, "text", sign_der(ps256, key.get(), "text", 0)));
}

TEST(SignatureKeys, RefusesPublicKeysItCannotTrust) {
    EXPECT_FALSE(SignatureKeys::create("", "not a key").has_value());
    const Key small(EVP_RSA_gen(1024));
    EXPECT_EQ(SignatureKeys::create("", pem_of(small.get())).error(),
              "the public key is an RSA key of fewer than 2048 bits");
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, make_key("P-256").get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    EXPECT_EQ(SignatureKeys::create("", {text, static_cast<std::size_t>(size)}).error(),
              "the public key is not a PEM 'PUBLIC KEY'");
    BIO_free(bio);
}

}  // namespace
}  // namespace signalbox::auth
