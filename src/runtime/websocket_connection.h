#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/timer_wheel.h"
#include "engineio/ports.h"
#include "runtime/connection.h"
#include "websocket/extensions.h"
#include "websocket/frame_decoder.h"

namespace signalbox::runtime {

class Endpoint;
struct UpgradeSeed;

/// A decision about `seed` for the handler; see engineio::WebSocketUpgrade.
[[nodiscard]] std::unique_ptr<engineio::WebSocketUpgrade> make_upgrade(Endpoint& endpoint,
                                                                       UpgradeSeed seed);

/// The socket of an open WebSocket: frames in, frames out. Its user holds a Port, which may end
/// before it: then what was sent still leaves.
///
/// Memory: while idle this object, its transport and its port; nothing else of ours.
/// Bounds: one message (websocket_message_bytes_max); pongs stop while kPongPauseBytes wait for the
///         peer; the application bounds what it sends by buffered_bytes(); a peer that takes less
///         than write_bytes_per_second_min is lost. A turn delivers kInflatedBytesATurn and one
///         message at most: small frames may inflate to large messages, and the other connections
///         want their turn too.
class WebSocketConnection final : public Connection {
public:
    static constexpr std::size_t kPongPauseBytes = 64 * 1024;
    static constexpr std::size_t kInflatedBytesATurn = 2 * 1024 * 1024;

    [[nodiscard]] static std::unique_ptr<engineio::WebSocketPort> open(
        Endpoint& endpoint, UpgradeSeed seed, engineio::WebSocketHandler& handler);
    ~WebSocketConnection() override;

    bool is_websocket() const override { return true; }

    /// `compression`: what the handshake agreed on.
    WebSocketConnection(Endpoint& endpoint, Channel channel, engineio::WebSocketHandler& handler,
                        const std::optional<websocket::DeflateAgreement>& compression);

private:
    class Port;
    enum class State : std::uint8_t {
        kOpen,
        kClosing,    ///< our close frame is on its way; the peer's is awaited
        kEnding,     ///< output leaves, then our FIN
        kLingering,  ///< the peer's FIN is awaited
    };
    /// What only some connections need, and those not for long.
    struct Rare {
        explicit Rare(WebSocketConnection* connection)
            : timer(Timer::calling<&WebSocketConnection::on_timer>(connection)) {}
        Timer timer;         // of a peer that takes too little; later of the closing handshake
        WritePace pace;      // of such a peer
        std::string unread;  // received with the handshake, or too much for a turn
    };

    void on_input(std::span<char> bytes) override;
    void on_peer_closed() override;
    void on_lost() override;
    void before_flush() override;
    void on_drained() override;
    void on_blocked() override;

    void decode(std::span<char> bytes);
    void put_off(std::span<char> bytes);
    void take_unread();
    [[nodiscard]] bool has_unread() const { return rare_ && !rare_->unread.empty(); }
    void on_frame(const websocket::FrameEvent& event);
    void on_message(engineio::MessageKind kind, std::string_view message);
    void on_ping(std::string_view payload);
    void on_close_frame(websocket::CloseCode code);
    void fail(websocket::FrameError error);
    [[nodiscard]] bool decodes() const;

    void send(engineio::MessageKind kind, std::string_view head, std::string_view body);
    void close(engineio::WebSocketCloseCode code);
    void port_gone();
    void append_frame(websocket::Opcode opcode, std::string_view payload);

    void begin_end();
    void arm_close_timer();
    void watch_pace();
    [[nodiscard]] Milliseconds patience();
    void on_timer();
    void end(engineio::WebSocketEnd reason);
    Rare& rare();
    /// Unless something of it is in use.
    void drop_rare();

    websocket::FrameDecoder decoder_;
    engineio::WebSocketHandler* handler_;  // nullptr: hears nothing any more
    Port* port_ = nullptr;
    std::unique_ptr<Rare> rare_;
    std::uint8_t window_bits_;  // of what we send deflated; 0: nothing
    State state_ = State::kOpen;
    bool peer_closed_ = false;
    bool close_timed_ = false;
};

}  // namespace signalbox::runtime
