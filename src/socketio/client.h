#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/timer_wheel.h"
#include "engineio/server.h"
#include "socketio/local_socket.h"
#include "socketio/packet.h"
#include "socketio/server.h"

namespace signalbox::socketio {

class Context;

/// One Engine.IO session with its sockets, one for each namespace name that it joined.
///
/// Ownership: by its link to the session until that closes, then by the Context.
/// Threading: confined to its shard.
/// Errors:    what a client must not do ends the whole session: as kParseError when a message is no
///            packet, as kForcedClose when a packet has no place in the session's state.
class Client {
public:
    /// What may make packets of that namespace arrive late.
    enum class Departure : std::uint8_t { kClientsDecision, kOurDecision };

    Client(Context& context, engineio::Session& session);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// A v4 client takes `/` for joined without asking: it is asked for on its behalf.
    void begin();
    void on_message(engineio::MessageKind kind, std::string_view message);
    void on_slow_consumer();
    void on_close(engineio::CloseReason reason);

    /// No namespace is joined; one that has still to be accepted does not count.
    [[nodiscard]] bool idle() const;
    [[nodiscard]] Revision revision() const { return revision_; }
    /// Until on_close() returns.
    [[nodiscard]] engineio::Session& session();
    void send(std::string_view packet, std::span<const std::string> attachments);
    void close(engineio::CloseReason reason);
    /// disconnect() of each connected socket, then close().
    void disconnect_all();
    /// A socket was accepted.
    void on_joined() { timeout_.reset(); }
    /// Retires `socket`; after kOurDecision, packets that the client sent before it knew are
    /// ignored.
    void release(LocalSocket& socket, Departure departure);

private:
    /// A namespace that a server DISCONNECT or CONNECT_ERROR ended.
    struct Left {
        std::string_view name;
        MonotonicTime tolerated_until;
    };

    void dispatch(const Decoder::Decoded& decoded);
    void await_attachments();
    [[nodiscard]] bool may_connect();
    void connect(const Packet& packet);
    /// The packet's namespace; what a v4 client says after it is another matter.
    [[nodiscard]] std::string_view name_in(const Packet& packet) const;
    /// The `auth` of a CONNECT: its payload or, in v4, what follows the namespace's name.
    [[nodiscard]] std::string auth_in(const Packet& packet) const;
    void deliver(LocalSocket& socket, const Decoder::Decoded& decoded);
    void refuse_namespace(std::string_view name, std::string_view message);
    /// Unless a time is running already.
    void await(Milliseconds timeout);
    void end_for_timeout() { close(engineio::CloseReason::kForcedClose); }
    [[nodiscard]] std::vector<LocalSocket*> connected_sockets() const;
    [[nodiscard]] LocalSocket* find(std::string_view name) const;
    [[nodiscard]] bool left_recently(std::string_view name) const;
    [[nodiscard]] DisconnectReason reason_of(engineio::CloseReason reason) const;

    Context& context_;
    engineio::Session* session_;
    Revision revision_;
    bool closing_ = false;
    Decoder decoder_;
    std::vector<std::unique_ptr<LocalSocket>> sockets_;
    std::vector<Left> left_;
    std::size_t connects_ = 0;  // since connects_since_
    MonotonicTime connects_since_{};
    // To join a namespace or, joined, for outstanding attachments; null: neither is awaited.
    std::unique_ptr<Timer> timeout_;
};

}  // namespace signalbox::socketio
