#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auth/signature.h"

namespace signalbox::auth {

/// One key that tokens may be signed with, made for one algorithm.
struct TokenKey {
    std::string kid;  ///< empty: no token names it
    /// The only algorithm that it serves: its `alg`, or the one that its curve leaves. nullptr: of
    /// RSA keys and secrets without `alg`, the first of the accepted algorithms that fits.
    const Algorithm* algorithm = nullptr;
    std::shared_ptr<const SignatureKeys> material;

    /// @param accepted  `auth.jwt.algorithms`, in the order of the configuration.
    [[nodiscard]] const Algorithm* bound_to(const std::vector<const Algorithm*>& accepted) const;
};

/// A JSON Web Key Set (RFC 7517): what of it can verify tokens.
struct KeySet {
    std::vector<TokenKey> keys;
    /// Sentences about keys that were left out though they seem meant for signatures. Keys for
    /// other uses are left out silently.
    std::vector<std::string> warnings;
};

inline constexpr std::size_t kKeySetBytesMax = 256 * 1024;
inline constexpr std::size_t kKeySetKeysMax = 100;
inline constexpr std::size_t kKidBytesMax = 256;

/// Reads RSA, EC (P-256, P-384, P-521), OKP (Ed25519, Ed448) and oct keys; `use`, `key_ops` and
/// `alg` count, all else of a key (x5c, x5u, private parts) does not.
///
/// A key that cannot be used is left out: RSA of fewer than 2048 or more than 8192 bits, a secret
/// shorter than its algorithm's hash (32 bytes without `alg`), a point that is not on its curve, a
/// foreign kty, the second key of one kid and algorithm.
/// @return a sentence when the whole cannot be used: over the bounds above, no JSON, a member
///         twice, no `keys`, or not one usable key.
[[nodiscard]] std::expected<KeySet, std::string> parse_key_set(std::string_view json);

/// The set that a source has fetched last, for all who verify.
/// Threading: any thread; a reader keeps the set that it got.
class SharedKeySet {
public:
    using Snapshot = std::shared_ptr<const KeySet>;
    /// @return nullptr while there is none.
    [[nodiscard]] Snapshot get() const {
        const std::lock_guard lock(mutex_);
        return set_;
    }
    void set(Snapshot set) {
        const std::lock_guard lock(mutex_);
        set_.swap(set);
    }

private:
    // libstdc++ 12's std::atomic<std::shared_ptr> lets a store overtake a load that is not done.
    mutable std::mutex mutex_;
    Snapshot set_;
};

}  // namespace signalbox::auth
