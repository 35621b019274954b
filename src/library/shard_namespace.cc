#include "library/shard_namespace.h"

#include <utility>

#include "library/core.h"
#include "library/socket_state.h"

namespace signalbox::io::detail {
namespace {

/// Collects what the sockets of one shard answer to one event.
struct AckCollection {
    Responses responses;
    std::size_t outstanding = 0;
    std::move_only_function<void(Responses)> done;

    void take(std::expected<socketio::AckReply, socketio::AckError> outcome) {
        if (outcome) {
            responses.answers.push_back(SocketState::args_of(outcome->args, outcome->attachments));
        }
        finish_one();
    }
    void finish_one() {
        if (--outstanding == 0) done(std::move(responses));
    }
};

socketio::EncodedEvent encode(std::string_view ns, const OutgoingEvent& event) {
    return {ns, event.name, event.args.json(), event.args.attachments()};
}

}  // namespace

ShardNamespace::ShardNamespace(NamespaceCore& ns, runtime::Shard& shard)
    : namespace_(ns), shard_(shard.index()) {
    const auto& options = ns.core.options().connection_state_recovery;
    if (!options) return;
    recovery_ = std::make_unique<Recovery>(
        Recovery::Parts{ns, shard.index(), shard.wheel(), shard.random()}, *options);
}

void ShardNamespace::on_connect(socketio::Socket& socket, std::string_view auth) {
    const auto state = std::make_shared<SocketState>(namespace_, shard_, socket, auth);
    state->attach();
    state->run_middleware();
}

void ShardNamespace::on_event(socketio::Socket& socket, const socketio::Event& event) {
    SocketState::of(socket).dispatch(event);
}

void ShardNamespace::on_disconnecting(socketio::Socket& socket, socketio::DisconnectReason reason) {
    SocketState::of(socket).begin_end(reason);
}

void ShardNamespace::on_disconnect(socketio::Socket& socket, socketio::DisconnectReason reason) {
    SocketState::of(socket).end(reason);
}

void ShardNamespace::for_each(const Selection& to,
                              const std::function<void(socketio::Socket&)>& visit) {
    sockets_->for_each_in(to.rooms, to.except, visit);
}

void ShardNamespace::emit(const Selection& to, const OutgoingEvent& event) {
    const auto encoded = encode(namespace_.name, event);
    for_each(to, [&](socketio::Socket& socket) { socket.emit(encoded); });
}

void ShardNamespace::emit_recoverable(const LoggedEvent& logged) {
    recovery_->log(logged);
    const std::string offset = logged.stamp.offset();
    const Args& args = logged.event->args;
    const socketio::EncodedEvent encoded(
        namespace_.name, {logged.event->name, args.json(), offset, args.attachments()});
    for_each(logged.to, [&](socketio::Socket& socket) {
        if (!SocketState::of(socket).replayed.covers(logged.stamp)) socket.emit(encoded);
    });
}

void ShardNamespace::emit_to_one(SocketState& socket,
                                 const std::shared_ptr<const OutgoingEvent>& event) {
    const Args& args = event->args;
    if (!recovery_) return socket.live->emit_binary(event->name, args.json(), args.attachments());
    if (!socket.live->connected()) return;
    const Stamp stamp = recovery_->next_stamp();
    recovery_->log({stamp, {{socket.id}, {}}, event});
    const std::string offset = stamp.offset();
    socket.live->emit(
        socketio::RecoverableEvent{event->name, args.json(), offset, args.attachments()});
}

void ShardNamespace::emit_volatile(const Selection& to, const OutgoingEvent& event) {
    const auto encoded = encode(namespace_.name, event);
    for_each(to, [&](socketio::Socket& socket) { socket.emit_volatile(encoded); });
}

void ShardNamespace::emit_with_ack(const Selection& to, const OutgoingEvent& event,
                                   Milliseconds timeout,
                                   std::move_only_function<void(Responses)> done) {
    const auto encoded =
        socketio::EncodedEvent::with_ack(namespace_.name, sockets_->next_ack_id(), event.name,
                                         event.args.json(), event.args.attachments());
    const auto collection = std::make_shared<AckCollection>();
    collection->done = std::move(done);
    collection->outstanding = 1;  // this call, so that it cannot end before all were asked
    for_each(to, [&](socketio::Socket& socket) {
        ++collection->outstanding;
        ++collection->responses.expected;
        socket.emit_with_ack(encoded, timeout,
                             [collection](auto outcome) { collection->take(outcome); });
    });
    collection->finish_one();
}

std::vector<FetchedSocket> ShardNamespace::fetch(const Selection& from) {
    std::vector<FetchedSocket> fetched;
    for_each(from, [&](socketio::Socket& socket) {
        SocketState& state = SocketState::of(socket);
        fetched.push_back({state.handle(), socket.rooms(), state.data});
    });
    return fetched;
}

void ShardNamespace::tell(const OutgoingEvent& event) {
    for (const auto& [name, handler] : namespace_.handlers.server_side) {
        if (name == event.name) namespace_.core.guard([&] { handler(event.args); });
    }
}

}  // namespace signalbox::io::detail
