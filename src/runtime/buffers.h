#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::runtime {

/// Spare output buffers of one shard, so that a connection holds memory only while it has output.
/// Bounds: keeps at most kSparesMax buffers of at most kSpareBytesMax each; others are freed.
class BufferPool {
public:
    static constexpr std::size_t kSparesMax = 1024;
    static constexpr std::size_t kSpareBytesMax = 4 * 1024;

    /// An empty string, with capacity when a spare is at hand.
    [[nodiscard]] std::string take();
    void give_back(std::string buffer);
    [[nodiscard]] std::size_t spares() const { return spares_.size(); }

private:
    std::vector<std::string> spares_;
};

/// Bytes on their way to the kernel: appended at the end, consumed at the front.
/// Bounds: none of its own; whoever appends looks at size().
class OutputBuffer {
public:
    [[nodiscard]] std::size_t size() const { return bytes_.size() - begin_; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] std::string_view view() const { return std::string_view(bytes_).substr(begin_); }

    /// Where to append; takes a buffer from `pool` when there is none. Borrowed until consume().
    [[nodiscard]] std::string& tail(BufferPool& pool);
    /// Removes `n` bytes at the front; the last one returns the buffer to `pool`.
    void consume(std::size_t n, BufferPool& pool);
    void clear(BufferPool& pool) { consume(size(), pool); }

private:
    std::string bytes_;
    std::size_t begin_ = 0;
};

}  // namespace signalbox::runtime
