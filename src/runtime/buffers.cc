#include "runtime/buffers.h"

#include <utility>

#include "base/check.h"

namespace signalbox::runtime {

std::unique_ptr<std::string> BufferPool::take() {
    if (spares_.empty()) return std::make_unique<std::string>();
    auto buffer = std::move(spares_.back());
    spares_.pop_back();
    return buffer;
}

void BufferPool::give_back(std::unique_ptr<std::string> buffer) {
    if (buffer->capacity() > kSpareBytesMax || spares_.size() >= kSparesMax) return;
    buffer->clear();
    spares_.push_back(std::move(buffer));
}

std::string& OutputBuffer::tail(BufferPool& pool) {
    if (!bytes_) bytes_ = pool.take();
    return *bytes_;
}

void OutputBuffer::consume(std::size_t n, BufferPool& pool) {
    SB_CHECK(n <= size());
    if (!bytes_) return;
    begin_ += n;
    if (begin_ == bytes_->size()) {
        pool.give_back(std::move(bytes_));
        begin_ = 0;
    } else if (begin_ >= 64 * 1024 && begin_ >= bytes_->size() / 2) {
        bytes_->erase(0, begin_);
        begin_ = 0;
    }
}

}  // namespace signalbox::runtime
