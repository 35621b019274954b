#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "socketio/packet.h"
#include "socketio/pending_acks.h"
#include "socketio/rooms.h"
#include "socketio/server.h"

namespace signalbox::socketio {

class Client;
class Context;
class LocalNamespace;

/// A Socket of this shard. Waits for its accept(), then is connected, then gone: after end() or
/// refuse() it only lasts until the end of the turn.
/// Ownership: by its Client, later by the Context.
/// Threading: confined to its shard.
class LocalSocket final : public Socket, public RoomMember {
public:
    /// @param name  the namespace as the client wrote it; outlives the socket.
    LocalSocket(Context& context, Client& client, LocalNamespace& ns, std::string_view name);
    ~LocalSocket() override;

    [[nodiscard]] const Sid& id() const override { return id_; }
    [[nodiscard]] std::string_view namespace_name() const override { return name_; }
    [[nodiscard]] const engineio::Handshake& handshake() const override;
    [[nodiscard]] bool connected() const override { return state_ == State::kConnected; }
    [[nodiscard]] engineio::Session& session() override;
    void accept() override { accept(Resumption()); }
    void accept(const Resumption& resumption) override;
    [[nodiscard]] bool recoverable() const override { return recoverable_; }
    void refuse(std::string_view message, std::string_view data) override;
    void emit(std::string_view event, std::string_view args) override;
    void emit_volatile(std::string_view event, std::string_view args) override;
    void emit(const EncodedEvent& event) override;
    void emit_volatile(const EncodedEvent& event) override;
    void emit(const RecoverableEvent& event) override;
    void emit_text(const TextEvent& event) override;
    void emit_binary(std::string_view event, std::string_view args,
                     std::span<const std::string> attachments) override;
    void emit_with_ack(std::string_view event, std::string_view args, Milliseconds timeout,
                       AckCallback callback) override;
    void emit_with_ack(const EncodedEvent& event, Milliseconds timeout,
                       AckCallback callback) override;
    void ack(std::uint64_t id, std::string_view args) override;
    void ack_binary(std::uint64_t id, std::string_view args,
                    std::span<const std::string> attachments) override;
    void join(std::string_view room) override;
    void leave(std::string_view room) override;
    [[nodiscard]] bool in_room(std::string_view room) const override;
    [[nodiscard]] std::vector<std::string> rooms() const override;
    void disconnect() override;
    void disconnect_client() override;
    void close_transport(engineio::CloseReason reason) override;
    void supersede() override;

    /// Hands the CONNECT to the namespace's handler.
    void begin(std::string_view auth);
    void on_event(const Decoder::Decoded& decoded);
    void on_ack(const Decoder::Decoded& decoded);
    void on_slow_consumer();
    /// Leaves the namespace and tells its handler. Its Client must have retired it.
    void end(DisconnectReason reason);
    /// end() without a word to anyone.
    void abandon();

private:
    enum class State : std::uint8_t { kPending, kConnected, kLeaving, kGone };

    void send_event(const PacketHead& head, std::string_view event, std::string_view args,
                    std::span<const std::string> attachments);
    void send_with_offset(const RecoverableEvent& event);
    void send(std::string_view packet, std::span<const std::string> attachments);
    [[nodiscard]] PendingAcks& pending_acks();
    void remember_unanswered(std::uint64_t ack_id);
    [[nodiscard]] bool take_unanswered(std::uint64_t ack_id);

    Context& context_;
    Client& client_;
    LocalNamespace& namespace_;
    std::string_view name_;
    Sid id_;
    State state_ = State::kPending;
    bool recoverable_ = false;
    std::vector<std::uint64_t> unanswered_;  // ids of the client's events, oldest first
    std::unique_ptr<PendingAcks> pending_acks_;
};

}  // namespace signalbox::socketio
