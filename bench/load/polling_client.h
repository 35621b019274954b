#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "load/client.h"

namespace signalbox::bench {

/// A kept-alive HTTP/1.1 connection with one request at a time. Any status but 200 ends the
/// program.
class HttpConnection final : private runtime::Watcher {
public:
    using Done = std::function<void(std::string_view body)>;

    HttpConnection(const Target& target, Done done);
    /// `body` without a value: GET. Precondition: not busy().
    void request(std::string_view target, const std::string* body);
    [[nodiscard]] bool busy() const { return busy_; }
    void reset_on_close() { stream_.reset_on_close(); }

private:
    void on_ready(runtime::Readiness readiness) override;

    const Target& target_;
    Done done_;
    Stream stream_;
    std::string response_;
    bool busy_ = false;
};

class PollingClient;

/// Hears what happens to polling clients.
class PollingObserver {
public:
    virtual void on_open(PollingClient& client) = 0;
    /// One packet of a GET's answer, with its type digits.
    virtual void on_packet(PollingClient& client, std::string_view packet, TimePoint time) = 0;

protected:
    ~PollingObserver() = default;
};

/// A stock client on long-polling: one connection for the GET that always waits, one for POSTs.
/// Threading, ends and heartbeats as of Client.
class PollingClient {
public:
    PollingClient(const Target& target, std::size_t index, PollingObserver& observer);

    [[nodiscard]] std::size_t index() const { return index_; }
    [[nodiscard]] const std::string& sid() const { return sid_; }
    /// In order, each in a POST of its own, one POST at a time.
    void send(std::string_view packet);
    /// Lets the present GET be the last, as a client that upgrades does.
    void stop_polling() { polls_ = false; }
    void reset_on_close();

private:
    enum class State : std::uint8_t { kHandshake, kJoining, kOpen };

    void poll();
    void post_next();
    void on_polled(std::string_view body);
    void on_packet(std::string_view packet, TimePoint time);
    void on_handshake(std::string_view packet);

    const Target& target_;
    std::size_t index_;
    PollingObserver& observer_;
    State state_ = State::kHandshake;
    bool polls_ = true;
    std::string sid_;
    std::deque<std::string> unsent_;
    HttpConnection gets_;
    HttpConnection posts_;
};

}  // namespace signalbox::bench
