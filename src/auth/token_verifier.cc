#include "auth/token_verifier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "auth/key_set.h"
#include "auth/token_json.h"
#include "base/base64.h"

namespace signalbox::auth {
namespace {

Error invalid(std::string message) {
    return Error::of(ErrorCode::kInvalidToken, std::move(message));
}

/// The three parts of the compact form, still encoded (RFC 7515 section 7.1).
struct CompactToken {
    std::string_view header, payload, signature;
    std::string_view signed_text;  // header and payload with the dot between
};

std::expected<CompactToken, Error> split(std::string_view token) {
    const std::size_t first = token.find('.');
    const std::size_t second = first == token.npos ? first : token.find('.', first + 1);
    if (second == token.npos || token.find('.', second + 1) != token.npos) {
        return std::unexpected(
            invalid("the token is not three parts joined by dots; service keys are for the HTTP "
                    "API alone"));
    }
    return CompactToken{token.substr(0, first), token.substr(first + 1, second - first - 1),
                        token.substr(second + 1), token.substr(0, second)};
}

/// Parses one encoded part as a JSON object without duplicate members. The object borrows from
/// `parser`.
std::expected<JsonObject, Error> parse_part(JsonParser& parser, std::string_view encoded,
                                            std::string_view name) {
    const auto text = base64url_decode(encoded);
    if (!text)
        return std::unexpected(invalid(fmt::format("the token's {} is not base64url", name)));
    const auto root = parser.parse(*text);
    JsonObject object;
    if (!root || root->get(object) != simdjson::SUCCESS) {
        return std::unexpected(invalid(fmt::format("the token's {} is not a JSON object", name)));
    }
    if (has_duplicate_members(*root)) {
        return std::unexpected(invalid(fmt::format("the token's {} has a member twice", name)));
    }
    return object;
}

/// verify() is const and called from any thread; the parser's memory is worth keeping.
JsonParser& parser_of_this_thread() {
    thread_local JsonParser parser;
    return parser;
}

/// Reads the claims of a payload whose signature was good. The first fault wins; later reads then
/// do nothing.
class ClaimsReader {
public:
    ClaimsReader(const TokenOptions& options, JsonObject payload, WallTime now, Expiry expiry)
        : options_(options), payload_(payload), now_(now), expiry_(expiry) {}

    std::expected<TokenClaims, Error> read() {
        check_issuer();
        check_audience();
        read_ids();
        claims_.permissions = Permissions(read_grants(), options_.roles);
        check_times();
        if (fault_) return std::unexpected(*std::move(fault_));
        return std::move(claims_);
    }

private:
    void fail(std::string message) {
        if (!fault_) fault_ = invalid(std::move(message));
    }

    void check_issuer() {
        if (options_.issuer.empty()) return;
        const auto issuer = find_claim(payload_, "iss");
        if (!issuer) return fail("iss is missing");
        if (string_of(*issuer) != options_.issuer) fail("iss is not the configured issuer");
    }

    void check_audience() {
        if (options_.audience.empty()) return;
        const auto audience = find_claim(payload_, "aud");
        if (!audience) return fail("aud is missing");
        const auto names = strings_of(*audience);
        const auto alone = string_of(*audience);
        const bool named =
            alone ? *alone == options_.audience
                  : names && std::ranges::find(*names, options_.audience) != names->end();
        if (!named) fail("aud does not name this service");
    }

    /// @return a parsed id, or an empty one when the claim is absent or at fault.
    template <class Id>
    Id read_id(std::string_view path) {
        const auto claim = find_claim(payload_, path);
        if (!claim) return {};
        const auto id = Id::parse(text_of(*claim).value_or(""));
        if (id) return *id;
        fail(fmt::format("{} is not a valid id", path));
        return {};
    }

    template <class Id>
    Id require_id(std::string_view path) {
        Id id = read_id<Id>(path);
        if (id.empty()) fail(fmt::format("{} is missing", path));
        return id;
    }

