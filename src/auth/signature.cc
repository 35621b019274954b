#include "auth/signature.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "base/check.h"

namespace signalbox::auth {
namespace {

using enum KeyFamily;

constexpr Algorithm kAlgorithms[] = {
    {"HS256", kHmac, "SHA256", nullptr, 0},
    {"HS384", kHmac, "SHA384", nullptr, 0},
    {"HS512", kHmac, "SHA512", nullptr, 0},
    {"RS256", kRsa, "SHA256", nullptr, 0},
    {"RS384", kRsa, "SHA384", nullptr, 0},
    {"RS512", kRsa, "SHA512", nullptr, 0},
    {"PS256", kRsaPss, "SHA256", nullptr, 0},
    {"PS384", kRsaPss, "SHA384", nullptr, 0},
    {"PS512", kRsaPss, "SHA512", nullptr, 0},
    {"ES256", kEcdsa, "SHA256", SN_X9_62_prime256v1, 32},
    {"ES384", kEcdsa, "SHA384", SN_secp384r1, 48},
    {"ES512", kEcdsa, "SHA512", SN_secp521r1, 66},
    {"EdDSA", kEddsa, nullptr, nullptr, 0},
};
constexpr std::size_t kHmacAlgorithms = 3;  // the first ones
constexpr int kRsaBitsMin = 2048;           // RFC 7518 section 3.3
constexpr int kRsaBitsMax = 8192;           // what checking a token may cost

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::size_t hmac_index(const Algorithm& algorithm) {
    const auto index = static_cast<std::size_t>(&algorithm - kAlgorithms);
    SB_CHECK(index < kHmacAlgorithms);
    return index;
}

bool is_on_curve(const EVP_PKEY* key, const char* curve) {
    char name[64];
    std::size_t length = 0;
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_group_name(key, name, sizeof name, &length) == 1 &&
           std::string_view(name, length) == curve;
}

/// The DER that OpenSSL wants for the fixed-width r || s of RFC 7518 section 3.4; empty when it is
/// not exactly that long.
std::string ecdsa_der(std::string_view signature, std::size_t coordinate_bytes) {
    if (signature.size() != 2 * coordinate_bytes) return {};
    const int half = static_cast<int>(coordinate_bytes);
    ECDSA_SIG* pair = ECDSA_SIG_new();
    BIGNUM* r = BN_bin2bn(bytes_of(signature), half, nullptr);
    BIGNUM* s = BN_bin2bn(bytes_of(signature) + half, half, nullptr);
    SB_CHECK(pair != nullptr && ECDSA_SIG_set0(pair, r, s) == 1);
    std::string der(static_cast<std::size_t>(i2d_ECDSA_SIG(pair, nullptr)), '\0');
    auto* out = reinterpret_cast<unsigned char*>(der.data());
    i2d_ECDSA_SIG(pair, &out);
    ECDSA_SIG_free(pair);
    return der;
}

/// RFC 7518 section 3.5: MGF1 with the same digest, salt as long as the digest.
bool set_pss(EVP_PKEY_CTX* context) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

}  // namespace

const Algorithm* find_algorithm(std::string_view name) {
    const auto* found = std::ranges::find(kAlgorithms, name, &Algorithm::name);
    return found == std::end(kAlgorithms) ? nullptr : found;
}

SignatureKeys::Created SignatureKeys::create(std::string_view secret,
                                             std::string_view public_key_pem) {
    std::unique_ptr<SignatureKeys> keys(new SignatureKeys());
    if (!secret.empty()) keys->set_secret(secret);
    if (public_key_pem.empty()) return keys;
    std::string fault = keys->set_public_key(public_key_pem);
    if (!fault.empty()) return std::unexpected(std::move(fault));
    return keys;
}

SignatureKeys::Created SignatureKeys::of(PublicKey key) {
    std::unique_ptr<SignatureKeys> keys(new SignatureKeys());
    std::string fault = keys->set_public_key(std::move(key));
    if (!fault.empty()) return std::unexpected(std::move(fault));
    return keys;
}

void SignatureKeys::set_secret(std::string_view secret) {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    for (std::size_t i = 0; i < kHmacAlgorithms; ++i) {
        hmac_[i].reset(EVP_MAC_CTX_new(mac));
        const OSSL_PARAM parameters[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                             const_cast<char*>(kAlgorithms[i].digest), 0),
            OSSL_PARAM_construct_end()};
        SB_CHECK(EVP_MAC_init(hmac_[i].get(), bytes_of(secret), secret.size(), parameters) == 1);
    }
    EVP_MAC_free(mac);
}

