#include "runtime/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace signalbox::runtime {
namespace {

constexpr std::string_view kPlainHttpRefusal =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    R"({"type":"ERROR","requestId":"","error":{"code":"INVALID_MESSAGE",)"
    R"("message":"This port takes TLS alone: use https:// or wss://.","retryable":false}})";

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};

class TlsTransport final : public Transport, private WarmTransports::Member {
public:
    using SslPtr = std::unique_ptr<SSL, FreeSsl>;
    TlsTransport(UniqueFd socket, SslPtr ssl, BIO* bio);
    TlsTransport(const TlsTransport&) = delete;
    /// nullptr when out of memory.
    static BIO* new_bio() { return BIO_new(bio_method()); }

    int fd() const override { return socket_.get(); }
    IoResult read(IoContext& io, std::span<char> into) override;
    IoResult write(IoContext& io, std::string_view data) override;
    std::size_t unsent() const override { return records_.size(); }
    bool is_secure() const override { return true; }
    bool is_established() const override { return SSL_is_init_finished(ssl_.get()) == 1; }
    void say_goodbye(IoContext& io) override;
    void part() override { leave(); }

private:
    void cool_down() override;

    /// Encryption stops while so much waits for the kernel.
    static constexpr std::size_t kRecordsPauseBytes = 256 * 1024;

    static BIO_METHOD* bio_method();
    static void on_info(const SSL* ssl, int where, int value);
    static int bio_read(BIO* bio, char* out, int size);
    static int bio_write(BIO* bio, const char* data, int size);
    static long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH; }
    static TlsTransport& of(BIO* bio) { return *static_cast<TlsTransport*>(BIO_get_data(bio)); }

    IoResult decrypt(IoContext& io, std::span<char> into);
    std::size_t encrypt(std::string_view data);
    void refuse_plain_http(IoContext& io) const;
    IoResult fail(IoContext& io, std::size_t decrypted);

    UniqueFd socket_;
    SslPtr ssl_;
    OutputBuffer records_;           // encrypted, not yet taken by the kernel
    std::string_view received_;      // during read(): records that OpenSSL has not taken
    BufferPool* buffers_ = nullptr;  // during a call
    bool renegotiates_ = false;      // the peer asked for it (TLS 1.2)
};

TlsTransport::TlsTransport(UniqueFd socket, SslPtr ssl, BIO* bio)
    : socket_(std::move(socket)), ssl_(std::move(ssl)) {
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_accept_state(ssl_.get());
    SSL_set_info_callback(ssl_.get(), on_info);
}

void TlsTransport::on_info(const SSL* ssl, int where, int value) {
    const bool refused = where == SSL_CB_WRITE_ALERT && (value & 0xff) == SSL_AD_NO_RENEGOTIATION;
    if (refused) of(SSL_get_wbio(ssl)).renegotiates_ = true;
}

BIO_METHOD* TlsTransport::bio_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "signalbox");
        SB_CHECK(made != nullptr);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    return method;
}

