#include "runtime/tls_stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/certificate_for_tests.h"
#include "runtime/testing.h"
#include "runtime/tls_context.h"

namespace signalbox::runtime {
namespace {

using testing::Certificate;
using testing::Client;
using testing::client_frame;
using testing::eventually;
using testing::kUpgradeRequest;
using testing::TestServer;

void write_bytes(const std::string& file, const std::string& bytes) {
    std::FILE* out = std::fopen(file.c_str(), "w");
    std::fwrite(bytes.data(), 1, bytes.size(), out);
    std::fclose(out);
}

/// The files of `certificate` with ticket keys, each of its letter.
TlsFiles with_tickets(const Certificate& certificate, std::string_view letters) {
    TlsFiles files = certificate.files();
    for (const char letter : letters) {
        files.ticket_key_files.push_back(files.key_file + "-ticket-" + letter);
        write_bytes(files.ticket_key_files.back(), std::string(80, letter));
    }
    return files;
}

/// A blocking TLS client over a testing::Client's socket.
class TlsClient {
public:
    explicit TlsClient(std::uint16_t port, int version = TLS1_3_VERSION,
                       SSL_SESSION* session = nullptr, const char* ciphers = nullptr)
        : tcp_(port) {
        context_ = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_max_proto_version(context_, version);
        if (ciphers != nullptr) SSL_CTX_set_cipher_list(context_, ciphers);
        ssl_ = SSL_new(context_);
        if (session != nullptr) SSL_set_session(ssl_, session);
        SSL_set_fd(ssl_, tcp_.fd());
        const unsigned char protocols[] = "\x02h2\x08http/1.1";
        SSL_set_alpn_protos(ssl_, protocols, sizeof protocols - 1);
        connected_ = SSL_connect(ssl_) == 1;
    }
    ~TlsClient() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
    }

    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] SSL* ssl() { return ssl_; }
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const int n = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
            if (n <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    std::string read_exactly(std::size_t n) {
        std::string out;
        while (out.size() < n && fill(out, n - out.size())) {
        }
        return out;
    }
    std::string read_until(std::string_view end) {
        std::string out;
        while (!out.ends_with(end) && fill(out, 1)) {
        }
        return out;
    }
    std::string subject() {
        X509* certificate = SSL_get1_peer_certificate(ssl_);
        char name[64] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                  sizeof name);
        X509_free(certificate);
        return name;
    }

private:
    bool fill(std::string& out, std::size_t n) {
        std::string chunk(n, '\0');
        const int got = SSL_read(ssl_, chunk.data(), static_cast<int>(n));
        if (got > 0) out.append(chunk, 0, static_cast<std::size_t>(got));
        return got > 0;
    }

    Client tcp_;
    SSL_CTX* context_;
    SSL* ssl_;
    bool connected_ = false;
};

TEST(Tls, ServesHttpAndChoosesHttp11) {
    const Certificate certificate;
    TestServer server;
    server.handler().on_request = [](HttpRequest request, std::unique_ptr<HttpExchange> exchange) {
        exchange->respond(HttpResponse::of(200, "text/plain", request.secure ? "secure" : "plain"));
    };
    server.start(*TlsContext::load(certificate.files()));
    TlsClient client(server.port());
    ASSERT_TRUE(client.connected());
    const unsigned char* protocol = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(client.ssl(), &protocol, &length);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(protocol), length), "http/1.1");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    client.read_until("\r\n\r\n");
    EXPECT_EQ(client.read_exactly(6), "secure");
}

TEST(Tls, EchoesWebSocketMessagesOfManySizesInBothVersions) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const Certificate certificate;
        TestServer server;
        server.start(*TlsContext::load(certificate.files()));
        TlsClient client(server.port(), version);
        ASSERT_TRUE(client.connected());
        EXPECT_EQ(SSL_version(client.ssl()), version);
        client.send(kUpgradeRequest);
        ASSERT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
        for (const std::size_t size : {5UZ, 125UZ, 16'384UZ, 65'535UZ, 65'536UZ, 900'000UZ}) {
            client.send(client_frame(2, std::string(size, 'x')));
            const std::size_t header = size < 126 ? 2 : size < 65'536 ? 4 : 10;
            const std::string echo = client.read_exactly(header + size);
            ASSERT_EQ(echo.size(), header + size);
            EXPECT_EQ(echo.find_first_not_of('x', header), std::string::npos);
        }
    }
}

TEST(Tls, CostsOneReceiveAndOneSendATurn) {
    const Certificate certificate;
    TestServer server;
    server.start(*TlsContext::load(certificate.files()));
    TlsClient client(server.port());
    client.send(kUpgradeRequest);
    client.read_until("\r\n\r\n");
    const auto sends = server.statistics().send_calls.value();
    const auto receives = server.statistics().recv_calls.value();
    std::string frames;
    for (int i = 0; i < 20; ++i) frames += client_frame(1, "message");
    client.send(frames);
    EXPECT_EQ(client.read_exactly(180).size(), 180U);
    EXPECT_EQ(server.statistics().send_calls.value() - sends, 1);
    EXPECT_EQ(server.statistics().recv_calls.value() - receives, 1);
}

