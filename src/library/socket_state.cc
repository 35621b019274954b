#include "library/socket_state.h"

#include <algorithm>
#include <stdexcept>

#include "base/http.h"
#include "base/json.h"
#include "socketio/packet.h"

namespace signalbox::io::detail {
namespace {

/// Ties a SocketState to its socketio::Socket.
class Attachment final : public socketio::SocketData {
public:
    explicit Attachment(std::shared_ptr<SocketState> state) : state_(std::move(state)) {}
    [[nodiscard]] SocketState& state() { return *state_; }

private:
    std::shared_ptr<SocketState> state_;
};

Handshake handshake_of(const engineio::Handshake& request, std::string_view auth) {
    Handshake handshake;
    handshake.auth = auth;
    handshake.url = request.target;
    handshake.address = request.peer;
    handshake.secure = request.secure;
    handshake.time = std::chrono::system_clock::now();
    handshake.headers.assign(request.headers.begin(), request.headers.end());
    for (const auto& [key, value] : QueryParameters(request.query()))
        handshake.query.emplace_back(key, value);
    return handshake;
}

/// After the others the client has said or been told that it shall not.
bool may_come_back(socketio::DisconnectReason reason) {
    using enum socketio::DisconnectReason;
    return reason != kClientNamespaceDisconnect && reason != kServerNamespaceDisconnect;
}

/// A namespace's middleware, asked about `state`.
struct JoinStep final : Step {
    JoinStep(std::shared_ptr<SocketState> of, std::size_t its_step)
        : Step(std::move(of)), step(its_step) {}
    void decide(std::optional<Refusal> refusal) const override {
        state->advance_from(step, std::move(refusal));
    }

    const std::size_t step;
};

/// A socket's middleware, asked about an event.
struct EventStep final : Step {
    EventStep(std::shared_ptr<SocketState> of, std::shared_ptr<EventRun> its_run)
        : Step(std::move(of)), run(std::move(its_run)), step(run->step) {}
    void decide(std::optional<Refusal> refusal) const override {
        if (run->step != step) return;
        ++run->step;
        refusal ? state->refuse_event(run->event, *refusal) : state->lead(run);
    }

    const std::shared_ptr<EventRun> run;
    const std::size_t step;
};

std::shared_ptr<NamespaceCore> shared(NamespaceCore& ns) {
    return {ns.core.shared_from_this(), &ns};
}

}  // namespace

SocketState::SocketState(NamespaceCore& of_namespace, ShardIndex its_shard,
                         socketio::Socket& socket, std::string_view auth)
    : ns(shared(of_namespace)),
      shard(its_shard),
      id(socket.id()),
      handshake(handshake_of(socket.handshake(), auth)),
      live(&socket),
      opened_at(socket.session().opened_at()) {}

SocketState::SocketState(SocketState& before, const Restored& restored)
    : ns(before.ns),
      shard(before.shard),
      id(restored.sid),
      handshake(before.handshake),
      recovered(true),
      live(std::exchange(before.live, nullptr)),
      step(before.step),
      listeners(std::move(before.listeners)),
      any_listeners(std::move(before.any_listeners)),
      disconnecting_handlers(std::move(before.disconnecting_handlers)),
      disconnect_handlers(std::move(before.disconnect_handlers)),
      middlewares(std::move(before.middlewares)),
      error_handlers(std::move(before.error_handlers)),
      undecided(std::move(before.undecided)),
      data(before.data.has_value() ? std::move(before.data) : restored.data),
      opened_at(before.opened_at),
      replayed(restored.seen) {}

SocketState& SocketState::of(socketio::Socket& socket) {
    return static_cast<Attachment&>(*socket.data).state();
}

Args SocketState::args_of(std::string_view json, std::span<const std::string> attachments) {
    Args args;
    args.json_ = json;
    args.attachments_.assign(attachments.begin(), attachments.end());
    return args;
}

void SocketState::attach() {
    live->data = std::make_unique<Attachment>(shared_from_this());
}

void SocketState::run_middleware() {
    const auto& all = ns->handlers.middlewares;
    if (step == all.size()) return accept();
    const auto decision = std::make_shared<const JoinStep>(shared_from_this(), step);
    try {
        all[step](handle(), Next(decision));
    } catch (...) {
        core().guard([] { throw; });
        advance_from(decision->step, Refusal{"Internal error"});
    }
}

void SocketState::advance_from(std::size_t decided, std::optional<Refusal> refusal) {
    if (live == nullptr || decided != step) return;
    ++step;
    if (!refusal) return run_middleware();
    drop_handlers();
    socketio::Socket& refused = *std::exchange(live, nullptr);
    refused.refuse(refusal->message, refusal->data);
}

void SocketState::accept() {
    if (here().recovery() == nullptr) {
        live->accept();
        return announce();
    }
    JsonParser parser;
    const auto auth = parser.parse(handshake.auth);
    auto claim = auth ? socketio::read_recovery_claim(*auth) : std::nullopt;
    if (!claim) return accept_new();
    here().recovery()->claim(std::move(*claim), shared_from_this());
}

void SocketState::resume(std::optional<Restored> restored, const std::string& claimed_pid) {
    if (!restored || live == nullptr) here().recovery()->give_up(claimed_pid, opened_at);
    if (live == nullptr) return;
    if (!restored) return accept_new();
    const auto again = std::make_shared<SocketState>(*this, *restored);
    again->pid = claimed_pid;
    again->attach();
    again->accept_again(std::move(*restored));
}

void SocketState::accept_new() {
    Recovery& recovery = *here().recovery();
    pid = recovery.new_pid(opened_at);
    log_position = recovery.events().end();
    recovery.add_live(*this);
    live->accept({.pid = pid});
    announce();
}

void SocketState::accept_again(Restored restored) {
    Recovery& recovery = *here().recovery();
    std::vector<std::string> rooms = restored.rooms;
    for (const std::string& room : rooms) live->join(room);
    rooms.push_back(id);
    recovery.events().for_each_from(0, [&](const LoggedEvent& event) {
        if (!restored.seen.covers(event.stamp) && event.to.includes(rooms))
            restored.missed.push_back(event);
    });
    log_position = recovery.events().end();
    std::vector<std::string> offsets;
    for (const LoggedEvent& event : restored.missed) offsets.push_back(event.stamp.offset());
    std::vector<socketio::RecoverableEvent> missed;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        const OutgoingEvent& event = *restored.missed[i].event;
        missed.push_back({event.name, event.args.json(), offsets[i], event.args.attachments()});
    }
    recovery.add_live(*this);
    live->accept({id, pid, missed});
    announce();
}

