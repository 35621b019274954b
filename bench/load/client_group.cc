#include "load/client_group.h"

namespace signalbox::bench {

void ClientGroup::open_until(std::size_t count, std::size_t at_once) {
    while (open_ < count) {
        while (clients_.size() < count && clients_.size() - open_ < at_once) {
            began_(clients_.size());
            clients_.push_back(std::make_unique<Client>(target_, clients_.size(), *this));
        }
        const std::size_t before = open_;
        wait_while(target_.loop, "a connection opens", [&] { return open_ == before; });
    }
}

void ClientGroup::reset_all() {
    for (auto& client : clients_) client->reset_on_close();
    clients_.clear();
    open_ = 0;
}

void ClientGroup::on_open(Client& client) {
    ++open_;
    opened_(client);
}

void ClientGroup::on_message(Client& client, std::string_view message, TimePoint time) {
    const Arrival arrival = read_arrival(message);
    if (arrival.kind == Arrival::Kind::kProblem) fail("the server says " + std::string(message));
    if (arrival.kind != Arrival::Kind::kOther) handler_(client, arrival, time);
}

}  // namespace signalbox::bench
