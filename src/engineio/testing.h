#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/http.h"
#include "engineio/ports.h"
#include "engineio/server.h"

/// The outside of an Engine.IO server over strings, for tests of this layer and those above. Each
/// fake writes what is done to it into a record that outlives it; the record's methods are the
/// peer.
namespace signalbox::engineio::testing {

/// What became of one HTTP request.
struct ExchangeRecord {
    std::optional<HttpResponse> response;  ///< also 500 for an exchange destroyed unanswered
    std::string stream;                    ///< the parts of a streamed answer, its head's included
    bool finished = false;
    bool destroyed = false;
    bool in_call = false;
    std::move_only_function<void()> abort_callback;

    [[nodiscard]] bool pending() const { return !response; }
    [[nodiscard]] int status() const { return response ? response->status : 0; }
    [[nodiscard]] std::string body() const { return response ? response->body : ""; }
    /// The peer goes away.
    void abort() {
        auto callback = std::exchange(abort_callback, {});
        in_call = true;
        if (callback) callback();
        in_call = false;
    }
};

class FakeExchange final : public HttpExchange {
public:
    explicit FakeExchange(std::shared_ptr<ExchangeRecord> record) : record_(std::move(record)) {}
    ~FakeExchange() override {
        SB_CHECK(!record_->in_call);
        record_->destroyed = true;
        record_->abort_callback = {};
        if (!record_->response) record_->response = HttpResponse::of(500, "text/plain", "");
    }
    FakeExchange(const FakeExchange&) = delete;
    FakeExchange& operator=(const FakeExchange&) = delete;

    void respond(HttpResponse response) override {
        SB_CHECK(!record_->response);
        record_->response = std::move(response);
        record_->finished = true;
    }
    void start_stream(HttpResponse head) override {
        SB_CHECK(!record_->response);
        record_->stream = head.body;
        record_->response = std::move(head);
    }
    void write(std::string_view part) override { record_->stream += part; }
    void finish() override { record_->finished = true; }
    void on_abort(std::move_only_function<void()> callback) override {
        record_->abort_callback = std::move(callback);
    }
    [[nodiscard]] std::size_t pending_bytes() const override { return 0; }

private:
    std::shared_ptr<ExchangeRecord> record_;
};

struct FakeMessage {
    MessageKind kind;
    std::string data;
    friend bool operator==(const FakeMessage&, const FakeMessage&) = default;
};

/// One WebSocket, seen from the peer.
struct WebSocketRecord {
    std::vector<FakeMessage> sent;             ///< by the server, until close()
    std::optional<WebSocketCloseCode> closed;  ///< by the server
    std::size_t buffered_bytes = 0;            ///< what buffered_bytes() says; set it to block
    std::size_t unoffered_bytes = 0;           ///< of these, what the kernel takes with flush()
    bool ended = false;
    bool destroyed = false;
    bool in_call = false;
    WebSocketHandler* handler = nullptr;

    /// The peer's message; nothing is heard once the server has closed.
    void receive(MessageKind kind, std::string_view message) {
        if (listening()) call([&] { handler->on_message(kind, message); });
    }
    void end(WebSocketEnd how) {
        if (!listening()) return;
        ended = true;
        call([&] { handler->on_end(how); });
    }
    [[nodiscard]] bool listening() const { return !closed && !ended && !destroyed; }

private:
    template <class Call>
    void call(Call handler_call) {
        in_call = true;
        handler_call();
        in_call = false;
    }
};

class FakeWebSocket final : public WebSocketPort {
public:
    explicit FakeWebSocket(std::shared_ptr<WebSocketRecord> record) : record_(std::move(record)) {}
    ~FakeWebSocket() override {
        SB_CHECK(!record_->in_call);
        record_->destroyed = true;
    }
    FakeWebSocket(const FakeWebSocket&) = delete;
    FakeWebSocket& operator=(const FakeWebSocket&) = delete;

    void send(MessageKind kind, std::string_view head, std::string_view body) override {
        if (record_->listening())
            record_->sent.push_back({kind, std::string(head) + std::string(body)});
    }
    void close(WebSocketCloseCode code) override {
        if (record_->listening()) record_->closed = code;
    }
    [[nodiscard]] std::size_t buffered_bytes() const override { return record_->buffered_bytes; }
    void flush() override { record_->buffered_bytes -= std::exchange(record_->unoffered_bytes, 0); }
    [[nodiscard]] bool blocked() const override {
        return record_->buffered_bytes > record_->unoffered_bytes;
    }

private:
    std::shared_ptr<WebSocketRecord> record_;
};

/// What became of one WebSocket handshake.
struct UpgradeRecord {
    std::shared_ptr<WebSocketRecord> websocket;  ///< once accepted
    std::optional<HttpResponse> refusal;
    bool destroyed = false;
};

class FakeUpgrade final : public WebSocketUpgrade {
public:
    FakeUpgrade(HttpRequest request, std::shared_ptr<UpgradeRecord> record)
        : request_(std::move(request)), record_(std::move(record)) {}
    ~FakeUpgrade() override { record_->destroyed = true; }
    FakeUpgrade(const FakeUpgrade&) = delete;
    FakeUpgrade& operator=(const FakeUpgrade&) = delete;

