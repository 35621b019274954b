#include "library/core.h"

#include <cstdio>
#include <exception>
#include <stdexcept>

namespace signalbox::io::detail {
namespace {

constexpr std::size_t kDynamicNameBytesMax = 256;

engineio::SameSite same_site_of(SameSite same_site) {
    switch (same_site) {
        case SameSite::kLax:
            return engineio::SameSite::kLax;
        case SameSite::kStrict:
            return engineio::SameSite::kStrict;
        case SameSite::kNone:
            return engineio::SameSite::kNone;
    }
    std::unreachable();
}

engineio::CookieOptions cookie_options(const Cookie& cookie) {
    return {cookie.name,
            cookie.path,
            cookie.domain,
            cookie.max_age,
            cookie.http_only,
            cookie.secure,
            same_site_of(cookie.same_site)};
}

void check_cookie(const Cookie& cookie) {
    if (cookie.name.empty() || !engineio::is_cookie_name(cookie.name))
        throw std::invalid_argument("cookie: not a name: " + cookie.name);
    if (!engineio::is_cookie_attribute(cookie.path) ||
        !engineio::is_cookie_attribute(cookie.domain))
        throw std::invalid_argument("cookie: path and domain have no blanks and semicolons");
    if (cookie.same_site == SameSite::kNone && !cookie.secure)
        throw std::invalid_argument("cookie: SameSite=None needs secure");
}

engineio::Options engine_options(const Options& options) {
    engineio::Options engine;
    engine.ping_interval = options.ping_interval;
    engine.ping_timeout = options.ping_timeout;
    engine.upgrade_timeout = options.upgrade_timeout;
    engine.payload_bytes_max = options.max_payload;
    engine.allow_eio3 = options.allow_eio3;
    engine.outbound_bytes_max = options.outbound_bytes_max;
    engine.http_compression_threshold =
        options.http_compression ? options.http_compression->threshold : 0;
    if (options.cookie) engine.cookie = cookie_options(*options.cookie);
    return engine;
}

library::EngineNodeOptions node_options(const Options& options,
                                        std::shared_ptr<runtime::TlsContext> tls) {
    library::EngineNodeOptions node{.engineio = engine_options(options),
                                    .shards = static_cast<ShardIndex>(options.shards),
                                    .path = options.path,
                                    .cors_origins = options.cors_origins,
                                    .tls = std::move(tls)};
    if (options.per_message_deflate)
        node.websocket_compression = {.threshold = options.per_message_deflate->threshold};
    return node;
}

std::string sentence_of(std::exception_ptr error) {
    try {
        std::rethrow_exception(std::move(error));
    } catch (const std::exception& known) {
        return known.what();
    } catch (...) {
        return "an exception of a type that is no std::exception";
    }
}

}  // namespace

Core::Core(Options options) : options_(std::move(options)) {
    constexpr int kShardsMax = 256;
    if (options_.shards < 1 || options_.shards > kShardsMax)
        throw std::invalid_argument("shards must be 1 to 256");
    if (!options_.path.starts_with('/')) throw std::invalid_argument("path must begin with /");
    if (options_.cookie) check_cookie(*options_.cookie);
    if (options_.http_compression && options_.http_compression->threshold == 0)
        throw std::invalid_argument("http_compression: the threshold must be over 0");
}

void Core::check_not_serving(const char* what) const {
    if (state_ != State::kNew) throw std::logic_error(std::string(what) + " after listen()");
}

NamespaceCore& Core::add_namespace(std::string_view name) {
    const std::string full = name.starts_with('/') ? std::string(name) : '/' + std::string(name);
    if (full.find_first_of(",?") != std::string::npos)
        throw std::invalid_argument("a namespace's name has no , or ?");
    const auto found = namespaces_.find(full);
    if (found != namespaces_.end()) return *found->second;
    if (state_ != State::kNew) {
        if (NamespaceCore* dynamic = obtain(full, "{}")) return *dynamic;
    }
    check_not_serving("a new namespace");
    return *namespaces_.emplace(full, std::make_unique<NamespaceCore>(*this, full)).first->second;
}

NamespaceCore& Core::add_parent(Server::Predicate matches) {
    check_not_serving("a new namespace");
    if (!matches) throw std::invalid_argument("an empty predicate");
    return *parents_.emplace_back(std::make_unique<NamespaceCore>(*this, std::move(matches)));
}

NamespaceCore* Core::obtain(std::string_view name, std::string_view auth) {
    if (NamespaceCore* child = find_child(name)) return child;
    if (name.size() > kDynamicNameBytesMax) return nullptr;
    for (const auto& parent : parents_) {
        bool taken = false;
        guard([&] { taken = parent->matches(name, auth); });
        if (taken) return make_child(*parent, name);
    }
    return nullptr;
}

NamespaceCore* Core::find_child(std::string_view name) {
    const std::lock_guard lock(children_mutex_);
    const auto found = children_.find(name);
    return found == children_.end() ? nullptr : found->second.core.get();
}

NamespaceCore* Core::make_child(const NamespaceCore& parent, std::string_view name) {
    auto made = std::make_unique<NamespaceCore>(*this, std::string(name));
    made->handlers = parent.handlers;
    const std::lock_guard lock(children_mutex_);
    const auto found = children_.find(name);
    if (found != children_.end()) return found->second.core.get();
    if (children_.size() >= options_.dynamic_namespaces_max) return nullptr;
    return children_.emplace(name, Child{&parent, std::move(made)}).first->second.core.get();
}

std::vector<NamespaceCore*> Core::children_of(const NamespaceCore& parent) {
    std::vector<NamespaceCore*> of_parent;
    const std::lock_guard lock(children_mutex_);
    for (const auto& [name, child] : children_) {
        if (child.parent == &parent) of_parent.push_back(child.core.get());
    }
    return of_parent;
}

void Core::place(NamespaceCore& ns, ShardIndex shard) {
    const Place& place = places_[shard];
    auto& part = ns.on_shards[shard];
    part = std::make_unique<ShardNamespace>(ns, *place.shard);
    part->attach(place.sockets->add_namespace({ns.name}, *part));
}

NamespaceCore::NamespaceCore(Core& owner, std::string its_name)
    : core(owner),
      name(std::move(its_name)),
      on_shards(static_cast<std::size_t>(owner.options().shards)) {}

NamespaceCore::NamespaceCore(Core& owner, Server::Predicate predicate)
    : core(owner), matches(std::move(predicate)) {}

ShardNamespace& NamespaceCore::on(ShardIndex shard) {
    if (!on_shards[shard]) core.place(*this, shard);
    return *on_shards[shard];
}

void NamespaceCore::close() {
    on_shards.clear();
    handlers = {};
    matches = {};
}

std::expected<std::uint16_t, std::string> Core::listen(std::uint16_t port, std::string host) {
    check_not_serving("listen()");
    std::shared_ptr<runtime::TlsContext> tls;
    if (options_.tls) {
        auto loaded =
            runtime::TlsContext::load({options_.tls->certificate_file, options_.tls->key_file});
        if (!loaded) return std::unexpected(std::move(loaded.error()));
        tls = std::move(*loaded);
    }
    node_ = std::make_unique<library::EngineNode>(node_options(options_, std::move(tls)));
    state_ = State::kServing;
    node_->start(
        [this](runtime::Shard& shard) -> engineio::Application& { return make_sockets(shard); });
    const auto bound = node_->listen(host, port);
    if (bound) return *bound;
    close();
    return std::unexpected("cannot listen on " + host + ':' + std::to_string(port) + ": " +
                           std::string(runtime::to_string(bound.error())));
}

socketio::Server& Core::make_sockets(runtime::Shard& shard) {
    socketio::Options options;
    options.connect_timeout = options_.connect_timeout;
    auto& sockets = *places_
                         .emplace_back(&shard, std::make_unique<socketio::Server>(
                                                   options, shard.wheel(), shard.random()))
                         .sockets;
    for (const auto& [name, ns] : namespaces_) place(*ns, shard.index());
    sockets.on_unknown_namespace(
        [this, index = shard.index()](std::string_view name, std::string_view auth) {
            if (NamespaceCore* ns = obtain(name, auth)) (void)ns->on(index);
        });
    return sockets;
}

void Core::close() {
    const State before = state_.exchange(State::kClosed);
    if (before == State::kClosed) return;
    if (before == State::kServing) node_->stop();
    places_.clear();
    for (const auto& [name, ns] : namespaces_) ns->close();
    for (const auto& parent : parents_) parent->close();
    const std::lock_guard lock(children_mutex_);
    for (const auto& [name, child] : children_) child.core->close();
}

bool Core::run_on(ShardIndex shard, Task task) {
    if (on_shard(shard)) {
        task();
        return true;
    }
    return state_ == State::kServing && node_->try_post(shard, std::move(task));
}

bool Core::run_on_all(const std::function<void(ShardIndex)>& task) {
    if (state_ == State::kNew) return false;
    if (!current_shard() && state_ != State::kServing) return false;
    return node_->try_run_on_all(task);
}

bool Core::broadcast(NamespaceCore& ns, Selection to, OutgoingEvent event) {
    if (options_.connection_state_recovery) {
        return broadcast_stamped(
            ns, {{}, std::move(to), std::make_shared<const OutgoingEvent>(std::move(event))});
    }
    struct Shared {
        Selection to;
        OutgoingEvent event;
    };
    const auto all = std::make_shared<const Shared>(std::move(to), std::move(event));
    return run_on_all([&ns, all](ShardIndex shard) { ns.on(shard).emit(all->to, all->event); });
}

bool Core::broadcast_stamped(NamespaceCore& ns, LoggedEvent event) {
    const auto send = [&](Stamp stamp) {
        event.stamp = stamp;
        const auto shared = std::make_shared<const LoggedEvent>(std::move(event));
        return run_on_all(
            [&ns, shared](ShardIndex shard) { ns.on(shard).emit_recoverable(*shared); });
    };
    if (state_ == State::kNew) return false;
    if (const auto own = current_shard()) return send(ns.on(*own).recovery()->next_stamp());
    const std::lock_guard lock(outside_mutex_);
    return send({static_cast<std::uint32_t>(options_.shards), ++last_outside_number_});
}

void Core::report(std::exception_ptr error) const {
    if (options_.on_exception) return options_.on_exception(std::move(error));
    std::fprintf(stderr, "signalbox: a handler threw: %s\n", sentence_of(std::move(error)).c_str());
}

}  // namespace signalbox::io::detail
