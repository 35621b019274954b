#include "runtime/websocket_connection.h"

#include <utility>

#include "base/check.h"
#include "runtime/endpoint.h"
#include "runtime/http_fault.h"
#include "runtime/websocket_handshake.h"
#include "websocket/frame_encoder.h"

namespace signalbox::runtime {

using engineio::MessageKind;
using engineio::WebSocketEnd;
using websocket::FrameEvent;
using websocket::Opcode;

class WebSocketConnection::Port final : public engineio::WebSocketPort {
public:
    explicit Port(WebSocketConnection& connection) : connection_(&connection) {
        connection.port_ = this;
    }
    ~Port() override {
        if (connection_ != nullptr) connection_->port_gone();
    }

    void send(MessageKind kind, std::string_view head, std::string_view body) override {
        if (connection_ != nullptr) connection_->send(kind, head, body);
    }
    void close(engineio::WebSocketCloseCode code) override {
        if (connection_ != nullptr) connection_->close(code);
    }
    std::size_t buffered_bytes() const override {
        return connection_ != nullptr ? connection_->output_bytes() : 0;
    }
    void flush() override {
        if (connection_ != nullptr) connection_->offer_output();
    }
    bool blocked() const override { return connection_ != nullptr && connection_->blocked(); }
    void share_input(InputShare share) override {
        if (connection_ != nullptr) connection_->set_share(std::move(share));
    }

    void detach() { connection_ = nullptr; }

private:
    WebSocketConnection* connection_;
};

namespace {

class Upgrade final : public engineio::WebSocketUpgrade {
public:
    Upgrade(Endpoint& endpoint, UpgradeSeed seed) : endpoint_(endpoint), seed_(std::move(seed)) {}
    ~Upgrade() override {
        if (!decided_) refuse(internal_error_response());
    }

    const HttpRequest& request() const override { return seed_.request; }

    std::unique_ptr<engineio::WebSocketPort> accept(engineio::WebSocketHandler& handler) override {
        SB_CHECK(!std::exchange(decided_, true));
        return WebSocketConnection::open(endpoint_, std::move(seed_), handler);
    }

