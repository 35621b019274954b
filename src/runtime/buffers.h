#pragma once

#include <array>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::runtime {

/// Output that one or several OutputBuffers of a shard hold; changed only while one alone does.
struct OutputBlock : boost::intrusive_ref_counter<OutputBlock, boost::thread_unsafe_counter> {
    std::string bytes;
};
using OutputBlockPtr = boost::intrusive_ptr<OutputBlock>;

/// What is appended as one: a frame's header and its payload in two parts.
using OutputPieces = std::array<std::string_view, 3>;

/// Spare output blocks of one shard, so that a connection holds memory only while it has output; and
/// the last append of the turn, so that those who append the same to the same share one block: a
/// broadcast is written once and sent from there.
/// Bounds: keeps at most kSparesMax blocks of at most kSpareBytesMax each; others are freed.
class BufferPool {
public:
    static constexpr std::size_t kSparesMax = 1024;
    static constexpr std::size_t kSpareBytesMax = 4 * 1024;

    /// An empty block, with capacity when a spare is at hand.
    [[nodiscard]] OutputBlockPtr take();
    /// Of a holder that is done with it.
    void give_back(OutputBlockPtr block);
    [[nodiscard]] std::size_t spares() const { return spares_.size(); }

    /// What the last append made of the same block and pieces; null: it was another.
    [[nodiscard]] const OutputBlockPtr& last_outcome(const OutputBlockPtr& block,
                                                     const OutputPieces& pieces) const;
    void remember(OutputBlockPtr before, OutputBlockPtr after);
    /// At the turn's end, or before a block that it holds is changed.
    void forget();
    /// Whether nobody else holds it, after forget() if that helps.
    [[nodiscard]] bool release(const OutputBlockPtr& block);

private:
    std::vector<OutputBlockPtr> spares_;
    OutputBlockPtr before_;  // the last append's; null: nothing
    OutputBlockPtr after_;   // null: none
};

/// Bytes on their way to the kernel: appended at the end, consumed at the front.
/// Threading: moves to another shard only after part().
/// Bounds:    none of its own; whoever appends looks at size().
class OutputBuffer {
public:
    /// More than this is no longer appended to in common: each time another block would be copied.
    static constexpr std::size_t kSharedBytesMax = 16 * 1024;

    [[nodiscard]] std::size_t size() const { return block_ ? block_->bytes.size() - begin_ : 0; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] std::string_view view() const {
        return block_ ? std::string_view(block_->bytes).substr(begin_) : std::string_view();
    }

    /// Where to append; takes a block from `pool` when there is none. Borrowed until the next call.
    [[nodiscard]] std::string& tail(BufferPool& pool);
    /// The same for what others may append too. No piece may lie in a buffer of the shard.
    void append(const OutputPieces& pieces, BufferPool& pool);
    /// Removes `n` bytes at the front; the last one returns the block to `pool`.
    void consume(std::size_t n, BufferPool& pool);
    void clear(BufferPool& pool) { consume(size(), pool); }
    /// Shares nothing from now on.
    void part(BufferPool& pool);

private:
    /// Holds what is left of it in a block of its own.
    void copy(BufferPool& pool);

    OutputBlockPtr block_;  // null: empty
    std::size_t begin_ = 0;
};

}  // namespace signalbox::runtime
