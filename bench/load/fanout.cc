#include "load/client_group.h"
#include "load/scenarios.h"

namespace signalbox::bench {
namespace {

/// An update that is on its way. Its id is its place among all that are out at a time.
struct Publish {
    std::size_t company = 0;
    std::size_t deliveries_left = 0;
    TimePoint sent{};
};

class Fanout {
public:
    Fanout(ClientGroup& group, const Options& options, Measurement& measurement)
        : group_(group), options_(options), measurement_(measurement) {
        const std::size_t companies = options.credentials.size();
        members_.resize(companies);
        for (std::size_t i = 0; i < options.connections; ++i) {
            auto& members = members_[i * companies / options.connections];
            members.push_back(i);
        }
        for (const Credentials& who : options.credentials) {
            requests_.push_back(publish_request(options.dialect, who.company));
        }
        publishes_.resize(companies * options.in_flight);
        group_.on_arrival([this](Client&, const Arrival& arrival, TimePoint time) {
            if (arrival.kind == Arrival::Kind::kUpdate) on_delivery(arrival.id, time);
        });
    }

    void start() {
        for (std::size_t id = 0; id < publishes_.size(); ++id) {
            publishes_[id].company = id / options_.in_flight;
            publish(id, now());
        }
    }

private:
    void publish(std::size_t id, TimePoint time) {
        Publish& one = publishes_[id];
        const auto& members = members_[one.company];
        one.deliveries_left = members.size();
        one.sent = time;
        Client& publisher = group_.client(members.front());
        publisher.send(requests_[one.company].stamped(id));
        publisher.flush();
    }
    void on_delivery(std::size_t id, TimePoint time) {
        Publish& one = publishes_.at(id);
        if (one.deliveries_left == 0) fail("an update was delivered twice");
        measurement_.operation(time - one.sent);
        if (--one.deliveries_left == 0) publish(id, time);
    }

    ClientGroup& group_;
    const Options& options_;
    Measurement& measurement_;
    std::vector<std::vector<std::size_t>> members_;  // connections by company
    std::vector<MessageTemplate> requests_;          // by company
    std::vector<Publish> publishes_;
};

}  // namespace

std::string run_fanout(const Run& run) {
    const Options& options = run.target.options;
    Loop& loop = run.target.loop;
    ClientGroup group(run.target);
    group.open_until(options.connections);
    Measurement measurement(run.server);
    Fanout fanout(group, options, measurement);
    fanout.start();
    loop.run_until(now() + options.warm_up);
    measurement.start();
    loop.run_until(now() + options.window);
    measurement.stop();
    return measurement.json();
}

}  // namespace signalbox::bench
