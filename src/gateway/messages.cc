#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gateway/connection.h"
#include "gateway/faults.h"
#include "gateway/incoming.h"
#include "gateway/peers.h"
#include "gateway/socket_sink.h"
#include "updates/envelope.h"
#include "updates/position.h"
#include "updates/request_parser.h"

/// From an event of the client to the start of an execution, and envelopes back.
namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryWhenInFlightFull{1'000};
/// Of memory that is kept for the next message.
constexpr std::size_t kKeptBytesMax = std::size_t{64} * 1024;

Error too_large(const LimitOptions& limits) {
    return Error::of(ErrorCode::kPayloadTooLarge,
                     "the message is over " + std::to_string(limits.message_bytes_max) + " bytes");
}

Error invalid(std::string message) {
    return Error::of(ErrorCode::kInvalidMessage, std::move(message));
}

/// Ends soon and is not worth a slot: it may even be what frees one.
bool answers_at_once(const actions::Action& action) {
    const std::string& name = action.definition.name;
    return std::holds_alternative<actions::BuiltIn>(action.definition.handler) &&
           name != "updates.send" && name != "execution.attach";
}

}  // namespace

void Gateway::on_event(socketio::Socket& socket, const socketio::Event& event) {
    auto& connection = static_cast<Connection&>(*socket.data);
    if (connection.state != Connection::State::kOpen) return;
    connection.last_heard = now();
    ++stats_.messages_received;
    if (event.name == "message") {
        on_message(connection, event);
    } else {
        on_named_event(connection, event);
    }
}

void Gateway::on_message(Connection& connection, const socketio::Event& event) {
    Incoming incoming;
    incoming.ack = event.ack;
    if (event.fault) return reject_faulty(connection, incoming, event);
    if (event.arg_count != 1 || !event.attachments.empty()) {
        return reject(
            connection, incoming,
            invalid("the event `message` takes one argument: a JSON string or an object"));
    }
    if (!event.text && !event.args.starts_with('{')) {
        return reject(connection, incoming,
                      invalid("the message must be a JSON string or an object"));
    }
    const std::string_view text = event.text ? *event.text : event.args;
    const auto parsed = requests_.parse(text);
    incoming.request_id = parsed ? (*parsed)->request_id : parsed.error().request_id;
    incoming.action = parsed ? (*parsed)->action : parsed.error().action;
    if (text.size() > s_.options.limits.message_bytes_max) {
        return reject(connection, incoming, too_large(s_.options.limits));
    }
    if (!parsed) return reject(connection, incoming, invalid(parsed.error().message));
    const updates::Request& request = **parsed;
    incoming.data = request.data;
    incoming.timeout = request.timeout;
    incoming.wants_status = request.progress;
    incoming.idempotency_key = request.idempotency_key;
    receive(connection, incoming);
}

/// JSON to the reference implementation but not to us.
void Gateway::reject_faulty(Connection& connection, Incoming incoming,
                            const socketio::Event& event) {
    updates::EnvelopeFault fault;
    if (event.args.starts_with('{')) fault = requests_.read_fault(event.args, *event.fault);
    incoming.request_id = fault.request_id;
    incoming.action = fault.action;
    reject(connection, incoming,
           invalid("the message cannot be read: " + std::string(to_string(*event.fault))));
}

void Gateway::on_named_event(Connection& connection, const socketio::Event& event) {
    Incoming incoming;
    incoming.ack = event.ack;
    if (event.fault) {
        return reject(
            connection, incoming,
            invalid("the arguments cannot be read: " + std::string(to_string(*event.fault))));
    }
    if (!event.ack) {
        return reject(
            connection, incoming,
            invalid("an event that is not `message` runs an action only with an acknowledgement: "
                    "socket.emit(name, data, callback), or send a REQUEST in the event `message`"));
    }
    const std::string request_id = s_.random.id(16);
    incoming.request_id = request_id;
    if (event.name.size() + event.args.size() > s_.options.limits.message_bytes_max) {
        return reject(connection, incoming, too_large(s_.options.limits));
    }
    incoming.action = event.name;
    if (event.arg_count > 1 || !event.attachments.empty()) {
        return reject(connection, incoming,
                      invalid("an action takes one argument of JSON, its data, and no binary"));
    }
    if (event.arg_count == 1) incoming.data = event.args;
    receive(connection, incoming);
}

