#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/error_code.h"

namespace signalbox::auth {

struct Algorithm;
class SignatureKeys;

/// `auth.jwt.*` and `auth.roles` of the configuration.
struct TokenOptions {
    std::string secret;  ///< HS keys; empty: HS tokens are refused
    std::vector<std::string> algorithms{"HS256"};
    std::string public_key_pem;  ///< for RS, PS, ES, EdDSA
    std::string issuer;          ///< empty: not checked
    std::string audience;        ///< empty: not checked
    Milliseconds leeway{5'000};
    std::string company_claim = "companyId";                ///< dotted path, or a name with dots
    std::string permissions_claim = "permissions";          ///< dotted path
    std::string roles_claim = "roles";                      ///< dotted path; a string or an array
    std::string session_claim = "sid";                      ///< `auth.sessions.claim`; dotted path
    std::map<std::string, std::vector<std::string>> roles;  ///< role → permissions
    std::size_t token_bytes_max = 8192;
};

/// What a good token says. `session` is only the claim; nobody has looked it up yet.
struct TokenClaims {
    UserId user;
    CompanyId company;
    /// Of claim `sessionId`, which `signalbox token create --session` writes: the token goes with
    /// no other session. Empty when absent.
    SessionId bound_session;
    /// Of session_claim, else bound_session: the session itself where there is no store. Empty when
    /// there is none, or no valid id: identity providers write what they like.
    SessionId session;
    Permissions permissions;
    WallTime expires_at{};
    std::string token_id;  ///< `jti`, or empty
};

/// kIgnored: for a connection that a later token keeps alive.
enum class Expiry : std::uint8_t { kChecked, kIgnored };

/// Verifies compact JWS tokens (RFC 7515, 7519; algorithms RFC 7518, 8037). One key, one algorithm;
/// `none`, `crit`, embedded keys and duplicate members are refused.
///
/// Threading: const after construction; verify() from any thread.
/// Errors:    INVALID_TOKEN or TOKEN_EXPIRED with a message that names the cause ("exp is
///            missing"), never the token.
class TokenVerifier {
public:
    /// @return a sentence that names the key at fault when options cannot work.
    [[nodiscard]] static std::expected<std::unique_ptr<TokenVerifier>, std::string> create(
        TokenOptions options);
    ~TokenVerifier();

    [[nodiscard]] std::expected<TokenClaims, Error> verify(std::string_view token, WallTime now,
                                                           Expiry expiry = Expiry::kChecked) const;

private:
    TokenVerifier(TokenOptions options, std::unique_ptr<SignatureKeys> keys);
    [[nodiscard]] std::expected<const Algorithm*, Error> algorithm_of(
        std::string_view header) const;

    TokenOptions options_;
    std::vector<const Algorithm*> accepted_;  // those of options_.algorithms that have a key
    std::unique_ptr<SignatureKeys> keys_;
};

/// What HS256 deserves (RFC 7518 section 3.2).
inline constexpr std::size_t kSecretBytesMin = 32;
/// True when an HS secret is set and shorter than that. Whether that stops the program is the caller's decision.
[[nodiscard]] bool weak_secret(const TokenOptions& options);

/// Signs an HS256 token: for `signalbox token create` and tests.
struct TokenRequest {
    UserId user;
    CompanyId company;
    std::vector<std::string> permissions;
    SessionId session;  ///< claim `sessionId`; empty: absent
    WallTime issued_at{};
    WallTime expires_at{};
};
[[nodiscard]] std::string sign_token(const TokenRequest& request, const TokenOptions& options);

}  // namespace signalbox::auth
