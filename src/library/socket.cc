#include <stdexcept>
#include <utility>

#include "library/socket_state.h"
#include "signalbox/socketio.h"

namespace signalbox::io {
namespace {

/// So far away that the socket ends first.
constexpr Milliseconds kNoTimeout = std::chrono::hours(24 * 365);

AckError error_of(socketio::AckError error) {
    switch (error) {
        case socketio::AckError::kTimeout:
            return AckError::kTimeout;
        case socketio::AckError::kDisconnected:
            return AckError::kDisconnected;
        case socketio::AckError::kBadJson:
            return AckError::kInvalid;
    }
    std::unreachable();
}

std::expected<Args, AckError> outcome_of(
    const std::expected<socketio::AckReply, socketio::AckError>& outcome) {
    if (!outcome) return std::unexpected(error_of(outcome.error()));
    return detail::SocketState::args_of(outcome->args, outcome->attachments);
}

}  // namespace

const std::string& Socket::id() const {
    return state_->id;
}
const std::string& Socket::namespace_name() const {
    return state_->ns->name;
}
Namespace Socket::nsp() const {
    return Namespace(state_->ns);
}
bool Socket::recovered() const {
    return state_->recovered;
}
const Handshake& Socket::handshake() const {
    return state_->handshake;
}

void Socket::on(std::string_view event, EventHandler handler) const {
    detail::check_event_name(event);
    auto shared = std::make_shared<const EventHandler>(std::move(handler));
    state_->with_live([state = state_.get(), name = std::string(event),
                       shared = std::move(shared)](socketio::Socket&) mutable {
        state->listeners.push_back({std::move(name), std::move(shared)});
    });
}

void Socket::on_any(EventHandler handler) const {
    auto shared = std::make_shared<const EventHandler>(std::move(handler));
    state_->with_live(
        [state = state_.get(), shared = std::move(shared)](socketio::Socket&) mutable {
            state->any_listeners.push_back(std::move(shared));
        });
}

void Socket::off(std::string_view event) const {
    state_->with_live([state = state_.get(), name = std::string(event)](socketio::Socket&) {
        std::erase_if(state->listeners, [&](const auto& one) { return one.event == name; });
    });
}

void Socket::use(Middleware middleware) const {
    state_->with_live([state = state_.get(), middleware = std::move(middleware)](
                          socketio::Socket&) { state->add_middleware(middleware); });
}

void Socket::on_error(ErrorHandler handler) const {
    state_->with_live([state = state_.get(), handler = std::move(handler)](socketio::Socket&) {
        state->error_handlers.push_back(handler);
    });
}

void Socket::on_disconnecting(DisconnectHandler handler) const {
    state_->with_live([state = state_.get(), handler = std::move(handler)](socketio::Socket&) {
        state->disconnecting_handlers.push_back(handler);
    });
}

void Socket::on_disconnect(DisconnectHandler handler) const {
    state_->with_live([state = state_.get(), handler = std::move(handler)](socketio::Socket&) {
        state->disconnect_handlers.push_back(handler);
    });
}

bool Socket::emit(std::string_view event, const Args& args) const {
    detail::check_event_name(event);
    auto shared = std::make_shared<const detail::OutgoingEvent>(std::string(event), args);
    return state_->with_live([state = state_.get(), shared = std::move(shared)](socketio::Socket&) {
        state->here().emit_to_one(*state, shared);
    });
}

bool Socket::emit_volatile(std::string_view event, const Args& args) const {
    detail::check_event_name(event);
    return state_->with_live([name = std::string(event), args](socketio::Socket& live) {
        live.emit_volatile(
            socketio::EncodedEvent(live.namespace_name(), name, args.json(), args.attachments()));
    });
}

bool Socket::emit_with_ack(std::string_view event, const Args& args, AckHandler handler) const {
    return emit_with_ack(event, args, kNoTimeout, std::move(handler));
}

bool Socket::emit_with_ack(std::string_view event, const Args& args, Milliseconds timeout,
                           AckHandler handler) const {
    detail::check_event_name(event);
    auto task = [state = state_, name = std::string(event), args, timeout,
                 handler = std::move(handler)]() mutable {
        auto take = [state, handler = std::move(handler)](auto outcome) mutable {
            state->core().guard([&] { handler(outcome_of(outcome)); });
        };
        if (state->live == nullptr)
            return take(std::expected<socketio::AckReply, socketio::AckError>(
                std::unexpected(socketio::AckError::kDisconnected)));
        const auto encoded =
            socketio::EncodedEvent::with_ack(state->ns->name, state->here().sockets().next_ack_id(),
                                             name, args.json(), args.attachments());
        state->live->emit_with_ack(encoded, timeout, std::move(take));
    };
    return state_->core().run_on(state_->shard, std::move(task));
}

bool Socket::join(std::string_view room) const {
    return state_->with_live(
        [room = std::string(room)](socketio::Socket& live) { live.join(room); });
}

bool Socket::leave(std::string_view room) const {
    return state_->with_live(
        [room = std::string(room)](socketio::Socket& live) { live.leave(room); });
}

Broadcast Socket::broadcast() const {
    return Broadcast(state_->ns).except(id());
}
Broadcast Socket::to(std::string_view room) const {
    return broadcast().to(room);
}
Broadcast Socket::except(std::string_view room) const {
    return broadcast().except(room);
}

bool Socket::disconnect(Ending ending) const {
    return state_->with_live([ending](socketio::Socket& live) {
        ending == Ending::kTransport ? live.disconnect_client() : live.disconnect();
    });
}

bool Socket::connected() const {
    state_->check_on_shard();
    return state_->live != nullptr && state_->live->connected();
}

std::vector<std::string> Socket::rooms() const {
    state_->check_on_shard();
    return state_->live == nullptr ? std::vector<std::string>() : state_->live->rooms();
}

std::any& Socket::data() const {
    state_->check_on_shard();
    return state_->data;
}

bool Event::ack(const Args& args) const {
    if (!ack_id_) return true;
    return socket_.state_->with_live([id = *ack_id_, args](socketio::Socket& live) {
        live.ack_binary(id, args.json(), args.attachments());
    });
}

void Next::operator()() const {
    step_->state->core().run_on(step_->state->shard,
                                [step = step_] { step->decide(std::nullopt); });
}

void Next::operator()(Refusal refusal) const {
    if (!refusal.data.empty()) (void)Args().add_json(refusal.data);
    step_->state->core().run_on(step_->state->shard,
                                [step = step_, refusal = std::move(refusal)]() mutable {
                                    step->decide(std::move(refusal));
                                });
}

}  // namespace signalbox::io
