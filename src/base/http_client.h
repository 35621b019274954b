#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/executor.h"
#include "base/http.h"

namespace signalbox {

/// Whether a request may be sent a second time when a kept connection turns out to be dead before
/// a byte of the answer came: the server may have begun to act on the first.
enum class Resend : std::uint8_t { kNever, kAllowed };

/// One request to another server. A value.
struct HttpClientRequest {
    std::string method = "GET";
    std::string url;               ///< absolute, http or https, without user information
    HttpHeaders headers{};         ///< Host, Content-Length and Connection are the client's affair
    std::string body{};            ///< sent when not empty, and with POST, PUT and PATCH
    Milliseconds timeout{10'000};  ///< until the last byte, waiting and connecting included; > 0
    /// Of the body, as it comes over the wire: nothing is decompressed.
    std::size_t response_bytes_max = 1 << 20;
    Resend resend = Resend::kNever;
    /// Where requests wait for their turn: whose turn it takes, and how much of it (share.h).
    std::string source{};
    double cost = 1;
};

enum class HttpClientFault : std::uint8_t {
    kInvalidRequest,  ///< a URL, method or header that cannot be sent
    kOverloaded,      ///< too many requests wait already, for this origin or in all
    kUnreachable,     ///< no connection in time: nothing of the request was sent
    kTls,             ///< neither was it here: the certificate or the handshake is bad
    kTimeout,
    kTooLarge,  ///< the answer's header or body
    kBroken,    ///< the connection ended early, or what came is no HTTP
    kStopped,   ///< the client was stopped
};
/// "unreachable": for logs and metrics.
[[nodiscard]] std::string_view to_string(HttpClientFault fault);

/// Why there is no answer, or no more of it.
struct HttpClientFailure {
    HttpClientFault fault;
    std::string reason;  ///< for logs; never holds headers or bodies
};

/// A request on its way. Destroyed or cancelled, it is given up: its connection closes and nothing
/// more is told.
///
/// Threading: belongs to the thread of the executor that the request was made with.
class HttpCall {
public:
    HttpCall() = default;
    explicit HttpCall(std::move_only_function<void()> cancel) : cancel_(std::move(cancel)) {}
    ~HttpCall() { cancel(); }
    HttpCall(HttpCall&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
    HttpCall& operator=(HttpCall&& other) noexcept {
        if (this != &other) {
            cancel();
            cancel_ = std::exchange(other.cancel_, nullptr);
        }
        return *this;
    }

    /// Nothing happens when it has ended already, so also inside its own last callback.
    void cancel() {
        if (auto cancel = std::exchange(cancel_, nullptr)) cancel();
    }

private:
    std::move_only_function<void()> cancel_;
};

/// Hears an answer as it arrives. on_end() is the last call and comes exactly once, unless the call
/// is cancelled.
class HttpResponseSink {
public:
    virtual ~HttpResponseSink() = default;
    /// Status and headers; `body` is empty. Comes before all parts; not when there is no answer.
    virtual void on_head(HttpResponse head) = 0;
    /// The next bytes of the body, cut anywhere; borrowed for the call.
    virtual void on_part(std::string_view part) = 0;
    virtual void on_end(std::expected<void, HttpClientFailure> end) = 0;
};

/// Asks other servers over HTTP. Every status is an answer; redirects are answers too and are not
/// followed, so that nobody can send a request, and the credentials in it, elsewhere.
///
/// Ownership: callbacks and sinks are owned until their last call or the cancel, and destroyed on
///            the executor's thread, unless the executor has dropped its tasks.
/// Threading: fetch() and stream() from any thread; callbacks run on `answer_on`, which outlives
///            the call, never inside fetch() or stream(). Made from another thread than the
///            executor's, an answer can come before the HttpCall is returned.
/// Bounds:    requests at a time and waiting, header and body; what a stream's consumer has not
///            taken yet holds the sender back.
/// Ordering:  sources take turns where requests wait; those of one source go in their order.
class HttpClient {
public:
    using Done = std::move_only_function<void(std::expected<HttpResponse, HttpClientFailure>)>;

    virtual ~HttpClient() = default;
    /// The whole answer at once.
    [[nodiscard]] virtual HttpCall fetch(HttpClientRequest request, Executor& answer_on,
                                         Done done) = 0;
    /// The answer as it comes, for NDJSON and the like. `request.timeout` and
    /// `request.response_bytes_max` count for the whole stream.
    [[nodiscard]] virtual HttpCall stream(HttpClientRequest request, Executor& answer_on,
                                          std::unique_ptr<HttpResponseSink> sink) = 0;
};

}  // namespace signalbox
