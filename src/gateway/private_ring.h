#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace signalbox::gateway {

/// A message to one connection alone.
struct PrivateMessage {
    std::uint64_t number = 0;  ///< counts the connection's private messages, from 1
    std::uint64_t base = 0;    ///< the company's last update that was sent to it before
    MonotonicTime time{};
    std::string_view envelope;
};

/// The last private messages of one connection, in blocks of memory that are written in turn: each
/// byte once, however much passes, and of what is forgotten only the last record is read.
///
/// Threading: confined to the shard of its owner; moves with it.
/// Bounds:    bytes_max, the records' heads included; beyond it the oldest block is forgotten, which
///            is a sixteenth or one longer message. Ends of blocks stay unused where the next message
///            is too long for them: whatever the lengths, a message is kept while what was sent since,
///            itself included, takes at most seven sixteenths. Memory doubles until a block is a
///            sixteenth.
class PrivateRing {
public:
    /// Numbers rise, bases and times do not fall.
    /// @param bytes_max  less than 4 GB, the same for each.
    void append(const PrivateMessage& message, std::size_t bytes_max);
    /// Forgets the blocks in which all was sent before `time`, and returns the memory of them.
    void forget_before(MonotonicTime time);

    /// Whether everything above `number` that was appended is still here.
    [[nodiscard]] bool complete_after_number(std::uint64_t number) const {
        return number >= forgotten_number_;
    }
    /// Whether everything appended at `base` or above is still here.
    [[nodiscard]] bool complete_from_base(std::uint64_t base) const {
        return forgotten_number_ == 0 || base > forgotten_base_;
    }
    /// Oldest first; the envelope is borrowed for the call.
    void for_each(const std::function<void(const PrivateMessage&)>& visit) const;
    [[nodiscard]] bool empty() const { return blocks_.empty(); }
    /// Memory of the blocks.
    [[nodiscard]] std::size_t bytes() const;

private:
    struct Head {
        std::uint64_t number;
        std::uint64_t base;
        MonotonicTime time;
        std::size_t size;
    };
    /// Records, each a Head and its envelope.
    struct Block {
        std::unique_ptr<char[]> bytes;
        std::uint32_t capacity = 0;
        std::uint32_t size = 0;
        std::uint32_t last = 0;  ///< where its last record begins

        [[nodiscard]] Head head_at(std::size_t at) const;
    };

    void open_block(std::size_t needed, std::size_t bytes_max);
    /// @return its memory.
    Block forget_oldest();

    std::vector<Block> blocks_;  // oldest first; none is empty
    std::uint64_t forgotten_number_ = 0;
    std::uint64_t forgotten_base_ = 0;
};

}  // namespace signalbox::gateway
