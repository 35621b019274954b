#pragma once

#include <array>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/principal.h"

namespace signalbox::auth {

/// One `[[auth.service_keys]]`. The key itself is never kept: only its SHA-256.
struct ServiceKey {
    std::string id;
    std::string sha256_hex;
    std::vector<std::string> permissions;
    std::vector<CompanyId> companies;  ///< empty: every one, by the permissions claimed literally
};

/// The keys of services, looked up by hash, compared in constant time.
/// Threading: const after construction.
class ServiceKeys {
public:
    ServiceKeys() = default;
    /// @return a sentence that names the key at fault (hash not 64 hex digits, id twice or empty).
    [[nodiscard]] static std::expected<ServiceKeys, std::string> create(
        std::vector<ServiceKey> keys);
    [[nodiscard]] std::optional<Principal> find(std::string_view presented) const;

private:
    std::vector<ServiceKey> keys_;
};

inline constexpr std::size_t kServiceKeyBytesMax = 512;
/// What a service key may look like: any text of at most kServiceKeyBytesMax bytes but one with two
/// dots, which is a token (RFC 7515 section 3.1). `signalbox key create` makes "sbk_" and 43 random
/// characters.
[[nodiscard]] bool may_be_service_key(std::string_view bearer);
/// 32 bytes.
[[nodiscard]] std::string sha256(std::string_view text);
[[nodiscard]] std::string sha256_hex(std::string_view text);

}  // namespace signalbox::auth
