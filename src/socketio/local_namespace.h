#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "socketio/rooms.h"
#include "socketio/server.h"

namespace signalbox::socketio {

class LocalSocket;

/// A Namespace with the sockets of one shard.
/// Ownership: borrows the handler and its sockets, which remove() themselves.
/// Threading: confined to its shard.
class LocalNamespace final : public Namespace {
public:
    explicit LocalNamespace(NamespaceHandler& handler) : handler_(handler) {}

    [[nodiscard]] Socket* find(std::string_view id) override;
    [[nodiscard]] std::size_t socket_count() const override { return connected_count_; }
    [[nodiscard]] std::size_t room_size(std::string_view room) const override;
    [[nodiscard]] std::uint64_t next_ack_id() override { return next_ack_id_++; }
    void for_each_in(std::span<const std::string> rooms, std::span<const std::string> except,
                     const std::function<void(Socket&)>& visit) override;

    [[nodiscard]] NamespaceHandler& handler() { return handler_; }
    [[nodiscard]] RoomTable& rooms() { return rooms_; }
    [[nodiscard]] const RoomTable& rooms() const { return rooms_; }

    void add(LocalSocket& socket);
    /// Before its id changes; it stays in its rooms, and add() follows.
    void forget_id(const LocalSocket& socket);
    void count_connected() { ++connected_count_; }
    void count_disconnected() { --connected_count_; }
    /// Takes it out of its rooms and of the namespace.
    void remove(LocalSocket& socket);

private:
    using Selection = std::vector<RoomMember*>;
    [[nodiscard]] LocalSocket* find_local(std::string_view id) const;
    void select(std::span<const std::string> rooms, std::span<const std::string> except,
                Selection& selected);
    void select_all(Selection& selected);
    void select_room(const std::string& room, Selection& selected);

    NamespaceHandler& handler_;
    RoomTable rooms_;
    std::unordered_map<std::string_view, LocalSocket*> sockets_;
    std::size_t connected_count_ = 0;
    std::uint64_t next_ack_id_ = 0;
    Selection spare_selection_;
};

}  // namespace signalbox::socketio
