#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gateway/connection.h"
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

Error too_large(const LimitOptions& limits) {
    return Error::of(ErrorCode::kPayloadTooLarge,
                     "the message is over " + std::to_string(limits.message_bytes_max) + " bytes");
}

/// Ends inside the call and is not worth a slot: it may even be what frees one.
bool answers_at_once(const actions::Action& action) {
    return std::holds_alternative<actions::BuiltIn>(action.definition.handler) &&
           action.definition.name != "updates.send";
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
    const auto invalid = [&](std::string message) {
        reject(connection, incoming, Error::of(ErrorCode::kInvalidMessage, std::move(message)));
    };
    if (event.fault) {
        if (event.args.starts_with('{')) {
            auto fault = updates::read_fault(parser_, event.args, *event.fault);
            incoming.request_id = std::move(fault.request_id);
            incoming.action = std::move(fault.action);
        }
        return invalid("the message cannot be read: " + std::string(to_string(*event.fault)));
    }
    if (event.arg_count != 1 || !event.attachments.empty()) {
        return invalid("the event `message` takes one argument: a JSON string or an object");
    }
    std::string unescaped;
    std::string_view text = event.args;
    if (text.starts_with('"')) {
        unescaped = unescape_json(text.substr(1, text.size() - 2));
        text = unescaped;
    } else if (!text.starts_with('{')) {
        return invalid("the message must be a JSON string or an object");
    }
    auto request = updates::parse_request(parser_, text);
    if (!request) {
        incoming.request_id = std::move(request.error().request_id);
        incoming.action = std::move(request.error().action);
        if (text.size() > s_.options.limits.message_bytes_max) {
            return reject(connection, incoming, too_large(s_.options.limits));
        }
        return invalid(std::move(request.error().message));
    }
    incoming.request_id = std::move(request->request_id);
    incoming.action = std::move(request->action);
    if (text.size() > s_.options.limits.message_bytes_max) {
        return reject(connection, incoming, too_large(s_.options.limits));
    }
    if (!request->data.empty()) incoming.data = JsonText::trusted(std::string(request->data));
    incoming.timeout = request->timeout;
    incoming.wants_status = request->progress;
    receive(connection, std::move(incoming));
}

void Gateway::on_named_event(Connection& connection, const socketio::Event& event) {
    Incoming incoming;
    incoming.ack = event.ack;
    const auto invalid = [&](std::string message) {
        reject(connection, incoming, Error::of(ErrorCode::kInvalidMessage, std::move(message)));
    };
    if (event.fault)
        return invalid("the arguments cannot be read: " + std::string(to_string(*event.fault)));
    if (!event.ack) {
        return invalid(
            "an event that is not `message` runs an action only with an acknowledgement: "
            "socket.emit(name, data, callback), or send a REQUEST in the event `message`");
    }
    incoming.request_id = s_.random.id(16);
    if (event.name.size() + event.args.size() > s_.options.limits.message_bytes_max) {
        return reject(connection, incoming, too_large(s_.options.limits));
    }
    incoming.action = event.name;
    if (event.arg_count > 1 || !event.attachments.empty()) {
        return invalid("an action takes one argument of JSON, its data, and no binary");
    }
    if (event.arg_count == 1) incoming.data = JsonText::trusted(std::string(event.args));
    receive(connection, std::move(incoming));
}

void Gateway::receive(Connection& connection, Incoming incoming) {
    const actions::Action* action = s_.actions.find(incoming.action);
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
    if (const auto refusal = refusal_of(connection, incoming)) {
        return reject(connection, incoming, *refusal);
    }
    if (!limits.user_messages.limited() && !limits.company_messages.limited()) {
        return run(connection, std::move(incoming));
    }
    auto waiting = std::make_shared<Incoming>(std::move(incoming));
    charge_call(
        connection.principal,
        [this, waiting, id = connection.socket.id(),
         incarnation = connection.incarnation](std::optional<Error> error) {
            Connection* same = find_connection(id);
            if (same == nullptr || same->state != Connection::State::kOpen) return;
            if (same->incarnation != incarnation) waiting->ack.reset();
            // Others may have been started meanwhile.
            if (!error) error = refusal_of(*same, *waiting);
            if (error) return reject(*same, *waiting, *error);
            run(*same, std::move(*waiting));
        },
        cost);
}

std::optional<Error> Gateway::refusal_of(const Connection& connection,
                                         const Incoming& incoming) const {
    const actions::Action* action = s_.actions.find(incoming.action);
    if (action == nullptr) {
        return Error::of(ErrorCode::kActionNotFound,
                         "there is no action `" + incoming.action.substr(0, 128) + '`');
    }
    const auto& expires_at = connection.principal.expires_at;
    const bool expired = expires_at && s_.clock.wall_now() >= *expires_at + s_.options.token_leeway;
    if (expired && incoming.action != "system.ping" && incoming.action != "auth.refresh") {
        return Error::of(ErrorCode::kTokenExpired,
                         "the token has expired; connect again with a new one");
    }
    if (!actions::may_run(*action, connection.principal)) {
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

void Gateway::run(Connection& connection, Incoming incoming) {
    const actions::Action* action = s_.actions.find(incoming.action);
    const std::uint64_t token = connection.next_token++;
    const std::string socket_id = connection.socket.id();
    connection.in_flight.push_back({token, incoming.request_id, s_.mesh.self()});

    actions::ExecutionRequest request;
    request.action = action;
    request.principal = connection.principal;
    request.artifact = connection.artifact;
    request.connection_id = socket_id;
    request.request_id = incoming.request_id;
    request.data = std::move(incoming.data);
    request.timeout = incoming.timeout;
    request.wants_status = incoming.wants_status || action->definition.progress;
    auto sink = std::make_unique<SocketSink>(
        *this,
        SocketSink::Target{{connection.principal.company, connection.principal.session, socket_id},
                           std::move(incoming.request_id),
                           incoming.action,
                           incoming.ack,
                           connection.incarnation,
                           token});
    const actions::ExecutionId id = invoke(std::move(request), &connection, std::move(sink));

    // It may have ended in the call, and the connection with it.
    Connection* same = find_connection(socket_id);
    if (same == nullptr) return;
    const auto running = std::ranges::find(same->in_flight, token, &InFlight::token);
    if (running != same->in_flight.end()) running->id = id;
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
    envelope_.clear();
    updates::append_error(envelope_, incoming.request_id, incoming.action, error);
    send_envelope(connection, envelope_, incoming.ack);
    if (error.is(ErrorCode::kRateLimited) || error.is(ErrorCode::kInvalidMessage) ||
        error.is(ErrorCode::kPayloadTooLarge)) {
        note_violation(connection, error);
    }
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
    // Taken out meanwhile: a slow consumer's last word is sent from inside emit().
    std::string text = std::exchange(args_, {});
    text.clear();
    std::string_view args = envelope;
    if (connection.format == MessageFormat::kString) {
        append_json_string(text, envelope);
        args = text;
    }
    if (offset.empty()) {
        connection.socket.emit("message", args);
    } else {
        connection.socket.emit({.name = "message", .args = args, .offset = offset});
    }
    args_ = std::move(text);
}

std::string Gateway::offset_of(const Connection& connection) const {
    const RecoveryState& recovery = connection.recovery;
    if (!recovery.on()) return {};
    const auto here = companies_here_.find(connection.principal.company);
    SB_CHECK(here != companies_here_.end());
    return updates::offset_text({here->second.epoch, recovery.position, recovery.private_count});
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