    void refuse(HttpResponse response) override {
        SB_CHECK(!std::exchange(decided_, true));
        endpoint_.refuse_upgrade(std::move(seed_), response);
    }

private:
    Endpoint& endpoint_;
    UpgradeSeed seed_;
    bool decided_ = false;
};

}  // namespace

std::unique_ptr<engineio::WebSocketUpgrade> make_upgrade(Endpoint& endpoint, UpgradeSeed seed) {
    return std::make_unique<Upgrade>(endpoint, std::move(seed));
}

std::unique_ptr<engineio::WebSocketPort> WebSocketConnection::open(
    Endpoint& endpoint, UpgradeSeed seed, engineio::WebSocketHandler& handler) {
    std::optional<websocket::DeflateAgreement> compression;
    if (endpoint.compression() != nullptr) compression = offered_compression(seed.request);
    WebSocketConnection& connection = endpoint.adopt(std::make_unique<WebSocketConnection>(
        endpoint, std::move(seed.channel), handler, compression));
    append_switching_protocols(connection.output(), seed.request, compression);
    // Handlers hear nothing inside accept(): early frames and a refusal of the kernel wait.
    if (!seed.unread.empty()) connection.rare().unread = std::move(seed.unread);
    connection.peer_closed_ = !connection.watch();
    connection.mark_dirty();
    return std::make_unique<Port>(connection);
}

WebSocketConnection::WebSocketConnection(
    Endpoint& endpoint, Channel channel, engineio::WebSocketHandler& handler,
    const std::optional<websocket::DeflateAgreement>& compression)
    : Connection(endpoint, std::move(channel)),
      decoder_(endpoint.options().websocket_message_bytes_max,
               compression ? &endpoint.compression()->inflaters() : nullptr),
      handler_(&handler),
      window_bits_(compression ? compression->window_bits() : 0) {}

WebSocketConnection::~WebSocketConnection() {
    if (port_ != nullptr) port_->detach();
}

WebSocketConnection::Rare& WebSocketConnection::rare() {
    if (!rare_) rare_ = std::make_unique<Rare>(this);
    return *rare_;
}

void WebSocketConnection::drop_rare() {
    if (rare_->unread.empty() && !rare_->timer.armed()) rare_.reset();
}

bool WebSocketConnection::decodes() const {
    return !retired() && (state_ == State::kOpen || state_ == State::kClosing);
}

void WebSocketConnection::on_input(std::span<char> bytes) {
    if (!has_unread()) return decode(bytes);
    rare_->unread.append(bytes.data(), bytes.size());
    take_unread();
}

void WebSocketConnection::decode(std::span<char> bytes) {
    std::size_t delivered = 0;
    while (decodes()) {
        const auto event = decoder_.next(bytes);
        if (!event) return fail(event.error());
        if (event->kind == FrameEvent::Kind::kNeedMore) return;
        delivered += event->payload.size();
        on_frame(*event);
        if (window_bits_ != 0 && delivered >= kInflatedBytesATurn) return put_off(bytes);
    }
}

void WebSocketConnection::put_off(std::span<char> bytes) {
    if (bytes.empty() || !decodes()) return;
    rare().unread.assign(bytes.begin(), bytes.end());
    // Not kPaused: the peer's FIN may come behind bytes that the kernel still holds.
    set_reading(Reading::kEnded);
    mark_dirty();
}

void WebSocketConnection::take_unread() {
    std::string unread = std::exchange(rare_->unread, {});
    drop_rare();
    if (!peer_closed_) set_reading(Reading::kOn);
    decode(unread);
}

void WebSocketConnection::on_frame(const FrameEvent& event) {
    switch (event.kind) {
        case FrameEvent::Kind::kText:
            return on_message(MessageKind::kText, event.payload);
        case FrameEvent::Kind::kBinary:
            return on_message(MessageKind::kBinary, event.payload);
        case FrameEvent::Kind::kPing:
            return on_ping(event.payload);
        case FrameEvent::Kind::kClose:
            return on_close_frame(event.close_code);
        case FrameEvent::Kind::kPong:
        case FrameEvent::Kind::kNeedMore:
            return;
    }
}

void WebSocketConnection::on_message(MessageKind kind, std::string_view message) {
    shard().statistics().websocket_messages_in.add(1);
    if (handler_ != nullptr) handler_->on_message(kind, message);
}

void WebSocketConnection::on_ping(std::string_view payload) {
    // A peer that reads nothing gets no more pongs: they would fill the memory.
    const bool stuck = blocked() && output_bytes() > kPongPauseBytes;
    if (state_ == State::kOpen && !stuck) append_frame(Opcode::kPong, payload);
}

void WebSocketConnection::on_close_frame(websocket::CloseCode code) {
    if (state_ == State::kOpen) websocket::append_close_frame(output(), code);
    begin_end();
    end(WebSocketEnd::kClosed);
}

void WebSocketConnection::fail(websocket::FrameError error) {
    if (state_ == State::kOpen) {
        websocket::append_close_frame(output(), websocket::close_code_of(error));
    }
    begin_end();
    const bool too_big = error == websocket::FrameError::kMessageTooBig;
    end(too_big ? WebSocketEnd::kMessageTooBig : WebSocketEnd::kError);
}

void WebSocketConnection::append_frame(Opcode opcode, std::string_view payload) {
    websocket::append_frame(output(), opcode, payload);
    mark_dirty();
}

void WebSocketConnection::send(MessageKind kind, std::string_view head, std::string_view body) {
    if (state_ != State::kOpen) return;
    shard().statistics().websocket_messages_out.add(1);
    const Opcode opcode = kind == MessageKind::kText ? Opcode::kText : Opcode::kBinary;
    std::string_view deflated;
    if (window_bits_ != 0) deflated = endpoint().compression()->deflate(head, body, window_bits_);
    if (deflated.empty()) {
        const websocket::FrameHeader header(opcode, head.size() + body.size());
        append_output({header.view(), head, body});
    } else {
        const auto header = websocket::FrameHeader::of_deflated(opcode, deflated.size());
        append_output({header.view(), deflated, {}});
    }
    mark_dirty();
}

void WebSocketConnection::close(engineio::WebSocketCloseCode code) {
    if (state_ != State::kOpen) return;
    handler_ = nullptr;
    state_ = State::kClosing;
    websocket::append_close_frame(output(), static_cast<websocket::CloseCode>(code));
    arm_close_timer();
    mark_dirty();
}

void WebSocketConnection::port_gone() {
    port_ = nullptr;
    handler_ = nullptr;
    if (state_ == State::kOpen) begin_end();
}

void WebSocketConnection::begin_end() {
    state_ = State::kEnding;
    arm_close_timer();
    mark_dirty();
}

void WebSocketConnection::arm_close_timer() {
    if (!std::exchange(close_timed_, true)) watch_pace();
}

void WebSocketConnection::end(WebSocketEnd reason) {
    if (Port* port = std::exchange(port_, nullptr)) port->detach();
    if (auto* handler = std::exchange(handler_, nullptr)) handler->on_end(reason);
}

void WebSocketConnection::before_flush() {
    if (has_unread()) take_unread();
    if (peer_closed_ && decodes()) on_peer_closed();
}

void WebSocketConnection::on_blocked() {
    if (state_ == State::kOpen && !rare().timer.armed()) watch_pace();
}

void WebSocketConnection::watch_pace() {
    rare().pace.begin(transport().fd());
    shard().wheel().arm_after(rare().timer, patience());
}

Milliseconds WebSocketConnection::patience() {
    const HttpServerOptions& options = endpoint().options();
    return state_ == State::kOpen ? options.write_timeout : options.websocket_close_timeout;
}

void WebSocketConnection::on_timer() {
    if (blocked() && keeps_pace(rare_->pace, patience())) return watch_pace();
    state_ == State::kOpen ? lost() : retire();
}

void WebSocketConnection::on_drained() {
    if (state_ == State::kOpen && rare_) {
        rare_->timer.cancel();
        drop_rare();
    }
    if (state_ != State::kEnding) return;
    if (peer_closed_) return retire();
    shut_down_sending();
    state_ = State::kLingering;
}

void WebSocketConnection::on_peer_closed() {
    peer_closed_ = true;
    set_reading(Reading::kEnded);
    if (has_unread()) return;  // first what came before
    if (state_ == State::kLingering) return retire();
    begin_end();
    end(WebSocketEnd::kClosed);
}

void WebSocketConnection::on_lost() {
    if (rare_) rare_->timer.cancel();
    end(WebSocketEnd::kError);
}

}  // namespace signalbox::runtime
