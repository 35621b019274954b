#include "socketio/local_socket.h"

#include <algorithm>

#include "base/check.h"
#include "socketio/client.h"
#include "socketio/context.h"
#include "socketio/local_namespace.h"

namespace signalbox::socketio {

LocalSocket::LocalSocket(Context& context, Client& client, LocalNamespace& ns,
                         std::string_view name)
    : context_(context),
      client_(client),
      namespace_(ns),
      name_(name),
      id_(context.random().id(kSidCharacters)) {
    namespace_.add(*this);
}

LocalSocket::~LocalSocket() {
    SB_CHECK(state_ == State::kGone);
}

const engineio::Handshake& LocalSocket::handshake() const {
    return client_.session().handshake();
}

engineio::Session& LocalSocket::session() {
    return client_.session();
}

void LocalSocket::begin(std::string_view auth) {
    namespace_.handler().on_connect(*this, auth);
}

void LocalSocket::accept(const Resumption& resumption) {
    if (state_ == State::kGone) return;
    SB_CHECK(state_ == State::kPending);
    if (!resumption.sid.empty()) {
        namespace_.forget_id(*this);
        id_ = Sid(resumption.sid);
        namespace_.add(*this);
    }
    state_ = State::kConnected;
    const bool v5 = client_.revision() == Revision::kV5;
    recoverable_ = v5 && !resumption.pid.empty();
    namespace_.count_connected();
    client_.on_joined();
    for (const RecoverableEvent& event : resumption.missed) send_with_offset(event);
    PacketBuffer packet(context_);
    if (v5) {
        append_connect(packet.text(), name_, {id_, resumption.pid});
    } else {
        append_connect_v4(packet.text(), name_);
    }
    send(packet.text(), {});
}

void LocalSocket::refuse(std::string_view message, std::string_view data) {
    if (state_ == State::kGone) return;
    SB_CHECK(state_ == State::kPending);
    abandon();
    client_.release(*this, Client::Departure::kOurDecision);
    PacketBuffer packet(context_);
    if (client_.revision() == Revision::kV5) {
        append_connect_error(packet.text(), name_, message, data);
    } else {
        append_connect_error_v4(packet.text(), name_, message, data);
    }
    send(packet.text(), {});
}

void LocalSocket::emit(std::string_view event, std::string_view args) {
    if (connected()) send_event({name_, {}, 0}, event, args, {});
}

void LocalSocket::emit_volatile(std::string_view event, std::string_view args) {
    if (connected() && session().writable()) emit(event, args);
}

void LocalSocket::emit(const EncodedEvent& event) {
    if (!connected()) return;
    if (!recoverable_ || !event.ends_in_text()) return send(event.packet(), event.attachments());
    std::string packet = event.packet();
    append_null_argument(packet);
    send(packet, event.attachments());
}

void LocalSocket::emit(const RecoverableEvent& event) {
    if (!connected()) return;
    if (recoverable_) return send_with_offset(event);
    send_event({name_, {}, event.attachments.size()}, event.name, event.args, event.attachments);
}

void LocalSocket::emit_text(const TextEvent& event) {
    if (!connected()) return;
    SB_CHECK(!is_reserved_event(event.name));
    PacketBuffer packet(context_);
    append_text_event(packet.text(), {name_, {}, 0}, event.name, event.text);
    if (recoverable_ && event.offset.empty()) append_null_argument(packet.text());
    if (recoverable_ && !event.offset.empty()) append_offset(packet.text(), event.offset);
    send(packet.text(), {});
}

void LocalSocket::emit_volatile(const EncodedEvent& event) {
    if (connected() && session().writable()) emit(event);
}

void LocalSocket::emit_binary(std::string_view event, std::string_view args,
                              std::span<const std::string> attachments) {
    if (connected()) send_event({name_, {}, attachments.size()}, event, args, attachments);
}

void LocalSocket::emit_with_ack(std::string_view event, std::string_view args, Milliseconds timeout,
                                AckCallback callback) {
    if (!connected()) return callback(std::unexpected(AckError::kDisconnected));
    const std::uint64_t id = namespace_.next_ack_id();
    pending_acks().add(id, timeout, std::move(callback));
    send_event({name_, id, 0}, event, args, {});
}

void LocalSocket::emit_with_ack(const EncodedEvent& event, Milliseconds timeout,
                                AckCallback callback) {
    SB_CHECK(event.ack_id());
    if (!connected()) return callback(std::unexpected(AckError::kDisconnected));
    pending_acks().add(*event.ack_id(), timeout, std::move(callback));
    send(event.packet(), event.attachments());
}

PendingAcks& LocalSocket::pending_acks() {
    if (!pending_acks_) pending_acks_ = std::make_unique<PendingAcks>(context_.wheel());
    return *pending_acks_;
}

void LocalSocket::ack(std::uint64_t id, std::string_view args) {
    ack_binary(id, args, {});
}

void LocalSocket::ack_binary(std::uint64_t id, std::string_view args,
                             std::span<const std::string> attachments) {
    if (!connected() || !take_unanswered(id)) return;
    PacketBuffer packet(context_);
    append_ack(packet.text(), {name_, id, attachments.size()}, args);
    send(packet.text(), attachments);
}

void LocalSocket::join(std::string_view room) {
    if (state_ != State::kGone && room != id_) namespace_.rooms().join(*this, room);
}

void LocalSocket::leave(std::string_view room) {
    namespace_.rooms().leave(*this, room);
}

bool LocalSocket::in_room(std::string_view room) const {
    return state_ != State::kGone && (room == id_ || namespace_.rooms().contains(room, *this));
}

std::vector<std::string> LocalSocket::rooms() const {
    if (state_ == State::kGone) return {};
    std::vector<std::string> rooms{std::string(id_)};
    namespace_.rooms().append_rooms_of(*this, rooms);
    return rooms;
}

void LocalSocket::disconnect() {
    if (!connected()) return;
    PacketBuffer packet(context_);
    append_disconnect(packet.text(), name_);
    send(packet.text(), {});
    if (!connected()) return;  // the send closed the session
    client_.release(*this, Client::Departure::kOurDecision);
    end(DisconnectReason::kServerNamespaceDisconnect);
}

void LocalSocket::disconnect_client() {
    client_.disconnect_all();
}

void LocalSocket::close_transport(engineio::CloseReason reason) {
    client_.close(reason);
}

void LocalSocket::supersede() {
    if (state_ == State::kGone || state_ == State::kLeaving) return;
    Client& client = client_;
    client.release(*this, Client::Departure::kOurDecision);
    end(DisconnectReason::kForcedServerClose);
    client.close(engineio::CloseReason::kForcedClose);
}

void LocalSocket::send_event(const PacketHead& head, std::string_view event, std::string_view args,
                             std::span<const std::string> attachments) {
    SB_CHECK(!is_reserved_event(event));
    PacketBuffer packet(context_);
    append_event(packet.text(), head, event, args);
    // With an ack id the client adds a function as the last argument.
    if (recoverable_ && !head.id && leaves_text(args)) append_null_argument(packet.text());
    send(packet.text(), attachments);
}

void LocalSocket::send_with_offset(const RecoverableEvent& event) {
    SB_CHECK(!is_reserved_event(event.name));
    PacketBuffer packet(context_);
    append_event(packet.text(), {name_, {}, event.attachments.size()}, event.name, event.args);
    append_offset(packet.text(), event.offset);
    send(packet.text(), event.attachments);
}

void LocalSocket::send(std::string_view packet, std::span<const std::string> attachments) {
    client_.send(packet, attachments);
}

void LocalSocket::on_event(const Decoder::Decoded& decoded) {
    const Packet& packet = *decoded.packet;
    if (!packet.has_payload) return;
    if (packet.id) remember_unanswered(*packet.id);
    namespace_.handler().on_event(*this, {.name = packet.name,
                                          .args = packet.args,
                                          .arg_count = packet.arg_count,
                                          .text = packet.text,
                                          .ack = packet.id,
                                          .attachments = decoded.attachments(),
                                          .fault = packet.fault});
}

void LocalSocket::on_ack(const Decoder::Decoded& decoded) {
    const Packet& packet = *decoded.packet;
    if (!packet.id || !pending_acks_) return;
    if (packet.fault) {
        pending_acks_->resolve(*packet.id, std::unexpected(AckError::kBadJson));
    } else {
        pending_acks_->resolve(*packet.id,
                               AckReply{packet.args, packet.arg_count, decoded.attachments()});
    }
}

void LocalSocket::on_slow_consumer() {
    namespace_.handler().on_slow_consumer(*this);
}

void LocalSocket::end(DisconnectReason reason) {
    if (state_ == State::kGone || state_ == State::kLeaving) return;
    if (connected()) {
        state_ = State::kLeaving;
        namespace_.count_disconnected();
        namespace_.handler().on_disconnecting(*this, reason);
    }
    abandon();
    if (pending_acks_) pending_acks_->fail_all(AckError::kDisconnected);
    namespace_.handler().on_disconnect(*this, reason);
}

void LocalSocket::abandon() {
    if (state_ == State::kGone) return;
    if (connected()) namespace_.count_disconnected();
    namespace_.remove(*this);
    state_ = State::kGone;
}

void LocalSocket::remember_unanswered(std::uint64_t ack_id) {
    const std::size_t max = std::max<std::size_t>(context_.options().unanswered_acks_max, 1);
    if (unanswered_.size() >= max) unanswered_.erase(unanswered_.begin());
    unanswered_.push_back(ack_id);
}

bool LocalSocket::take_unanswered(std::uint64_t ack_id) {
    const auto found = std::ranges::find(unanswered_, ack_id);
    if (found == unanswered_.end()) return false;
    unanswered_.erase(found);
    return true;
}

}  // namespace signalbox::socketio
