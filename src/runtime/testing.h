#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/http_server.h"
#include "runtime/shard_group.h"
#include "runtime/unique_fd.h"

/// A server on free ports and a blocking client, for the tests of this layer.
namespace signalbox::runtime::testing {

/// A blocking TCP client with a deadline of kPatience for everything it waits for.
class Client {
public:
    static constexpr std::chrono::seconds kPatience{20};

    explicit Client(std::uint16_t port);
    void send(std::string_view bytes);
    /// Cut into single bytes, each in a segment of its own.
    void send_bytewise(std::string_view bytes);
    /// At least `n` bytes more, or what came until the end.
    std::string read_some(std::size_t n = 1);
    std::string read_exactly(std::size_t n);
    /// Through the first `end`, inclusive.
    std::string read_until(std::string_view end);
    /// One response with Content-Length.
    std::string read_response();
    std::string read_to_end();
    void finish_sending();
    /// Ends with a reset.
    void reset();
    void close() { fd_.reset(); }
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    bool fill();
    UniqueFd fd_;
    std::string buffer_;
};

/// Handles requests with a function; called on the shard's thread.
class FunctionHandler final : public HttpHandler, public engineio::UpgradeHandler {
public:
    std::function<void(HttpRequest, std::unique_ptr<HttpExchange>)> on_request;
    std::function<void(std::unique_ptr<engineio::WebSocketUpgrade>)> on_upgrade;

    void handle(HttpRequest request, std::unique_ptr<HttpExchange> exchange) override {
        on_request(std::move(request), std::move(exchange));
    }
    void handle_upgrade(std::unique_ptr<engineio::WebSocketUpgrade> upgrade) override {
        on_upgrade(std::move(upgrade));
    }
};

/// Answers each message with itself; owns its port, and itself until the end.
class Echo final : public engineio::WebSocketHandler {
public:
    static void accept(engineio::WebSocketUpgrade& upgrade);
    void on_message(engineio::MessageKind kind, std::string_view message) override;
    void on_end(engineio::WebSocketEnd) override { delete this; }

private:
    std::unique_ptr<engineio::WebSocketPort> port_;
};

/// Shards, server and handlers with one life. Configure, then start().
class TestServer {
public:
    explicit TestServer(HttpServerOptions options = {}, ShardGroupOptions shards = {});
    ~TestServer();

    /// Answers "METHOD PATH BODY" until changed; upgrades are echoed.
    FunctionHandler& handler(ShardIndex shard = 0) { return *handlers_[shard]; }
    void route(RequestRouter router) { router_ = std::move(router); }
    void start(std::shared_ptr<TlsContext> tls = nullptr);
    /// Another listener.
    std::uint16_t listen(ListenOptions options);
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] ShardGroup& shards() { return shards_; }
    [[nodiscard]] HttpServer& server() { return *server_; }
    [[nodiscard]] Statistics& statistics(ShardIndex shard = 0) {
        return shards_.shard(shard).statistics();
    }
    /// Runs on the shard and waits for its end.
    void on_shard(ShardIndex shard, std::function<void()> task);
    void stop() { shards_.stop(); }

private:
    ShardGroup shards_;
    std::unique_ptr<HttpServer> server_;
    std::vector<std::unique_ptr<FunctionHandler>> handlers_;
    RequestRouter router_;
    std::uint16_t port_ = 0;
};

/// Lets a shard stand still, from the end of its constructor to its own end: what is sent meanwhile
/// comes in one turn.
class Standstill {
public:
    explicit Standstill(TestServer& server, ShardIndex shard = 0);
    ~Standstill() { over_.set_value(); }

private:
    std::promise<void> over_;
};

/// Waits until `condition` holds; false after Client::kPatience. For what another thread will do.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

[[nodiscard]] std::string status_of(std::string_view response);
[[nodiscard]] std::string body_of(std::string_view response);

inline constexpr std::string_view kUpgradeRequest =
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

enum class Fin : bool { kNo, kYes };
/// A client's frame, masked.
[[nodiscard]] std::string client_frame(std::uint8_t opcode, std::string_view payload,
                                       Fin fin = Fin::kYes);

}  // namespace signalbox::runtime::testing
