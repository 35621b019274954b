#pragma once

#include <memory>
#include <string>

#include "base/http.h"
#include "base/timer_wheel.h"
#include "engineio/packet.h"
#include "engineio/packet_queue.h"
#include "engineio/payload.h"
#include "engineio/server.h"
#include "engineio/sid.h"

/// The session state machine; private to the layer.
namespace signalbox::engineio {

/// One WebSocket and the session that it serves; with none, what it hears is ignored.
class Server::Link final : public WebSocketHandler {
public:
    explicit Link(SessionImpl* session) : session_(session) {}

    void accept(WebSocketUpgrade& upgrade) { port_ = upgrade.accept(*this); }
    [[nodiscard]] WebSocketPort& port() { return *port_; }
    void detach() { session_ = nullptr; }

    void on_message(MessageKind kind, std::string_view message) override;
    void on_end(WebSocketEnd end) override;

private:
    SessionImpl* session_;
    std::unique_ptr<WebSocketPort> port_;
};

/// Chain of states:
///
///     open ──────────────▶ closed
///       └──▶ lingering ──▶ closed
///
/// open: its handler hears messages. lingering: closed by the application while on polling with no
/// GET held, so that what was sent and the close packet wait for the next one. closed: out of the
/// server's map, destroyed in a later turn.
///
/// The transport is the WebSocket when there is one, else polling. A probe is the WebSocket of an
/// upgrade that is not finished; polling goes on beside it.
class Server::SessionImpl final : public Session {
public:
    SessionImpl(Server& server, const Sid& sid, Protocol protocol, HttpRequest handshake);
    ~SessionImpl() override;

    [[nodiscard]] const Sid& sid() const override { return sid_; }
    [[nodiscard]] const Handshake& handshake() const override { return handshake_; }
    [[nodiscard]] Protocol protocol() const override { return protocol_; }
    [[nodiscard]] MonotonicTime opened_at() const override { return opened_at_; }
    [[nodiscard]] bool is_websocket() const override { return websocket_ != nullptr; }
    [[nodiscard]] bool open() const override { return state_ == State::kOpen; }
    [[nodiscard]] bool closed() const { return state_ == State::kClosed; }
    [[nodiscard]] bool writable() const override;
    [[nodiscard]] std::size_t buffered_bytes() const override;
    void send(MessageKind kind, std::string_view message) override;
    void share_input(InputShare share) override;
    void close(CloseReason reason) override;
    void close_if_idle(CloseReason reason);

    /// Sends the open packet: as the answer to the handshake's GET, or on its WebSocket.
    void open_on(HttpExchange& exchange);
    void open_on(WebSocketUpgrade& upgrade);
    /// Gives the session its handler, which hears of a close that came before it.
    void attach(std::unique_ptr<SessionHandler> handler);

    /// Ends the session when its pong is overdue, whether or not the timer has run.
    void check_deadline();
    void handle_request(const HttpRequest& request, std::unique_ptr<HttpExchange> exchange);
    /// A WebSocket asks to take over: it becomes the probe, or is closed when it cannot.
    void handle_upgrade(std::unique_ptr<WebSocketUpgrade> upgrade);

    void on_websocket_message(Link& from, MessageKind kind, std::string_view message);
    void on_websocket_end(Link& from, WebSocketEnd end);

private:
    enum class State : std::uint8_t { kOpen, kLingering, kClosed };
    /// How binary messages reach a client: v3 clients may be unable to take bytes.
    enum class BinaryForm : std::uint8_t { kRaw, kBase64 };
    struct Probe;
    class Cork;

    [[nodiscard]] static BinaryForm binary_form_of(std::string_view query);
    [[nodiscard]] std::string open_packet() const;
    void open_websocket();
    void begin_heartbeat();
    /// May give away what waits, to see whether it is the peer that does not take it.
    [[nodiscard]] bool exceeds_bound(std::size_t more);
    [[nodiscard]] bool websocket_is_slow(std::size_t max, std::size_t more);
    [[nodiscard]] bool poll_is_slow(std::size_t max, std::size_t more);
    void become_slow();
    void transmit(const Packet& packet);
    void transmit_on(Link& link, const Packet& packet);
    void transmit_binary_on(Link& link, const Packet& packet);

    void handle_get(const HttpRequest& request, std::unique_ptr<HttpExchange> exchange);
    void handle_post(const HttpRequest& request, HttpExchange& exchange);
    void refuse_overlap(HttpExchange& second);
    void on_poll_abort();
    void answer_poll();
    void compress(HttpResponse& response);
    [[nodiscard]] PayloadFormat payload_format() const;
    void flush_poll();
    void read_payload(const HttpRequest& request);

    void on_packet(const Packet& packet);
    void on_ping();
    void on_pong();
    void on_probe_message(MessageKind kind, std::string_view message);
    void on_probe_ping();
    [[nodiscard]] bool probe_answered() const;
    void on_upgrade_timeout() { drop_probe(); }
    void finish_upgrade();
    void drop_probe();

    void arm(MonotonicTime due);
    void on_timer();
    void on_client_late();
    void send_ping();

    void linger(CloseReason reason);
    /// Ends the session; a held GET gets `farewell` after what is queued.
    void finish(CloseReason reason, PacketType farewell = PacketType::kClose);
    void tell_handler(CloseReason reason);
    void hang_up(std::unique_ptr<Link> link, WebSocketCloseCode code);

    Server& server_;
    const Sid sid_;
    BinaryForm binary_form_;  // of the present transport
    const Protocol protocol_;
    const Handshake handshake_;
    std::unique_ptr<SessionHandler> handler_;
    std::unique_ptr<HttpExchange> poll_;  // the held GET; never with a queue, except while corked
    std::unique_ptr<Link> websocket_;
    std::unique_ptr<Probe> probe_;
    InputShare input_share_;  // while it has no WebSocket
    PacketQueue queue_;
    Timer timer_;  // the ping, the deadline of the client's answer, or the end of lingering
    MonotonicTime queued_since_{};  // since when queue_ is not empty
    const MonotonicTime opened_at_;
    AcceptedCoding accepted_;  // by the held GET
    State state_ = State::kOpen;
    CloseReason reason_{};        // once not open
    bool opening_ = false;        // v3: the open packet waits for its moment, others behind it
    bool awaits_client_ = false;  // timer_ is armed for the deadline of a pong or, in v3, a ping
    bool slow_ = false;
    std::uint8_t corks_ = 0;
};

}  // namespace signalbox::engineio
