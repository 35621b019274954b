#pragma once

#include <cstddef>
#include <memory>
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
    [[nodiscard]] std::unique_ptr<std::string> take();
    void give_back(std::unique_ptr<std::string> buffer);
    [[nodiscard]] std::size_t spares() const { return spares_.size(); }

private:
    std::vector<std::unique_ptr<std::string>> spares_;
};

/// Bytes on their way to the kernel: appended at the end, consumed at the front.
/// Bounds: none of its own; whoever appends looks at size().
class OutputBuffer {
public:
    [[nodiscard]] std::size_t size() const { return bytes_ ? bytes_->size() - begin_ : 0; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] std::string_view view() const {
        return bytes_ ? std::string_view(*bytes_).substr(begin_) : std::string_view();
    }

    /// Where to append; takes a buffer from `pool` when there is none. Borrowed until consume().
    [[nodiscard]] std::string& tail(BufferPool& pool);
    /// Removes `n` bytes at the front; the last one returns the buffer to `pool`.
    void consume(std::size_t n, BufferPool& pool);
    void clear(BufferPool& pool) { consume(size(), pool); }

private:
    std::unique_ptr<std::string> bytes_;  // null: empty
    std::size_t begin_ = 0;
};

}  // namespace signalbox::runtime
