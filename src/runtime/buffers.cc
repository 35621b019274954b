#include "runtime/buffers.h"

#include <utility>

#include "base/check.h"

namespace signalbox::runtime {
namespace {

const OutputBlockPtr kNone;

std::size_t size_of(const OutputPieces& pieces) {
    return pieces[0].size() + pieces[1].size() + pieces[2].size();
}

void append_to(std::string& out, const OutputPieces& pieces) {
    const std::size_t before = out.size();
    out.resize_and_overwrite(before + size_of(pieces), [&](char* data, std::size_t) {
        char* to = data + before;
        for (const std::string_view piece : pieces) to += piece.copy(to, piece.size());
        return static_cast<std::size_t>(to - data);
    });
}

bool ends_with(std::string_view text, const OutputPieces& pieces) {
    std::string_view left = text.substr(text.size() - size_of(pieces));
    for (const std::string_view piece : pieces) {
        if (!left.starts_with(piece)) return false;
        left.remove_prefix(piece.size());
    }
    return true;
}

}  // namespace

OutputBlockPtr BufferPool::take() {
    if (spares_.empty()) return OutputBlockPtr(new OutputBlock);
    OutputBlockPtr block = std::move(spares_.back());
    spares_.pop_back();
    return block;
}

void BufferPool::give_back(OutputBlockPtr block) {
    if (!block || block->use_count() > 1) return;
    if (block->bytes.capacity() > kSpareBytesMax || spares_.size() >= kSparesMax) return;
    block->bytes.clear();
    spares_.push_back(std::move(block));
}

const OutputBlockPtr& BufferPool::last_outcome(const OutputBlockPtr& block,
                                               const OutputPieces& pieces) const {
    if (!after_ || before_ != block) return kNone;
    const std::size_t before = block ? block->bytes.size() : 0;
    const bool same =
        after_->bytes.size() == before + size_of(pieces) && ends_with(after_->bytes, pieces);
    return same ? after_ : kNone;
}

void BufferPool::remember(OutputBlockPtr before, OutputBlockPtr after) {
    forget();
    before_ = std::move(before);
    after_ = std::move(after);
}

void BufferPool::forget() {
    give_back(std::move(before_));
    give_back(std::move(after_));
}

bool BufferPool::release(const OutputBlockPtr& block) {
    if (block == before_ || block == after_) forget();
    return block->use_count() == 1;
}

std::string& OutputBuffer::tail(BufferPool& pool) {
    if (!block_) block_ = pool.take();
    part(pool);
    return block_->bytes;
}

void OutputBuffer::part(BufferPool& pool) {
    if (block_ && !pool.release(block_)) copy(pool);
}

void OutputBuffer::copy(BufferPool& pool) {
    OutputBlockPtr block = pool.take();
    block->bytes.append(view());
    pool.give_back(std::exchange(block_, std::move(block)));
    begin_ = 0;
}

void OutputBuffer::append(const OutputPieces& pieces, BufferPool& pool) {
    if (begin_ != 0 || size() > kSharedBytesMax) return append_to(tail(pool), pieces);
    if (const OutputBlockPtr& same = pool.last_outcome(block_, pieces)) {
        pool.give_back(std::exchange(block_, same));
        return;
    }
    if (block_ && pool.release(block_)) return append_to(block_->bytes, pieces);
    OutputBlockPtr before = block_;
    copy(pool);
    append_to(block_->bytes, pieces);
    pool.remember(std::move(before), block_);
}

void OutputBuffer::consume(std::size_t n, BufferPool& pool) {
    SB_CHECK(n <= size());
    if (!block_) return;
    begin_ += n;
    if (begin_ == block_->bytes.size()) {
        pool.give_back(std::move(block_));
        begin_ = 0;
    } else if (begin_ >= 64 * 1024 && begin_ >= block_->bytes.size() / 2 && pool.release(block_)) {
        block_->bytes.erase(0, begin_);
        begin_ = 0;
    }
}

}  // namespace signalbox::runtime
