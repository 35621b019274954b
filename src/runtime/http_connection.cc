#include "runtime/http_connection.h"

#include <algorithm>
#include <utility>

#include "runtime/endpoint.h"
#include "runtime/http_exchange.h"
#include "runtime/websocket_handshake.h"

namespace signalbox::runtime {

HttpConnection::HttpConnection(Endpoint& endpoint, Channel channel, ConnectionOrigin origin)
    : Connection(endpoint, std::move(channel)),
      origin_(std::move(origin)),
      timer_(Timer::calling<&HttpConnection::on_timer>(this)) {}

HttpConnection::~HttpConnection() {
    if (exchange_ != nullptr) exchange_->detach();
}

void HttpConnection::start() {
    enter(transport().is_established() ? Phase::kIdle : Phase::kHandshake);
    if (!watch()) end();
}

void HttpConnection::start_with_answer(const HttpResponse& response) {
    answer_and_close(response);
    if (!watch()) end();
}

void HttpConnection::drain() {
    keep_alive_ = false;
    if (phase_ == Phase::kIdle || phase_ == Phase::kHandshake) close_after_output();
}

void HttpConnection::on_input(std::span<char> bytes) {
    if (phase_ == Phase::kClosing || phase_ == Phase::kLingering) return;
    const std::string_view fresh(bytes.data(), bytes.size());
    if (carry_.empty()) {
        const std::size_t used = parse(fresh);
        if (!retired()) carry_.assign(fresh.substr(used));
    } else {
        carry_.append(fresh);
        parse_carry();
    }
    if (!retired()) limit_reading();
}

void HttpConnection::parse_carry() {
    std::string input = std::exchange(carry_, {});
    const std::size_t used = parse(input);
    if (retired()) return;
    input.erase(0, used);
    carry_ = std::move(input);
}

bool HttpConnection::takes_requests() const {
    return !retired() && (phase_ == Phase::kHandshake || phase_ == Phase::kIdle ||
                          phase_ == Phase::kHeader || phase_ == Phase::kBody);
}

std::size_t HttpConnection::parse(std::string_view input) {
    std::size_t used = 0;
    stalled_ = false;
    while (takes_requests()) {
        if (!parser_) {
            // Empty lines before a request are tolerated (RFC 9112 section 2.2).
            while (input.substr(used).starts_with("\r\n")) used += 2;
            if (used == input.size() || input.substr(used) == "\r") break;
            stalled_ = output_bytes() > kOutputPauseBytes;
            if (stalled_) break;
            parser_ = std::make_unique<HttpRequestParser>(endpoint().options().limits);
        }
        const auto fed = parser_->feed(input.substr(used));
        if (!fed) {
            fail(fed.error());
            break;
        }
        used += *fed;
        if (parser_->stage() != HttpRequestParser::Stage::kComplete) {
            on_partial_request(input.substr(used));
            break;
        }
        on_request(input.substr(used));
    }
    return takes_requests() || phase_ == Phase::kAnswering ? used : input.size();
}

void HttpConnection::on_partial_request(std::string_view unread) {
    if (parser_->stage() == HttpRequestParser::Stage::kHeader) {
        if (phase_ != Phase::kHeader) enter(Phase::kHeader);
        return;
    }
    if (phase_ == Phase::kBody) return;
    enter(Phase::kBody);
    if (parser_->expects_continue() && unread.empty()) {
        output().append("HTTP/1.1 100 Continue\r\n\r\n");
        mark_dirty();
    }
}

HttpRequest HttpConnection::complete_request() {
    keep_alive_ = parser_->keep_alive() && !endpoint().draining();
    http11_ = parser_->is_http11();
    HttpRequest request = parser_->take();
    head_request_ = request.method == "HEAD";
    ClientOrigin origin = resolve_origin(
        endpoint().options().trusted_proxies, origin_.peer, request.headers,
        {.address = origin_.peer.str(), .secure = transport().is_secure() || origin_.secure});
    request.peer = std::move(origin.address);
    request.secure = origin.secure;
    request.internal_listener = origin_.listener == ListenerKind::kInternal;
    return request;
}

void HttpConnection::on_request(std::string_view unread) {
    const bool wants_websocket = parser_->wants_websocket();
    HttpRequest request = complete_request();
    parser_.reset();
    served_ = true;
    if (wants_websocket) return upgrade(std::move(request), unread);
    enter(Phase::kAnswering);
    endpoint().handle(std::move(request), std::make_unique<Exchange>(*this));
}

void HttpConnection::upgrade(HttpRequest request, std::string_view unread) {
    const auto version = http11_ ? HttpVersion::kHttp11 : HttpVersion::kHttp10;
    if (const auto valid = check_websocket_request(request, version); !valid) {
        return fail(valid.error());
    }
    UpgradeSeed seed{.channel = release_channel(),
                     .request = std::move(request),
                     .unread = std::string(unread),
                     .origin = origin_};
    timer_.cancel();
    end();
    endpoint().upgrade(std::move(seed));
}

void HttpConnection::fail(HttpFault fault) {
    shard().statistics().http_faults.add(1);
    head_request_ = false;  // of an earlier request
    answer_and_close(response_to(fault));
}

void HttpConnection::before_flush() {
    if (phase_ != Phase::kIdle || parser_ || carry_.empty()) return;
    parse_carry();
    if (!retired()) limit_reading();
}

void HttpConnection::limit_reading() {
    if (peer_closed_) return;
    const bool full = carry_.size() >= kCarryMax && (phase_ == Phase::kAnswering || stalled_);
    set_reading(full ? Reading::kPaused : Reading::kOn);
}

void HttpConnection::on_peer_closed() {
    peer_closed_ = true;
    set_reading(Reading::kEnded);
    switch (phase_) {
        case Phase::kLingering:
            return end();
        case Phase::kClosing:
            return mark_dirty();
        // The peer may have closed its direction only: an answer that comes is still sent.
        case Phase::kAnswering:
            enter(Phase::kAnswering);
            return exchange_->abort();
        default:
            return close_after_output();
    }
}

void HttpConnection::on_lost() {
    timer_.cancel();
    leave();
    if (exchange_ == nullptr) return;
    Exchange& exchange = *std::exchange(exchange_, nullptr);
    exchange.detach();
    exchange.abort();
}

void HttpConnection::on_drained() {
    if (phase_ == Phase::kClosing) return linger();
    if (std::exchange(write_timed_, false)) arm_timer();
    if (stalled_) mark_dirty();
    if (!listed()) update_idle();
    if (exchange_ != nullptr) exchange_->drained();
}

void HttpConnection::on_blocked() {
    if (std::exchange(write_timed_, true)) return;
    watch_pace();
}

void HttpConnection::watch_pace() {
    pace_.begin(transport().fd());
    shard().wheel().arm_after(timer_, endpoint().options().write_timeout);
}

void HttpConnection::enter(Phase phase) {
    phase_ = phase;
    update_idle();
    if (!blocked()) arm_timer();
}

void HttpConnection::update_idle() {
    const bool in_a_header = phase_ == Phase::kHeader && listed();
    // Nobody may be there to read the answer.
    const bool deserted = phase_ == Phase::kAnswering && peer_closed_;
    const bool idle = phase_ == Phase::kHandshake || phase_ == Phase::kIdle ||
                      phase_ == Phase::kLingering || deserted;
    if (in_a_header) return;
    if (idle && output_bytes() == 0) return endpoint().idle().append(*this);
    leave();
}

void HttpConnection::arm_timer() {
    const HttpServerOptions& options = endpoint().options();
    TimerWheel& wheel = shard().wheel();
    switch (phase_) {
        case Phase::kHandshake:
            return wheel.arm_after(timer_, options.tls_handshake_timeout);
        case Phase::kIdle:
            return wheel.arm_after(timer_, served_ ? options.idle_timeout : options.header_timeout);
        case Phase::kHeader:
            return wheel.arm_after(timer_, options.header_timeout);
        case Phase::kBody:
            return wheel.arm_after(timer_, options.body_timeout);
        case Phase::kAnswering:
            if (!peer_closed_) return timer_.cancel();
            return wheel.arm_after(timer_, options.half_close_timeout);
        case Phase::kClosing:
            return wheel.arm_after(timer_, options.write_timeout);
        case Phase::kLingering:
            return wheel.arm_after(timer_, options.linger_timeout);
    }
}

void HttpConnection::on_timer() {
    const Milliseconds write_timeout = endpoint().options().write_timeout;
    if (blocked()) return keeps_pace(pace_, write_timeout) ? watch_pace() : lost();
    switch (phase_) {
        case Phase::kHeader:
            return fail(HttpFault::kHeaderTimeout);
        case Phase::kBody:
            return fail(HttpFault::kBodyTimeout);
        case Phase::kIdle:
            return close_after_output();
        case Phase::kHandshake:
            return transport().is_established() ? enter(Phase::kIdle) : lost();
        default:
            return lost();
    }
}

void HttpConnection::close_after_output() {
    parser_.reset();
    carry_ = {};
    enter(Phase::kClosing);
    mark_dirty();
}

void HttpConnection::end() {
    leave();
    retire();
}

void HttpConnection::linger() {
    if (peer_closed_) return end();
    shut_down_sending();
    set_reading(Reading::kOn);
    enter(Phase::kLingering);
}

}  // namespace signalbox::runtime
