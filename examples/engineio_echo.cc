// An Engine.IO server that sends every message back, text as text and binary as binary.

#include <iostream>
#include <memory>
#include <string_view>
#include <utility>

#include "echo_options.h"
#include "library/engine_node.h"

namespace {

using namespace signalbox;

class Echo final : public engineio::SessionHandler {
public:
    explicit Echo(engineio::Session& session) : session_(session) {}
    void on_message(engineio::MessageKind kind, std::string_view message) override {
        session_.send(kind, message);
    }
    void on_close(engineio::CloseReason) override {}

private:
    engineio::Session& session_;
};

class EchoApplication final : public engineio::Application {
public:
    void admit(const HttpRequest&, Decision decide) override { decide(std::nullopt); }
    std::unique_ptr<engineio::SessionHandler> open(engineio::Session& session) override {
        return std::make_unique<Echo>(session);
    }
};

library::EngineNodeOptions node_options(const EchoOptions& from) {
    library::EngineNodeOptions options;
    options.engineio.ping_interval = from.ping_interval;
    options.engineio.ping_timeout = from.ping_timeout;
    options.engineio.payload_bytes_max = from.max_payload;
    options.engineio.allow_eio3 = from.allow_eio3;
    options.shards = from.shards;
    options.path = from.path;
    options.cors_origins = {"*"};
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const EchoOptions options = read_echo_options(argc, argv, "/engine.io");
    block_stop_signals();
    EchoApplication application;  // keeps nothing, so that all shards can share it
    library::EngineNode node(node_options(options));
    node.start([&](runtime::Shard&) -> engineio::Application& { return application; });
    const auto port = node.listen(options.host, options.port);
    if (!port) {
        std::cerr << "engineio_echo: cannot listen: " << to_string(port.error()) << '\n';
        return 2;
    }
    std::cout << "engineio_echo listening on http://" << options.host << ':' << *port << std::endl;
    wait_for_stop_signal();
    node.stop();
    return 0;
}
