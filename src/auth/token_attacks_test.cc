#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "auth/key_set.h"
#include "auth/keys_for_tests.h"
#include "auth/token_verifier.h"

/// What is known to have fooled others' verifiers (RFC 8725 and its like), against one that trusts
/// a secret and a fetched key set.
namespace signalbox::auth {
namespace {

using testing::jwk_members;
using testing::key_for;
using testing::key_set_of;
using testing::make_key;
using testing::pem_of;
using testing::sign;
using testing::sign_der;
using testing::token_of;

const WallTime kNow{std::chrono::seconds(1'790'000'000)};
const std::string kPayload = R"({"sub":"u","companyId":"c","exp":1790000060})";
constexpr const char* kAsymmetric[] = {"RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"};

const Algorithm& algorithm(std::string_view name) {
    return *find_algorithm(name);
}

class TokenAttacks : public ::testing::Test {
protected:
    TokenAttacks() {
        // One RSA key cannot serve two algorithms: PS384 has one of its own.
        use(key_set_of({{key_of("RS256"), R"("kid":"RS256","alg":"RS256")"},
                        {key_of("PS384"), R"("kid":"PS384","alg":"PS384")"},
                        {key_of("ES256"), R"("kid":"ES256")"},
                        {key_of("ES384"), R"("kid":"ES384")"},
                        {key_of("ES512"), R"("kid":"ES512")"},
                        {key_of("EdDSA"), R"("kid":"EdDSA")"}}));
    }

    static EVP_PKEY* key_of(std::string_view name) {
        static const testing::Key other_rsa = make_key("RSA");
        return name == "PS384" ? other_rsa.get() : key_for(algorithm(name));
    }
    void use(const std::string& json) {
        auto set = parse_key_set(json);
        ASSERT_TRUE(set.has_value()) << set.error();
        keys_->set(std::make_shared<KeySet>(std::move(*set)));
        TokenOptions options;
        options.secret = std::string(32, 's');
        options.algorithms = {"HS256", "RS256", "PS256", "PS384",
                              "ES256", "ES384", "ES512", "EdDSA"};
        verifier_ = std::move(*TokenVerifier::create(options, keys_));
    }
    [[nodiscard]] std::string answer(std::string_view token) const {
        const auto claims = verifier_->verify(token, kNow);
        return claims ? "accepted" : claims.error().message;
    }
    static std::string header(std::string_view alg, std::string_view kid,
                              std::string_view more = "") {
        return fmt::format(R"({{"alg":"{}","kid":"{}"{}}})", alg, kid, more);
    }
    static std::string good(std::string_view name, std::string_view more = "") {
        return token_of(algorithm(name), key_of(name), header(name, name, more), kPayload);
    }
    /// With another signature, of raw bytes.
    static std::string resigned(std::string_view token, std::string_view signature) {
        return std::string(token.substr(0, token.rfind('.') + 1)) + base64url_encode(signature);
    }

    std::shared_ptr<SharedKeySet> keys_ = std::make_shared<SharedKeySet>();
    std::unique_ptr<TokenVerifier> verifier_;
};

constexpr const char* kMismatch = "the token's signature does not match";
constexpr const char* kNoKey = "no key is known for the token's kid and alg";

TEST_F(TokenAttacks, GoodTokensOfEveryKeyPass) {
    for (const char* name : kAsymmetric) EXPECT_EQ(answer(good(name)), "accepted") << name;
}

TEST_F(TokenAttacks, TheUnsecuredTokenOfRfc7519) {
    EXPECT_EQ(answer("eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6L"
                     "y9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."),
              "the token's alg is not an accepted algorithm");
    for (const char* none : {"none", "None", "NONE", "nOnE", "", "null", " none", "none "}) {
        const std::string text =
            base64url_encode(header(none, "ES256")) + '.' + base64url_encode(kPayload);
        EXPECT_NE(answer(text + '.'), "accepted") << none;
        EXPECT_NE(answer(text + ".AA"), "accepted") << none;
    }
}

TEST_F(TokenAttacks, AnHmacMadeWithWhatEverybodyKnowsOfAPublicKey) {
    const std::string pem = pem_of(key_of("RS256"));
    const std::string jwk = '{' + jwk_members(key_of("RS256")) + '}';
    const std::string modulus =
        *base64url_decode(testing::number_of(key_of("RS256"), OSSL_PKEY_PARAM_RSA_N));
    for (const std::string& secret : {pem, pem.substr(0, pem.size() - 1), jwk, modulus}) {
        for (const char* kid : {"RS256", "ES256", "x"}) {
            const std::string text =
                base64url_encode(header("HS256", kid)) + '.' + base64url_encode(kPayload);
            const std::string mac = sign_hmac(algorithm("HS256"), secret, text);
            EXPECT_EQ(answer(text + '.' + base64url_encode(mac)), kMismatch);
        }
    }
}

TEST_F(TokenAttacks, AnotherAlgorithmOfTheSameKey) {
    const std::string pss =
        token_of(algorithm("PS256"), key_of("RS256"), header("PS256", "RS256"), kPayload);
    EXPECT_EQ(answer(pss), kNoKey);
    const std::string relabelled =
        token_of(algorithm("PS384"), key_of("RS256"), header("PS384", "RS256"), kPayload);
    EXPECT_EQ(answer(relabelled), kNoKey);
}

TEST_F(TokenAttacks, TheKidOfAnotherKey) {
    const std::string token =
        token_of(algorithm("RS256"), key_of("PS384"), header("RS256", "RS256"), kPayload);
    EXPECT_EQ(answer(token), kMismatch);
    EXPECT_EQ(
        answer(token_of(algorithm("ES256"), key_of("ES256"), header("ES256", "ES384"), kPayload)),
        kNoKey);
}

TEST_F(TokenAttacks, AKidThatIsMoreThanAName) {
    for (const char* kid :
         {"../../../dev/null", "/etc/passwd", "' OR '1'='1", "key; DROP TABLE keys", "$(id)",
          "https://evil.example/key", "ES256\\u0000", "es256", "ES256 "}) {
        const std::string token =
            token_of(algorithm("ES256"), key_of("ES256"), header("ES256", kid), kPayload);
        EXPECT_EQ(answer(token), kNoKey) << kid;
    }
    for (const char* kid : {"1", "null", "[\"ES256\"]", "{}"}) {
        const std::string token =
            token_of(algorithm("ES256"), key_of("ES256"),
                     fmt::format(R"({{"alg":"ES256","kid":{}}})", kid), kPayload);
        EXPECT_EQ(answer(token), "the token's kid is not a string") << kid;
    }
    const auto of_size = [](std::size_t size) {
        return token_of(algorithm("ES256"), key_of("ES256"),
                        header("ES256", std::string(size, 'k')), kPayload);
    };
    EXPECT_EQ(answer(of_size(kKidBytesMax)), kNoKey);
    EXPECT_EQ(answer(of_size(kKidBytesMax + 1)), "the token's kid is over 256 bytes");
}

TEST_F(TokenAttacks, AKeyThatTheTokenBringsOrPointsTo) {
    const testing::Key own = make_key("P-256");
    const std::vector<std::string> ways{fmt::format(R"(,"jwk":{{{}}})", jwk_members(own.get())),
                                        R"(,"jku":"https://evil.example/keys")",
                                        R"(,"x5u":"https://evil.example/cert")",
                                        R"(,"x5c":["MIIB"])", R"(,"x5t":"AA","x5t#S256":"AA")"};
    for (const std::string& way : ways) {
        EXPECT_EQ(answer(token_of(algorithm("ES256"), own.get(), header("ES256", "ES256", way),
                                  kPayload)),
                  kMismatch)
            << way;
        EXPECT_EQ(answer(good("ES256", way)), "accepted") << way;
    }
}

TEST_F(TokenAttacks, ExtensionsThatChangeWhatIsSigned) {
    EXPECT_EQ(answer(good("ES256", R"(,"crit":["b64"],"b64":false)")),
              "the token's header has crit, which is not supported");
    EXPECT_EQ(answer(good("ES256", R"(,"b64":false)")),
              "the token's header has b64, which is not supported");
    EXPECT_EQ(answer(good("ES256", R"(,"crit":[])")),
              "the token's header has crit, which is not supported");
    EXPECT_EQ(answer(good("ES256", R"(,"zip":"DEF")")), "accepted");  // means nothing in a JWS
}

TEST_F(TokenAttacks, TwoMembersOfOneName) {
    for (const char* more : {R"(,"alg":"none")", R"(,"kid":"RS256")", R"(,"\u0061lg":"HS256")"})
        EXPECT_EQ(answer(good("ES256", more)), "the token's header has a member twice") << more;
}

TEST_F(TokenAttacks, EmptyAndZeroSignatures) {
    for (const char* name : kAsymmetric) {
        const std::string token = good(name);
        for (const std::size_t size : {0, 1, 63, 64, 65, 96, 132, 256})
            EXPECT_EQ(answer(resigned(token, std::string(size, '\0'))), kMismatch) << name << size;
    }
}

TEST_F(TokenAttacks, EcdsaNumbersOutsideTheirRange) {
    for (const char* name : {"ES256", "ES384", "ES512"}) {
        const Algorithm& es = algorithm(name);
        const std::string token = good(name), text = token.substr(0, token.rfind('.'));
        const std::string signature = sign(es, key_of(name), text);
        const std::size_t half = es.coordinate_bytes;
        const std::string zero(half, '\0'), ones(half, '\xff');
        const std::string r = signature.substr(0, half), s = signature.substr(half);
        ASSERT_EQ(answer(resigned(token, signature)), "accepted");
        for (const std::string& bad :
             {zero + s, r + zero, zero + zero, ones + s, r + ones, '\0' + signature,
              signature + '\0', signature + signature, r, s + r, sign_der(es, key_of(name), text)})
            EXPECT_EQ(answer(resigned(token, bad)), kMismatch) << name;
    }
}

/// RFC 8032 section 5.1.7: S is below the group's order.
TEST_F(TokenAttacks, TheSecondSpellingOfAnEd25519Signature) {
    constexpr std::array<unsigned char, 32> kOrder = {
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
        0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    const std::string token = good("EdDSA");
    std::string signature = *base64url_decode(token.substr(token.rfind('.') + 1));
    unsigned carry = 0;
    for (std::size_t i = 0; i < kOrder.size(); ++i) {
        carry += static_cast<unsigned char>(signature[32 + i]) + unsigned{kOrder[i]};
        signature[32 + i] = static_cast<char>(carry & 0xff);
        carry >>= 8;
    }
    EXPECT_EQ(answer(resigned(token, signature)), kMismatch);
}

TEST_F(TokenAttacks, OtherSpellingsOfAGoodToken) {
    for (const char* name : kAsymmetric) {
        const std::string token = good(name);
        const std::string first = token.substr(0, token.find('.'));
        const std::string rest = token.substr(token.find('.'));
        for (const std::string& other :
             {token + '\n', token + ' ', ' ' + token, token + '.', '.' + token, token + "=",
              token + "==", token + "AAAA", first + "=" + rest, first + "\n" + rest,
              token + '.' + token, first + std::string(1, '\0') + rest})
            EXPECT_NE(answer(other), "accepted") << name << ' ' << other;
    }
}

TEST_F(TokenAttacks, BitsAfterTheLastByte) {
    const std::string token = good("EdDSA");  // 64 bytes: the last character has 4 unused bits
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const char last : kAlphabet) {
        const std::string other = token.substr(0, token.size() - 1) + last;
        if (other != token) EXPECT_NE(answer(other), "accepted") << last;
    }
}

TEST_F(TokenAttacks, ATokenInsideAToken) {
    const std::string inner = good("ES256");
    const std::string outer = token_of(algorithm("ES256"), key_of("ES256"),
                                       R"({"alg":"ES256","kid":"ES256","cty":"JWT"})", inner);
    EXPECT_EQ(answer(outer), "the token's payload is not a JSON object");
    EXPECT_EQ(answer(token_of(algorithm("ES256"), key_of("ES256"), header("ES256", "ES256"),
                              '"' + inner + '"')),
              "the token's payload is not a JSON object");
}

TEST_F(TokenAttacks, AnEncryptedToken) {
    EXPECT_EQ(answer("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA"),
              "the token is not three parts joined by dots; service keys are for the HTTP API "
              "alone");
}

TEST_F(TokenAttacks, AHeaderWithSomethingBehindIt) {
    for (const char* behind : {"x", "{}", ",", "\\u0000"}) {
        const std::string token = token_of(algorithm("ES256"), key_of("ES256"),
                                           header("ES256", "ES256") + behind, kPayload);
        EXPECT_EQ(answer(token), "the token's header is not a JSON object") << behind;
    }
}

TEST_F(TokenAttacks, WithoutKidAFewKeysAreTriedAndNoMore) {
    const std::string token =
        token_of(algorithm("ES256"), key_of("ES256"), R"({"alg":"ES256"})", kPayload);
    EXPECT_EQ(answer(token), "accepted");
    std::vector<testing::Key> others;
    std::string list;
    for (std::size_t i = 0; i < TokenVerifier::kTriesMax; ++i) {
        others.push_back(make_key("P-256"));
        list += fmt::format(R"({{{},"kid":"{}"}},)", jwk_members(others.back().get()), i);
    }
    const std::string own = '{' + jwk_members(key_of("ES256")) + R"(,"kid":"own"})";
    use("{\"keys\":[" + list.substr(list.find("},") + 2) + own + "]}");
    EXPECT_EQ(answer(token), "accepted");
    use("{\"keys\":[" + list + own + "]}");
    EXPECT_EQ(answer(token), kMismatch);
    EXPECT_EQ(
        answer(token_of(algorithm("ES256"), key_of("ES256"), header("ES256", "own"), kPayload)),
        "accepted");
}

TEST_F(TokenAttacks, KeysWithoutKidServeTokensOfAnyKid) {
    use(key_set_of({{key_of("ES256"), ""}}));
    EXPECT_EQ(answer(good("ES256")), "accepted");
}

TEST_F(TokenAttacks, ARemovedKeyServesNoMore) {
    const std::string token = good("ES256");
    keys_->set(nullptr);
    EXPECT_EQ(answer(token), kNoKey);
    EXPECT_TRUE(verifier_->lacks_key_for(token));
}

TEST_F(TokenAttacks, OnlyWhatAnotherKeyMightVerifyLacksAKey) {
    EXPECT_FALSE(verifier_->lacks_key_for(good("ES256")));
    EXPECT_FALSE(verifier_->lacks_key_for("rubbish"));
    EXPECT_TRUE(verifier_->lacks_key_for(
        token_of(algorithm("ES256"), key_of("ES256"), header("ES256", "new"), kPayload)));
    EXPECT_FALSE(verifier_->lacks_key_for(
        token_of(algorithm("RS256"), key_of("RS256"), header("none", "new"), kPayload)));
    EXPECT_FALSE(verifier_->lacks_key_for(
        token_of(algorithm("ES256"), key_of("ES256"), R"({"alg":"ES256"})", kPayload)));
    EXPECT_EQ(verifier_->cost_of(good("ES256")), VerifyCost::kLarge);
    EXPECT_EQ(verifier_->cost_of("rubbish"), VerifyCost::kSmall);
}

}  // namespace
}  // namespace signalbox::auth
