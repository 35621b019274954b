#include <utility>

#include "library/core.h"
#include "library/socket_state.h"
#include "signalbox/socketio.h"

namespace signalbox::io {
namespace {

std::shared_ptr<const detail::OutgoingEvent> outgoing(std::string_view event, const Args& args) {
    detail::check_event_name(event);
    return std::make_shared<const detail::OutgoingEvent>(std::string(event), args);
}

Responses sum(std::vector<Responses> parts) {
    Responses all;
    for (Responses& part : parts) {
        all.expected += part.expected;
        std::ranges::move(part.answers, std::back_inserter(all.answers));
    }
    return all;
}

template <class Item>
std::vector<Item> joined(std::vector<std::vector<Item>> parts) {
    std::vector<Item> all;
    for (auto& part : parts) std::ranges::move(part, std::back_inserter(all));
    return all;
}

}  // namespace

Broadcast::Broadcast(std::shared_ptr<detail::NamespaceCore> core) : core_(std::move(core)) {}

Broadcast Broadcast::to(std::string_view room) const {
    Broadcast wider = *this;
    wider.rooms_.emplace_back(room);
    return wider;
}

Broadcast Broadcast::except(std::string_view room) const {
    Broadcast narrower = *this;
    narrower.except_.emplace_back(room);
    return narrower;
}

template <class Work>
bool Broadcast::on_all_shards(Work work) const {
    return core_->core.run_on_all(
        [core = core_, selection = std::make_shared<const detail::Selection>(rooms_, except_),
         work = std::move(work)](ShardIndex shard) { work(core->on(shard), *selection); });
}

bool Broadcast::emit(std::string_view event, const Args& args) const {
    detail::check_event_name(event);
    return core_->core.broadcast(*core_, {rooms_, except_}, {std::string(event), args});
}

bool Broadcast::emit_volatile(std::string_view event, const Args& args) const {
    return on_all_shards([out = outgoing(event, args)](detail::ShardNamespace& ns, const auto& to) {
        ns.emit_volatile(to, *out);
    });
}

bool Broadcast::emit_with_ack(std::string_view event, const Args& args, Milliseconds timeout,
                              ResponsesHandler handler) const {
    return detail::gather<Responses>(
        core_->core,
        [core = core_, to = detail::Selection{rooms_, except_}, out = outgoing(event, args),
         timeout](ShardIndex shard, std::move_only_function<void(Responses)> answer) {
            core->on(shard).emit_with_ack(to, *out, timeout, std::move(answer));
        },
        [handler = std::move(handler)](std::vector<Responses> parts) mutable {
            handler(sum(std::move(parts)));
        });
}

bool Broadcast::fetch_sockets(
    std::move_only_function<void(std::vector<FetchedSocket>)> handler) const {
    using Fetched = std::vector<FetchedSocket>;
    return detail::gather<Fetched>(
        core_->core,
        [core = core_, from = detail::Selection{rooms_, except_}](
            ShardIndex shard, std::move_only_function<void(Fetched)> answer) {
            answer(core->on(shard).fetch(from));
        },
        [handler = std::move(handler)](std::vector<Fetched> parts) mutable {
            handler(joined(std::move(parts)));
        });
}

bool Broadcast::sockets_join(std::string_view room) const {
    return on_all_shards([room = std::string(room)](detail::ShardNamespace& ns, const auto& to) {
        ns.for_each(to, [&](socketio::Socket& socket) { socket.join(room); });
    });
}

bool Broadcast::sockets_leave(std::string_view room) const {
    return on_all_shards([room = std::string(room)](detail::ShardNamespace& ns, const auto& to) {
        ns.for_each(to, [&](socketio::Socket& socket) { socket.leave(room); });
    });
}

bool Broadcast::disconnect_sockets(Ending ending) const {
    return on_all_shards([ending](detail::ShardNamespace& ns, const auto& to) {
        ns.for_each(to, [&](socketio::Socket& socket) {
            ending == Ending::kTransport ? socket.disconnect_client() : socket.disconnect();
        });
    });
}

}  // namespace signalbox::io
