#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/router.h"
#include "api/testing.h"
#include "gateway/testing.h"

namespace signalbox::api::testing {

/// Notes what the router gives to the socket endpoint.
class FakeSocketEndpoint final : public HttpHandler, public engineio::UpgradeHandler {
public:
    void handle(HttpRequest request, std::unique_ptr<HttpExchange> answer) override {
        requests.push_back(request.path);
        answer->respond(HttpResponse::of(200, "text/plain", "socket"));
    }
    void handle_upgrade(std::unique_ptr<engineio::WebSocketUpgrade> upgrade) override {
        upgrades.push_back(upgrade->request().path);
        upgrade->refuse(HttpResponse::of(400, "text/plain", "socket"));
    }

    std::vector<std::string> requests;
    std::vector<std::string> upgrades;
};

/// A node with a router before it: the real gateway behind the real routes, in memory.
class ApiNode {
public:
    explicit ApiNode(Options options = {})
        : options_(std::move(options)),
          router_({.options = options_, .files = files_, .transport_numbers = {}}, node.gateway(),
                  {.requests = endpoint, .upgrades = endpoint}) {}

    /// Hands the request in and runs what it leads to.
    std::shared_ptr<ExchangeRecord> send(HttpRequest request) {
        auto record = exchange(router_, std::move(request));
        node.turn();
        return record;
    }
    /// Of user `u1` of company `acme` with these permissions.
    std::shared_ptr<ExchangeRecord> send_as(std::vector<std::string> permissions,
                                            std::string method, std::string target,
                                            std::string body = {}) {
        HttpRequest request = request_of(std::move(method), std::move(target));
        request.headers.add("Authorization",
                            "Bearer " + node.token("u1", "acme", std::move(permissions)));
        request.body = std::move(body);
        return send(std::move(request));
    }
    std::shared_ptr<ExchangeRecord> get(std::string target) {
        return send(request_of("GET", std::move(target)));
    }
    [[nodiscard]] Router& router() { return router_; }

    gateway::testing::TestNode node;
    FakeSocketEndpoint endpoint;

private:
    Options options_;
    StaticFiles files_;
    Router router_;
};

}  // namespace signalbox::api::testing
