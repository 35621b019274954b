#include "gateway/peers.h"

#include "gateway/connection.h"

namespace signalbox::gateway {

bool Gateway::ask(ShardIndex shard, PeerTask& task) {
    if (shard == s_.mesh.self()) {
        task(*this);
        return true;
    }
    // The mesh leaves a refused task with the caller only as a whole, so credit comes first.
    if (!s_.mesh.try_reserve({&shard, 1})) return false;
    s_.mesh.post_reserved(
        shard, [peer = s_.peers[shard], task = std::move(task)]() mutable { task(*peer); });
    return true;
}

void Gateway::tell(ShardIndex shard, PeerTask task) {
    if (shard == s_.mesh.self()) return task(*this);
    s_.mesh.post_admitted(
        shard, [peer = s_.peers[shard], task = std::move(task)]() mutable { task(*peer); });
}

ShardIndex Gateway::home_of(const CompanyId& company) const {
    return static_cast<ShardIndex>(std::hash<CompanyId>{}(company) % s_.mesh.shard_count());
}

Connection* Gateway::find_connection(std::string_view socket_id) {
    if (sockets_ == nullptr) return nullptr;
    socketio::Socket* socket = sockets_->find(socket_id);
    return socket == nullptr ? nullptr : static_cast<Connection*>(socket->data.get());
}

}  // namespace signalbox::gateway
