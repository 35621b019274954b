#include "load/client_group.h"
#include "load/polling_client.h"
#include "load/scenarios.h"

namespace signalbox::bench {
namespace {

/// Until the server has dealt with what was reset.
constexpr std::chrono::milliseconds kRest{300};

/// Lets the loop run until the server does nothing more.
void wait_until_idle(const Run& run) {
    constexpr Nanoseconds kNothing = std::chrono::milliseconds(10);
    Nanoseconds used = kNothing;
    for (const TimePoint end = now() + kPatience; used >= kNothing && now() < end;) {
        const Nanoseconds before = run.server.cpu_time();
        run.target.loop.run_until(now() + kRest);
        used = run.server.cpu_time() - before;
    }
}

/// `round(measurement)` opens all connections while it is measured.
std::string measure_rounds(const Run& run, std::invocable<Measurement&> auto round) {
    Measurement ignored(run.server);
    round(ignored);
    wait_until_idle(run);
    Measurement measurement(run.server);
    for (const TimePoint end = now() + 2 * run.target.options.window;
         measurement.elapsed() < run.target.options.window && now() < end;) {
        round(measurement);
        wait_until_idle(run);
    }
    return measurement.json();
}

/// The stock client's connects: polling first, then the upgrade.
class StockClients final : public PollingObserver, public ClientObserver {
public:
    StockClients(const Target& target, Measurement& measurement)
        : target_(target), measurement_(measurement), clients_(target.options.connections) {}
    ~StockClients() {
        for (Pair& pair : clients_) {
            if (pair.polling) pair.polling->reset_on_close();
            if (pair.websocket) pair.websocket->reset_on_close();
        }
    }

    void open_all() {
        while (done_ < clients_.size()) {
            while (begun_ < clients_.size() && begun_ - done_ < kConnectsAtOnce) begin(begun_++);
            const std::size_t before = done_;
            wait_while(target_.loop, "a connection opens", [&] { return done_ == before; });
        }
    }

private:
    struct Pair {
        TimePoint begun{};
        std::unique_ptr<PollingClient> polling;
        std::unique_ptr<Client> websocket;
        bool probed = false;
        bool released = false;
    };

    void begin(std::size_t index) {
        clients_[index].begun = now();
        clients_[index].polling = std::make_unique<PollingClient>(target_, index, *this);
    }
    void on_open(PollingClient& client) override {
        clients_[client.index()].websocket =
            std::make_unique<Client>(target_, client.index(), *this, client.sid());
    }
    void on_packet(PollingClient& client, std::string_view packet, TimePoint) override {
        if (packet != "6") return;
        client.stop_polling();
        clients_[client.index()].released = true;
        finish(client.index());
    }
    void on_open(Client& client) override {
        clients_[client.index()].probed = true;
        finish(client.index());
    }
    void on_message(Client&, std::string_view, TimePoint) override {}

    void finish(std::size_t index) {
        Pair& pair = clients_[index];
        if (!pair.probed || !pair.released) return;
        pair.websocket->send("5");
        pair.websocket->flush();
        measurement_.operation(now() - pair.begun);
        ++done_;
    }

    const Target& target_;
    Measurement& measurement_;
    std::vector<Pair> clients_;
    std::size_t begun_ = 0;
    std::size_t done_ = 0;
};

}  // namespace

std::string run_connect(const Run& run) {
    ClientGroup group(run.target);
    std::vector<TimePoint> begun(run.target.options.connections);
    return measure_rounds(run, [&](Measurement& measurement) {
        group.on_client_begin([&](std::size_t index) { begun[index] = now(); });
        group.on_client_open(
            [&](Client& client) { measurement.operation(now() - begun[client.index()]); });
        measurement.start();
        group.open_until(run.target.options.connections);
        measurement.stop();
        group.reset_all();
    });
}

std::string run_stock_connect(const Run& run) {
    return measure_rounds(run, [&](Measurement& measurement) {
        StockClients clients(run.target, measurement);
        measurement.start();
        clients.open_all();
        measurement.stop();
    });
}

}  // namespace signalbox::bench
