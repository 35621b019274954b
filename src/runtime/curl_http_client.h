#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/http_client.h"

namespace signalbox::runtime {

class HttpInbox;
class HttpTransfer;

struct HttpClientOptions {
    /// PEM file of the only certificate authorities that count; empty: the system's.
    std::string ca_file{};
    Milliseconds connect_timeout{5'000};       ///< name, TCP and TLS together
    std::size_t active_max = 256;              ///< requests at a time
    std::size_t active_per_origin_max = 64;    ///< so that a slow server leaves room for others
    std::size_t waiting_max = 1'024;           ///< for their turn; then kOverloaded
    std::size_t waiting_per_origin_max = 512;  ///< shared by deficit_round_robin.h
    std::size_t idle_connections_max = 64;     ///< kept for later requests
    /// How long an idle one is used again; below the 5 s after which Node's servers close theirs.
    std::chrono::seconds idle_max{4};
    std::size_t header_bytes_max = 65'536;  ///< of an answer, interim ones included
    /// What a stream's consumer has not taken yet; the sender is then held back.
    std::size_t stream_ahead_bytes_max = 262'144;
};

/// HttpClient on libcurl: HTTP/1.1 on one thread that starts with the first request. Not HTTP/2,
/// where a stream that is held back holds back the others of its connection
/// (docs/decisions/0007-upstream-actions.md). TLS 1.2 and later, always verified. Proxies of the environment, netrc,
/// cookies, HSTS and Alt-Svc are left out.
///
/// Ownership: HttpCalls may outlive it.
/// Ending:    stop() and the destructor end what is under way with kStopped; later requests too.
class CurlHttpClient final : public HttpClient {
public:
    explicit CurlHttpClient(HttpClientOptions options);
    ~CurlHttpClient() override;
    CurlHttpClient(const CurlHttpClient&) = delete;
    CurlHttpClient& operator=(const CurlHttpClient&) = delete;

    [[nodiscard]] HttpCall fetch(HttpClientRequest request, Executor& answer_on,
                                 Done done) override;
    [[nodiscard]] HttpCall stream(HttpClientRequest request, Executor& answer_on,
                                  std::unique_ptr<HttpResponseSink> sink) override;
    void stop();

private:
    [[nodiscard]] HttpCall submit(std::shared_ptr<HttpTransfer> transfer);

    const HttpClientOptions options_;
    const std::shared_ptr<HttpInbox> inbox_;
    std::mutex starting_;
    std::thread thread_;
};

}  // namespace signalbox::runtime
