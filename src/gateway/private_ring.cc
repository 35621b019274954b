#include "gateway/private_ring.h"

#include <cstring>

namespace signalbox::gateway {

void PrivateRing::append(const PrivateMessage& message, std::size_t bytes_max) {
    const std::size_t needed = sizeof(Head) + message.envelope.size();
    while (!empty() && bytes_.size() - begin_ + needed > bytes_max) forget_oldest();
    if (needed > bytes_max) {
        forgotten_number_ = message.number;
        forgotten_base_ = message.base;
        return;
    }
    compact();
    const Head head{message.number, message.base, message.time, message.envelope.size()};
    char raw[sizeof(Head)];
    std::memcpy(raw, &head, sizeof(Head));
    bytes_.append(raw, sizeof(Head));
    bytes_.append(message.envelope);
}

void PrivateRing::forget_before(MonotonicTime time) {
    while (!empty() && head_at(begin_).time < time) forget_oldest();
    if (!empty()) return;
    std::string().swap(bytes_);
    begin_ = 0;
}

PrivateRing::Head PrivateRing::head_at(std::size_t at) const {
    Head head{};
    std::memcpy(&head, bytes_.data() + at, sizeof(Head));
    return head;
}

void PrivateRing::forget_oldest() {
    const Head head = head_at(begin_);
    forgotten_number_ = head.number;
    forgotten_base_ = head.base;
    begin_ += sizeof(Head) + head.size;
}

/// Moves what is left to the front once that is at most half, so that each byte moves once.
void PrivateRing::compact() {
    if (begin_ == 0 || 2 * begin_ < bytes_.size()) return;
    bytes_.erase(0, begin_);
    begin_ = 0;
}

void PrivateRing::for_each(const std::function<void(const PrivateMessage&)>& visit) const {
    for (std::size_t at = begin_; at < bytes_.size();) {
        const Head head = head_at(at);
        at += sizeof(Head);
        visit({head.number, head.base, head.time, std::string_view(bytes_).substr(at, head.size)});
        at += head.size;
    }
}

}  // namespace signalbox::gateway
