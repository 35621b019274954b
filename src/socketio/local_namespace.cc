#include "socketio/local_namespace.h"

#include <utility>

#include "base/check.h"
#include "socketio/local_socket.h"

namespace signalbox::socketio {

Socket* LocalNamespace::find(std::string_view id) {
    return find_local(id);
}

LocalSocket* LocalNamespace::find_local(std::string_view id) const {
    const auto found = sockets_.find(id);
    return found == sockets_.end() ? nullptr : found->second;
}

std::size_t LocalNamespace::room_size(std::string_view room) const {
    const LocalSocket* own = find_local(room);
    return rooms_.size(room) + (own != nullptr ? 1 : 0);
}

void LocalNamespace::add(LocalSocket& socket) {
    SB_CHECK(sockets_.emplace(socket.id(), &socket).second);
}

void LocalNamespace::forget_id(const LocalSocket& socket) {
    sockets_.erase(socket.id());
}

void LocalNamespace::remove(LocalSocket& socket) {
    rooms_.leave_all(socket);
    sockets_.erase(socket.id());
}

void LocalNamespace::for_each_in(std::span<const std::string> rooms,
                                 std::span<const std::string> except,
                                 const std::function<void(Socket&)>& visit) {
    Selection selected = std::exchange(spare_selection_, {});
    selected.clear();
    select(rooms, except, selected);
    for (RoomMember* member : selected) {
        auto& socket = static_cast<LocalSocket&>(*member);
        if (socket.connected()) visit(socket);
    }
    spare_selection_ = std::move(selected);
}

void LocalNamespace::select(std::span<const std::string> rooms, std::span<const std::string> except,
                            Selection& selected) {
    rooms_.begin_selection();
    for (const std::string& room : except) select_room(room, selected);
    selected.clear();
    if (rooms.empty()) select_all(selected);
    for (const std::string& room : rooms) select_room(room, selected);
}

void LocalNamespace::select_all(Selection& selected) {
    for (const auto& [id, socket] : sockets_) {
        if (rooms_.take(*socket)) selected.push_back(socket);
    }
}

void LocalNamespace::select_room(const std::string& room, Selection& selected) {
    rooms_.take_room(room, selected);
    LocalSocket* own = find_local(room);
    if (own != nullptr && rooms_.take(*own)) selected.push_back(own);
}

}  // namespace signalbox::socketio