void SocketState::announce() {
    joined = true;
    for (const auto& handler : ns->handlers.connections) {
        if (live == nullptr) return;
        core().guard([&] { handler(handle()); });
    }
}

void SocketState::dispatch(const socketio::Event& event) {
    // Beyond our limits of JSON: there are no arguments to give to anyone.
    if (event.fault) return;
    const bool heard =
        std::ranges::find(listeners, event.name, &Listener::event) != listeners.end();
    if (!heard && any_listeners.empty() && !middlewares) return;
    Event given(handle(), std::string(event.name), args_of(event.args, event.attachments),
                event.ack);
    const auto for_any = any_listeners;
    for (const auto& handler : for_any) core().guard([&] { (*handler)(given); });
    if (!middlewares) return deliver(given);
    if (*undecided >= kUndecidedEventsMax)
        return live->close_transport(engineio::CloseReason::kForcedClose);
    lead(std::make_shared<EventRun>(*this, std::move(given)));
}

void SocketState::add_middleware(Socket::Middleware middleware) {
    auto more =
        middlewares ? std::make_shared<Middlewares>(*middlewares) : std::make_shared<Middlewares>();
    more->push_back(std::move(middleware));
    middlewares = std::move(more);
    if (!undecided) undecided = std::make_shared<std::atomic<std::size_t>>(0);
}

void SocketState::lead(const std::shared_ptr<EventRun>& run) {
    if (live == nullptr) return;
    if (run->step == run->middlewares->size()) return deliver(run->event);
    core().guard([&] {
        const auto decision = std::make_shared<const EventStep>(shared_from_this(), run);
        (*run->middlewares)[run->step](run->event, Next(decision));
    });
}

void SocketState::refuse_event(const Event& event, const Refusal& refusal) {
    if (live == nullptr) return;
    const auto handlers = error_handlers;
    for (const auto& handler : handlers) core().guard([&] { handler(event, refusal); });
    if (handlers.empty()) core().guard([&] { throw std::runtime_error(refusal.message); });
}

void SocketState::deliver(const Event& event) {
    std::vector<std::shared_ptr<const Socket::EventHandler>> handlers;
    for (const Listener& listener : listeners) {
        if (listener.event == event.name()) handlers.push_back(listener.handler);
    }
    for (const auto& handler : handlers) core().guard([&] { (*handler)(event); });
}

EventRun::EventRun(SocketState& state, Event its_event)
    : event(std::move(its_event)), middlewares(state.middlewares), undecided(state.undecided) {
    ++*undecided;
}

EventRun::~EventRun() {
    --*undecided;
}

void SocketState::begin_end(socketio::DisconnectReason reason) {
    for (const auto& handler : std::exchange(disconnecting_handlers, {}))
        core().guard([&] { handler(socketio::to_string(reason)); });
    Recovery* recovery = here().recovery();
    if (recovery == nullptr) return;
    may_come_back(reason) ? recovery->keep(*this, live->rooms()) : recovery->drop(*this);
}

void SocketState::end(socketio::DisconnectReason reason) {
    const auto self = shared_from_this();
    live = nullptr;
    const auto handlers = std::exchange(disconnect_handlers, {});
    drop_handlers();
    if (!joined) return;
    for (const auto& handler : handlers)
        core().guard([&] { handler(socketio::to_string(reason)); });
}

void SocketState::drop_handlers() {
    listeners.clear();
    any_listeners.clear();
    disconnecting_handlers.clear();
    disconnect_handlers.clear();
    middlewares.reset();
    error_handlers.clear();
}

void SocketState::check_on_shard() const {
    if (!core().on_shard(shard)) throw std::logic_error("only in a handler of the same socket");
}

void check_event_name(std::string_view event) {
    if (socketio::is_reserved_event(event))
        throw std::invalid_argument("a reserved event name: " + std::string(event));
}

}  // namespace signalbox::io::detail
