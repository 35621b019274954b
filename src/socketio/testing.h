#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engineio/server.h"

namespace signalbox::socketio::testing {

/// An Engine.IO session for tests: records what is sent, delivers what the test says, and destroys
/// its handler as early as the contract of engineio::SessionHandler permits.
class FakeSession final : public engineio::Session {
public:
    /// When on_close() follows a close() by the application.
    enum class CloseMode { kInsideTheCall, kWhenFlushed };

    explicit FakeSession(engineio::Application& application,
                         engineio::Protocol protocol = engineio::Protocol::kV4)
        : protocol_(protocol) {
        request.headers.add("Host", "test");
        handler_ = application.open(*this);
    }
    ~FakeSession() override {
        if (handler_) end(engineio::CloseReason::kTransportClose);
    }

    [[nodiscard]] const engineio::Sid& sid() const override { return sid_; }
    [[nodiscard]] const engineio::Handshake& handshake() const override { return request; }
    [[nodiscard]] engineio::Protocol protocol() const override { return protocol_; }
    [[nodiscard]] MonotonicTime opened_at() const override { return {}; }
    [[nodiscard]] bool is_websocket() const override { return true; }
    [[nodiscard]] bool open() const override { return !closed_; }
    [[nodiscard]] bool writable() const override { return is_writable; }
    [[nodiscard]] std::size_t buffered_bytes() const override { return 0; }

    void send(engineio::MessageKind kind, std::string_view message) override {
        if (closed_) return;
        if (slow_on_next_send) {
            slow_on_next_send = false;
            handler_->on_slow_consumer();
            close(engineio::CloseReason::kSlowConsumer);
            return;
        }
        sent_.emplace_back(kind == engineio::MessageKind::kText ? std::string(message)
                                                                : "b:" + std::string(message));
    }
    void close(engineio::CloseReason reason) override {
        if (closed_) return;
        closed_ = reason;
        if (close_mode == CloseMode::kInsideTheCall) end(reason);
    }

    /// Until the session has ended.
    [[nodiscard]] engineio::SessionHandler& handler() { return *handler_; }
    /// The client sends something.
    void text(std::string_view message) { deliver(engineio::MessageKind::kText, message); }
    void binary(std::string_view message) { deliver(engineio::MessageKind::kBinary, message); }
    /// The session ends, whoever wanted it.
    void end(engineio::CloseReason reason) {
        closed_ = closed_.value_or(reason);
        if (!handler_) return;
        handler_->on_close(reason);
        handler_.reset();
    }

    /// What was sent since the last call; binary messages begin with "b:".
    std::vector<std::string> take_sent() { return std::exchange(sent_, {}); }
    [[nodiscard]] std::optional<engineio::CloseReason> closed() const { return closed_; }

    engineio::Handshake request;
    bool is_writable = true;
    bool slow_on_next_send = false;
    CloseMode close_mode = CloseMode::kInsideTheCall;

private:
    void deliver(engineio::MessageKind kind, std::string_view message) {
        if (handler_) handler_->on_message(kind, message);
    }

    engineio::Protocol protocol_;
    engineio::Sid sid_{"engine-sid-engine-si"};
    std::unique_ptr<engineio::SessionHandler> handler_;
    std::vector<std::string> sent_;
    std::optional<engineio::CloseReason> closed_;
};

}  // namespace signalbox::socketio::testing