int TlsTransport::bio_read(BIO* bio, char* out, int size) {
    std::string_view& received = of(bio).received_;
    BIO_clear_retry_flags(bio);
    if (received.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const std::size_t n = std::min(received.size(), static_cast<std::size_t>(size));
    std::memcpy(out, received.data(), n);
    received.remove_prefix(n);
    return static_cast<int>(n);
}

int TlsTransport::bio_write(BIO* bio, const char* data, int size) {
    TlsTransport& transport = of(bio);
    SB_CHECK(transport.buffers_ != nullptr);
    transport.records_.tail(*transport.buffers_).append(data, static_cast<std::size_t>(size));
    return size;
}

IoResult TlsTransport::read(IoContext& io, std::span<char> into) {
    SB_CHECK(into.size() >= kReadBytesMax);
    const IoResult got = receive(fd(), io.records, io.statistics);
    if (got.bytes == 0) return got;
    received_ = std::string_view(io.records.data(), got.bytes);
    buffers_ = &io.buffers;
    IoResult result = decrypt(io, into);
    result.more = got.more;
    buffers_ = nullptr;
    received_ = {};
    io.warm.note_use(*this);
    return result;
}

IoResult TlsTransport::decrypt(IoContext& io, std::span<char> into) {
    std::size_t total = 0;
    ERR_clear_error();
    while (total < into.size() && !renegotiates_) {
        std::size_t n = 0;
        if (SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &n) == 1) {
            total += n;
            continue;
        }
        switch (SSL_get_error(ssl_.get(), 0)) {
            case SSL_ERROR_WANT_READ:
                return {.status = IoStatus::kOk, .bytes = total};
            case SSL_ERROR_ZERO_RETURN:
                return {.status = IoStatus::kClosed, .bytes = total};
            default:
                refuse_plain_http(io);
                return fail(io, total);
        }
    }
    // Each request would queue an alert, at no cost for the peer.
    if (renegotiates_) return fail(io, total);
    SB_CHECK(received_.empty());
    return {.bytes = total};
}

/// Between a record's header and its body the header is in the buffer, and not every OpenSSL 3 looks
/// before it frees it (CVE-2024-4741).
void TlsTransport::cool_down() {
    if (std::string_view(SSL_rstate_string(ssl_.get())) == "RH") SSL_free_buffers(ssl_.get());
}

/// Who speaks HTTP to this port by mistake is told so, unencrypted, instead of nothing.
void TlsTransport::refuse_plain_http(IoContext& io) const {
    if (ERR_GET_REASON(ERR_peek_error()) != SSL_R_HTTP_REQUEST) return;
    [[maybe_unused]] const IoResult sent = send_some(fd(), kPlainHttpRefusal, io.statistics);
}

IoResult TlsTransport::fail(IoContext& io, std::size_t decrypted) {
    ERR_clear_error();
    io.statistics.tls_failures.add(1);
    // The alert that tells the peer why; whether it arrives is not our affair.
    if (!records_.empty()) {
        [[maybe_unused]] const IoResult alert = send_some(fd(), records_.view(), io.statistics);
    }
    return {.status = IoStatus::kError, .bytes = decrypted};
}

std::size_t TlsTransport::encrypt(std::string_view data) {
    std::size_t taken = 0;
    ERR_clear_error();
    while (taken < data.size() && records_.size() < kRecordsPauseBytes) {
        std::size_t n = 0;
        if (SSL_write_ex(ssl_.get(), data.data() + taken, data.size() - taken, &n) != 1) break;
        taken += n;
    }
    return taken;
}

IoResult TlsTransport::write(IoContext& io, std::string_view data) {
    buffers_ = &io.buffers;
    const std::size_t taken = encrypt(data);
    buffers_ = nullptr;
    io.warm.note_use(*this);
    if (taken == 0 && !data.empty() && records_.empty()) return {.status = IoStatus::kError};
    IoResult sent;
    if (!records_.empty()) sent = send_some(fd(), records_.view(), io.statistics);
    records_.consume(sent.bytes, io.buffers);
    sent.more = sent.status == IoStatus::kOk && taken < data.size();
    if (sent.more) sent.status = IoStatus::kWouldBlock;
    sent.bytes = taken;
    return sent;
}

void TlsTransport::say_goodbye(IoContext& io) {
    if (!is_established()) return;
    buffers_ = &io.buffers;
    ERR_clear_error();
    [[maybe_unused]] const int result = SSL_shutdown(ssl_.get());
    ERR_clear_error();
    buffers_ = nullptr;
}

}  // namespace

std::unique_ptr<Transport> make_tls_transport(UniqueFd socket, ssl_st* ssl) {
    TlsTransport::SslPtr owned(ssl);
    BIO* const bio = TlsTransport::new_bio();
    if (bio == nullptr) return nullptr;
    return std::make_unique<TlsTransport>(std::move(socket), std::move(owned), bio);
}

}  // namespace signalbox::runtime
