#pragma once

#include <memory>
#include <vector>

#include "api/router.h"
#include "engineio/server.h"
#include "gateway/gateway.h"
#include "runtime/http_server.h"
#include "runtime/shard_group.h"
#include "socketio/server.h"

namespace signalbox::app {

/// The objects of one shard, in the order of a packet's way: router → Engine.IO → Socket.IO →
/// gateway.
/// Ownership: outlived by the shard; made before it runs, destroyed after it has stopped.
struct NodeShard {
    struct Parts {
        gateway::Services services;
        const engineio::Options& engineio;
        const socketio::Options& socketio;
        const api::Shared& api;
        ShardIndex index;
        ShardIndex count;
    };

    explicit NodeShard(const Parts& parts)
        : gateway(parts.services),
          sockets(parts.socketio, parts.services.wheel, parts.services.random,
                  [this](const HttpRequest& request, engineio::Application::Decision decide) {
                      gateway.admit_handshake(request, std::move(decide));
                  }),
          engine(parts.engineio, parts.index, parts.services.wheel, parts.services.random, sockets),
          router(parts.api, gateway, {engine, engine}),
          count(parts.count) {
        gateway.attach(sockets.add_namespace({"/", "/realtime"}, gateway),
                       [this] { return engine.unfinished_count(); });
    }

    /// Requests that name a session go to its shard.
    [[nodiscard]] runtime::ShardHandlers handlers() {
        return {&router, &router, [n = count](const HttpRequest& request) {
                    return engineio::Server::owner_of(request.query, n);
                }};
    }

    gateway::Gateway gateway;
    socketio::Server sockets;
    engineio::Server engine;
    api::Router router;
    ShardIndex count;
};

}  // namespace signalbox::app
