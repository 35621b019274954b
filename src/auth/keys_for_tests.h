#pragma once

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <map>
#include <string>
#include <string_view>

#include "auth/signature.h"
#include "base/base64.h"
#include "base/check.h"

/// Keys of every kind, what they sign, and how a JSON Web Key Set has them.
namespace signalbox::auth::testing {

using Key = PublicKey;

inline std::string pem_of(const EVP_PKEY* key) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(bio);
    return pem;
}

/// @param kind  "RSA", "ED25519", "ED448" or an EC group.
inline Key make_key(std::string_view kind, unsigned rsa_bits = 2048) {
    if (kind == "RSA") return Key(EVP_RSA_gen(rsa_bits));
    if (kind == "ED25519" || kind == "ED448") {
        return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, std::string(kind).c_str()));
    }
    return Key(EVP_EC_gen(std::string(kind).c_str()));
}

/// A key of the kind that `algorithm` needs; RSA keys are made once.
inline EVP_PKEY* key_for(const Algorithm& algorithm) {
    static std::map<std::string, Key, std::less<>> keys;
    std::string kind = "RSA";
    if (algorithm.family == KeyFamily::kEcdsa) kind = algorithm.curve;
    if (algorithm.family == KeyFamily::kEddsa) kind = "ED25519";
    Key& key = keys[kind];
    if (key == nullptr) key = make_key(kind);
    return key.get();
}

inline std::string fixed_width(std::string_view der, std::size_t coordinate_bytes) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size()));
    std::string out(2 * coordinate_bytes, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, static_cast<int>(coordinate_bytes));
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + coordinate_bytes, static_cast<int>(coordinate_bytes));
    ECDSA_SIG_free(pair);
    return out;
}

inline std::string sign_der(const Algorithm& algorithm, EVP_PKEY* key, std::string_view text,
                            int salt_bytes = RSA_PSS_SALTLEN_DIGEST) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* settings = nullptr;
    EVP_DigestSignInit_ex(context, &settings, algorithm.digest, nullptr, nullptr, key, nullptr);
    if (algorithm.family == KeyFamily::kRsaPss) {
        EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, salt_bytes);
    }
    std::string out(1024, '\0');
    std::size_t size = out.size();
    SB_CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size,
                            reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    EVP_MD_CTX_free(context);
    out.resize(size);
    return out;
}

inline std::string sign(const Algorithm& algorithm, EVP_PKEY* key, std::string_view text) {
    std::string der = sign_der(algorithm, key, text);
    return algorithm.family == KeyFamily::kEcdsa ? fixed_width(der, algorithm.coordinate_bytes)
                                                 : der;
}

/// The compact form of `payload`, signed.
inline std::string token_of(const Algorithm& algorithm, EVP_PKEY* key, std::string_view header,
                            std::string_view payload) {
    const std::string text = base64url_encode(header) + '.' + base64url_encode(payload);
    return text + '.' + base64url_encode(sign(algorithm, key, text));
}

inline std::string number_of(const EVP_PKEY* key, const char* name, int bytes = 0) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    std::string out(static_cast<std::size_t>(bytes == 0 ? BN_num_bytes(number) : bytes), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()),
                 static_cast<int>(out.size()));
    BN_free(number);
    return base64url_encode(out);
}

/// The public key's members as a JWK has them, without braces.
inline std::string jwk_members(const EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "RSA") == 1) {
        return fmt::format(R"("kty":"RSA","n":"{}","e":"{}")",
                           number_of(key, OSSL_PKEY_PARAM_RSA_N),
                           number_of(key, OSSL_PKEY_PARAM_RSA_E));
    }
    if (EVP_PKEY_is_a(key, "EC") == 1) {
        const int bits = EVP_PKEY_get_bits(key), bytes = (bits + 7) / 8;
        return fmt::format(R"("kty":"EC","crv":"P-{}","x":"{}","y":"{}")", bits,
                           number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, bytes),
                           number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, bytes));
    }
    std::string raw(64, '\0');
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size);
    raw.resize(size);
    return fmt::format(R"("kty":"OKP","crv":"{}","x":"{}")",
                       EVP_PKEY_is_a(key, "ED25519") == 1 ? "Ed25519" : "Ed448",
                       base64url_encode(raw));
}

/// {"keys":[…]}, each with its further members ("\"kid\":\"a\"").
inline std::string key_set_of(std::initializer_list<std::pair<const EVP_PKEY*, std::string>> keys) {
    std::string list;
    for (const auto& [key, more] : keys) {
        list +=
            (list.empty() ? "{" : ",{") + jwk_members(key) + (more.empty() ? "" : "," + more) + '}';
    }
    return "{\"keys\":[" + list + "]}";
}

}  // namespace signalbox::auth::testing
