#include "gateway/private_ring.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace signalbox::gateway {

void PrivateRing::append(const PrivateMessage& message, std::size_t bytes_max) {
    const std::size_t needed = sizeof(Head) + message.envelope.size();
    while (!empty() && size_ + needed > bytes_max) forget_oldest();
    if (needed > bytes_max) {
        forgotten_number_ = message.number;
        forgotten_base_ = message.base;
        return;
    }
    make_room(needed, bytes_max);
    append(Head{message.number, message.base, message.time, message.envelope.size()});
    append(message.envelope.data(), message.envelope.size());
    expect_append();
}

/// Where the next record will be written, and the oldest be read then, is long out of the processor's
/// caches when others write as much.
void PrivateRing::expect_append() const {
    constexpr std::size_t kCacheLine = 64, kLines = 4;
    const std::size_t end = wrapped(begin_ + size_);
    const std::size_t last = std::min(end + kLines * kCacheLine, capacity_);
    for (std::size_t at = end; at < last; at += kCacheLine) __builtin_prefetch(&bytes_[at], 1);
}

void PrivateRing::make_room(std::size_t more, std::size_t bytes_max) {
    if (size_ + more <= capacity_) return;
    const std::size_t capacity = std::max(size_ + more, std::min(2 * capacity_, bytes_max));
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (!empty()) read(0, bytes.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
    begin_ = 0;
}

void PrivateRing::append(const Head& head) {
    const std::size_t end = wrapped(begin_ + size_);
    if (capacity_ - end >= sizeof(Head)) {
        std::memcpy(bytes_.get() + end, &head, sizeof(Head));
        size_ += sizeof(Head);
        return;
    }
    char raw[sizeof(Head)];
    std::memcpy(raw, &head, sizeof(Head));
    append(raw, sizeof(Head));
}

void PrivateRing::append(const char* from, std::size_t count) {
    if (count == 0) return;
    const std::size_t end = wrapped(begin_ + size_);
    const std::size_t until_end = std::min(count, capacity_ - end);
    std::memcpy(bytes_.get() + end, from, until_end);
    if (until_end < count) std::memcpy(bytes_.get(), from + until_end, count - until_end);
    size_ += count;
}

void PrivateRing::read(std::size_t at, char* to, std::size_t count) const {
    const std::size_t from = wrapped(begin_ + at);
    const std::size_t until_end = std::min(count, capacity_ - from);
    std::memcpy(to, bytes_.get() + from, until_end);
    std::memcpy(to + until_end, bytes_.get(), count - until_end);
}

void PrivateRing::forget_before(MonotonicTime time) {
    while (!empty() && head_at(0).time < time) forget_oldest();
    if (!empty()) return;
    bytes_.reset();
    capacity_ = begin_ = 0;
}

PrivateRing::Head PrivateRing::head_at(std::size_t at) const {
    char raw[sizeof(Head)];
    read(at, raw, sizeof(Head));
    Head head{};
    std::memcpy(&head, raw, sizeof(Head));
    return head;
}

void PrivateRing::forget_oldest() {
    const Head head = head_at(0);
    forgotten_number_ = head.number;
    forgotten_base_ = head.base;
    begin_ = wrapped(begin_ + sizeof(Head) + head.size);
    size_ -= sizeof(Head) + head.size;
}

void PrivateRing::for_each(const std::function<void(const PrivateMessage&)>& visit) const {
    std::string envelope;
    for (std::size_t at = 0; at < size_;) {
        const Head head = head_at(at);
        at += sizeof(Head);
        envelope.resize(head.size);
        if (head.size > 0) read(at, envelope.data(), head.size);
        visit({head.number, head.base, head.time, envelope});
        at += head.size;
    }
}

}  // namespace signalbox::gateway