TEST(Tls, MovesAnUpgradeWithItsTlsStateToAnotherShard) {
    const Certificate certificate;
    TestServer server({}, {.shards = 3});
    server.route([](const HttpRequest& request) -> std::optional<ShardIndex> {
        return static_cast<ShardIndex>(request.query[0] - '0');
    });
    server.start(*TlsContext::load(certificate.files()));
    for (const char owner : {'0', '1', '2', '0', '1', '2'}) {
        TlsClient client(server.port());
        std::string request(kUpgradeRequest);
        request.insert(request.find("/ws") + 3, std::string("?") + owner);
        client.send(request + client_frame(1, "early"));
        ASSERT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
        EXPECT_EQ(client.read_exactly(7),
                  "\x81\x05"
                  "early");
        client.send(client_frame(1, "later"));
        EXPECT_EQ(client.read_exactly(7),
                  "\x81\x05"
                  "later");
    }
}

TEST(Tls, BuffersForASlowPeer) {
    const Certificate certificate;
    TestServer server;
    constexpr std::size_t kBytes = 8 << 20;
    server.handler().on_request = [](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
        exchange->respond(HttpResponse::of(200, "text/plain", std::string(kBytes, 'x')));
    };
    server.start(*TlsContext::load(certificate.files()));
    TlsClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client.read_until("\r\n\r\n");
    EXPECT_EQ(client.read_exactly(kBytes).size(), kBytes);
    EXPECT_EQ(client.read_exactly(1), "");
    EXPECT_NE(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN, 0) << "an orderly end";
}

TEST(Tls, TellsWhoSpeaksPlainHttpToUseHttps) {
    const Certificate certificate;
    TestServer server;
    server.start(*TlsContext::load(certificate.files()));
    Client client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string answer = client.read_to_end();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    EXPECT_TRUE(answer.contains("use https://")) << answer;
    EXPECT_TRUE(eventually([&] { return server.statistics().http_connections.value() == 0; }));
    EXPECT_EQ(server.statistics().tls_failures.value(), 1);
}

TEST(Tls, ClosesWhatIsNotTls) {
    const Certificate certificate;
    TestServer server;
    server.start(*TlsContext::load(certificate.files()));
    Client client(server.port());
    client.send("SSH-2.0-client\r\n");
    EXPECT_FALSE(client.read_to_end().contains("HTTP"));
    EXPECT_TRUE(eventually([&] { return server.statistics().http_connections.value() == 0; }));
    EXPECT_EQ(server.statistics().tls_failures.value(), 1);
}

TEST(Tls, EndsAHandshakeThatTakesTooLong) {
    const Certificate certificate;
    HttpServerOptions options;
    options.tls_handshake_timeout = Milliseconds(30);
    TestServer server(options);
    server.start(*TlsContext::load(certificate.files()));
    Client client(server.port());
    client.send("\x16\x03");
    EXPECT_EQ(client.read_to_end(), "");
}

TEST(Tls, ServesTheNewCertificateAfterAReloadAndKeepsTheOldOneWhenItFails) {
    Certificate certificate("old.example");
    auto context = *TlsContext::load(certificate.files());
    TestServer server;
    server.start(context);
    TlsClient before(server.port());
    EXPECT_EQ(before.subject(), "old.example");
    certificate.write("new.example");
    ASSERT_TRUE(context->reload());
    EXPECT_EQ(TlsClient(server.port()).subject(), "new.example");
    before.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(before.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
    std::filesystem::remove(certificate.files().key_file);
    const auto failed = context->reload();
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().find(certificate.files().key_file), std::string::npos);
    EXPECT_EQ(TlsClient(server.port()).subject(), "new.example");
}

/// Servers of one certificate whose ticket keys are those of their letters.
class Tickets : public ::testing::TestWithParam<int> {
protected:
    struct SessionFree {
        void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
    };
    using Session = std::unique_ptr<SSL_SESSION, SessionFree>;

    std::uint16_t port_of(std::string_view letters) {
        servers_.push_back(std::make_unique<TestServer>());
        TestServer& server = *servers_.back();
        server.handler().on_request = [](HttpRequest, std::unique_ptr<HttpExchange> exchange) {
            exchange->respond(HttpResponse::of(200, "text/plain", "hello"));
        };
        server.start(*TlsContext::load(with_tickets(certificate_, letters)));
        return server.port();
    }
    /// What a client that has been served may resume.
    Session session_of(std::uint16_t port) {
        TlsClient client(port, GetParam());
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.read_until("hello");
        SSL_shutdown(client.ssl());  // or OpenSSL takes the session for a broken one
        return Session(SSL_get1_session(client.ssl()));
    }
    bool resumes(std::uint16_t port, const Session& session) {
        TlsClient client(port, GetParam(), session.get());
        const bool resumed = client.connected() && SSL_session_reused(client.ssl()) == 1;
        SSL_shutdown(client.ssl());
        return resumed;
    }

