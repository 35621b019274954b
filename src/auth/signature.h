#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace signalbox::auth {

enum class KeyFamily : std::uint8_t { kHmac, kRsa, kRsaPss, kEcdsa, kEddsa };

/// One JWS algorithm (RFC 7518 section 3, RFC 8037 section 3.1) in OpenSSL's words.
struct Algorithm {
    std::string_view name;  ///< as in `alg`, case-sensitive
    KeyFamily family;
    const char* digest;            ///< nullptr for EdDSA, which hashes itself
    const char* curve;             ///< ECDSA's group, else nullptr
    std::size_t coordinate_bytes;  ///< ECDSA: length of each half of the signature, else 0
};

/// @return nullptr for anything that is not exactly one of the known names; `none` is not.
[[nodiscard]] const Algorithm* find_algorithm(std::string_view name);

template <auto Free>
struct OpenSslDeleter {
    void operator()(auto* object) const { Free(object); }
};
using PublicKey = std::unique_ptr<EVP_PKEY, OpenSslDeleter<EVP_PKEY_free>>;

/// The keys that tokens may be signed with: at most one secret and one public key. An algorithm is
/// checked only with a key made for it, so a public key can never serve as a secret.
///
/// Threading: const after construction; verify() from any thread.
class SignatureKeys {
public:
    using Created = std::expected<std::unique_ptr<SignatureKeys>, std::string>;

    /// Either may be empty. @return a sentence that names the key at fault.
    [[nodiscard]] static Created create(std::string_view secret, std::string_view public_key_pem);
    /// @param key  not null. RSA: of 2048 to 8192 bits.
    [[nodiscard]] static Created of(PublicKey key);

    [[nodiscard]] bool can_verify(const Algorithm& algorithm) const;
    /// True when `signature` (raw bytes) is that of `text`. Precondition: can_verify(algorithm).
    [[nodiscard]] bool verify(const Algorithm& algorithm, std::string_view text,
                              std::string_view signature) const;

private:
    using MacContext = std::unique_ptr<EVP_MAC_CTX, OpenSslDeleter<EVP_MAC_CTX_free>>;

    SignatureKeys() = default;
    void set_secret(std::string_view secret);
    [[nodiscard]] std::string set_public_key(std::string_view pem);
    [[nodiscard]] std::string set_public_key(PublicKey key);
    [[nodiscard]] bool verify_hmac(const Algorithm& algorithm, std::string_view text,
                                   std::string_view signature) const;
    [[nodiscard]] bool verify_public(const Algorithm& algorithm, std::string_view text,
                                     std::string_view signature) const;

    std::array<MacContext, 3> hmac_;  // keyed once, copied for each token: SHA-256, 384, 512
    PublicKey public_key_;
};

/// HMAC of `text`, raw bytes. Precondition: `algorithm` is of the HMAC family.
[[nodiscard]] std::string sign_hmac(const Algorithm& algorithm, std::string_view secret,
                                    std::string_view text);

}  // namespace signalbox::auth
