#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/error_code.h"

namespace signalbox::auth {

struct Algorithm;
struct KeySet;
struct TokenKey;
class SharedKeySet;

/// `auth.jwt.*` and `auth.roles` of the configuration.
struct TokenOptions {
    std::string secret;  ///< HS keys; empty: HS tokens are refused
    std::vector<std::string> algorithms{"HS256"};
    std::string public_key_pem;  ///< for RS, PS, ES, EdDSA
    std::string key_set;         ///< JSON Web Key Set, of `auth.jwt.jwks_file`
    std::string issuer;          ///< empty: not checked
    std::string audience;        ///< empty: not checked
    Milliseconds leeway{5'000};
    std::string company_claim = "companyId";        ///< dotted path, or a name with dots
    std::string permissions_claim = "permissions";  ///< dotted path
    std::string roles_claim = "roles";              ///< dotted path; a string or an array
    std::string session_claim = "sid";              ///< `auth.sessions.claim`; dotted path
    std::string artifacts_claim = "artifacts";  ///< dotted path; a string or an array; empty: none
    RoleTable roles;
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

/// TOKEN_EXPIRED.
[[nodiscard]] Error token_expired(WallTime end);

/// kIgnored: for a connection that a later token keeps alive.
enum class Expiry : std::uint8_t { kChecked, kIgnored };

/// What verifying a token costs: microseconds for HS, ten times that for all others.
enum class VerifyCost : std::uint8_t { kSmall, kLarge };

/// Whether a token was signed with a key of ours, whatever else is wrong with it.
enum class Signer : std::uint8_t { kUnknown, kKeyOfOurs };

struct Judged {
    std::expected<TokenClaims, Error> outcome;
    Signer signer = Signer::kUnknown;
};

/// Verifies compact JWS tokens (RFC 7515, 7519; algorithms RFC 7518, 8037). `none`, `crit` and
/// duplicate members are refused; keys that a token brings or points to are not looked at.
///
/// Keys: the secret, the public key, those of options.key_set, and those of the set that a source
/// fetches. Each serves one algorithm (TokenKey::bound_to(); the secret and the public key are as
/// keys without `alg`). A token with `kid` is checked with the keys of that kid and those without
/// one; a token without it with all keys of its algorithm, but never with more than kTriesMax.
///
/// Threading: const after construction; any thread.
/// Errors:    INVALID_TOKEN or TOKEN_EXPIRED with a message that names the cause ("exp is
///            missing"), never the token.
class TokenVerifier {
public:
    static constexpr std::size_t kTriesMax = 4;

    /// @param fetched  what a source keeps up to date; nullptr: there is none.
    /// @return a sentence that names the key at fault when options cannot work.
    [[nodiscard]] static std::expected<std::unique_ptr<TokenVerifier>, std::string> create(
        TokenOptions options, std::shared_ptr<const SharedKeySet> fetched = nullptr);
    ~TokenVerifier();

    [[nodiscard]] std::expected<TokenClaims, Error> verify(std::string_view token, WallTime now,
                                                           Expiry expiry = Expiry::kChecked) const {
        return judge(token, now, expiry).outcome;
    }
    /// The same, with what else could mend a refusal.
    [[nodiscard]] Judged judge(std::string_view token, WallTime now, Expiry expiry) const;

    /// For what judge() refused with no key's signature: true when a key that the source has not given yet could verify
    /// it, as far as its header tells.
    [[nodiscard]] bool lacks_key_for(std::string_view token) const;
    /// By the header's alg; kSmall for what is refused anyway.
    [[nodiscard]] VerifyCost cost_of(std::string_view token) const;
    /// The set that verify() uses now, to notice a change; nullptr when there is none.
    [[nodiscard]] std::shared_ptr<const KeySet> fetched_keys() const;
    [[nodiscard]] Milliseconds leeway() const { return options_.leeway; }
    [[nodiscard]] std::size_t token_bytes_max() const { return options_.token_bytes_max; }

    /// Sentences for the operator: keys of options.key_set that are left out.
    [[nodiscard]] const std::vector<std::string>& key_warnings() const { return key_warnings_; }
    /// Likewise: allowed algorithms whose key serves another one.
    [[nodiscard]] const std::vector<std::string>& algorithm_warnings() const {
        return algorithm_warnings_;
    }

private:
    struct Header {
        const Algorithm* algorithm;
        std::string kid;  // empty: none
    };

    TokenVerifier(TokenOptions options, std::shared_ptr<const SharedKeySet> fetched);
    /// @return a sentence about what is wrong, or an empty one.
    [[nodiscard]] std::string read_keys();
    [[nodiscard]] std::string accept_algorithms();
    void warn_of_keyless(const Algorithm& algorithm);
    [[nodiscard]] bool has_own_key(const Algorithm& algorithm) const;
    [[nodiscard]] std::expected<Header, Error> read_header(std::string_view encoded) const;
    [[nodiscard]] std::vector<const TokenKey*> candidates(const Header& header,
                                                          const KeySet* fetched) const;
    /// The payload as it was sent, borrowed from the token.
    [[nodiscard]] std::expected<std::string_view, Error> signed_payload(
        std::string_view token) const;
    [[nodiscard]] std::expected<void, Error> check_signature(const Header& header,
                                                             std::string_view text,
                                                             std::string_view signature) const;

    TokenOptions options_;
    std::vector<const Algorithm*> accepted_;  // those of options_.algorithms that may have a key
    std::vector<TokenKey> keys_;
    std::shared_ptr<const SharedKeySet> fetched_;
    std::vector<std::string> key_warnings_;
    std::vector<std::string> algorithm_warnings_;
};

/// What HS256 deserves (RFC 7518 section 3.2).
inline constexpr std::size_t kSecretBytesMin = 32;
/// True when an HS secret is set and shorter than that. Whether that stops the program is the caller's decision.
[[nodiscard]] bool weak_secret(const TokenOptions& options);

/// Signs a token with the first HS algorithm that is allowed: for `signalbox token create` and
/// tests.
struct TokenRequest {
    UserId user;
    CompanyId company;
    std::vector<std::string> permissions;
    SessionId session;                                    ///< claim `sessionId`; empty: absent
    std::vector<std::string> roles{};                     ///< empty: absent
    std::optional<std::vector<std::string>> artifacts{};  ///< patterns; nullopt: absent
    WallTime issued_at{};
    WallTime expires_at{};
};
[[nodiscard]] std::string sign_token(const TokenRequest& request, const TokenOptions& options);

}  // namespace signalbox::auth
