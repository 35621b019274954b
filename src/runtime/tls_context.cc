#include "runtime/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <mutex>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "runtime/ticket_keys.h"
#include "runtime/tls_stream.h"

namespace signalbox::runtime {
namespace {

struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;

std::unexpected<std::string> failure(std::string_view what, const std::string& file) {
    char cause[256] = "unknown cause";
    if (const unsigned long error = ERR_get_error()) ERR_error_string_n(error, cause, sizeof cause);
    ERR_clear_error();
    return std::unexpected(std::string(what) + ' ' + file + ": " + cause);
}

int select_http11(SSL*, const unsigned char** out, unsigned char* out_length,
                  const unsigned char* offered, unsigned offered_length, void*) {
    static constexpr unsigned char kHttp11[] = "\x08http/1.1";
    unsigned char* selected = nullptr;
    const int result = SSL_select_next_proto(&selected, out_length, kHttp11, sizeof kHttp11 - 1,
                                             offered, offered_length);
    *out = selected;
    // RFC 7301 section 3.2: no_application_protocol.
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// Of TLS 1.2; all of TLS 1.3's are such.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

void configure(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SB_CHECK(SSL_CTX_set_cipher_list(context, kCiphers) == 1);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, select_http11, nullptr);
}

std::expected<ContextPtr, std::string> read_context(const TlsFiles& files) {
    ContextPtr context(SSL_CTX_new(TLS_server_method()));
    if (!context) return failure("TLS cannot be set up for", files.certificate_file);
    configure(context.get());
    if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate_file.c_str()) != 1) {
        return failure("cannot use the certificate", files.certificate_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context.get()) != 1) {
        return failure("cannot use the key", files.key_file);
    }
    if (files.ticket_key_files.empty()) return context;
    auto tickets = TicketKeys::read(files.ticket_key_files);
    if (!tickets) return std::unexpected(std::move(tickets.error()));
    if (!TicketKeys::install(std::move(*tickets), context.get()))
        return failure("cannot use the ticket key", files.ticket_key_files.front());
    return context;
}

}  // namespace

class TlsContext::State {
public:
    void swap(ContextPtr context) {
        const std::lock_guard lock(mutex_);
        context_.swap(context);
    }
    SSL* new_ssl() {
        const std::lock_guard lock(mutex_);
        return SSL_new(context_.get());
    }

private:
    std::mutex mutex_;
    ContextPtr context_;
};

TlsContext::TlsContext(TlsFiles files)
    : files_(std::move(files)), state_(std::make_unique<State>()) {}

TlsContext::~TlsContext() = default;

std::expected<std::shared_ptr<TlsContext>, std::string> TlsContext::load(TlsFiles files) {
    std::shared_ptr<TlsContext> context(new TlsContext(std::move(files)));
    if (auto read = context->reload(); !read) return std::unexpected(std::move(read.error()));
    return context;
}

std::expected<void, std::string> TlsContext::reload() {
    auto context = read_context(files_);
    if (!context) return std::unexpected(std::move(context.error()));
    state_->swap(std::move(*context));
    return {};
}

std::unique_ptr<Transport> TlsContext::accept(UniqueFd socket) {
    SSL* ssl = state_->new_ssl();
    return ssl == nullptr ? nullptr : make_tls_transport(std::move(socket), ssl);
}

std::expected<void, std::string> check_authorities(const std::string& file) {
    const ContextPtr context(SSL_CTX_new(TLS_client_method()));
    if (context && SSL_CTX_load_verify_file(context.get(), file.c_str()) == 1) return {};
    return failure("cannot use the authorities", file);
}

}  // namespace signalbox::runtime