void Gateway::receive(Connection& connection, const Incoming& incoming) {
    const actions::Action* action = s_.actions->find(incoming.action);
    const double cost = action == nullptr ? 1 : action->definition.cost;
    const LimitOptions& limits = s_.options.limits;
    const auto wait = limits.connection_messages.limited()
                          ? connection.messages.take(limits.connection_messages, now(), cost)
                          : std::nullopt;
    if (wait) {
        Error error = Error::of(ErrorCode::kRateLimited, "too many messages on this connection");
        error.retry_after = *wait;
        return reject(connection, incoming, error);
    }
    if (const auto refusal = refusal_of(connection, incoming, action)) {
        return reject(connection, incoming, *refusal);
    }
    if (!limits.user_messages.limited() && !limits.company_messages.limited()) {
        return run(connection, incoming, *action);
    }
    auto waiting = std::make_shared<KeptIncoming>(incoming);
    charge_call(
        connection.principal,
        [this, waiting, id = connection.socket.id(),
         incarnation = connection.incarnation](std::optional<Error> error) {
            Connection* same = find_connection(id);
            if (same == nullptr || same->state != Connection::State::kOpen) return;
            Incoming& kept = waiting->get();
            if (same->incarnation != incarnation) kept.ack.reset();
            // Others may have been started meanwhile, and actions be others.
            const actions::Action* now = s_.actions->find(kept.action);
            if (!error) error = refusal_of(*same, kept, now);
            if (error) return reject(*same, kept, *error);
            run(*same, kept, *now);
        },
        cost);
}

/// Asked of the clock once a turn.
WallTime Gateway::wall_now() {
    if (wall_read_at_ != now()) {
        wall_read_at_ = now();
        wall_now_ = s_.clock.wall_now();
    }
    return wall_now_;
}

std::optional<Error> Gateway::refusal_of(const Connection& connection, const Incoming& incoming,
                                         const actions::Action* action) {
    if (action == nullptr) return no_such_action(incoming.action);
    const auto& expires_at = connection.principal.expires_at;
    const bool expired = expires_at && wall_now() >= *expires_at + s_.options.token_leeway;
    if (expired && incoming.action != "system.ping" && incoming.action != "auth.refresh") {
        return Error::of(
            ErrorCode::kTokenExpired,
            "the token has expired: send a new one with `auth.refresh`, or connect again");
    }
    if (!policy().may_run(connection.principal, action->definition.permission)) {
        return Error::of(ErrorCode::kForbidden,
                         "this needs the permission `" + action->definition.permission + '`');
    }
    if (draining_ && !answers_at_once(*action)) {
        return Error::of(ErrorCode::kShuttingDown, "the server is going down; connect again");
    }
    const std::size_t most = s_.options.limits.in_flight_per_connection;
    if (most != 0 && connection.in_flight.size() >= most && !answers_at_once(*action)) {
        Error error =
            Error::of(ErrorCode::kRateLimited,
                      std::to_string(most) + " actions of this connection are running already");
        error.retry_after = kRetryWhenInFlightFull;
        return error;
    }
    return std::nullopt;
}

