#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/clock.h"

namespace signalbox::gateway {

/// A message to one connection alone.
struct PrivateMessage {
    std::uint64_t number = 0;  ///< counts the connection's private messages, from 1
    std::uint64_t base = 0;    ///< the company's last update that was sent to it before
    MonotonicTime time{};
    std::string_view envelope;
};

/// The last private messages of one connection, in one piece of memory that is written round and
/// round: each byte once, however much passes.
///
/// Threading: confined to the shard of its owner; moves with it.
/// Bounds:    bytes_max, the records' heads included; beyond it the oldest are forgotten. Memory
///            doubles up to bytes_max.
class PrivateRing {
public:
    /// Numbers rise, bases and times do not fall.
    void append(const PrivateMessage& message, std::size_t bytes_max);
    /// Forgets what was sent before `time`, and returns its memory.
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
    [[nodiscard]] bool empty() const { return size_ == 0; }
    /// Memory in use.
    [[nodiscard]] std::size_t bytes() const { return capacity_; }

private:
    struct Head {
        std::uint64_t number;
        std::uint64_t base;
        MonotonicTime time;
        std::size_t size;
    };
    /// Of the record `at` bytes behind the oldest's first.
    [[nodiscard]] Head head_at(std::size_t at) const;
    void forget_oldest();
    /// @param at  less than twice the capacity.
    [[nodiscard]] std::size_t wrapped(std::size_t at) const {
        return at < capacity_ ? at : at - capacity_;
    }
    void make_room(std::size_t more, std::size_t bytes_max);
    void append(const Head& head);
    void append(const char* from, std::size_t count);
    void expect_append() const;
    /// Copies `count` bytes from `at` bytes behind the oldest's first.
    void read(std::size_t at, char* to, std::size_t count) const;

    // Records, each a Head and its envelope, from begin_ on; behind the end comes the front.
    std::unique_ptr<char[]> bytes_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;  // of the oldest
    std::size_t size_ = 0;
    std::uint64_t forgotten_number_ = 0;
    std::uint64_t forgotten_base_ = 0;
};

}  // namespace signalbox::gateway