    void read_ids() {
        claims_.user = require_id<UserId>("sub");
        claims_.company = require_id<CompanyId>(options_.company_claim);
        claims_.bound_session = read_id<SessionId>("sessionId");
        const auto named = find_claim(payload_, options_.session_claim);
        const auto session =
            named ? SessionId::parse(text_of(*named).value_or("")) : std::optional<SessionId>();
        claims_.session = session.value_or(claims_.bound_session);
        const auto token_id = find_claim(payload_, "jti");
        if (!token_id) return;
        const auto text = string_of(*token_id);
        if (!text) return fail("jti is not a string");
        claims_.token_id = *text;
    }

    std::vector<std::string> read_permissions() {
        std::vector<std::string> claimed;
        if (const auto list = find_claim(payload_, options_.permissions_claim)) {
            const auto names = strings_of(*list);
            if (!names) fail(options_.permissions_claim + " is not an array of strings");
            if (names) claimed.assign(names->begin(), names->end());
        } else if (const auto scope = find_claim(payload_, "scope")) {
            const auto text = string_of(*scope);
            if (!text) fail("scope is not a string");
            claimed = words_of(text.value_or(""));
        }
        return claimed;
    }

    /// A string or an array of strings; nullopt when the claim is absent or neither.
    std::optional<std::vector<std::string>> read_words(std::string_view path) {
        const auto claim = find_claim(payload_, path);
        if (!claim) return std::nullopt;
        if (const auto alone = string_of(*claim)) return std::vector{std::string(*alone)};
        const auto names = strings_of(*claim);
        if (names) return std::vector<std::string>(names->begin(), names->end());
        return std::nullopt;
    }

    /// Roles count also when no table knows them yet: one may with the next reload.
    Grants read_grants() {
        Grants grants{.permissions = read_permissions(), .roles = {}, .artifacts = {}};
        auto roles = read_words(options_.roles_claim);
        if (!roles && !options_.roles.empty() && find_claim(payload_, options_.roles_claim)) {
            fail(options_.roles_claim + " is not a string or an array of strings");
        }
        grants.roles = std::move(roles).value_or(std::vector<std::string>());
        if (options_.artifacts_claim.empty()) return grants;
        grants.artifacts = read_words(options_.artifacts_claim);
        if (!grants.artifacts && find_claim(payload_, options_.artifacts_claim)) {
            fail(options_.artifacts_claim + " is not a string or an array of strings");
        }
        return grants;
    }

    /// @return nullopt when the claim is absent or at fault.
    std::optional<WallTime> read_time(std::string_view name) {
        const auto claim = find_claim(payload_, name);
        if (!claim) return std::nullopt;
        const auto time = time_of(*claim);
        if (!time) fail(fmt::format("{} is not a number", name));
        return time;
    }

    /// Expiry comes last: TOKEN_EXPIRED says that all else about the token was right.
    void check_times() {
        const auto not_before = read_time("nbf"), issued = read_time("iat"),
                   expires = read_time("exp");
        if (not_before && *not_before > now_ + options_.leeway) {
            fail("the token is not valid yet (nbf is in the future)");
        }
        if (issued && *issued > now_ + options_.leeway) fail("iat is in the future");
        if (!expires) return fail("exp is missing");
        claims_.expires_at = *expires;
        if (!fault_ && expiry_ == Expiry::kChecked && *expires + options_.leeway <= now_) {
            fault_ = token_expired(*expires);
        }
    }

