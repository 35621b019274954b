#include "gateway/private_ring.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace signalbox::gateway {
namespace {

constexpr std::size_t kBlocks = 16;

/// Where the next record will be written is long out of the processor's caches when other
/// connections write as much.
void expect_write(const char* at, std::size_t available) {
    constexpr std::size_t kCacheLine = 64, kLines = 4;
    const std::size_t count = std::min(available, kLines * kCacheLine);
    for (std::size_t i = 0; i < count; i += kCacheLine) __builtin_prefetch(at + i, 1);
}

}  // namespace

void PrivateRing::append(const PrivateMessage& message, std::size_t bytes_max) {
    const std::string_view envelope = message.envelope;
    const std::size_t needed = sizeof(Head) + envelope.size();
    if (needed > bytes_max) {
        blocks_.clear();
        forgotten_number_ = message.number;
        forgotten_base_ = message.base;
        return;
    }
    if (blocks_.empty() || blocks_.back().capacity - blocks_.back().size < needed) {
        open_block(needed, bytes_max);
    }
    Block& block = blocks_.back();
    char* const to = block.bytes.get() + block.size;
    const Head head{message.number, message.base, message.time, envelope.size()};
    std::memcpy(to, &head, sizeof head);
    if (!envelope.empty()) std::memcpy(to + sizeof head, envelope.data(), envelope.size());
    block.last = block.size;
    block.size += static_cast<std::uint32_t>(needed);
    expect_write(to + needed, block.capacity - block.size);
}

void PrivateRing::open_block(std::size_t needed, std::size_t bytes_max) {
    const std::size_t capacity = std::max(needed, std::min(bytes(), bytes_max / kBlocks));
    Block block;
    while (bytes() + capacity > bytes_max) block = forget_oldest();
    // Not in a longer one either: much would be forgotten at once with it.
    if (block.capacity != capacity) {
        block.bytes = std::make_unique_for_overwrite<char[]>(capacity);
        block.capacity = static_cast<std::uint32_t>(capacity);
    }
    block.size = 0;
    blocks_.push_back(std::move(block));
}

PrivateRing::Block PrivateRing::forget_oldest() {
    Block oldest = std::move(blocks_.front());
    blocks_.erase(blocks_.begin());
    const Head last = oldest.head_at(oldest.last);
    forgotten_number_ = last.number;
    forgotten_base_ = last.base;
    return oldest;
}

void PrivateRing::forget_before(MonotonicTime time) {
    const auto is_old = [&](const Block& block) { return block.head_at(block.last).time < time; };
    while (!empty() && is_old(blocks_.front())) forget_oldest();
    blocks_.shrink_to_fit();
}

std::size_t PrivateRing::bytes() const {
    std::size_t sum = 0;
    for (const Block& block : blocks_) sum += block.capacity;
    return sum;
}

PrivateRing::Head PrivateRing::Block::head_at(std::size_t at) const {
    Head head{};
    std::memcpy(&head, bytes.get() + at, sizeof head);
    return head;
}

void PrivateRing::for_each(const std::function<void(const PrivateMessage&)>& visit) const {
    for (const Block& block : blocks_) {
        for (std::size_t at = 0; at < block.size;) {
            const Head head = block.head_at(at);
            at += sizeof head;
            visit({head.number, head.base, head.time, {block.bytes.get() + at, head.size}});
            at += head.size;
        }
    }
}

}  // namespace signalbox::gateway
