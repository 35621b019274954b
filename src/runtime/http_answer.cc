#include <utility>

#include "runtime/endpoint.h"
#include "runtime/http_connection.h"
#include "runtime/http_exchange.h"

/// The writing half of HttpConnection: what its exchange does to it.
namespace signalbox::runtime {
Persistence HttpConnection::persistence() {
    if (peer_closed_ || endpoint().draining()) keep_alive_ = false;
    return keep_alive_ ? Persistence::kKeepAlive : Persistence::kClose;
}

void HttpConnection::respond(HttpResponse response) {
    framing_ = BodyFraming::kLength;
    append_response_head(output(), response, {framing_, persistence()}, shard().http_date());
    if (!head_request_ && may_have_body(response.status)) output().append(response.body);
    complete_answer();
}

void HttpConnection::answer_and_close(const HttpResponse& response) {
    keep_alive_ = false;
    append_response_head(output(), response, {BodyFraming::kLength, Persistence::kClose},
                         shard().http_date());
    if (!head_request_) output().append(response.body);
    close_after_output();
}

void HttpConnection::start_stream(HttpResponse head) {
    framing_ = http11_ ? BodyFraming::kChunked : BodyFraming::kUntilClose;
    if (framing_ == BodyFraming::kUntilClose) keep_alive_ = false;
    if (!may_have_body(head.status)) {
        framing_ = BodyFraming::kLength;
        head_request_ = true;
    }
    append_response_head(output(), head, {framing_, persistence()}, shard().http_date());
    mark_dirty();
    write(head.body);
}

void HttpConnection::write(std::string_view part) {
    if (head_request_ || part.empty()) return;
    if (framing_ == BodyFraming::kChunked) {
        append_chunk(output(), part);
    } else {
        output().append(part);
    }
    mark_dirty();
}

void HttpConnection::finish() {
    if (framing_ == BodyFraming::kChunked && !head_request_) output().append(kLastChunk);
    complete_answer();
}

void HttpConnection::complete_answer() {
    std::exchange(exchange_, nullptr)->complete();
    // A stream may have outlived the peer's wish, or ours, to go on.
    if (persistence() == Persistence::kClose) return close_after_output();
    enter(Phase::kIdle);
    limit_reading();
    mark_dirty();
}

void HttpConnection::abandoned() {
    const bool begun = std::exchange(exchange_, nullptr)->streaming();
    if (!begun) return answer_and_close(internal_error_response());
    // A stream that has begun ends without its last chunk: the client sees that it is incomplete.
    keep_alive_ = false;
    close_after_output();
}

}  // namespace signalbox::runtime