void Gateway::run(Connection& connection, const Incoming& incoming, const actions::Action& action) {
    const bool may_come_again =
        !incoming.idempotency_key.empty() || (incoming.ack && !action.definition.safe_to_retry);
    if (!incoming.wants_status && !may_come_again && actions::Executor::ends_in_the_call(action)) {
        return run_at_once(connection, incoming, action);
    }
    const std::uint64_t token = connection.next_token++;
    const std::string socket_id(connection.socket.id());
    connection.in_flight.push_back({token, std::string(incoming.request_id), s_.mesh.self()});

    actions::ExecutionRequest request;
    request.action = &action;
    request.registry = s_.actions;
    request.action_name = incoming.action;
    request.idempotency_key = incoming.idempotency_key;
    request.principal = connection.principal;
    request.artifact = connection.artifact;
    request.connection_id = socket_id;
    request.request_id = incoming.request_id;
    if (!incoming.data.empty()) request.data = JsonText::trusted(std::string(incoming.data));
    request.timeout = incoming.timeout;
    request.wants_status = incoming.wants_status || action.definition.progress;
    auto sink = std::make_unique<SocketSink>(*this, target_of(connection, incoming, token));
    const Asker asker{socket_id, token, incoming.ack.has_value()};
    if (const auto remembrance = remembrance_of(request, asker))
        return run_once(*remembrance, std::move(request), asker, std::move(sink));
    const actions::ExecutionId id = invoke(std::move(request), &connection, std::move(sink));
    name_execution(socket_id, token, id);
}

void Gateway::name_execution(const std::string& socket_id, std::uint64_t token,
                             actions::ExecutionId id) {
    // It may have ended in the call, and the connection with it.
    Connection* same = find_connection(socket_id);
    if (same == nullptr) return;
    const auto running = std::ranges::find(same->in_flight, token, &InFlight::token);
    if (running != same->in_flight.end()) running->id = id;
}

SocketSink::Target Gateway::target_of(const Connection& connection, const Incoming& incoming,
                                      std::uint64_t token) {
    const auth::Principal& who = connection.principal;
    return {{who.company, who.session, std::string(connection.socket.id())},
            std::string(incoming.request_id),
            std::string(incoming.action),
            incoming.ack,
            connection.incarnation,
            token};
}

/// Without the bookkeeping of what can be cancelled, drained or outlive its connection.
void Gateway::run_at_once(Connection& connection, const Incoming& incoming,
                          const actions::Action& action) {
    // Taken out meanwhile: a handler's update may bring about a call of another.
    JsonText data = std::exchange(data_, {});
    data.assign_trusted(incoming.data.empty() ? "null" : incoming.data);
    actions::ActionResult result = executor_.run_at_once({.action = action,
                                                          .principal = connection.principal,
                                                          .artifact = connection.artifact,
                                                          .connection_id = connection.socket.id(),
                                                          .request_id = incoming.request_id,
                                                          .data = data,
                                                          .timeout = incoming.timeout});
    if (!connection.socket.connected()) {
        // The handler has sent more than the client took: the answer is for the one that comes back.
        return SocketSink(*this, target_of(connection, incoming, connection.next_token++))
            .on_end(std::move(result));
    }
    envelope_.clear();
    if (result) {
        updates::append_response(
            envelope_,
            {.request_id = incoming.request_id, .action = incoming.action, .data = result->str()});
    } else {
        stats_.count_error(result.error().code);
        updates::append_error(envelope_, incoming.request_id, incoming.action, result.error());
    }
    send_envelope(connection, envelope_, incoming.ack);
    // Whichever has the memory.
    data_ = result ? std::move(*result) : std::move(data);
    if (data_.str().capacity() > kKeptBytesMax) data_ = JsonText();
    if (envelope_.capacity() > kKeptBytesMax) std::string().swap(envelope_);
}

void Gateway::execution_ended(const std::string& socket_id, std::uint64_t token) {
    if (Connection* connection = find_connection(socket_id)) {
        std::erase_if(connection->in_flight,
                      [&](const auto& running) { return running.token == token; });
        if (draining_) close_when_idle(*connection);
    }
}

void Gateway::reject(Connection& connection, const Incoming& incoming, const Error& error) {
    stats_.count_error(error.code);
    if (error.is(ErrorCode::kForbidden)) audit_refusal(connection, incoming.action, error);
    envelope_.clear();
    updates::append_error(envelope_, incoming.request_id, incoming.action, error);
    send_envelope(connection, envelope_, incoming.ack);
    if (error.is(ErrorCode::kRateLimited) || error.is(ErrorCode::kInvalidMessage) ||
        error.is(ErrorCode::kPayloadTooLarge)) {
        note_violation(connection, error);
    }
}

