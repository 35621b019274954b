#include "engineio/session.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

#include "base/base64.h"
#include "base/json.h"

namespace signalbox::engineio {
namespace {

/// How long a close packet waits for the client's next GET.
constexpr Milliseconds kLingerTimeout{30'000};
/// Times outbound_bytes_max: what may be queued within one turn, before the client can come for it.
constexpr std::size_t kPollTurnFactor = 4;

/// Clients of v3 are used to an open packet that comes after the 101 by itself: they begin to
/// listen for it when the handshake is over. v4 has its ping to wait for.
constexpr Milliseconds kOpenDelay{2};

/// A loop that is later than this is no longer just busy.
constexpr Milliseconds kStandStill{1'000};

WebSocketCloseCode close_code_of(CloseReason reason) {
    switch (reason) {
        case CloseReason::kServerShutdown:
            return WebSocketCloseCode::kGoingAway;
        case CloseReason::kSlowConsumer:
            return WebSocketCloseCode::kPolicyViolation;
        case CloseReason::kParseError:
            return WebSocketCloseCode::kProtocolError;
        default:
            return WebSocketCloseCode::kNormal;
    }
}

CloseReason reason_of(WebSocketEnd end) {
    switch (end) {
        case WebSocketEnd::kClosed:
            return CloseReason::kTransportClose;
        case WebSocketEnd::kError:
            return CloseReason::kTransportError;
        case WebSocketEnd::kMessageTooBig:
            return CloseReason::kPayloadTooLarge;
    }
    std::unreachable();
}

/// `?` and the parameters of `query` that are not Engine.IO's own; nothing when there are none.
std::string for_application(std::string_view query) {
    constexpr std::array<std::string_view, 6> kOwn{"EIO", "transport", "sid", "b64", "j", "t"};
    std::string kept;
    kept.reserve(query.size() + 1);
    for (const auto part : std::views::split(query, '&')) {
        const std::string_view parameter(part.begin(), part.end());
        const std::string_view name = parameter.substr(0, parameter.find('='));
        if (parameter.empty() || std::ranges::find(kOwn, name) != kOwn.end()) continue;
        kept += kept.empty() ? '?' : '&';
        kept += parameter;
    }
    kept.shrink_to_fit();
    return kept;
}

Handshake keep(HttpRequest request, const Options& options) {
    Handshake kept{
        .target = {}, .headers = {}, .peer = std::move(request.peer), .secure = request.secure};
    if (!options.handshake_headers) {
        // A copy, because the parser's strings have room to spare.
        kept.target = std::string_view(request.target);
        kept.headers = std::move(request.headers);
        return kept;
    }
    kept.target = for_application(request.query);
    for (const std::string& name : *options.handshake_headers) {
        const auto value = request.headers.find(name);
        if (value) kept.headers.add(name, std::string(*value));
    }
    return kept;
}

}  // namespace

void Server::Link::on_message(MessageKind kind, std::string_view message) {
    if (session_ != nullptr) session_->on_websocket_message(*this, kind, message);
}

void Server::Link::on_end(WebSocketEnd end) {
    if (session_ != nullptr) session_->on_websocket_end(*this, end);
}

struct Server::SessionImpl::Probe {
    Probe(SessionImpl& session, BinaryForm form)
        : link(std::make_unique<Link>(&session)),
          binary_form(form),
          timeout(Timer::calling<&SessionImpl::on_upgrade_timeout>(&session)) {}

    std::unique_ptr<Link> link;
    BinaryForm binary_form;
    Timer timeout;
    bool answered = false;  // 3probe was sent: no GET is held from then on
};

Server::SessionImpl::SessionImpl(Server& server, const Sid& sid, Protocol protocol,
                                 HttpRequest handshake)
    : server_(server),
      sid_(sid),
      binary_form_(binary_form_of(handshake.query)),
      protocol_(protocol),
      handshake_(keep(std::move(handshake), server.options_)),
      timer_(Timer::calling<&SessionImpl::on_timer>(this)),
      opened_at_(server.wheel_.now()) {}

Server::SessionImpl::~SessionImpl() = default;

Server::SessionImpl::BinaryForm Server::SessionImpl::binary_form_of(std::string_view query_text) {
    const QueryParameters query(query_text);
    return query.find("b64").value_or("").empty() ? BinaryForm::kRaw : BinaryForm::kBase64;
}

std::string Server::SessionImpl::open_packet() const {
    const Options& options = server_.options_;
    const bool upgradable = !websocket_ && options.allow_websocket;
    std::string data;
    JsonWriter(data)
        .begin_object()
        .member("sid", sid_)
        .raw_member("upgrades", upgradable ? R"(["websocket"])" : "[]")
        .member("pingInterval", options.ping_interval.count())
        .member("pingTimeout", options.ping_timeout.count())
        .member("maxPayload", options.payload_bytes_max)
        .end_object();
    return data;
}

void Server::SessionImpl::open_on(WebSocketUpgrade& upgrade) {
    websocket_ = std::make_unique<Link>(this);
    websocket_->accept(upgrade);
    if (protocol_ == Protocol::kV4) return open_websocket();
    opening_ = true;
    arm(server_.wheel_.now() + kOpenDelay);
}

void Server::SessionImpl::open_websocket() {
    opening_ = false;
    transmit_on(*websocket_, {.type = PacketType::kOpen, .data = open_packet()});
    queue_.drain([this](const Packet& packet) { transmit_on(*websocket_, packet); });
    begin_heartbeat();
}

void Server::SessionImpl::attach(std::unique_ptr<SessionHandler> handler) {
    handler_ = std::move(handler);
    if (!open()) tell_handler(reason_);
}

bool Server::SessionImpl::writable() const {
    if (!open()) return false;
    if (!websocket_) return poll_ != nullptr;
    if (opening_) return false;
    const WebSocketPort& port = websocket_->port();
    const std::size_t max = server_.options_.outbound_bytes_max;
    return !port.blocked() && (max == 0 || port.buffered_bytes() <= max / 2);
}

void Server::SessionImpl::share_input(InputShare share) {
    if (websocket_) {
        websocket_->port().share_input(std::move(share));
    } else {
        input_share_ = std::move(share);
    }
}

std::size_t Server::SessionImpl::buffered_bytes() const {
    return queue_.bytes() + (websocket_ ? websocket_->port().buffered_bytes() : 0);
}

bool Server::SessionImpl::exceeds_bound(std::size_t more) {
    const std::size_t max = server_.options_.outbound_bytes_max;
    if (max == 0 || buffered_bytes() + more <= max) return false;
    return websocket_ ? websocket_is_slow(max, more) : poll_is_slow(max, more);
}

bool Server::SessionImpl::websocket_is_slow(std::size_t max, std::size_t more) {
    // Only what was offered tells anything about the peer.
    websocket_->port().flush();
    const std::size_t refused = websocket_->port().buffered_bytes();
    return refused != 0 && refused + more > max;
}

bool Server::SessionImpl::poll_is_slow(std::size_t max, std::size_t more) {
    if (poll_ && !queue_.empty()) answer_poll();
    if (queue_.empty()) return false;
    // A client that has fetched all before gets a chance to come for what one turn sends.
    const bool had_a_chance = queued_since_ < server_.wheel_.now();
    return queue_.bytes() + more > (had_a_chance ? max : max * kPollTurnFactor);
}

void Server::SessionImpl::send(MessageKind kind, std::string_view message) {
    if (!open()) return;
    if (!slow_ && exceeds_bound(message.size())) return become_slow();
    transmit({.type = PacketType::kMessage, .data = message, .kind = kind});
}

void Server::SessionImpl::become_slow() {
    slow_ = true;
    if (handler_) handler_->on_slow_consumer();
    close(CloseReason::kSlowConsumer);
}

void Server::SessionImpl::transmit(const Packet& packet) {
    if (websocket_ && !opening_) return transmit_on(*websocket_, packet);
    if (queue_.empty()) queued_since_ = server_.wheel_.now();
    queue_.push(packet);
    flush_poll();
}

void Server::SessionImpl::transmit_on(Link& link, const Packet& packet) {
    if (packet.kind == MessageKind::kBinary) return transmit_binary_on(link, packet);
    const char type = type_digit(packet.type);
    link.port().send(MessageKind::kText, {&type, 1}, packet.data);
}

void Server::SessionImpl::transmit_binary_on(Link& link, const Packet& packet) {
    if (protocol_ == Protocol::kV4) return link.port().send(MessageKind::kBinary, packet.data);
    if (binary_form_ == BinaryForm::kRaw) {
        const char type = static_cast<char>(packet.type);
        return link.port().send(MessageKind::kBinary, {&type, 1}, packet.data);
    }
    std::string frame{'b', type_digit(packet.type)};
    append_base64(frame, packet.data);
    link.port().send(MessageKind::kText, frame);
}

void Server::SessionImpl::on_packet(const Packet& packet) {
    switch (packet.type) {
        case PacketType::kMessage:
            if (handler_) handler_->on_message(packet.kind, packet.data);
            return;
        case PacketType::kPong:
            return on_pong();
        case PacketType::kClose:
            return finish(CloseReason::kTransportClose, PacketType::kNoop);
        case PacketType::kPing:
            return on_ping();
        case PacketType::kOpen:
        case PacketType::kUpgrade:
        case PacketType::kNoop:
            return;
    }
}

void Server::SessionImpl::on_websocket_message(Link& from, MessageKind kind,
                                               std::string_view message) {
    if (probe_ && probe_->link.get() == &from) return on_probe_message(kind, message);
    if (!open()) return;
    if (opening_) open_websocket();
    std::string decoded;
    const auto packet = decode_frame(protocol_, kind, message, decoded);
    if (!packet) return finish(CloseReason::kParseError);
    on_packet(*packet);
}

void Server::SessionImpl::on_websocket_end(Link& from, WebSocketEnd end) {
    from.detach();
    if (probe_ && probe_->link.get() == &from) {
        server_.graveyard_.bury(std::move(probe_->link));
        probe_.reset();
        return;
    }
    server_.graveyard_.bury(std::move(websocket_));
    finish(reason_of(end));
}

void Server::SessionImpl::handle_upgrade(std::unique_ptr<WebSocketUpgrade> upgrade) {
    if (websocket_ || probe_) {
        auto surplus = std::make_unique<Link>(nullptr);
        surplus->accept(*upgrade);
        return hang_up(std::move(surplus), WebSocketCloseCode::kNormal);
    }
    probe_ = std::make_unique<Probe>(*this, binary_form_of(upgrade->request().query));
    probe_->link->accept(*upgrade);
    server_.wheel_.arm_after(probe_->timeout, server_.options_.upgrade_timeout);
}

void Server::SessionImpl::on_probe_message(MessageKind kind, std::string_view message) {
    const auto packet = decode_packet(message);
    if (kind == MessageKind::kBinary || !packet) return drop_probe();
    if (packet->type == PacketType::kPing && packet->data == "probe") return on_probe_ping();
    if (packet->type == PacketType::kUpgrade) return finish_upgrade();
    drop_probe();
}

void Server::SessionImpl::on_probe_ping() {
    transmit_on(*probe_->link, {.type = PacketType::kPong, .data = "probe"});
    probe_->answered = true;
    if (!poll_) return;
    queue_.push({.type = PacketType::kNoop});
    answer_poll();
}

bool Server::SessionImpl::probe_answered() const {
    return probe_ && probe_->answered;
}

void Server::SessionImpl::finish_upgrade() {
    // A GET that is still held belongs to a client that did not wait for it.
    PacketQueue waiting = std::exchange(queue_, {});
    if (poll_) {
        queue_.push({.type = PacketType::kNoop});
        answer_poll();
    }
    websocket_ = std::move(probe_->link);
    if (input_share_) websocket_->port().share_input(std::move(input_share_));
    binary_form_ = probe_->binary_form;
    probe_.reset();
    waiting.drain([this](const Packet& packet) { transmit_on(*websocket_, packet); });
    if (state_ == State::kLingering) finish(reason_);
}

void Server::SessionImpl::drop_probe() {
    if (!probe_) return;
    hang_up(std::move(probe_->link), WebSocketCloseCode::kNormal);
    probe_.reset();
}

void Server::SessionImpl::arm(MonotonicTime due) {
    server_.wheel_.arm(timer_, due);
}

void Server::SessionImpl::on_timer() {
    if (opening_) return open_websocket();
    if (state_ == State::kLingering) return finish(reason_);
    if (awaits_client_) return on_client_late();
    send_ping();
}

void Server::SessionImpl::on_client_late() {
    // A loop that has stood still has not read yet what its clients sent in time.
    const MonotonicTime now = server_.wheel_.now();
    const Milliseconds timeout = server_.options_.ping_timeout;
    if (now - timer_.deadline() > kStandStill) return arm(now + timeout - timeout / 10);
    finish(CloseReason::kPingTimeout);
}

/// v4: the server pings, and waits for a pong. v3: the client does, and the server waits for it.
void Server::SessionImpl::begin_heartbeat() {
    const Options& options = server_.options_;
    awaits_client_ = protocol_ == Protocol::kV3;
    const Milliseconds more = awaits_client_ ? options.ping_timeout : Milliseconds(0);
    arm(server_.wheel_.now() + options.ping_interval + more);
}

void Server::SessionImpl::send_ping() {
    const Milliseconds timeout = server_.options_.ping_timeout;
    awaits_client_ = true;
    // From when it was due, so that the loop's small delays do not add up; but a loop that has
    // stood still must not find all its clients silent.
    arm(std::max(timer_.deadline() + timeout, server_.wheel_.now() + timeout - timeout / 10));
    transmit({.type = PacketType::kPing});
}

void Server::SessionImpl::on_ping() {
    if (protocol_ == Protocol::kV4) return finish(CloseReason::kTransportError);
    begin_heartbeat();
    transmit({.type = PacketType::kPong});
}

void Server::SessionImpl::on_pong() {
    if (protocol_ == Protocol::kV3) return finish(CloseReason::kTransportError);
    if (awaits_client_) begin_heartbeat();
}

void Server::SessionImpl::check_deadline() {
    if (open() && awaits_client_ && server_.wheel_.now() >= timer_.deadline())
        finish(CloseReason::kPingTimeout);
}

void Server::SessionImpl::close(CloseReason reason) {
    if (!open()) return;
    if (opening_) open_websocket();
    // The stock client drops messages that share a payload with the close packet: these go first,
    // and the close packet waits for the next GET.
    if (poll_ && !queue_.empty()) answer_poll();
    if (websocket_ || poll_) return finish(reason);
    linger(reason);
}

void Server::SessionImpl::close_if_idle(CloseReason reason) {
    if (!handler_ || !handler_->idle()) return;
    if (queue_.has_message()) return close(reason);
    finish(reason);
}

void Server::SessionImpl::linger(CloseReason reason) {
    state_ = State::kLingering;
    reason_ = reason;
    arm(server_.wheel_.now() + kLingerTimeout);
    --server_.open_count_;
    tell_handler(reason);
}

void Server::SessionImpl::finish(CloseReason reason, PacketType farewell) {
    if (state_ == State::kClosed) return;
    const bool was_open = std::exchange(state_, State::kClosed) == State::kOpen;
    reason_ = reason;
    timer_.cancel();
    drop_probe();
    if (poll_) {
        queue_.push({.type = farewell});
        answer_poll();
    }
    if (websocket_) hang_up(std::move(websocket_), close_code_of(reason));
    server_.forget(*this);
    if (!was_open) return;
    --server_.open_count_;
    tell_handler(reason);
}

void Server::SessionImpl::tell_handler(CloseReason reason) {
    if (handler_ == nullptr) return;
    auto handler = std::move(handler_);
    handler->on_close(reason);
    server_.graveyard_.bury(std::move(handler));
}

void Server::SessionImpl::hang_up(std::unique_ptr<Link> link, WebSocketCloseCode code) {
    link->port().close(code);
    link->detach();
    server_.graveyard_.bury(std::move(link));
}

}  // namespace signalbox::engineio
