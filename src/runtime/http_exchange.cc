#include "runtime/http_exchange.h"

#include <utility>

#include "base/check.h"

namespace signalbox::runtime {

HttpConnection::Exchange::Exchange(HttpConnection& connection)
    : connection_(&connection), abort_(connection.shard()) {
    connection.exchange_ = this;
}

HttpConnection::Exchange::~Exchange() {
    if (connection_ != nullptr) connection_->abandoned();
}

void HttpConnection::Exchange::respond(HttpResponse response) {
    SB_CHECK(state_ == State::kPending);
    state_ = State::kDone;
    if (connection_ != nullptr) connection_->respond(std::move(response));
}

void HttpConnection::Exchange::start_stream(HttpResponse head) {
    SB_CHECK(state_ == State::kPending);
    state_ = State::kStreaming;
    if (connection_ != nullptr) connection_->start_stream(std::move(head));
}

void HttpConnection::Exchange::write(std::string_view part) {
    SB_CHECK(state_ == State::kStreaming);
    if (connection_ != nullptr) connection_->write(part);
}

void HttpConnection::Exchange::finish() {
    SB_CHECK(state_ == State::kStreaming);
    state_ = State::kDone;
    if (connection_ != nullptr) connection_->finish();
}

void HttpConnection::Exchange::on_abort(std::move_only_function<void()> callback) {
    abort_.set(std::move(callback));
}

void HttpConnection::Exchange::on_drain(std::move_only_function<void()> callback) {
    on_drain_ = std::move(callback);
}

std::size_t HttpConnection::Exchange::pending_bytes() const {
    return connection_ != nullptr ? connection_->output_bytes() : 0;
}

void HttpConnection::Exchange::complete() {
    abort_.disarm();
    detach();
}

void HttpConnection::Exchange::drained() {
    if (on_drain_) on_drain_();
}

}  // namespace signalbox::runtime