void Gateway::audit_refusal(const Connection& connection, std::string_view action,
                            const Error& error) const {
    const auth::Principal& who = connection.principal;
    s_.log.audit(AuditSubject::kRefusal, "action.refused",
                 {{"actor", who.user.str()},
                  {"actorCompany", who.company.str()},
                  {"connectionId", connection.socket.id()},
                  {"action", action},
                  {"code", error.code},
                  {"reason", error.message},
                  {"peer", connection.socket.handshake().peer}});
}

void Gateway::note_violation(Connection& connection, const Error& error) {
    const LimitOptions& limits = s_.options.limits;
    if (limits.violations_before_close == 0) return;
    if (now() - connection.violations_since > limits.violations_window) {
        connection.violations = 0;
        connection.violations_since = now();
        connection.warned_of_violations = false;
    }
    ++connection.violations;
    const bool close_now = connection.violations >= limits.violations_before_close;
    const bool warn = !connection.warned_of_violations &&
                      2 * connection.violations >= limits.violations_before_close;
    if (!close_now && !warn) return;
    connection.warned_of_violations = true;
    std::string data;
    JsonWriter(data)
        .begin_object()
        .member("code", error.code)
        .member("violations", connection.violations)
        .member("violationsMax", limits.violations_before_close)
        .member("closing", close_now)
        .end_object();
    if (!close_now) return send_system(connection, "system.limitWarning", data);
    close(connection, {.code = error.code, .event = "system.limitWarning", .data = data});
}

void Gateway::send_envelope(Connection& connection, std::string_view envelope,
                            std::optional<std::uint64_t> ack) {
    ++stats_.messages_sent;
    if (ack) return connection.socket.ack(*ack, envelope);
    RecoveryState& recovery = connection.recovery;
    if (!recovery.on()) return emit_message(connection, envelope, {});
    // Kept first: sending may end the connection, and what is left of it is parked then.
    recovery.record(envelope, now(), s_.options.recovery.private_bytes_max);
    has_rings_ = true;
    keep_forgetting();
    emit_message(connection, envelope, offset_of(connection));
}

void Gateway::emit_message(Connection& connection, std::string_view envelope,
                           std::string_view offset) {
    if (connection.format == MessageFormat::kString) {
        connection.socket.emit_text({.name = "message", .text = envelope, .offset = offset});
    } else if (offset.empty()) {
        connection.socket.emit("message", envelope);
    } else {
        connection.socket.emit({.name = "message", .args = envelope, .offset = offset});
    }
}

std::string_view Gateway::offset_of(const Connection& connection) {
    const RecoveryState& recovery = connection.recovery;
    if (!recovery.on() || connection.company == nullptr) return {};
    offset_.clear();
    updates::append_offset(offset_,
                           {connection.company->epoch, recovery.position, recovery.private_count});
    return offset_;
}

std::string Gateway::system_envelope(std::string_view event, std::string_view data) {
    std::string envelope;
    const std::string request_id = "system-" + s_.random.id(10);
    updates::append_update(envelope,
                           {.request_id = request_id,
                            .action = event,
                            .kind = updates::Kind::kSystem,
                            .time = s_.clock.wall_now()},
                           data);
    return envelope;
}

void Gateway::send_system(Connection& connection, std::string_view event, std::string_view data) {
    send_envelope(connection, system_envelope(event, data), std::nullopt);
}

void Gateway::warn_of_expiry(Connection& connection) {
    std::string data;
    JsonWriter(data)
        .begin_object()
        .member("expiresAt", format_time(*connection.principal.expires_at))
        .end_object();
    send_system(connection, "system.tokenExpiring", data);
}

}  // namespace signalbox::gateway
