#include "load/client_group.h"
#include "load/scenarios.h"

namespace signalbox::bench {
namespace {

/// A request's id is how many were sent before it.
class Pace {
public:
    Pace(ClientGroup& group, MessageTemplate& request, double per_second, Measurement& measurement)
        : group_(group),
          request_(request),
          interval_(static_cast<std::int64_t>(1e9 / per_second)),
          measurement_(measurement) {
        group_.on_arrival([this](Client&, const Arrival& arrival, TimePoint time) {
            measurement_.operation(time - sent_[arrival.id]);
            ++answered_;
        });
    }

    void run_until(Loop& loop, TimePoint end) {
        for (TimePoint due = now(); due < end; due += interval_) {
            loop.run_until(due);
            send();
        }
    }
    void wait_for_answers(Loop& loop) {
        wait_while(loop, "the last answers come", [this] { return answered_ < sent_.size(); });
    }

private:
    void send() {
        Client& client = group_.client(sent_.size() % group_.size());
        sent_.push_back(now());
        client.send(request_.stamped(sent_.size() - 1));
        client.flush();
    }

    ClientGroup& group_;
    MessageTemplate& request_;
    Nanoseconds interval_;
    Measurement& measurement_;
    std::vector<TimePoint> sent_;
    std::size_t answered_ = 0;
};

}  // namespace

std::string run_paced(const Run& run) {
    const Options& options = run.target.options;
    Loop& loop = run.target.loop;
    MessageTemplate request = action_request(options);
    ClientGroup group(run.target);
    group.open_until(options.connections);
    Measurement measurement(run.server);
    Pace pace(group, request, options.rate, measurement);
    pace.run_until(loop, now() + options.warm_up);
    pace.wait_for_answers(loop);
    measurement.start();
    pace.run_until(loop, now() + options.window);
    // What a stall holds up counts too.
    pace.wait_for_answers(loop);
    measurement.stop();
    return measurement.json();
}

}  // namespace signalbox::bench