    const Certificate certificate_;
    std::vector<std::unique_ptr<TestServer>> servers_;
};

INSTANTIATE_TEST_SUITE_P(Versions, Tickets, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(Tickets, OfOneServerAreTakenByAnotherThatSharesTheKey) {
    const Session session = session_of(port_of("a"));
    EXPECT_TRUE(resumes(port_of("a"), session));
    EXPECT_TRUE(resumes(port_of("ba"), session)) << "rotated";
    EXPECT_FALSE(resumes(port_of("b"), session)) << "dropped";
    EXPECT_FALSE(resumes(port_of(""), session)) << "keys of its own";
}

TEST_P(Tickets, AreMadeWithTheFirstKey) {
    const Session session = session_of(port_of("ba"));
    EXPECT_TRUE(resumes(port_of("b"), session));
    EXPECT_FALSE(resumes(port_of("a"), session));
}

TEST(TlsContext, SaysWhichTicketKeyCannotBeUsed) {
    const Certificate certificate;
    TlsFiles files = with_tickets(certificate, "ab");
    const std::string bad = files.ticket_key_files[1];
    for (const auto& [bytes, cause] : {std::pair{std::string(79, 'b'), "80 bytes"},
                                       {std::string(81, 'b'), "80 bytes"},
                                       {std::string(), "80 bytes"},
                                       {std::string(80, 'a'), "another key"}}) {
        write_bytes(bad, bytes);
        const auto loaded = TlsContext::load(files);
        ASSERT_FALSE(loaded.has_value()) << bytes.size();
        EXPECT_NE(loaded.error().find(bad), std::string::npos) << loaded.error();
        EXPECT_NE(loaded.error().find(cause), std::string::npos) << loaded.error();
    }
    files.ticket_key_files[1] = "/nowhere";
    EXPECT_EQ(TlsContext::load(files).error(),
              "cannot use the ticket key /nowhere: No such file or directory");
}

TEST(TlsServer, TakesNoCipherWithoutForwardSecrecyAndAuthenticatedEncryption) {
    const Certificate certificate;
    TestServer server;
    server.start(*TlsContext::load(certificate.files()));
    for (const char* ciphers : {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-SHA",
                                "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-CCM"}) {
        TlsClient refused(server.port(), TLS1_2_VERSION, nullptr, ciphers);
        EXPECT_FALSE(refused.connected()) << ciphers;
    }
    for (const char* ciphers : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
        TlsClient taken(server.port(), TLS1_2_VERSION, nullptr, ciphers);
        EXPECT_TRUE(taken.connected()) << ciphers;
    }
    TlsClient old(server.port(), TLS1_1_VERSION, nullptr, "DEFAULT:@SECLEVEL=0");
    EXPECT_FALSE(old.connected());
}

TEST(TlsServer, DropsAPeerThatAsksToRenegotiate) {
    Certificate certificate;
    TestServer server;
    server.start(*TlsContext::load(certificate.files()));
    TlsClient client(server.port(), TLS1_2_VERSION);
    client.send(kUpgradeRequest);
    client.read_until("\r\n\r\n");
    EXPECT_EQ(server.statistics().websocket_connections.value(), 1);
    SSL_renegotiate(client.ssl());
    SSL_do_handshake(client.ssl());
    EXPECT_TRUE(eventually([&] { return server.statistics().websocket_connections.value() == 0; }));
    EXPECT_EQ(server.statistics().tls_failures.value(), 1);
}

TEST(TlsServer, HandlesWhatCameBeforeABrokenRecord) {
    Certificate certificate;
    TestServer server;
    server.start(*TlsContext::load(certificate.files()));
    TlsClient client(server.port());
    const int on = 1, off = 0;
    ::setsockopt(SSL_get_fd(client.ssl()), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string broken = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
    ::send(SSL_get_fd(client.ssl()), broken.data(), broken.size(), MSG_NOSIGNAL);
    ::setsockopt(SSL_get_fd(client.ssl()), IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    EXPECT_TRUE(eventually([&] { return server.statistics().http_requests.value() == 1; }));
    EXPECT_TRUE(eventually([&] { return server.statistics().http_connections.value() == 0; }));
    EXPECT_EQ(server.statistics().tls_failures.value(), 1);
}

}  // namespace
}  // namespace signalbox::runtime
