#include "load/client_group.h"
#include "load/polling_client.h"
#include "load/scenarios.h"

namespace signalbox::bench {
namespace {

class PollingLoad final : public PollingObserver {
public:
    PollingLoad(const Target& target, Measurement& measurement)
        : target_(target),
          measurement_(measurement),
          request_(action_request(target.options)),
          sent_(target.options.connections) {}

    void open_all() {
        while (open_ < sent_.size()) {
            while (clients_.size() < sent_.size() && clients_.size() - open_ < kConnectsAtOnce) {
                clients_.push_back(
                    std::make_unique<PollingClient>(target_, clients_.size(), *this));
            }
            const std::size_t before = open_;
            wait_while(target_.loop, "a connection opens", [&] { return open_ == before; });
        }
    }
    void start() {
        for (auto& client : clients_) send(*client, now());
    }

private:
    void on_open(PollingClient&) override { ++open_; }
    void on_packet(PollingClient& client, std::string_view packet, TimePoint time) override {
        const Arrival arrival = read_arrival(packet);
        if (arrival.kind == Arrival::Kind::kProblem) fail("the server says " + std::string(packet));
        if (arrival.kind != Arrival::Kind::kAnswer) return;
        measurement_.operation(time - sent_[client.index()]);
        send(client, time);
    }
    void send(PollingClient& client, TimePoint time) {
        sent_[client.index()] = time;
        client.send(request_.stamped(client.index()));
    }

    const Target& target_;
    Measurement& measurement_;
    MessageTemplate request_;
    std::vector<TimePoint> sent_;
    std::vector<std::unique_ptr<PollingClient>> clients_;
    std::size_t open_ = 0;
};

}  // namespace

std::string run_polling(const Run& run) {
    Loop& loop = run.target.loop;
    Measurement measurement(run.server);
    PollingLoad load(run.target, measurement);
    load.open_all();
    load.start();
    loop.run_until(now() + run.target.options.warm_up);
    measurement.start();
    loop.run_until(now() + run.target.options.window);
    measurement.stop();
    return measurement.json();
}

}  // namespace signalbox::bench
