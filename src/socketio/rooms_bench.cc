#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "socketio/server.h"

namespace signalbox::socketio {
namespace {

/// A session whose output goes nowhere.
class SilentSession final : public engineio::Session {
public:
    explicit SilentSession(engineio::Application& application) : handler_(application.open(*this)) {
        handler_->on_message(engineio::MessageKind::kText, "0");
    }
    ~SilentSession() override { handler_->on_close(engineio::CloseReason::kTransportClose); }

    [[nodiscard]] const engineio::Sid& sid() const override { return sid_; }
    [[nodiscard]] const engineio::Handshake& handshake() const override { return handshake_; }
    [[nodiscard]] engineio::Protocol protocol() const override { return engineio::Protocol::kV4; }
    [[nodiscard]] MonotonicTime opened_at() const override { return {}; }
    [[nodiscard]] bool is_websocket() const override { return true; }
    [[nodiscard]] bool open() const override { return true; }
    [[nodiscard]] bool writable() const override { return true; }
    [[nodiscard]] std::size_t buffered_bytes() const override { return 0; }
    void send(engineio::MessageKind, std::string_view message) override {
        benchmark::DoNotOptimize(message);
    }
    void close(engineio::CloseReason) override {}

private:
    engineio::Sid sid_{"engine-sid-engine-si"};
    engineio::Handshake handshake_;
    std::unique_ptr<engineio::SessionHandler> handler_;
};

class JoinTheRoom final : public NamespaceHandler {
    void on_connect(Socket& socket, std::string_view) override {
        socket.accept();
        socket.join("company:c");
    }
    void on_event(Socket&, const Event&) override {}
    void on_disconnect(Socket&, DisconnectReason) override {}
};

/// Selecting a room's members and handing each the encoded event; what sending costs is elsewhere.
void broadcast_to_room(benchmark::State& state) {
    TimerWheel wheel{MonotonicTime(std::chrono::hours(1))};
    SeededRandom random(1);
    JoinTheRoom handler;
    Server server({}, wheel, random);
    Namespace& sockets = server.add_namespace({"/"}, handler);
    std::vector<std::unique_ptr<SilentSession>> sessions;
    for (std::int64_t i = 0; i < state.range(0); ++i)
        sessions.push_back(std::make_unique<SilentSession>(server));
    const std::vector<std::string> rooms{"company:c"};
    for (auto _ : state) {
        const EncodedEvent event("/", "message", R"("{\"type\":\"UPDATE\"}")");
        sockets.for_each_in(rooms, {}, [&](Socket& socket) { socket.emit(event); });
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(broadcast_to_room)->Arg(20)->Arg(1000);

}  // namespace
}  // namespace signalbox::socketio
