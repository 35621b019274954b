#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/http.h"
#include "engineio/origin_policy.h"
#include "engineio/ports.h"
#include "engineio/server.h"

namespace signalbox::library {

/// Leads the requests of one path to a shard's Engine.IO server, and answers CORS for it; other
/// paths are 404, pages of other origins 403 unless allowed.
/// Threading: confined to its shard.
class FrontDoor final : public HttpHandler, public engineio::UpgradeHandler {
public:
    FrontDoor(std::string path, const std::vector<std::string>& cors_origins,
              engineio::Server& engine);

    /// From now on no sessions are opened: 503.
    void close() { closed_ = true; }

    void handle(HttpRequest request, std::unique_ptr<HttpExchange> exchange) override;
    void handle_upgrade(std::unique_ptr<engineio::WebSocketUpgrade> upgrade) override;

private:
    [[nodiscard]] bool serves(std::string_view path) const;
    /// Asks for a session that this server will not open any more.
    [[nodiscard]] bool comes_too_late(const HttpRequest& request) const;

    std::string path_;
    engineio::OriginPolicy origins_;
    engineio::Server& engine_;
    bool closed_ = false;
};

}  // namespace signalbox::library
