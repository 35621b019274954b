#include "auth/key_set.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <optional>

#include "auth/token_json.h"
#include "base/base64.h"
#include "base/json.h"

namespace signalbox::auth {
namespace {

using simdjson::SUCCESS;
template <class T>
using Result = std::expected<T, std::string>;
using Number = std::unique_ptr<BIGNUM, OpenSslDeleter<BN_free>>;
using ParameterBuilder = std::unique_ptr<OSSL_PARAM_BLD, OpenSslDeleter<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, OpenSslDeleter<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, OpenSslDeleter<EVP_PKEY_CTX_free>>;

constexpr std::size_t kSecretBytesWithoutAlg = 32;

/// Curves by their JWK names (RFC 7518 section 6.2.1.1, RFC 8037 section 2).
struct Curve {
    std::string_view name;
    const char* openssl;
    std::string_view algorithm;
    std::size_t coordinate_bytes;
};
constexpr Curve kEcCurves[] = {{"P-256", "P-256", "ES256", 32},
                               {"P-384", "P-384", "ES384", 48},
                               {"P-521", "P-521", "ES512", 66}};
constexpr Curve kOkpCurves[] = {{"Ed25519", "ED25519", "EdDSA", 32},
                                {"Ed448", "ED448", "EdDSA", 57}};

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::optional<std::string_view> text_at(JsonObject key, std::string_view name) {
    std::string_view text;
    return key.at_key(name).get(text) == SUCCESS ? std::optional(text) : std::nullopt;
}

Result<std::string> bytes_at(JsonObject key, std::string_view name) {
    const auto text = text_at(key, name);
    auto bytes = text ? base64url_decode(*text) : std::nullopt;
    if (!bytes || bytes->empty())
        return std::unexpected(fmt::format("{} is missing or no base64url", name));
    return std::move(*bytes);
}

/// RFC 7517 sections 4.2 and 4.3: for another purpose than verifying signatures.
bool is_for_something_else(JsonObject key) {
    const auto use = text_at(key, "use");
    if (use && *use != "sig") return true;
    JsonElement operations;
    if (key.at_key("key_ops").get(operations) != SUCCESS) return false;
    const auto names = strings_of(operations);
    return !names || std::ranges::find(*names, "verify") == names->end();
}

Result<PublicKey> make_key(const char* type, const ParameterBuilder& builder) {
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
    const KeyContext making(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* made = nullptr;
    const bool good =
        parameters != nullptr && making != nullptr && EVP_PKEY_fromdata_init(making.get()) == 1 &&
        EVP_PKEY_fromdata(making.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
    PublicKey key(made);
    ERR_clear_error();
    if (!good) return std::unexpected("its numbers make no key");
    return key;
}

/// For points of curves. Not for RSA: OpenSSL looks for primes there, up to seconds a key.
Result<PublicKey> checked(Result<PublicKey> key) {
    if (!key) return key;
    const KeyContext checking(EVP_PKEY_CTX_new(key->get(), nullptr));
    const bool sound = checking != nullptr && EVP_PKEY_public_check_quick(checking.get()) == 1;
    ERR_clear_error();
    if (!sound) return std::unexpected("its numbers make no key");
    return key;
}

Result<PublicKey> rsa_key(JsonObject jwk) {
    constexpr std::size_t kModulusBytesMax = 2048, kExponentBytesMax = 8;
    const auto n = bytes_at(jwk, "n"), e = bytes_at(jwk, "e");
    if (!n || !e) return std::unexpected(n ? e.error() : n.error());
    if (n->size() > kModulusBytesMax || e->size() > kExponentBytesMax)
        return std::unexpected("its numbers are too large");
    const Number modulus(BN_bin2bn(bytes_of(*n), static_cast<int>(n->size()), nullptr));
    const Number exponent(BN_bin2bn(bytes_of(*e), static_cast<int>(e->size()), nullptr));
    if (BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get()) == 1)
        return std::unexpected("its exponent is even or 1");
    if (BN_is_odd(modulus.get()) == 0) return std::unexpected("its modulus is even");
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    return make_key("RSA", builder);
}

Result<PublicKey> ec_key(JsonObject jwk, const Curve& curve) {
    const auto x = bytes_at(jwk, "x"), y = bytes_at(jwk, "y");
    if (!x || !y) return std::unexpected(x ? y.error() : x.error());
    if (x->size() != curve.coordinate_bytes || y->size() != curve.coordinate_bytes)
        return std::unexpected("its coordinates have another length than its curve's");
    const std::string point = '\4' + *x + *y;
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.openssl, 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    return checked(make_key("EC", builder));
}

Result<PublicKey> okp_key(JsonObject jwk, const Curve& curve) {
    const auto x = bytes_at(jwk, "x");
    if (!x) return std::unexpected(x.error());
    if (x->size() != curve.coordinate_bytes)
        return std::unexpected("its x has another length than its curve's");
    PublicKey key(
        EVP_PKEY_new_raw_public_key_ex(nullptr, curve.openssl, nullptr, bytes_of(*x), x->size()));
    ERR_clear_error();
    if (key == nullptr) return std::unexpected("its numbers make no key");
    return key;
}

template <std::size_t N>
const Curve* find_curve(const Curve (&curves)[N], JsonObject jwk) {
    const auto name = text_at(jwk, "crv");
    const auto* found = name ? std::ranges::find(curves, *name, &Curve::name) : std::end(curves);
    return found == std::end(curves) ? nullptr : found;
}

Result<TokenKey> asymmetric(Result<PublicKey> key, const Algorithm* algorithm) {
    if (!key) return std::unexpected(key.error());
    auto material = SignatureKeys::of(std::move(*key));
    if (!material) return std::unexpected(std::move(material).error());
    return TokenKey{{}, algorithm, std::move(*material)};
}

template <std::size_t N>
Result<TokenKey> on_curve(const Curve (&curves)[N], JsonObject jwk,
                          Result<PublicKey> (*read)(JsonObject, const Curve&)) {
    const Curve* curve = find_curve(curves, jwk);
    if (curve == nullptr) return std::unexpected("its curve is not supported");
    return asymmetric(read(jwk, *curve), find_algorithm(curve->algorithm));
}

std::size_t hash_bytes(const Algorithm& algorithm) {
    constexpr std::size_t kBitsInByte = 8;
    return std::stoul(std::string(algorithm.name.substr(2))) / kBitsInByte;
}

Result<TokenKey> secret(JsonObject jwk, const Algorithm* declared) {
    const auto k = bytes_at(jwk, "k");
    if (!k) return std::unexpected(k.error());
    const bool hmac = declared != nullptr && declared->family == KeyFamily::kHmac;
    const std::size_t least = hmac ? hash_bytes(*declared) : kSecretBytesWithoutAlg;
    if (k->size() < least)
        return std::unexpected(fmt::format("it is a secret of fewer than {} bytes", least));
    return TokenKey{{}, nullptr, std::move(*SignatureKeys::create(*k, ""))};
}

Result<TokenKey> material_of(JsonObject jwk, const Algorithm* declared) {
    const auto type = text_at(jwk, "kty");
    if (!type) return std::unexpected("it has no kty");
    if (*type == "RSA") return asymmetric(rsa_key(jwk), nullptr);
    if (*type == "EC") return on_curve(kEcCurves, jwk, ec_key);
    if (*type == "OKP") return on_curve(kOkpCurves, jwk, okp_key);
    if (*type == "oct") return secret(jwk, declared);
    return std::unexpected("its kty is not supported");
}

Result<TokenKey> read_key(JsonObject jwk) {
    const Algorithm* declared = nullptr;
    JsonElement member;
    if (jwk.at_key("alg").get(member) == SUCCESS) {
        declared = find_algorithm(string_of(member).value_or(""));
        if (declared == nullptr) return std::unexpected("its alg is not supported");
    }
    auto key = material_of(jwk, declared);
    if (!key) return key;
    if (declared != nullptr && !key->material->can_verify(*declared))
        return std::unexpected("its alg and its kty do not go together");
    if (declared != nullptr) key->algorithm = declared;
    if (jwk.at_key("kid").get(member) != SUCCESS) return key;
    const auto kid = string_of(member);
    if (!kid || kid->size() > kKidBytesMax) return std::unexpected("its kid is no short string");
    key->kid = *kid;
    return key;
}

bool repeats(const KeySet& set, const TokenKey& key) {
    return !key.kid.empty() && std::ranges::any_of(set.keys, [&](const TokenKey& other) {
        return other.kid == key.kid && other.algorithm == key.algorithm;
    });
}

void add_key(KeySet& set, JsonElement element, std::size_t index) {
    JsonObject jwk;
    const bool object = element.get(jwk) == SUCCESS;
    if (object && is_for_something_else(jwk)) return;
    auto key = object ? read_key(jwk) : std::unexpected("it is no object");
    if (key && repeats(set, *key)) key = std::unexpected("another key before it has its kid");
    if (key) {
        set.keys.push_back(std::move(*key));
    } else {
        set.warnings.push_back(fmt::format("key {} is left out: {}", index, key.error()));
    }
}

}  // namespace

const Algorithm* TokenKey::bound_to(const std::vector<const Algorithm*>& accepted) const {
    if (algorithm != nullptr) return algorithm;
    const auto first = std::ranges::find_if(
        accepted, [this](const Algorithm* each) { return material->can_verify(*each); });
    return first == accepted.end() ? nullptr : *first;
}

std::expected<KeySet, std::string> parse_key_set(std::string_view json) {
    if (json.size() > kKeySetBytesMax)
        return std::unexpected(fmt::format("is over {} bytes", kKeySetBytesMax));
    JsonParser parser;
    const auto root = parser.parse(json);
    if (!root) return std::unexpected("is no JSON: " + std::string(to_string(root.error())));
    if (has_duplicate_members(*root)) return std::unexpected("has a member twice");
    JsonObject object;
    simdjson::dom::array keys;
    if (root->get(object) != SUCCESS || object.at_key("keys").get(keys) != SUCCESS)
        return std::unexpected("is no JSON Web Key Set: it has no array `keys`");
    if (keys.size() > kKeySetKeysMax)
        return std::unexpected(fmt::format("has more than {} keys", kKeySetKeysMax));
    KeySet set;
    std::size_t index = 0;
    for (const JsonElement element : keys) add_key(set, element, index++);
    if (!set.keys.empty()) return set;
    return std::unexpected(set.warnings.empty() ? "has no key for signatures"
                                                : "has no usable key: " + set.warnings.front());
}

}  // namespace signalbox::auth
