// A WebSocket server that sends every message back, text as text and binary as binary.

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/http_server.h"

namespace {

using namespace signalbox;

struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 3000;
    std::uint16_t shards = 1;
    std::string path;  // empty: any
    std::size_t max_payload = std::size_t{64} * 1024 * 1024;
    bool compression = false;
};

class EchoServer;

/// One WebSocket. A client that sends without reading is closed when four of the largest messages
/// wait for it.
class Echo final : public engineio::WebSocketHandler {
public:
    Echo(EchoServer& server, engineio::WebSocketUpgrade& upgrade)
        : server_(server), port_(upgrade.accept(*this)) {}

    void on_message(engineio::MessageKind kind, std::string_view message) override;
    void on_end(engineio::WebSocketEnd) override;
    void say_goodbye() { port_->close(engineio::WebSocketCloseCode::kGoingAway); }

private:
    EchoServer& server_;
    std::unique_ptr<engineio::WebSocketPort> port_;
};

/// What one shard does: WebSockets on the path are echoed, all else is refused.
class EchoServer final : public HttpHandler, public engineio::UpgradeHandler {
public:
    explicit EchoServer(const Options& options) : options_(options) {}

    [[nodiscard]] std::size_t outbound_bytes_max() const { return 4 * options_.max_payload; }

    void handle(HttpRequest, std::unique_ptr<HttpExchange> exchange) override {
        auto response = HttpResponse::of(426, "text/plain", "This is a WebSocket server.\n");
        response.headers.add("Upgrade", "websocket");
        exchange->respond(std::move(response));
    }

    void handle_upgrade(std::unique_ptr<engineio::WebSocketUpgrade> upgrade) override {
        if (!options_.path.empty() && upgrade->request().path != options_.path) {
            return upgrade->refuse(HttpResponse::of(404, "text/plain", "Not found.\n"));
        }
        auto echo = std::make_unique<Echo>(*this, *upgrade);
        Echo& open = *echo;
        open_.emplace(&open, std::move(echo));
    }

    void forget(const Echo& echo) { open_.erase(&echo); }
    void say_goodbye() {
        for (const auto& [key, echo] : open_) echo->say_goodbye();
    }

private:
    const Options& options_;
    std::unordered_map<const Echo*, std::unique_ptr<Echo>> open_;
};

void Echo::on_message(engineio::MessageKind kind, std::string_view message) {
    port_->send(kind, message);
    if (port_->buffered_bytes() <= server_.outbound_bytes_max()) return;
    port_->close(engineio::WebSocketCloseCode::kPolicyViolation);
    server_.forget(*this);
}

void Echo::on_end(engineio::WebSocketEnd) {
    server_.forget(*this);
}

runtime::HttpServerOptions server_options(const Options& options) {
    runtime::HttpServerOptions server;
    server.websocket_message_bytes_max = options.max_payload;
    if (options.compression) server.websocket_compression.emplace();
    return server;
}

/// Blocks SIGTERM and SIGINT for this thread and those that it starts.
sigset_t block_stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return set;
}

int serve(const Options& options) {
    std::signal(SIGPIPE, SIG_IGN);
    const sigset_t stop_signals = block_stop_signals();
    runtime::ShardGroup shards({.shards = options.shards});
    runtime::HttpServer http(shards, server_options(options));
    std::vector<std::unique_ptr<EchoServer>> servers;
    for (ShardIndex i = 0; i < shards.size(); ++i) {
        servers.push_back(std::make_unique<EchoServer>(options));
        http.set_handlers(
            i, {.http = servers.back().get(), .upgrades = servers.back().get(), .owner_of = {}});
    }
    shards.start();
    const auto port = http.listen({.host = options.host, .port = options.port, .tls = nullptr});
    if (!port) {
        std::cerr << "websocket_echo: cannot listen: " << to_string(port.error()) << '\n';
        shards.stop();
        return 2;
    }
    std::cout << "websocket_echo listening on ws://" << options.host << ':' << *port << std::endl;
    int signal = 0;
    sigwait(&stop_signals, &signal);
    for (ShardIndex i = 0; i < shards.size(); ++i) {
        shards.post(i, [&server = *servers[i]] { server.say_goodbye(); });
    }
    shards.stop();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Sends every WebSocket message back. SIGTERM ends it.");
    app.add_option("--host", options.host, "Address to listen on")->capture_default_str();
    app.add_option("--port", options.port, "0: the system picks one")->capture_default_str();
    app.add_option("--shards", options.shards, "Threads")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    app.add_option("--path", options.path, "Only this path; default: any");
    app.add_option("--max-payload", options.max_payload, "Bytes of a message, inflated")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30))
        ->capture_default_str();
    app.add_flag("--compression,--permessage-deflate", options.compression,
                 "Negotiate permessage-deflate");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return serve(options);
}
