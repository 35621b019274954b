#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "load/frames.h"
#include "load/loop.h"
#include "load/options.h"
#include "load/stream.h"

namespace signalbox::bench {

class Client;

/// What all connections of a run have in common.
struct Target {
    Loop& loop;
    const Options& options;
    ssl_ctx_st* tls = nullptr;
    Deflate* deflate = nullptr;
};

/// Hears what happens to clients.
class ClientObserver {
public:
    /// Connected, authenticated, in its rooms.
    virtual void on_open(Client& client) = 0;
    /// `message` is what a WebSocket message carried, of the Socket.IO dialect with its packet
    /// types; `time` is when it was read.
    virtual void on_message(Client& client, std::string_view message, TimePoint time) = 0;

protected:
    ~ClientObserver() = default;
};

/// One WebSocket client, from connect to messages. What it sends in a turn leaves in one send.
/// Heartbeats are answered. Anything that should not happen ends the program.
class Client final : private runtime::Watcher {
public:
    /// Connects, and takes the HTTP upgrade from there. @param index  of the connection, from 0.
    Client(const Target& target, std::size_t index, ClientObserver& observer);
    /// Joins an Engine.IO session that began with polling; open when the server has answered
    /// the probe. The `5` is the observer's to send.
    Client(const Target& target, std::size_t index, ClientObserver& observer, std::string_view sid);

    [[nodiscard]] std::size_t index() const { return index_; }
    void send(std::string_view message);
    /// Sends what is waiting; for those who send from outside on_message().
    void flush() { stream_.flush(); }
    void reset_on_close() { stream_.reset_on_close(); }

private:
    enum class State : std::uint8_t { kUpgrading, kJoining, kProbing, kOpen };

    void on_ready(runtime::Readiness readiness) override;
    void write_upgrade_request(std::string_view sid);
    [[nodiscard]] std::string query(std::string_view sid) const;
    /// @return what follows the response's header; nothing while that is not complete.
    [[nodiscard]] std::span<char> read_upgrade_response(std::span<char> input);
    void on_upgraded();
    void on_frames(std::span<char> input);
    void on_frame(const ServerFrame& frame, TimePoint time);
    void on_text(std::string_view message, TimePoint time);
    void join(std::string_view message);
    void open();

    const Target& target_;
    std::size_t index_;
    ClientObserver& observer_;
    Stream stream_;
    State state_ = State::kUpgrading;
    bool probes_;
    std::string response_;  // the upgrade's, while it is not complete
    FrameReader frames_;
};

/// Query parameters of the Engine.IO handshake: session and artifact.
[[nodiscard]] std::string handshake_query(const Credentials& credentials);
/// The CONNECT packet inside its Engine.IO message.
[[nodiscard]] std::string connect_packet(const Credentials& credentials);

}  // namespace signalbox::bench