    [[nodiscard]] const HttpRequest& request() const override { return request_; }
    [[nodiscard]] std::unique_ptr<WebSocketPort> accept(WebSocketHandler& handler) override {
        SB_CHECK(!record_->websocket && !record_->refusal);
        record_->websocket = std::make_shared<WebSocketRecord>();
        record_->websocket->handler = &handler;
        return std::make_unique<FakeWebSocket>(record_->websocket);
    }
    void refuse(HttpResponse response) override {
        SB_CHECK(!record_->websocket && !record_->refusal);
        record_->refusal = std::move(response);
    }

private:
    HttpRequest request_;
    std::shared_ptr<UpgradeRecord> record_;
};

[[nodiscard]] inline HttpRequest make_request(std::string method, std::string query,
                                              std::string body = {}) {
    HttpRequest request;
    request.method = std::move(method);
    request.path = "/socket.io/";
    request.query = std::move(query);
    request.target = request.path + "?" + request.query;
    request.body = std::move(body);
    request.peer = "127.0.0.1";
    return request;
}

/// A request with `Host: gateway.test` from 203.0.113.9.
[[nodiscard]] inline HttpRequest request_of(std::string method, std::string target,
                                            std::vector<HttpHeaders::Field> headers = {}) {
    HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    const std::size_t question = std::min(request.target.find('?'), request.target.size());
    request.path = request.target.substr(0, question);
    if (question < request.target.size()) request.query = request.target.substr(question + 1);
    request.headers.add("Host", "gateway.test");
    for (auto& [name, value] : headers) request.headers.add(name, value);
    request.peer = "203.0.113.9";
    return request;
}

[[nodiscard]] inline std::string header_of(const ExchangeRecord& record, std::string_view name) {
    return record.response ? std::string(record.response->headers.find(name).value_or("")) : "";
}

/// Hands `request` to `handler`.
inline std::shared_ptr<ExchangeRecord> exchange(HttpHandler& handler, HttpRequest request) {
    auto record = std::make_shared<ExchangeRecord>();
    handler.handle(std::move(request), std::make_unique<FakeExchange>(record));
    return record;
}

inline std::shared_ptr<UpgradeRecord> upgrade(UpgradeHandler& handler, HttpRequest request) {
    auto record = std::make_shared<UpgradeRecord>();
    handler.handle_upgrade(std::make_unique<FakeUpgrade>(std::move(request), record));
    return record;
}

/// The value of the member "sid" in an open packet; empty without one.
[[nodiscard]] inline std::string sid_in(std::string_view open_packet) {
    constexpr std::string_view kKey = R"("sid":")";
    const std::size_t at = open_packet.find(kKey);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = open_packet.substr(at + kKey.size());
    return std::string(rest.substr(0, rest.find('"')));
}

/// A client on one WebSocket, without an upgrade.
class FakeClient {
public:
    /// Opens a WebSocket; `query` is added to EIO and transport (`&token=x`). With a server that
    /// decides later, accepted() becomes true later.
    explicit FakeClient(UpgradeHandler& server, std::string_view query = {},
                        HttpHeaders headers = {}) {
        HttpRequest request = make_request("GET", "EIO=4&transport=websocket" + std::string(query));
        for (const auto& [name, value] : headers) request.headers.add(name, value);
        record_ = upgrade(server, std::move(request));
    }

    [[nodiscard]] bool accepted() const { return record_->websocket != nullptr; }
    [[nodiscard]] const std::optional<HttpResponse>& refusal() const { return record_->refusal; }
    /// Only once accepted().
    [[nodiscard]] WebSocketRecord& websocket() const { return *record_->websocket; }
    [[nodiscard]] bool closed() const { return websocket().closed.has_value(); }
    [[nodiscard]] std::optional<WebSocketCloseCode> close_code() const {
        return websocket().closed;
    }
    [[nodiscard]] std::string sid() const {
        return websocket().sent.empty() ? "" : sid_in(websocket().sent.front().data);
    }

    /// A whole packet with its type digit.
    void send_packet(std::string_view packet) { websocket().receive(MessageKind::kText, packet); }
    void send_text(std::string_view message) { send_packet("4" + std::string(message)); }
    void send_binary(std::string_view message) {
        websocket().receive(MessageKind::kBinary, message);
    }
    /// The connection ends from the client's side.
    void drop(WebSocketEnd how = WebSocketEnd::kClosed) { websocket().end(how); }

    /// Frames since the last call to either take.
    [[nodiscard]] std::vector<FakeMessage> take_frames() {
        auto& sent = websocket().sent;
        std::vector<FakeMessage> frames(sent.begin() + static_cast<std::ptrdiff_t>(taken_),
                                        sent.end());
        taken_ = sent.size();
        return frames;
    }
    /// The messages among them: text without its type digit, binary as it is.
    [[nodiscard]] std::vector<FakeMessage> take_messages() {
        std::vector<FakeMessage> messages;
        for (FakeMessage& frame : take_frames()) {
            const bool binary = frame.kind == MessageKind::kBinary;
            if (!binary && !frame.data.starts_with('4')) continue;
            if (!binary) frame.data.erase(0, 1);
            messages.push_back(std::move(frame));
        }
        return messages;
    }
    /// The text messages among them.
    [[nodiscard]] std::vector<std::string> take_texts() {
        std::vector<std::string> texts;
        for (FakeMessage& message : take_messages()) {
            if (message.kind == MessageKind::kText) texts.push_back(std::move(message.data));
        }
        return texts;
    }

private:
    std::shared_ptr<UpgradeRecord> record_;
    std::size_t taken_ = 0;
};

}  // namespace signalbox::engineio::testing
