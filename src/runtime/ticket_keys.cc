#include "runtime/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include "base/check.h"

namespace signalbox::runtime {
namespace {

constexpr std::size_t kNameBytes = 16;
constexpr int kIvBytes = 16;

/// What OpenSSL's callback says: an error, a full handshake, the ticket counts, it is to be renewed.
constexpr int kError = -1;
constexpr int kUnknown = 0;
constexpr int kTaken = 1;
constexpr int kTakenAndRenewed = 2;

std::unexpected<std::string> unusable(const std::string& file, const std::string& cause) {
    return std::unexpected("cannot use the ticket key " + file + ": " + cause);
}

void free_keys(void*, void* keys, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<TicketKeys*>(keys);
}

/// Where an SSL_CTX keeps them.
int slot() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_keys);
    SB_CHECK(index >= 0);
    return index;
}

}  // namespace

struct TicketKeys::Key {
    std::array<unsigned char, kNameBytes> name;
    std::array<unsigned char, 32> hmac;
    std::array<unsigned char, 32> aes;
};

TicketKeys::TicketKeys() = default;
TicketKeys::TicketKeys(TicketKeys&&) noexcept = default;

std::expected<TicketKeys, std::string> TicketKeys::read(std::span<const std::string> files) {
    static_assert(sizeof(Key) == kKeyBytes);
    TicketKeys keys;
    if (files.size() > kKeysMax) return unusable(files.back(), "one too many");
    keys.keys_.reserve(files.size());
    for (const std::string& file : files) {
        std::ifstream in(file, std::ios::binary);
        if (!in) return unusable(file, std::strerror(errno));
        std::array<char, kKeyBytes + 1> bytes{};
        in.read(bytes.data(), bytes.size());
        const bool whole = in.gcount() == static_cast<std::streamsize>(kKeyBytes);
        if (whole) std::memcpy(&keys.keys_.emplace_back(), bytes.data(), kKeyBytes);
        OPENSSL_cleanse(bytes.data(), bytes.size());
        if (!whole) return unusable(file, "it has not exactly 80 bytes");
        if (keys.find(keys.keys_.back().name.data()) != &keys.keys_.back())
            return unusable(file, "its first 16 bytes name another key too");
    }
    return keys;
}

TicketKeys::~TicketKeys() {
    OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(Key));
}

const TicketKeys::Key* TicketKeys::find(const unsigned char* name) const {
    const auto found = std::ranges::find_if(
        keys_, [&](const Key& key) { return std::equal(key.name.begin(), key.name.end(), name); });
    return found == keys_.end() ? nullptr : &*found;
}

bool TicketKeys::install(TicketKeys keys, ssl_ctx_st* context) {
    SB_CHECK(!keys.keys_.empty());
    auto owned = std::make_unique<TicketKeys>(std::move(keys));
    if (SSL_CTX_set_ex_data(context, slot(), owned.get()) != 1) return false;
    owned.release();
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) == 1;
}

int TicketKeys::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                          EVP_MAC_CTX* mac, int encrypting) {
    const SSL_CTX* context = SSL_get_SSL_CTX(ssl);
    const auto& keys = *static_cast<const TicketKeys*>(SSL_CTX_get_ex_data(context, slot()));
    const Key* key = encrypting != 0 ? &keys.keys_.front() : keys.find(name);
    if (key == nullptr) return kUnknown;
    if (encrypting != 0) {
        std::ranges::copy(key->name, name);
        if (RAND_bytes(iv, kIvBytes) != 1) return kError;
    }
    char digest[] = "SHA256";
    auto* const secret = const_cast<unsigned char*>(key->hmac.data());
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, key->hmac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END};
    const bool ready = EVP_MAC_CTX_set_params(mac, params) == 1 &&
                       EVP_CipherInit_ex2(cipher, EVP_aes_256_cbc(), key->aes.data(), iv,
                                          encrypting, nullptr) == 1;
    if (!ready) return kError;
    return key == &keys.keys_.front() ? kTaken : kTakenAndRenewed;
}

}  // namespace signalbox::runtime
