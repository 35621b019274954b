#include "gateway/courier.h"

#include "gateway/gateway.h"

namespace signalbox::gateway {

void Courier::send(Letter letter) {
    if (gone_) return;
    letters_.push_back(std::move(letter));
    send_next();
}

void Courier::arrived(Arrival arrival) {
    under_way_ = false;
    if (arrival == Arrival::kNobody) {
        gone_ = true;
        letters_.clear();
    }
    send_next();
}

void Courier::send_next() {
    if (under_way_ || letters_.empty()) return;
    under_way_ = true;
    auto letter = std::make_shared<const Letter>(std::move(letters_.front()));
    letters_.pop_front();
    gateway_.carry({address_, std::move(letter), gateway_.s_.mesh.self(), shared_from_this()});
}

}  // namespace signalbox::gateway
