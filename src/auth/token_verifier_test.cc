#include "auth/token_verifier.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "auth/signature.h"
#include "base/base64.h"

namespace signalbox::auth {
namespace {

const std::string kSecret(32, 's');
const WallTime kNow{std::chrono::seconds(1'790'000'000)};
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";

TokenOptions options() {
    TokenOptions with;
    with.secret = kSecret;
    return with;
}

std::string token_of(std::string_view header, std::string_view payload,
                     const std::string& secret = kSecret, const char* algorithm = "HS256") {
    const std::string text = base64url_encode(header) + '.' + base64url_encode(payload);
    return text + '.' + base64url_encode(sign_hmac(*find_algorithm(algorithm), secret, text));
}

/// A good payload with `more` members ("\"a\":1") put in.
std::string payload_with(std::string_view more) {
    return fmt::format(R"({{"sub":"u1","companyId":"c1","exp":1790000060{}{}}})",
                       more.empty() ? "" : ",", more);
}

std::expected<TokenClaims, Error> verify(std::string_view token,
                                         const TokenOptions& with = options()) {
    const auto verifier = TokenVerifier::create(with);
    if (!verifier) {
        ADD_FAILURE() << verifier.error();
        return {};
    }
    return (*verifier)->verify(token, kNow);
}

std::expected<TokenClaims, Error> verify_payload(std::string_view payload,
                                                 const TokenOptions& with = options()) {
    return verify(token_of(kHeader, payload), with);
}

void expect_invalid(const std::expected<TokenClaims, Error>& result, std::string_view message,
                    ErrorCode code = ErrorCode::kInvalidToken) {
    ASSERT_FALSE(result.has_value()) << message;
    EXPECT_EQ(result.error().message, message);
    EXPECT_TRUE(result.error().is(code)) << result.error().code;
}

TEST(TokenVerifier, ReadsWhatAGoodTokenSays) {
    const auto claims = verify_payload(
        R"({"sub":"u1","companyId":"c1","exp":1790000060.5,"nbf":1790000000,"iat":1790000000,)"
        R"("jti":"t1","sid":"s1","sessionId":"s2","permissions":["orders:*","updates:send"]})");
    ASSERT_TRUE(claims.has_value()) << claims.error().message;
    EXPECT_EQ(claims->user.str(), "u1");
    EXPECT_EQ(claims->company.str(), "c1");
    EXPECT_EQ(claims->session.str(), "s1");
    EXPECT_EQ(claims->token_id, "t1");
    EXPECT_EQ(claims->expires_at, kNow + Milliseconds(60'500));
    EXPECT_EQ(claims->permissions, Permissions({"orders:*", "updates:send"}));
}

TEST(TokenVerifier, VerifiesWhatSignTokenSigns) {
    TokenOptions with = options();
    with.company_claim = "app.company";
    with.permissions_claim = "app.permissions";
    with.issuer = "issuer";
    with.audience = "signalbox";
    TokenRequest request;
    request.user = UserId::trusted("u\"1");
    request.company = CompanyId::trusted("a:b");
    request.permissions = {"x", "y:*"};
    request.session = SessionId::trusted("s1");
    request.issued_at = kNow;
    request.expires_at = kNow + std::chrono::hours(1);
    const auto claims = verify(sign_token(request, with), with);
    ASSERT_TRUE(claims.has_value()) << claims.error().message;
    EXPECT_EQ(claims->user, request.user);
    EXPECT_EQ(claims->company, request.company);
    EXPECT_EQ(claims->session, request.session);
    EXPECT_EQ(claims->permissions, Permissions(request.permissions));
    EXPECT_EQ(claims->expires_at, request.expires_at);
}

TEST(TokenVerifier, AcceptsTheOtherHmacSizesWhenListed) {
    TokenOptions with = options();
    for (const std::string name : {"HS384", "HS512"}) {
        with.algorithms = {name};
        const std::string header = fmt::format(R"({{"alg":"{}"}})", name);
        const std::string good = token_of(header, payload_with(""), kSecret, name.c_str());
        EXPECT_TRUE(verify(good, with).has_value());
        expect_invalid(verify(token_of(header, payload_with(""), kSecret, "HS256"), with),
                       "the token's signature does not match");
        expect_invalid(verify(token_of(kHeader, payload_with("")), with),
                       "the token's alg is not an accepted algorithm");
    }
}

TEST(TokenVerifier, TheSecretServesTheFirstListedAlgorithmAlone) {
    TokenOptions with = options();
    with.algorithms = {"HS512", "HS256"};
    const std::string first = token_of(R"({"alg":"HS512"})", payload_with(""), kSecret, "HS512");
    EXPECT_TRUE(verify(first, with).has_value());
    expect_invalid(verify(token_of(kHeader, payload_with("")), with),
                   "the token's alg is not an accepted algorithm");
    EXPECT_EQ((*TokenVerifier::create(with))->algorithm_warnings(),
              std::vector<std::string>{"HS256 tokens are refused: a key serves one algorithm, and "
                                       "the key for it serves HS512"});
    EXPECT_TRUE((*TokenVerifier::create(options()))->algorithm_warnings().empty());
}

TEST(TokenVerifier, RefusesAlgNoneInEverySpelling) {
    for (const char* alg : {"none", "None", "NONE", "nOnE", ""}) {
        const std::string unsigned_token = base64url_encode(fmt::format(R"({{"alg":"{}"}})", alg)) +
                                           '.' + base64url_encode(payload_with("")) + '.';
        expect_invalid(verify(unsigned_token), "the token's alg is not an accepted algorithm");
    }
}

TEST(TokenVerifier, RefusesAlgorithmNamesInAnotherCase) {
    for (const char* alg : {"hs256", "Hs256", "HS256 ", "HS-256"}) {
        expect_invalid(verify(token_of(fmt::format(R"({{"alg":"{}"}})", alg), payload_with(""))),
                       "the token's alg is not an accepted algorithm");
    }
}

std::string rsa_public_pem() {
    EVP_PKEY* key = EVP_RSA_gen(2048);
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(bio);
    EVP_PKEY_free(key);
    return pem;
}

TEST(TokenVerifier, RefusesAnHmacMadeWithThePublicKey) {
    TokenOptions with;
    with.public_key_pem = rsa_public_pem();
    with.algorithms = {"RS256"};
    const std::string forged = token_of(kHeader, payload_with(""), with.public_key_pem);
    expect_invalid(verify(forged, with), "the token's alg is not an accepted algorithm");
    with.algorithms = {"RS256", "HS256"};  // listed, but there is no secret
    expect_invalid(verify(forged, with), "the token's alg is not an accepted algorithm");
    with.secret = kSecret;
    expect_invalid(verify(forged, with), "the token's signature does not match");
    expect_invalid(
        verify(token_of(R"({"alg":"RS256"})", payload_with(""), with.public_key_pem), with),
        "the token's signature does not match");
}

TEST(TokenVerifier, RefusesEmptyShortAndForeignSignatures) {
    const std::string good = token_of(kHeader, payload_with(""));
    const std::string body = good.substr(0, good.rfind('.') + 1);
    expect_invalid(verify(body), "the token's signature does not match");
    expect_invalid(verify(body + base64url_encode(std::string(31, 'x'))),
                   "the token's signature does not match");
    expect_invalid(verify(token_of(kHeader, payload_with(""), "another secret")),
                   "the token's signature does not match");
}

TEST(TokenVerifier, NoticesAChangeOfAnyCharacter) {
    const std::string good = token_of(kHeader, payload_with(""));
    ASSERT_TRUE(verify(good).has_value());
    const auto verifier = TokenVerifier::create(options());
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (const char c : {'A', 'B', '_', '.', '=', ' '}) {
            std::string changed = good;
            changed[i] = c;
            if (changed == good) continue;
            ASSERT_FALSE((*verifier)->verify(changed, kNow).has_value()) << i << ' ' << c;
        }
        ASSERT_FALSE((*verifier)->verify(good.substr(0, i), kNow).has_value()) << i;
    }
}

TEST(TokenVerifier, RefusesPaddingAndOtherForms) {
    constexpr const char* kNotThreeParts =
        "the token is not three parts joined by dots; service keys are for the HTTP API alone";
    const std::string good = token_of(kHeader, payload_with(""));
    expect_invalid(verify(good + "="), "the token's signature is not base64url");
    expect_invalid(verify(good + "\n"), "the token's signature is not base64url");
    expect_invalid(verify(""), "the token is missing");
    expect_invalid(verify("abc"), kNotThreeParts);
    expect_invalid(verify(good + ".x"), kNotThreeParts);
    expect_invalid(verify(".."), "the token's header is not a JSON object");
    expect_invalid(verify("[]" + good), "the token's header is not base64url");
    expect_invalid(verify(token_of("[]", "{}")), "the token's header is not a JSON object");
    expect_invalid(verify(token_of(kHeader, "[]")), "the token's payload is not a JSON object");
    expect_invalid(verify(token_of(kHeader, payload_with("") + "x")),
                   "the token's payload is not a JSON object");
    expect_invalid(verify(token_of("{}", "{}")), "the token's header has no alg");
    expect_invalid(verify(token_of(R"({"alg":["HS256"]})", "{}")), "the token's header has no alg");
    expect_invalid(verify(token_of(R"({"alg":"HS256","typ":1})", payload_with(""))),
                   "the token's typ is not a string");
}

TEST(TokenVerifier, RefusesDuplicateMembersAtAnyDepth) {
    expect_invalid(verify(token_of(R"({"alg":"none","alg":"HS256"})", payload_with(""))),
                   "the token's header has a member twice");
    for (const char* repeated : {R"("sub":"u2")", R"("\u0073ub":"u2")", R"("a":{"b":1,"b":1})",
                                 R"("a":[[{"b":1,"c":2,"b":3}]])", R"("":1,"":2)"}) {
        expect_invalid(verify_payload(payload_with(repeated)),
                       "the token's payload has a member twice");
    }
    EXPECT_TRUE(verify_payload(payload_with(R"("a":{"sub":1},"b":[{"c":1},{"c":1}])")).has_value());
}

TEST(TokenVerifier, RefusesCriticalExtensions) {
    for (const char* crit : {R"(["b64"])", "[]", "null"}) {
        expect_invalid(
            verify(token_of(fmt::format(R"({{"alg":"HS256","crit":{}}})", crit), payload_with(""))),
            "the token's header has crit, which is not supported");
    }
}

TEST(TokenVerifier, NeverUsesAKeyThatTheTokenBrings) {
    const std::string header = R"({"alg":"HS256","kid":"../../x","jku":"http://127.0.0.1/",)"
                               R"("jwk":{"kty":"oct","k":"YWFh"}})";
    EXPECT_TRUE(verify(token_of(header, payload_with(""))).has_value());
    expect_invalid(verify(token_of(header, payload_with(""), "aaa")),
                   "the token's signature does not match");
}

TEST(TokenVerifier, HoldsTheLimitOfTheTokensLength) {
    const std::string token = token_of(kHeader, payload_with(""));
    TokenOptions with = options();
    with.token_bytes_max = token.size();
    EXPECT_TRUE(verify(token, with).has_value());
    with.token_bytes_max = token.size() - 1;
    expect_invalid(verify(token, with),
                   fmt::format("the token is over {} bytes", token.size() - 1));
}

TEST(TokenVerifier, IgnoresNothingButExpiry) {
    const auto verifier = TokenVerifier::create(options());
    const auto ignoring = [&](std::string_view payload) {
        return (*verifier)->verify(token_of(kHeader, payload), kNow, Expiry::kIgnored);
    };
    EXPECT_TRUE(ignoring(R"({"sub":"u","companyId":"c","exp":1})").has_value());
    EXPECT_FALSE(ignoring(R"({"sub":"u","companyId":"c"})").has_value());
    EXPECT_FALSE(ignoring(R"({"sub":"u","companyId":"c","exp":1,"nbf":9e9})").has_value());
}

TEST(TokenVerifier, ExpiresAtExpPlusLeeway) {
    const auto at = [](std::string_view exp) {
        return verify_payload(fmt::format(R"({{"sub":"u","companyId":"c","exp":{}}})", exp));
    };
    EXPECT_TRUE(at("1789999995.001").has_value());  // leeway 5 s
    expect_invalid(at("1789999995"), "the token expired at 2026-09-21T14:13:15.000Z",
                   ErrorCode::kTokenExpired);
    expect_invalid(at("-1e300"), "the token expired at 0001-01-01T00:00:00.000Z",
                   ErrorCode::kTokenExpired);
    EXPECT_EQ(at("1e300")->expires_at, WallTime(std::chrono::seconds(253'402'300'799)));
    EXPECT_TRUE(at("18446744073709551615").has_value());
    expect_invalid(at("\"1790000060\""), "exp is not a number");
    expect_invalid(at("true"), "exp is not a number");
    expect_invalid(at("null"), "exp is missing");
    expect_invalid(at("1e400"), "the token's payload is not a JSON object");
    expect_invalid(verify_payload(R"({"sub":"u","companyId":"c"})"), "exp is missing");
}

TEST(TokenVerifier, RefusesTokensOfTheFutureBeyondTheLeeway) {
    EXPECT_TRUE(verify_payload(payload_with(R"("nbf":1790000005,"iat":1790000005)")).has_value());
    expect_invalid(verify_payload(payload_with(R"("nbf":1790000005.001)")),
                   "the token is not valid yet (nbf is in the future)");
    expect_invalid(verify_payload(payload_with(R"("iat":1790000006)")), "iat is in the future");
    expect_invalid(verify_payload(payload_with(R"("nbf":"0")")), "nbf is not a number");
}

TEST(TokenVerifier, SaysExpiredOnlyWhenAllElseIsRight) {
    expect_invalid(verify_payload(R"({"sub":"u","exp":1})"), "companyId is missing");
}

TEST(TokenVerifier, ChecksIssuerAndAudienceWhenConfigured) {
    TokenOptions with = options();
    with.issuer = "https://api";
    expect_invalid(verify_payload(payload_with(""), with), "iss is missing");
    expect_invalid(verify_payload(payload_with(R"("iss":"https://api/")"), with),
                   "iss is not the configured issuer");
    expect_invalid(verify_payload(payload_with(R"("iss":["https://api"])"), with),
                   "iss is not the configured issuer");
    EXPECT_TRUE(verify_payload(payload_with(R"("iss":"https://api")"), with).has_value());
    with = options();
    with.audience = "box";
    expect_invalid(verify_payload(payload_with(""), with), "aud is missing");
    for (const char* wrong :
         {R"("boxes")", R"(["a","b"])", "[]", R"(["box",1])", R"({"box":1})", "1"}) {
        expect_invalid(verify_payload(payload_with(fmt::format("\"aud\":{}", wrong)), with),
                       "aud does not name this service");
    }
    EXPECT_TRUE(verify_payload(payload_with(R"("aud":"box")"), with).has_value());
    EXPECT_TRUE(verify_payload(payload_with(R"("aud":["a","box"])"), with).has_value());
}

TEST(TokenVerifier, TakesIntegersAsIdsInTheirDecimalText) {
    const auto claims =
        verify_payload(R"({"sub":42,"companyId":18446744073709551615,"sid":-7,"exp":1790000060})");
    ASSERT_TRUE(claims.has_value()) << claims.error().message;
    EXPECT_EQ(claims->user.str(), "42");
    EXPECT_EQ(claims->company.str(), "18446744073709551615");
    EXPECT_EQ(claims->session.str(), "-7");
}

TEST(TokenVerifier, RefusesWhatCannotBeAnId) {
    for (const char* id :
         {R"("")", R"("a b")", R"("a\u0000b")", R"("\u2028")", "1.5", "true", "[]", "{}"}) {
        expect_invalid(
            verify_payload(fmt::format(R"({{"sub":{},"companyId":"c","exp":1790000060}})", id)),
            "sub is not a valid id");
        expect_invalid(
            verify_payload(fmt::format(R"({{"sub":"u","companyId":{},"exp":1790000060}})", id)),
            "companyId is not a valid id");
        expect_invalid(verify_payload(payload_with(fmt::format("\"sessionId\":{}", id))),
                       "sessionId is not a valid id");
    }
    expect_invalid(verify_payload(R"({"companyId":"c","exp":1790000060})"), "sub is missing");
    const std::string longest(128, 'x');
    EXPECT_TRUE(verify_payload(payload_with("\"sid\":\"" + longest + "\"")).has_value());
    EXPECT_TRUE(verify_payload(payload_with("\"sid\":\"" + longest + "x\""))->session.empty());
    expect_invalid(verify_payload(payload_with("\"sessionId\":\"" + longest + "x\"")),
                   "sessionId is not a valid id");
    expect_invalid(verify_payload(payload_with(R"("jti":1)")), "jti is not a string");
}

TEST(TokenVerifier, FindsClaimsAtDottedPathsAndUnderNamesWithDots) {
    TokenOptions with = options();
    with.company_claim = "app.tenant.id";
    const auto nested =
        verify_payload(R"({"sub":"u","exp":1790000060,"app":{"tenant":{"id":"deep"}}})", with);
    ASSERT_TRUE(nested.has_value()) << nested.error().message;
    EXPECT_EQ(nested->company.str(), "deep");
    expect_invalid(verify_payload(R"({"sub":"u","exp":1790000060,"app":{"tenant":"x"}})", with),
                   "app.tenant.id is missing");
    with.company_claim = "https://example.com/company";
    const auto named = verify_payload(
        R"({"sub":"u","exp":1790000060,"https://example.com/company":"flat"})", with);
    ASSERT_TRUE(named.has_value()) << named.error().message;
    EXPECT_EQ(named->company.str(), "flat");
}

TEST(TokenVerifier, FallsBackToSessionIdForTheSession) {
    EXPECT_EQ(verify_payload(payload_with(R"("sessionId":"s2")"))->session.str(), "s2");
    EXPECT_TRUE(verify_payload(payload_with(""))->session.empty());
}

TEST(TokenVerifier, IsBoundToASessionBySessionIdAlone) {
    const auto both = verify_payload(payload_with(R"("sid":"of the provider","sessionId":"s2")"));
    ASSERT_TRUE(both.has_value()) << both.error().message;
    EXPECT_EQ(both->bound_session.str(), "s2");
    EXPECT_TRUE(verify_payload(payload_with(R"("sid":"s1")"))->bound_session.empty());
    EXPECT_TRUE(verify_payload(payload_with(R"("sid":{"a":1})"))->session.empty());
}

TEST(TokenVerifier, TakesPermissionsFromTheArrayElseFromScopeAndAddsThoseOfRoles) {
    TokenOptions with = options();
    with.roles = {{"seller", {"orders:*"}}, {"boss", {"admin", "orders:*"}}};
    const auto of = [&](std::string_view more) {
        const auto claims = verify_payload(payload_with(more), with);
        return claims ? claims->permissions.claimed() : std::vector{claims.error().message};
    };
    using Names = std::vector<std::string>;
    EXPECT_EQ(of(""), Names());
    EXPECT_EQ(of(R"("permissions":["b","a"],"scope":"c")"), Names({"a", "b"}));
    EXPECT_EQ(of(R"("permissions":[],"scope":"c")"), Names());
    EXPECT_EQ(of(R"("scope":" a  b:c ")"), Names({"a", "b:c"}));
    EXPECT_EQ(of(R"("permissions":["x"],"roles":["seller","unknown"])"), Names({"orders:*", "x"}));
    EXPECT_EQ(of(R"("roles":"boss")"), Names({"admin", "orders:*"}));
    EXPECT_EQ(of(R"("permissions":"admin")"), Names({"permissions is not an array of strings"}));
    EXPECT_EQ(of(R"("permissions":["a",1])"), Names({"permissions is not an array of strings"}));
    EXPECT_EQ(of(R"("scope":["a"])"), Names({"scope is not a string"}));
    EXPECT_EQ(of(R"("roles":[1])"), Names({"roles is not a string or an array of strings"}));
}

TEST(TokenVerifier, NeverRepeatsTheTokenInAMessage) {
    const auto result = verify(token_of(kHeader, R"({"sub":"very secret","exp":1})"));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().message.find("secret"), std::string::npos);
}

TEST(TokenVerifierCreate, NamesWhatCannotWork) {
    const auto fault = [](TokenOptions with) {
        return TokenVerifier::create(std::move(with)).error();
    };
    TokenOptions with = options();
    with.algorithms = {"HS256", "none"};
    EXPECT_EQ(fault(with), "'none' is not a token algorithm");
    with.algorithms = {};
    EXPECT_EQ(fault(with), "there is no key for the token algorithms []");
    with.algorithms = {"RS256", "ES256"};
    EXPECT_EQ(fault(with), "there is no key for the token algorithms [RS256, ES256]");
    with.public_key_pem = "rubbish";
    EXPECT_EQ(fault(with), "the public key is not a PEM 'PUBLIC KEY'");
    EXPECT_EQ(fault({}), "there is no key for the token algorithms [HS256]");
}

TEST(WeakSecret, IsOneUnder32Bytes) {
    TokenOptions with;
    EXPECT_FALSE(weak_secret(with));
    with.secret = std::string(31, 's');
    EXPECT_TRUE(weak_secret(with));
    EXPECT_TRUE(TokenVerifier::create(with).has_value());
    with.secret += 's';
    EXPECT_FALSE(weak_secret(with));
}

}  // namespace
}  // namespace signalbox::auth
