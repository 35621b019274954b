#include "socketio/client.h"

#include <algorithm>

#include "base/check.h"
#include "base/http.h"
#include "base/utf8.h"
#include "socketio/context.h"
#include "socketio/local_namespace.h"

namespace signalbox::socketio {
namespace {

/// As long as Engine.IO lets a packet that is on its way take (its ping timeout).
constexpr Milliseconds kLatePacketsTolerated{20'000};

}  // namespace

Client::Client(Context& context, engineio::Session& session)
    : context_(context),
      session_(&session),
      revision_(session.protocol() == engineio::Protocol::kV3 ? Revision::kV4 : Revision::kV5),
      decoder_(context.parser(), context.options().binary_packet_bytes_max) {
    await(context_.options().connect_timeout);
}

Client::~Client() {
    for (const auto& socket : sockets_) socket->abandon();
}

bool Client::idle() const {
    return std::ranges::none_of(sockets_, [](const auto& socket) { return socket->connected(); });
}

engineio::Session& Client::session() {
    SB_CHECK(session_ != nullptr);
    return *session_;
}

void Client::begin() {
    if (revision_ == Revision::kV5) return;
    Packet packet;
    packet.type = PacketType::kConnect;
    connect(packet);
}

void Client::on_message(engineio::MessageKind kind, std::string_view message) {
    if (closing_) return;
    const auto decoded = decoder_.feed(kind, message);
    if (!decoded) return close(engineio::CloseReason::kParseError);
    if (decoded->packet == nullptr) return await_attachments();
    if (kind == engineio::MessageKind::kBinary && !sockets_.empty()) timeout_.reset();
    dispatch(*decoded);
}

void Client::await_attachments() {
    if (sockets_.empty() && left_.empty()) return close(engineio::CloseReason::kForcedClose);
    await(context_.options().binary_packet_timeout);
}

void Client::await(Milliseconds timeout) {
    if (timeout_) return;
    timeout_.reset(new Timer(Timer::calling<&Client::end_for_timeout>(this)));
    context_.wheel().arm_after(*timeout_, timeout);
}

void Client::dispatch(const Decoder::Decoded& decoded) {
    const Packet& packet = *decoded.packet;
    const std::string_view name = name_in(packet);
    LocalSocket* socket = find(name);
    if (packet.type == PacketType::kConnect && socket == nullptr) return connect(packet);
    const bool is_for_socket =
        packet.type != PacketType::kConnect && packet.type != PacketType::kConnectError;
    if (is_for_socket && socket != nullptr && socket->connected()) return deliver(*socket, decoded);
    if (is_for_socket && socket == nullptr && left_recently(name)) return;
    close(engineio::CloseReason::kForcedClose);
}

bool Client::may_connect() {
    const MonotonicTime now = context_.wheel().now();
    if (now - connects_since_ >= context_.options().connects_window) {
        connects_since_ = now;
        connects_ = 0;
    }
    return ++connects_ <= context_.options().connects_max;
}

std::string_view Client::name_in(const Packet& packet) const {
    const std::string_view name = packet.namespace_name;
    return revision_ == Revision::kV4 ? name.substr(0, name.find('?')) : name;
}

std::string Client::auth_in(const Packet& packet) const {
    if (revision_ == Revision::kV5) return packet.has_payload ? std::string(packet.payload) : "{}";
    const std::string_view name = packet.namespace_name;
    const QueryParameters query(name.substr(std::min(name.find('?'), name.size() - 1) + 1));
    std::string auth;
    JsonWriter json(auth);
    json.begin_object();
    for (const auto& [key, value] : query) {
        if (is_valid_utf8(key) && is_valid_utf8(value)) json.member(key, value);
    }
    json.end_object();
    return auth;
}

void Client::connect(const Packet& packet) {
    if (!may_connect()) return close(engineio::CloseReason::kForcedClose);
    const std::string_view asked = name_in(packet);
    const std::string auth = auth_in(packet);
    const auto* known =
        packet.fault ? context_.find_namespace(asked) : context_.obtain_namespace(asked, auth);
    if (known == nullptr) return refuse_namespace(asked, "Invalid namespace");
    if (packet.fault) {
        return refuse_namespace(asked, "Invalid auth: " + std::string(to_string(*packet.fault)));
    }
    const auto& [name, ns] = *known;
    std::erase_if(left_, [&](const Left& left) { return left.name == name; });
    LocalSocket& socket =
        *sockets_.emplace_back(std::make_unique<LocalSocket>(context_, *this, *ns, name));
    socket.begin(auth);
}

void Client::refuse_namespace(std::string_view name, std::string_view message) {
    PacketBuffer packet(context_);
    if (revision_ == Revision::kV4) {
        append_connect_error_v4(packet.text(), name, message, {});
    } else {
        append_connect_error(packet.text(), name, message, {});
    }
    send(packet.text(), {});
}

void Client::deliver(LocalSocket& socket, const Decoder::Decoded& decoded) {
    switch (decoded.packet->type) {
        case PacketType::kEvent:
        case PacketType::kBinaryEvent:
            return socket.on_event(decoded);
        case PacketType::kAck:
        case PacketType::kBinaryAck:
            return socket.on_ack(decoded);
        case PacketType::kDisconnect:
            release(socket, Departure::kClientsDecision);
            return socket.end(DisconnectReason::kClientNamespaceDisconnect);
        case PacketType::kConnect:
        case PacketType::kConnectError:
            return;
    }
}

void Client::on_slow_consumer() {
    for (LocalSocket* socket : connected_sockets()) {
        if (socket->connected()) socket->on_slow_consumer();
    }
}

void Client::on_close(engineio::CloseReason reason) {
    const DisconnectReason why = reason_of(reason);
    closing_ = true;
    timeout_.reset();
    while (!sockets_.empty()) {
        LocalSocket& socket = *sockets_.front();
        release(socket, Departure::kClientsDecision);
        socket.end(why);
    }
    session_ = nullptr;
}

void Client::send(std::string_view packet, std::span<const std::string> attachments) {
    if (session_ == nullptr) return;
    session_->send(engineio::MessageKind::kText, packet);
    for (const std::string& attachment : attachments) {
        if (session_ == nullptr) return;
        session_->send(engineio::MessageKind::kBinary, attachment);
    }
}

void Client::close(engineio::CloseReason reason) {
    if (closing_) return;
    closing_ = true;
    session_->close(reason);
}

void Client::disconnect_all() {
    for (LocalSocket* socket : connected_sockets()) socket->disconnect();
    close(engineio::CloseReason::kForcedClose);
}

void Client::release(LocalSocket& socket, Departure departure) {
    const auto found = std::ranges::find(sockets_, &socket, &std::unique_ptr<LocalSocket>::get);
    SB_CHECK(found != sockets_.end());
    if (departure == Departure::kOurDecision) {
        left_.push_back({socket.namespace_name(), context_.wheel().now() + kLatePacketsTolerated});
    }
    context_.retire(std::move(*found));
    sockets_.erase(found);
    if (sockets_.empty() && !closing_) await(context_.options().connect_timeout);
}

std::vector<LocalSocket*> Client::connected_sockets() const {
    std::vector<LocalSocket*> connected;
    for (const auto& socket : sockets_) {
        if (socket->connected()) connected.push_back(socket.get());
    }
    return connected;
}

LocalSocket* Client::find(std::string_view name) const {
    const auto found = std::ranges::find_if(
        sockets_, [&](const auto& socket) { return socket->namespace_name() == name; });
    return found == sockets_.end() ? nullptr : found->get();
}

bool Client::left_recently(std::string_view name) const {
    return std::ranges::any_of(left_, [&](const Left& left) {
        return left.name == name && context_.wheel().now() <= left.tolerated_until;
    });
}

DisconnectReason Client::reason_of(engineio::CloseReason reason) const {
    switch (reason) {
        case engineio::CloseReason::kTransportError:
            return DisconnectReason::kTransportError;
        case engineio::CloseReason::kTransportClose:
            return DisconnectReason::kTransportClose;
        case engineio::CloseReason::kForcedClose:
            return closing_ ? DisconnectReason::kForcedServerClose : DisconnectReason::kForcedClose;
        case engineio::CloseReason::kPingTimeout:
            return DisconnectReason::kPingTimeout;
        case engineio::CloseReason::kParseError:
            return DisconnectReason::kParseError;
        case engineio::CloseReason::kServerShutdown:
            return DisconnectReason::kServerShutdown;
        case engineio::CloseReason::kPayloadTooLarge:
            return DisconnectReason::kPayloadTooLarge;
        case engineio::CloseReason::kSlowConsumer:
            return DisconnectReason::kSlowConsumer;
    }
    return DisconnectReason::kTransportClose;
}

}  // namespace signalbox::socketio