std::string SignatureKeys::set_public_key(std::string_view pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    PublicKey key(PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr));
    BIO_free(bio);
    ERR_clear_error();
    if (key == nullptr) return "the public key is not a PEM 'PUBLIC KEY'";
    return set_public_key(std::move(key));
}

std::string SignatureKeys::set_public_key(PublicKey key) {
    public_key_ = std::move(key);
    const bool rsa = EVP_PKEY_is_a(public_key_.get(), "RSA") == 1 ||
                     EVP_PKEY_is_a(public_key_.get(), "RSA-PSS") == 1;
    const int bits = EVP_PKEY_get_bits(public_key_.get());
    if (rsa && bits < kRsaBitsMin) return "the public key is an RSA key of fewer than 2048 bits";
    if (rsa && bits > kRsaBitsMax) return "the public key is an RSA key of more than 8192 bits";
    return {};
}

bool SignatureKeys::can_verify(const Algorithm& algorithm) const {
    if (algorithm.family == kHmac) return hmac_[hmac_index(algorithm)] != nullptr;
    const EVP_PKEY* key = public_key_.get();
    if (key == nullptr) return false;
    switch (algorithm.family) {
        case kHmac:
            return false;
        case kRsa:
            return EVP_PKEY_is_a(key, "RSA") == 1;
        case kRsaPss:
            return EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1;
        case kEcdsa:
            return is_on_curve(key, algorithm.curve);
        case kEddsa:
            return EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1;
    }
    return false;
}

bool SignatureKeys::verify(const Algorithm& algorithm, std::string_view text,
                           std::string_view signature) const {
    SB_CHECK(can_verify(algorithm));
    return algorithm.family == kHmac ? verify_hmac(algorithm, text, signature)
                                     : verify_public(algorithm, text, signature);
}

bool SignatureKeys::verify_hmac(const Algorithm& algorithm, std::string_view text,
                                std::string_view signature) const {
    const MacContext mac(EVP_MAC_CTX_dup(hmac_[hmac_index(algorithm)].get()));
    unsigned char expected[EVP_MAX_MD_SIZE];
    std::size_t size = 0;
    SB_CHECK(mac != nullptr && EVP_MAC_update(mac.get(), bytes_of(text), text.size()) == 1 &&
             EVP_MAC_final(mac.get(), expected, &size, sizeof expected) == 1);
    return signature.size() == size && CRYPTO_memcmp(expected, signature.data(), size) == 0;
}

bool SignatureKeys::verify_public(const Algorithm& algorithm, std::string_view text,
                                  std::string_view signature) const {
    std::string der;
    if (algorithm.family == kEcdsa)
        signature = der = ecdsa_der(signature, algorithm.coordinate_bytes);
    if (signature.empty()) return false;
    const std::unique_ptr<EVP_MD_CTX, OpenSslDeleter<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* settings = nullptr;  // owned by `context`
    const bool valid = EVP_DigestVerifyInit_ex(context.get(), &settings, algorithm.digest, nullptr,
                                               nullptr, public_key_.get(), nullptr) == 1 &&
                       (algorithm.family != kRsaPss || set_pss(settings)) &&
                       EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                        bytes_of(text), text.size()) == 1;
    if (!valid) ERR_clear_error();
    return valid;
}

std::string sign_hmac(const Algorithm& algorithm, std::string_view secret, std::string_view text) {
    SB_CHECK(algorithm.family == kHmac);
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    SB_CHECK(HMAC(EVP_get_digestbyname(algorithm.digest), secret.data(),
                  static_cast<int>(secret.size()), bytes_of(text), text.size(), out,
                  &size) != nullptr);
    return {reinterpret_cast<const char*>(out), size};
}

}  // namespace signalbox::auth
