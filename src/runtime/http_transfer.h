#pragma once

#include <curl/curl.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/http_client.h"
#include "runtime/curl_http_client.h"

namespace signalbox::runtime {

template <auto Free>
struct CurlDeleter {
    void operator()(auto* object) const { Free(object); }
};
using CurlEasy = std::unique_ptr<CURL, CurlDeleter<curl_easy_cleanup>>;
using CurlUrl = std::unique_ptr<CURLU, CurlDeleter<curl_url_cleanup>>;
using CurlList = std::unique_ptr<curl_slist, CurlDeleter<curl_slist_free_all>>;

/// Who hears of the answer: exactly one of the two is set.
struct HttpRecipient {
    HttpClient::Done done{};
    std::unique_ptr<HttpResponseSink> sink{};
};

/// One request of CurlHttpClient, from fetch() to its end.
///
/// Ownership: shared by the client's thread, the HttpCall and the tasks posted to the executor.
/// Threading: each member says where; the libcurl handle never leaves the client's thread.
class HttpTransfer : public std::enable_shared_from_this<HttpTransfer> {
public:
    HttpTransfer(HttpClientRequest request, Executor& answer_on, HttpRecipient recipient);

    /// Any thread, before the client's thread knows it.
    /// @return what is wrong with the request.
    [[nodiscard]] std::optional<HttpClientFailure> check();
    /// Called on the executor's thread when a stream that was held back can go on.
    std::function<void()> on_resumable;

    /// Scheme, host and port. Const after check().
    [[nodiscard]] const std::string& origin() const { return origin_; }
    [[nodiscard]] MonotonicTime deadline() const { return deadline_; }
    [[nodiscard]] Share share() const { return {request_.source, request_.cost}; }

    /// Any thread: tells the recipient, on the executor. After it only the recipient lives.
    void fail(HttpClientFailure failure);

    /// The executor's thread: nothing is told any more. @return false when all was told already.
    [[nodiscard]] bool forget_recipient();

    /// The client's thread. The handle, ready for curl_multi_add_handle(); borrowed.
    [[nodiscard]] CURL* start(const HttpClientOptions& options);
    /// What start() gave; null before it, and from finish() or abandon() on.
    [[nodiscard]] CURL* handle() const { return easy_.get(); }
    /// The one whose handle it is.
    [[nodiscard]] static std::shared_ptr<HttpTransfer> of(CURL* handle);
    /// The client's thread, after curl_multi_remove_handle().
    void finish(CURLcode result);
    void abandon() { release(); }
    /// The client's thread: on_resumable was called.
    /// @return what the transfer has failed with meanwhile; libcurl tells it here alone.
    [[nodiscard]] CURLcode resume() const;

private:
    enum class Head : std::uint8_t { kReading, kComplete };

    static std::size_t header_arrived(char* data, std::size_t, std::size_t size, void* self);
    static std::size_t body_arrived(char* data, std::size_t, std::size_t size, void* self);
    static int about_to_send(void* self, char*, char*, int, int);

    void set_security(const HttpClientOptions& options);
    void set_request();
    void set_headers();
    void set_callbacks();
    [[nodiscard]] bool take_header_line(std::string_view line);
    void begin_head(std::string_view status_line);
    void complete_head();
    [[nodiscard]] HttpRecipient take_recipient();
    template <class Tell>
    void tell_sink(Tell tell);
    [[nodiscard]] bool held_back();
    void post_part(std::string_view part);
    void consumed(std::size_t size);
    [[nodiscard]] HttpClientFailure failure_of(CURLcode result) const;
    void release();

    // Const once submitted.
    HttpClientRequest request_;
    Executor& executor_;
    const MonotonicTime deadline_;
    std::string origin_;
    const bool streaming_;

    // The executor's thread.
    HttpRecipient recipient_;
    bool ended_ = false;

    // A stream's bytes that were posted and not consumed yet, and whether libcurl waits for that.
    std::atomic<std::size_t> ahead_{0};
    std::atomic<bool> paused_{false};

    // The client's thread.
    CurlUrl url_;
    CurlEasy easy_;
    CurlList headers_;
    HttpResponse response_;
    Head head_ = Head::kReading;
    std::size_t header_bytes_ = 0;
    std::size_t header_bytes_max_ = 0;
    std::size_t ahead_max_ = 0;
    std::size_t received_ = 0;
    std::size_t sendings_ = 0;
    bool connect_timeout_is_shorter_ = false;
    bool too_large_ = false;
    std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace signalbox::runtime
