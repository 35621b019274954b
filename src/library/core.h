#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/engine_node.h"
#include "library/shard_namespace.h"
#include "signalbox/socketio.h"
#include "socketio/server.h"

namespace signalbox::io::detail {

/// What a program wants in a namespace.
struct NamespaceHandlers {
    std::vector<Namespace::Middleware> middlewares;
    std::vector<Namespace::ConnectionHandler> connections;
    std::vector<std::pair<std::string, Namespace::ServerHandler>> server_side;
};

/// A namespace as its handles see it, or what many of them have in common. Its handlers are set
/// before a shard knows of it and const from then on, until the server closes.
struct NamespaceCore {
    NamespaceCore(Core& owner, std::string its_name);
    NamespaceCore(Core& owner, Server::Predicate predicate);

    /// Its part on a shard, made by the first call. On the shard's thread only.
    [[nodiscard]] ShardNamespace& on(ShardIndex shard);
    /// Drops what the program gave, which may hold handles of this server. No shard runs any more.
    void close();

    Core& core;
    const std::string name;  ///< empty: the parent of those that `matches` takes
    Server::Predicate matches = {};
    NamespaceHandlers handlers;
    std::vector<std::unique_ptr<ShardNamespace>> on_shards;  ///< each its own shard's affair
};

/// What the handles of one server share.
///
/// Ownership: by every handle; close() ends what runs and what could refer back to it.
/// Threading: run_on(), run_on_all(), post() and guard() from any thread.
class Core : public std::enable_shared_from_this<Core> {
public:
    explicit Core(Options options);

    [[nodiscard]] const Options& options() const { return options_; }
    /// Throws std::logic_error once serving.
    void check_not_serving(const char* what) const;
    [[nodiscard]] NamespaceCore& add_namespace(std::string_view name);
    [[nodiscard]] NamespaceCore& add_parent(Server::Predicate matches);
    [[nodiscard]] std::vector<NamespaceCore*> children_of(const NamespaceCore& parent);
    /// For NamespaceCore::on().
    void place(NamespaceCore& ns, ShardIndex shard);

    [[nodiscard]] std::expected<std::uint16_t, std::string> listen(std::uint16_t port,
                                                                   std::string host);
    void close();

    [[nodiscard]] bool on_shard(ShardIndex shard) const { return current_shard() == shard; }
    /// Runs `task` at once on the shard's own thread, else posts it. @return false when there is no
    /// room for it, or no server any more.
    bool run_on(ShardIndex shard, Task task);
    bool run_on_all(const std::function<void(ShardIndex)>& task);
    /// Sends `event` on all shards; with recovery under a stamp.
    bool broadcast(NamespaceCore& ns, Selection to, OutgoingEvent event);
    /// For answers: always admitted.
    void post(ShardIndex shard, Task task) { node_->post(shard, std::move(task)); }
    /// Where answers to the calling thread arrive.
    [[nodiscard]] ShardIndex home() const { return current_shard().value_or(0); }
    /// Calls what belongs to the application; what it throws goes to Options::on_exception.
    template <class Call>
    void guard(const Call& call) const {
        try {
            call();
        } catch (...) {
            report(std::current_exception());
        }
    }

private:
    enum class State : std::uint8_t { kNew, kServing, kClosed };
    [[nodiscard]] std::optional<ShardIndex> current_shard() const {
        return node_ == nullptr ? std::nullopt : node_->current_shard();
    }
    void report(std::exception_ptr error) const;
    bool broadcast_stamped(NamespaceCore& ns, LoggedEvent event);
    [[nodiscard]] socketio::Server& make_sockets(runtime::Shard& shard);
    /// The namespace of that name when a client may join it on the shard that calls.
    [[nodiscard]] NamespaceCore* obtain(std::string_view name, std::string_view auth);
    [[nodiscard]] NamespaceCore* find_child(std::string_view name);
    [[nodiscard]] NamespaceCore* make_child(const NamespaceCore& parent, std::string_view name);

    struct Place {
        runtime::Shard* shard;
        std::unique_ptr<socketio::Server> sockets;
    };
    struct Child {
        const NamespaceCore* parent;
        std::unique_ptr<NamespaceCore> core;
    };

    const Options options_;
    std::map<std::string, std::unique_ptr<NamespaceCore>, std::less<>> namespaces_;
    std::vector<std::unique_ptr<NamespaceCore>> parents_;  // in the order of of()
    std::unique_ptr<library::EngineNode> node_;
    std::vector<Place> places_;  // by shard
    std::mutex children_mutex_;  // of children_, which only grows while serving
    std::map<std::string, Child, std::less<>> children_;
    std::atomic<State> state_ = State::kNew;
    std::mutex outside_mutex_;  // keeps stamps of threads that are no shard's in their order
    std::uint64_t last_outside_number_ = 0;
};

/// Asks every shard for its part and calls `done` with all of them, on the caller's home.
template <class Part>
bool gather(Core& core,
            std::function<void(ShardIndex, std::move_only_function<void(Part)> answer)> ask,
            std::move_only_function<void(std::vector<Part>)> done) {
    struct Collection {
        std::size_t outstanding;
        std::vector<Part> parts;
        std::move_only_function<void(std::vector<Part>)> done;
    };
    const auto collection = std::make_shared<Collection>();
    collection->outstanding = static_cast<std::size_t>(core.options().shards);
    collection->done = std::move(done);
    return core.run_on_all(
        [&core, ask = std::move(ask), collection, home = core.home()](ShardIndex shard) {
            ask(shard, [&core, collection, home](Part part) {
                core.post(home, [&core, collection, part = std::move(part)]() mutable {
                    collection->parts.push_back(std::move(part));
                    if (--collection->outstanding > 0) return;
                    core.guard([&] { collection->done(std::move(collection->parts)); });
                });
            });
        });
}

}  // namespace signalbox::io::detail
