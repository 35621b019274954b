#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;
struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace signalbox::runtime {

/// Keys of TLS session tickets that several servers share, so that each resumes the sessions that
/// another began. The first makes tickets, all of them open them; a ticket of a key behind the
/// first is renewed. Rotation: put a new key in front on every server, later drop the last.
///
/// Ownership: install() hands them to the SSL_CTX, which wipes them when it ends.
/// Threading: any thread, once installed.
class TicketKeys {
public:
    static constexpr std::size_t kKeyBytes = 80;
    static constexpr std::size_t kKeysMax = 16;

    /// Each file holds kKeyBytes random bytes: 16 that name the key, 32 for HMAC-SHA-256, 32 for
    /// AES-256. @return a sentence that names the file and the cause.
    [[nodiscard]] static std::expected<TicketKeys, std::string> read(
        std::span<const std::string> files);
    ~TicketKeys();
    TicketKeys(TicketKeys&&) noexcept;
    TicketKeys& operator=(TicketKeys&&) = delete;

    /// @return false when out of memory.
    [[nodiscard]] static bool install(TicketKeys keys, ssl_ctx_st* context);

private:
    struct Key;
    TicketKeys();
    static int on_ticket(ssl_st* ssl, unsigned char* name, unsigned char* iv,
                         evp_cipher_ctx_st* cipher, evp_mac_ctx_st* mac, int encrypting);
    [[nodiscard]] const Key* find(const unsigned char* name) const;

    std::vector<Key> keys_;
};

}  // namespace signalbox::runtime
