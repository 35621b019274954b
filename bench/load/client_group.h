#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "load/client.h"
#include "load/message.h"

namespace signalbox::bench {

/// No step of a run lasts longer, or the program ends.
inline constexpr std::chrono::seconds kPatience{60};
/// Connects at a time: below every server's backlog.
inline constexpr std::size_t kConnectsAtOnce = 64;

/// Lets the loop run while `going_on`; ends the program when that lasts too long.
void wait_while(Loop& loop, std::string_view what, std::predicate auto going_on) {
    if (!loop.run_while(now() + kPatience, going_on)) {
        fail("not within a minute: " + std::string(what));
    }
}

/// The clients of a run. A server's ERROR ends the program.
class ClientGroup final : public ClientObserver {
public:
    using Handler = std::function<void(Client&, const Arrival&, TimePoint)>;
    using Began = std::function<void(std::size_t index)>;
    using Opened = std::function<void(Client&)>;

    explicit ClientGroup(const Target& target) : target_(target) {}

    /// Opens clients until there are `count`, `at_once` at a time, and waits for the last.
    void open_until(std::size_t count, std::size_t at_once = kConnectsAtOnce);
    void on_arrival(Handler handler) { handler_ = std::move(handler); }
    void on_client_begin(Began began) { began_ = std::move(began); }
    void on_client_open(Opened opened) { opened_ = std::move(opened); }
    [[nodiscard]] Client& client(std::size_t index) { return *clients_[index]; }
    [[nodiscard]] std::size_t size() const { return clients_.size(); }
    /// Resets all connections.
    void reset_all();

private:
    void on_open(Client& client) override;
    void on_message(Client& client, std::string_view message, TimePoint time) override;

    const Target& target_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::size_t open_ = 0;
    Handler handler_ = [](Client&, const Arrival&, TimePoint) {};
    Began began_ = [](std::size_t) {};
    Opened opened_ = [](Client&) {};
};

}  // namespace signalbox::bench
