#include <fmt/format.h>

#include "load/client_group.h"
#include "load/scenarios.h"

namespace signalbox::bench {
namespace {

/// Every answer is followed by the next request in its slot. A request's id is its slot.
class ClosedLoop {
public:
    ClosedLoop(ClientGroup& group, MessageTemplate& request, std::size_t in_flight,
               Measurement& measurement)
        : group_(group),
          request_(request),
          in_flight_(in_flight),
          measurement_(measurement),
          sent_(group.size() * in_flight) {
        group_.on_arrival([this](Client& client, const Arrival& arrival, TimePoint time) {
            on_answer(client, arrival.id, time);
        });
    }

    void start() {
        for (std::size_t i = 0; i < group_.size(); ++i) {
            for (std::size_t k = 0; k < in_flight_; ++k) {
                send(group_.client(i), i * in_flight_ + k, now());
            }
            group_.client(i).flush();
        }
    }
    void drain(Loop& loop) {
        draining_ = true;
        wait_while(loop, "the last answers come", [this] { return unanswered_ > 0; });
    }

private:
    void send(Client& client, std::uint64_t slot, TimePoint time) {
        ++unanswered_;
        sent_[slot] = time;
        client.send(request_.stamped(slot));
    }
    void on_answer(Client& client, std::uint64_t slot, TimePoint time) {
        if (slot / in_flight_ != client.index()) fail("an answer went to another connection");
        --unanswered_;
        measurement_.operation(time - sent_[slot]);
        if (!draining_) send(client, slot, time);
    }

    ClientGroup& group_;
    MessageTemplate& request_;
    std::size_t in_flight_;
    Measurement& measurement_;
    std::vector<TimePoint> sent_;
    std::size_t unanswered_ = 0;
    bool draining_ = false;
};

void measure(Loop& loop, const Options& options, Measurement& measurement) {
    loop.run_until(now() + options.warm_up);
    measurement.start();
    loop.run_until(now() + options.window);
    measurement.stop();
}

/// Sends on schedule, round robin. A request's id is its place in the schedule.
class Schedule {
public:
    Schedule(ClientGroup& group, MessageTemplate& request, double per_second,
             Measurement& measurement)
        : group_(group), request_(request), interval_(1e9 / per_second), measurement_(measurement) {
        group_.on_arrival([this](Client&, const Arrival& arrival, TimePoint time) {
            if (arrival.id >= first_measured_) measurement_.operation(time - due(arrival.id));
            ++answered_;
        });
    }

    void run_until(Loop& loop, TimePoint end) {
        for (TimePoint time = now(); time < end; time = now()) {
            while (due(next_) <= time) send_next();
            loop.spin();
        }
    }
    /// Only requests from here on count.
    void measure_from_here() { first_measured_ = next_; }
    void wait_for_answers(Loop& loop) {
        wait_while(loop, "the last answers come", [this] { return answered_ < next_; });
    }

private:
    [[nodiscard]] TimePoint due(std::uint64_t id) const {
        return start_ + Nanoseconds(static_cast<std::int64_t>(interval_ * static_cast<double>(id)));
    }
    void send_next() {
        Client& client = group_.client(next_ % group_.size());
        client.send(request_.stamped(next_++));
        client.flush();
    }

    ClientGroup& group_;
    MessageTemplate& request_;
    double interval_;
    Measurement& measurement_;
    TimePoint start_ = now();
    std::uint64_t next_ = 0;
    std::uint64_t first_measured_ = 0;
    std::uint64_t answered_ = 0;
};

}  // namespace

std::string run_request(const Run& run) {
    const Options& options = run.target.options;
    MessageTemplate request = action_request(options);
    ClientGroup group(run.target);
    group.open_until(options.connections);
    Measurement measurement(run.server);
    ClosedLoop closed_loop(group, request, options.in_flight, measurement);
    closed_loop.start();
    measure(run.target.loop, options, measurement);
    return measurement.json() + ',' +
           json_member("residentBytes", static_cast<double>(run.server.resident_bytes()));
}

std::string run_latency(const Run& run) {
    const Options& options = run.target.options;
    Loop& loop = run.target.loop;
    MessageTemplate request = action_request(options);
    ClientGroup group(run.target);
    group.open_until(options.connections);

    Measurement saturation(run.server);
    ClosedLoop closed_loop(group, request, options.in_flight, saturation);
    closed_loop.start();
    measure(loop, options, saturation);
    closed_loop.drain(loop);

    const double rate = saturation.operations_per_second() / 2;
    if (rate < 1) fail("nothing was answered while it was measured");
    Measurement measurement(run.server);
    Schedule schedule(group, request, rate, measurement);
    schedule.run_until(loop, now() + options.warm_up);
    schedule.measure_from_here();
    measurement.start();
    schedule.run_until(loop, now() + options.window);
    // What was due and is late counts too.
    schedule.wait_for_answers(loop);
    measurement.stop();
    return measurement.json() + ',' +
           json_member("saturationPerSecond", saturation.operations_per_second()) + ',' +
           json_member("ratePerSecond", rate);
}

}  // namespace signalbox::bench
