#include "auth/service_keys.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/check.h"

namespace signalbox::auth {
namespace {

constexpr std::size_t kHexDigits = 64;

char lower(char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
}

bool is_lower_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/// @return what is wrong with `key` beside those before it, or an empty string.
std::string fault_of(const ServiceKey& key, const std::vector<ServiceKey>& earlier) {
    if (key.id.empty()) return "a service key has no id";
    if (!is_valid_id(key.id)) return "a service key's id has white space or is too long";
    if (std::ranges::find(earlier, key.id, &ServiceKey::id) != earlier.end()) {
        return fmt::format("service key '{}' is there twice", key.id);
    }
    if (key.sha256_hex.size() != kHexDigits || !std::ranges::all_of(key.sha256_hex, is_lower_hex)) {
        return fmt::format("service key '{}': sha256 is not 64 hex digits", key.id);
    }
    const auto same = std::ranges::find(earlier, key.sha256_hex, &ServiceKey::sha256_hex);
    if (same != earlier.end()) {
        return fmt::format("service keys '{}' and '{}' have the same sha256", same->id, key.id);
    }
    return {};
}

Principal principal_of(const ServiceKey& key) {
    Principal principal;
    principal.permissions = Permissions(key.permissions);
    principal.service = std::make_shared<const Service>(key.id, key.companies);
    return principal;
}

}  // namespace

std::expected<ServiceKeys, std::string> ServiceKeys::create(std::vector<ServiceKey> keys) {
    ServiceKeys made;
    for (ServiceKey& key : keys) {
        std::ranges::transform(key.sha256_hex, key.sha256_hex.begin(), lower);
        std::string fault = fault_of(key, made.keys_);
        if (!fault.empty()) return std::unexpected(std::move(fault));
        made.keys_.push_back(std::move(key));
    }
    return made;
}

std::optional<Principal> ServiceKeys::find(std::string_view presented) const {
    if (keys_.empty()) return std::nullopt;
    const std::string hash = sha256_hex(presented);
    const ServiceKey* found = nullptr;
    for (const ServiceKey& key : keys_) {  // all of them: time must not tell which one matched
        if (CRYPTO_memcmp(key.sha256_hex.data(), hash.data(), kHexDigits) == 0) found = &key;
    }
    if (found == nullptr) return std::nullopt;
    return principal_of(*found);
}

bool may_be_service_key(std::string_view bearer) {
    constexpr auto kDotsOfAToken = 2;
    return bearer.size() <= kServiceKeyBytesMax && std::ranges::count(bearer, '.') != kDotsOfAToken;
}

std::string sha256(std::string_view text) {
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    SB_CHECK(EVP_Digest(text.data(), text.size(), hash, &size, EVP_sha256(), nullptr) == 1);
    return {reinterpret_cast<const char*>(hash), size};
}

std::string sha256_hex(std::string_view text) {
    std::string hex;
    for (const char byte : sha256(text))
        hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return hex;
}

}  // namespace signalbox::auth
