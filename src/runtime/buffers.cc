#include "runtime/buffers.h"

#include <utility>

#include "base/check.h"

namespace signalbox::runtime {

std::string BufferPool::take() {
    if (spares_.empty()) return {};
    std::string buffer = std::move(spares_.back());
    spares_.pop_back();
    return buffer;
}

void BufferPool::give_back(std::string buffer) {
    const bool inlined = buffer.capacity() <= std::string().capacity();
    if (inlined || buffer.capacity() > kSpareBytesMax || spares_.size() >= kSparesMax) return;
    buffer.clear();
    spares_.push_back(std::move(buffer));
}

std::string& OutputBuffer::tail(BufferPool& pool) {
    if (bytes_.capacity() > std::string().capacity()) return bytes_;
    std::string spare = pool.take();
    spare.append(bytes_);
    bytes_ = std::move(spare);
    return bytes_;
}

void OutputBuffer::consume(std::size_t n, BufferPool& pool) {
    SB_CHECK(n <= size());
    begin_ += n;
    if (begin_ == bytes_.size()) {
        pool.give_back(std::exchange(bytes_, {}));
        begin_ = 0;
    } else if (begin_ >= 64 * 1024 && begin_ >= bytes_.size() / 2) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
}

}  // namespace signalbox::runtime
