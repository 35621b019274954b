#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/http.h"
#include "base/timer_wheel.h"
#include "runtime/connection.h"
#include "runtime/http_fault.h"
#include "runtime/http_parser.h"
#include "runtime/http_writer.h"
#include "runtime/idle_list.h"
#include "runtime/options.h"

namespace signalbox::runtime {

/// An exchange that also tells when what it wrote has left.
class DrainableExchange : public HttpExchange {
public:
    /// Called each time the kernel has taken all output, while the answer is not complete.
    virtual void on_drain(std::move_only_function<void()> callback) = 0;
};

/// Where a connection comes from; what of it a request shows.
struct ConnectionOrigin {
    IpAddress peer;
    ListenerKind listener = ListenerKind::kPublic;
    bool secure = false;  ///< the client speaks TLS with the proxy that the connection comes from
};

/// One HTTP/1 connection: reads requests, has them answered one after the other, writes the
/// answers. A WebSocket handshake takes the socket away and ends it.
///
/// Bounds: beside the parser's, at most kCarryMax bytes of requests behind one that is being
///         answered (then it stops reading), and at most kOutputPauseBytes of answers that the peer
///         does not take before it stops parsing.
/// Faults: response_to(fault), then close. The close waits (linger_timeout) for the peer's own, so
///         that an answer is not lost to a reset.
class HttpConnection final : public Connection, public IdleList::Entry {
public:
    static constexpr std::size_t kCarryMax = 64 * 1024;
    static constexpr std::size_t kOutputPauseBytes = 256 * 1024;

    HttpConnection(Endpoint& endpoint, Channel channel, ConnectionOrigin origin);
    ~HttpConnection() override;

    /// Waits for the first request.
    void start();
    /// Sends `response` and closes: the end of a refused upgrade.
    void start_with_answer(const HttpResponse& response);

    void drain() override;
    bool is_websocket() const override { return false; }
    /// Closes at once, for a newcomer. Only while it is in the endpoint's list of idle ones.
    void evict() { lost(); }

private:
    class Exchange;
    friend class Exchange;
    enum class Phase : std::uint8_t {
        kHandshake,  ///< of TLS
        kIdle,
        kHeader,
        kBody,
        kAnswering,
        kClosing,  ///< output leaves, then kLingering
        kLingering,
    };

    void on_input(std::span<char> bytes) override;
    void on_peer_closed() override;
    void on_lost() override;
    void before_flush() override;
    void on_drained() override;
    void on_blocked() override;

    std::size_t parse(std::string_view input);
    void parse_carry();
    [[nodiscard]] bool takes_requests() const;
    void on_partial_request(std::string_view unread);
    void on_request(std::string_view unread);
    void upgrade(HttpRequest request, std::string_view unread);
    [[nodiscard]] HttpRequest complete_request();
    void fail(HttpFault fault);

    void enter(Phase phase);
    void update_idle();
    void watch_pace();
    void arm_timer();
    void on_timer();
    void close_after_output();
    void linger();
    /// retire(), and no longer a candidate for eviction.
    void end();
    void limit_reading();

    void respond(HttpResponse response);
    void answer_and_close(const HttpResponse& response);
    void start_stream(HttpResponse head);
    void write(std::string_view part);
    void finish();
    void abandoned();
    void complete_answer();
    [[nodiscard]] Persistence persistence();
    void abort_exchange();

    const ConnectionOrigin origin_;
    std::unique_ptr<HttpRequestParser> parser_;  // while a request is incomplete
    std::string carry_;                          // received, not parsed
    Exchange* exchange_ = nullptr;               // while a request is being answered
    Timer timer_;
    WritePace pace_;  // while blocked
    Phase phase_ = Phase::kIdle;
    BodyFraming framing_ = BodyFraming::kLength;
    bool head_request_ = false;  // the answer has no body
    bool http11_ = true;
    bool keep_alive_ = true;  // as far as the current request and we want it
    bool peer_closed_ = false;
    bool served_ = false;       // has had a request
    bool write_timed_ = false;  // timer_ and pace_ watch the peer take output
    bool stalled_ = false;      // requests wait in carry_ for output to leave
};

}  // namespace signalbox::runtime
