#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "library/recovery.h"
#include "runtime/shard.h"
#include "signalbox/socketio.h"
#include "socketio/server.h"

namespace signalbox::io::detail {

/// A namespace's part on one shard.
/// Threading: confined to its shard.
class ShardNamespace final : public socketio::NamespaceHandler {
public:
    ShardNamespace(NamespaceCore& ns, runtime::Shard& shard);
    /// Before the first call.
    void attach(socketio::Namespace& sockets) { sockets_ = &sockets; }
    [[nodiscard]] socketio::Namespace& sockets() { return *sockets_; }

    void on_connect(socketio::Socket& socket, std::string_view auth) override;
    void on_event(socketio::Socket& socket, const socketio::Event& event) override;
    void on_disconnecting(socketio::Socket& socket, socketio::DisconnectReason reason) override;
    void on_disconnect(socketio::Socket& socket, socketio::DisconnectReason reason) override;

    /// nullptr unless the server recovers connections.
    [[nodiscard]] Recovery* recovery() { return recovery_.get(); }

    void emit(const Selection& to, const OutgoingEvent& event);
    /// With recovery, what is neither volatile nor waits for an ack is sent by these two.
    void emit_recoverable(const LoggedEvent& event);
    void emit_to_one(SocketState& socket, const std::shared_ptr<const OutgoingEvent>& event);
    void emit_volatile(const Selection& to, const OutgoingEvent& event);
    /// `done` is called when all have answered or left, at the latest at the time-out.
    void emit_with_ack(const Selection& to, const OutgoingEvent& event, Milliseconds timeout,
                       std::move_only_function<void(Responses)> done);
    void for_each(const Selection& to, const std::function<void(socketio::Socket&)>& visit);
    [[nodiscard]] std::vector<FetchedSocket> fetch(const Selection& from);
    void tell(const OutgoingEvent& event);

private:
    NamespaceCore& namespace_;
    ShardIndex shard_;
    socketio::Namespace* sockets_ = nullptr;
    std::unique_ptr<Recovery> recovery_;
};

}  // namespace signalbox::io::detail
