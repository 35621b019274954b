// Whatever the token, it is judged without a fault, and only what one of the keys signed is
// accepted. Input: a byte that chooses, then the text: a whole token (even), or a header and a
// payload, divided by the first newline, which are then signed with the secret (odd), so that what
// reads the claims is reached too.
#include <memory>
#include <string>

#include "auth/key_set.h"
#include "auth/token_verifier.h"
#include "base/base64.h"
#include "base/check.h"
#include "base/fuzz_input.h"

namespace signalbox::auth {
namespace {

const std::string kSecret(32, 's');
constexpr WallTime kNow{std::chrono::seconds(1'790'000'000)};
// RFC 7515 appendix A.3, RFC 8037 appendix A.2.
constexpr std::string_view kKeys = R"({"keys":[{"kty":"EC","kid":"ec","crv":"P-256",)"
                                   R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                                   R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},)"
                                   R"({"kty":"OKP","crv":"Ed25519","kid":"ed",)"
                                   R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

std::unique_ptr<TokenVerifier> make_verifier() {
    TokenOptions options;
    options.secret = kSecret;
    options.algorithms = {"HS256", "ES256", "EdDSA"};
    options.roles = {{"editor", {"orders:*"}}};
    auto keys = std::make_shared<SharedKeySet>();
    keys->set(std::make_shared<KeySet>(*parse_key_set(kKeys)));
    return std::move(*TokenVerifier::create(std::move(options), std::move(keys)));
}

std::string signed_token(std::string_view text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string token = base64url_encode(text.substr(0, end));
    token += '.';
    token += base64url_encode(text.substr(std::min(end + 1, text.size())));
    const std::string mac = sign_hmac(*find_algorithm("HS256"), kSecret, token);
    return token + '.' + base64url_encode(mac);
}

bool signed_with_secret(std::string_view token) {
    const std::size_t dot = token.rfind('.');
    const std::string mac = sign_hmac(*find_algorithm("HS256"), kSecret, token.substr(0, dot));
    return base64url_decode(token.substr(dot + 1)) == mac;
}

void judge(const TokenVerifier& verifier, std::string_view token) {
    (void)verifier.lacks_key_for(token);
    const VerifyCost cost = verifier.cost_of(token);
    const auto claims = verifier.verify(token, kNow);
    const auto ever = verifier.verify(token, kNow, Expiry::kIgnored);
    if (!claims) {
        SB_CHECK(!claims.error().message.empty());
        SB_CHECK(!ever || claims.error().is(ErrorCode::kTokenExpired));
        return;
    }
    SB_CHECK(ever && ever->user == claims->user && ever->permissions == claims->permissions);
    SB_CHECK(!claims->user.empty() && !claims->company.empty());
    SB_CHECK(cost == VerifyCost::kLarge || signed_with_secret(token));
    SB_CHECK(claims->expires_at + Milliseconds(5'000) > kNow);
}

}  // namespace
}  // namespace signalbox::auth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace signalbox;
    static const auto verifier = auth::make_verifier();
    fuzz::Input input(data, size);
    const bool whole = input.byte() % 2 == 0;
    const std::string text(input.rest());
    auth::judge(*verifier, whole ? text : auth::signed_token(text));
    return 0;
}
