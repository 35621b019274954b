#include "socketio/pending_acks.h"

namespace signalbox::socketio {

void PendingAcks::add(std::uint64_t id, Milliseconds timeout, AckCallback callback) {
    auto entry = std::make_unique<Entry>(*this, id, std::move(callback));
    wheel_.arm_after(entry->timer, timeout);
    entries_.emplace(id, std::move(entry));
}

void PendingAcks::resolve(std::uint64_t id, std::expected<AckReply, AckError> outcome) {
    const auto found = entries_.extract(id);
    if (found.empty()) return;
    found.mapped()->timer.cancel();
    found.mapped()->callback(outcome);
}

void PendingAcks::fail_all(AckError error) {
    while (!entries_.empty()) resolve(entries_.begin()->first, std::unexpected(error));
}

}  // namespace signalbox::socketio