    const TokenOptions& options_;
    JsonObject payload_;
    WallTime now_;
    Expiry expiry_;
    TokenClaims claims_;
    std::optional<Error> fault_;
};

}  // namespace

Error token_expired(WallTime end) {
    return Error::of(ErrorCode::kTokenExpired, "the token expired at " + format_time(end));
}

TokenVerifier::TokenVerifier(TokenOptions options, std::shared_ptr<const SharedKeySet> fetched)
    : options_(std::move(options)), fetched_(std::move(fetched)) {}

TokenVerifier::~TokenVerifier() = default;

std::expected<std::unique_ptr<TokenVerifier>, std::string> TokenVerifier::create(
    TokenOptions options, std::shared_ptr<const SharedKeySet> fetched) {
    std::unique_ptr<TokenVerifier> verifier(
        new TokenVerifier(std::move(options), std::move(fetched)));
    std::string fault = verifier->read_keys();
    if (fault.empty()) fault = verifier->accept_algorithms();
    if (!fault.empty()) return std::unexpected(std::move(fault));
    return verifier;
}

std::string TokenVerifier::read_keys() {
    if (!options_.secret.empty()) {
        auto secret = SignatureKeys::create(options_.secret, "");
        keys_.push_back({.material = std::move(*secret)});
    }
    if (!options_.public_key_pem.empty()) {
        auto key = SignatureKeys::create("", options_.public_key_pem);
        if (!key) return std::move(key).error();
        keys_.push_back({.material = std::move(*key)});
    }
    if (options_.key_set.empty()) return {};
    auto set = parse_key_set(options_.key_set);
    if (!set) return "the key set " + set.error();
    std::ranges::move(set->keys, std::back_inserter(keys_));
    key_warnings_ = std::move(set->warnings);
    return {};
}

std::string TokenVerifier::accept_algorithms() {
    std::vector<const Algorithm*> listed;
    for (const std::string& name : options_.algorithms) {
        listed.push_back(find_algorithm(name));
        if (listed.back() == nullptr) return fmt::format("'{}' is not a token algorithm", name);
    }
    accepted_ = listed;  // has_own_key() binds by it
    for (const Algorithm* algorithm : listed) {
        if (has_own_key(*algorithm)) continue;
        warn_of_keyless(*algorithm);
        if (fetched_ == nullptr) std::erase(accepted_, algorithm);
    }
    if (!accepted_.empty()) return {};
    return fmt::format("there is no key for the token algorithms [{}]",
                       fmt::join(options_.algorithms, ", "));
}

bool TokenVerifier::has_own_key(const Algorithm& algorithm) const {
    return std::ranges::any_of(
        keys_, [&](const TokenKey& key) { return key.bound_to(accepted_) == &algorithm; });
}

/// Only where somebody may have expected otherwise: a key would fit, but serves an earlier one.
void TokenVerifier::warn_of_keyless(const Algorithm& algorithm) {
    const auto fitting = std::ranges::find_if(
        keys_, [&](const TokenKey& key) { return key.material->can_verify(algorithm); });
    if (fitting == keys_.end()) return;
    algorithm_warnings_.push_back(
        fmt::format("{} tokens are refused: a key serves one algorithm, and the "
                    "key for it serves {}",
                    algorithm.name, fitting->bound_to(accepted_)->name));
}

std::expected<TokenVerifier::Header, Error> TokenVerifier::read_header(
    std::string_view encoded) const {
    const auto header = parse_part(parser_of_this_thread(), encoded, "header");
    if (!header) return std::unexpected(header.error());
    for (const std::string_view name : {"crit", "b64"}) {
        if (header->at_key(name).error() != simdjson::SUCCESS) continue;
        return std::unexpected(
            invalid(fmt::format("the token's header has {}, which is not supported", name)));
    }
    JsonElement member;
    if (header->at_key("typ").get(member) == simdjson::SUCCESS && !string_of(member)) {
        return std::unexpected(invalid("the token's typ is not a string"));
    }
    std::string_view kid;
    if (header->at_key("kid").get(member) == simdjson::SUCCESS &&
        member.get(kid) != simdjson::SUCCESS)
        return std::unexpected(invalid("the token's kid is not a string"));
    if (kid.size() > kKidBytesMax)
        return std::unexpected(
            invalid(fmt::format("the token's kid is over {} bytes", kKidBytesMax)));
    std::string_view name;
    if (header->at_key("alg").get(name) != simdjson::SUCCESS) {
        return std::unexpected(invalid("the token's header has no alg"));
    }
    const auto accepted = std::ranges::find(accepted_, name, &Algorithm::name);
    if (accepted != accepted_.end()) return Header{*accepted, std::string(kid)};
    return std::unexpected(invalid("the token's alg is not an accepted algorithm"));
}

/// Those of the token's kid first.
std::vector<const TokenKey*> TokenVerifier::candidates(const Header& header,
                                                       const KeySet* fetched) const {
    std::vector<const TokenKey*> named, others;
    const auto sort_in = [&](const TokenKey& key) {
        if (key.bound_to(accepted_) != header.algorithm) return;
        if (!header.kid.empty() && key.kid == header.kid) return named.push_back(&key);
        if (header.kid.empty() || key.kid.empty()) others.push_back(&key);
    };
    std::ranges::for_each(keys_, sort_in);
    if (fetched != nullptr) std::ranges::for_each(fetched->keys, sort_in);
    std::ranges::copy(others, std::back_inserter(named));
    if (named.size() > kTriesMax) named.resize(kTriesMax);
    return named;
}

std::expected<void, Error> TokenVerifier::check_signature(const Header& header,
                                                          std::string_view text,
                                                          std::string_view signature) const {
    const auto fetched = fetched_keys();
    const auto keys = candidates(header, fetched.get());
    if (keys.empty())
        return std::unexpected(invalid("no key is known for the token's kid and alg"));
    const bool good = std::ranges::any_of(keys, [&](const TokenKey* key) {
        return key->material->verify(*header.algorithm, text, signature);
    });
    if (good) return {};
    return std::unexpected(invalid("the token's signature does not match"));
}

std::expected<std::string_view, Error> TokenVerifier::signed_payload(std::string_view token) const {
    if (token.empty()) return std::unexpected(invalid("the token is missing"));
    if (token.size() > options_.token_bytes_max) {
        return std::unexpected(
            invalid(fmt::format("the token is over {} bytes", options_.token_bytes_max)));
    }
    const auto parts = split(token);
    if (!parts) return std::unexpected(parts.error());
    const auto header = read_header(parts->header);
    if (!header) return std::unexpected(header.error());
    const auto signature = base64url_decode(parts->signature);
    if (!signature) return std::unexpected(invalid("the token's signature is not base64url"));
    const auto signed_by_key = check_signature(*header, parts->signed_text, *signature);
    if (!signed_by_key) return std::unexpected(signed_by_key.error());
    return parts->payload;
}

Judged TokenVerifier::judge(std::string_view token, WallTime now, Expiry expiry) const {
    const auto encoded = signed_payload(token);
    if (!encoded) return {std::unexpected(encoded.error())};
    const auto payload = parse_part(parser_of_this_thread(), *encoded, "payload");
    if (!payload) return {std::unexpected(payload.error()), Signer::kKeyOfOurs};
    return {ClaimsReader(options_, *payload, now, expiry).read(), Signer::kKeyOfOurs};
}

bool TokenVerifier::lacks_key_for(std::string_view token) const {
    if (fetched_ == nullptr || token.size() > options_.token_bytes_max) return false;
    const auto parts = split(token);
    const auto header = parts ? read_header(parts->header) : std::unexpected(Error());
    if (!header) return false;
    const auto fetched = fetched_keys();
    const auto keys = candidates(*header, fetched.get());
    if (header->kid.empty()) return keys.empty();
    return keys.empty() || keys.front()->kid != header->kid;
}

VerifyCost TokenVerifier::cost_of(std::string_view token) const {
    const auto parts = split(token);
    const auto header = parts && token.size() <= options_.token_bytes_max
                            ? read_header(parts->header)
                            : std::unexpected(Error());
    const bool large = header && header->algorithm->family != KeyFamily::kHmac;
    return large ? VerifyCost::kLarge : VerifyCost::kSmall;
}

std::shared_ptr<const KeySet> TokenVerifier::fetched_keys() const {
    return fetched_ == nullptr ? nullptr : fetched_->get();
}

bool weak_secret(const TokenOptions& options) {
    return !options.secret.empty() && options.secret.size() < kSecretBytesMin;
}

}  // namespace signalbox::auth
