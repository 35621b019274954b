#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "signalbox/socketio.h"
#include "socketio/server.h"

namespace signalbox::io::detail {

/// Which sockets of a namespace a Broadcast means.
struct Selection {
    std::vector<std::string> rooms;
    std::vector<std::string> except;
};

/// An event with its arguments, shared by the shards that send it.
struct OutgoingEvent {
    std::string name;
    Args args;
};

/// A namespace's part on one shard.
/// Threading: confined to its shard.
class ShardNamespace final : public socketio::NamespaceHandler {
public:
    ShardNamespace(NamespaceCore& ns, ShardIndex shard) : namespace_(ns), shard_(shard) {}
    /// Before the first call.
    void attach(socketio::Namespace& sockets) { sockets_ = &sockets; }
    [[nodiscard]] socketio::Namespace& sockets() { return *sockets_; }

    void on_connect(socketio::Socket& socket, std::string_view auth) override;
    void on_event(socketio::Socket& socket, const socketio::Event& event) override;
    void on_disconnecting(socketio::Socket& socket, socketio::DisconnectReason reason) override;
    void on_disconnect(socketio::Socket& socket, socketio::DisconnectReason reason) override;

    void emit(const Selection& to, const OutgoingEvent& event);
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
};

}  // namespace signalbox::io::detail
