#include <utility>

#include "library/core.h"
#include "library/socket_state.h"
#include "signalbox/socketio.h"

namespace signalbox::io {
namespace {

/// A namespace that keeps its Core alive.
std::shared_ptr<detail::NamespaceCore> of_core(const std::shared_ptr<detail::Core>& core,
                                               std::string_view name) {
    return {core, &core->add_namespace(name)};
}

}  // namespace

const std::string& Namespace::name() const {
    return core_->name;
}

void Namespace::use(Middleware middleware) {
    core_->core.check_not_serving("use()");
    core_->handlers.middlewares.push_back(std::move(middleware));
}

void Namespace::on_connection(ConnectionHandler handler) {
    core_->core.check_not_serving("on_connection()");
    core_->handlers.connections.push_back(std::move(handler));
}

void Namespace::on_server_side(std::string_view event, ServerHandler handler) {
    core_->core.check_not_serving("on_server_side()");
    detail::check_event_name(event);
    core_->handlers.server_side.emplace_back(event, std::move(handler));
}

bool Namespace::server_side_emit(std::string_view event, const Args& args) const {
    detail::check_event_name(event);
    return core_->core.run_on_all(
        [core = core_,
         out = std::make_shared<const detail::OutgoingEvent>(std::string(event), args)](
            ShardIndex shard) { core->on(shard).tell(*out); });
}

void ParentNamespace::use(Namespace::Middleware middleware) {
    Namespace(core_).use(std::move(middleware));
}

void ParentNamespace::on_connection(Namespace::ConnectionHandler handler) {
    Namespace(core_).on_connection(std::move(handler));
}

void ParentNamespace::on_server_side(std::string_view event, Namespace::ServerHandler handler) {
    Namespace(core_).on_server_side(event, std::move(handler));
}

std::vector<Namespace> ParentNamespace::children() const {
    std::vector<Namespace> children;
    for (detail::NamespaceCore* child : core_->core.children_of(*core_))
        children.push_back(Namespace({core_, child}));
    return children;
}

bool ParentNamespace::emit(std::string_view event, const Args& args) const {
    detail::check_event_name(event);
    bool all = true;
    for (const Namespace& child : children()) all = child.emit(event, args) && all;
    return all;
}

Server::Server(Options options)
    : Namespace(of_core(std::make_shared<detail::Core>(std::move(options)), "/")) {}

Server::~Server() {
    close();
}

Namespace Server::of(std::string_view name) {
    return Namespace(of_core(core_->core.shared_from_this(), name));
}

ParentNamespace Server::of(Predicate matches) {
    const auto core = core_->core.shared_from_this();
    return ParentNamespace({core, &core->add_parent(std::move(matches))});
}

std::expected<std::uint16_t, std::string> Server::listen(std::uint16_t port, std::string host) {
    return core_->core.listen(port, std::move(host));
}

void Server::close() {
    core_->core.close();
}

}  // namespace signalbox::io
