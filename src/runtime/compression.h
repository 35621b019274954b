#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/shard.h"
#include "websocket/deflate.h"

namespace signalbox::runtime {

/// The zlib state of all WebSockets of an endpoint: a connection borrows from here what it needs
/// for the moment and holds nothing while idle. Messages of a turn are remembered until its end, so
/// that a broadcast is deflated once for each window size.
///
/// Threading: confined to its shard.
class Compression final : public Flushable {
public:
    Compression(Shard& shard, std::size_t threshold) : shard_(shard), threshold_(threshold) {}
    ~Compression() { shard_.forget_dirty(*this); }
    Compression(const Compression&) = delete;
    Compression& operator=(const Compression&) = delete;

    [[nodiscard]] websocket::InflaterPool& inflaters() { return inflaters_; }

    /// @return the message, `head` and `body` joined, deflated; empty: it is to be sent as it is.
    ///         Borrowed until the next call.
    [[nodiscard]] std::string_view deflate(std::string_view head, std::string_view body,
                                           std::uint8_t window_bits) {
        if (head.size() + body.size() < threshold_) return {};
        shard_.mark_dirty(*this);
        message_.assign(head).append(body);
        const std::uint64_t before = deflater_.deflated();
        const std::string_view deflated = deflater_.deflate(message_, window_bits);
        shard_.statistics().websocket_messages_deflated.add(
            static_cast<std::int64_t>(deflater_.deflated() - before));
        return deflated;
    }
    void flush() override {
        deflater_.forget();
        std::string().swap(message_);
    }

private:
    Shard& shard_;
    const std::size_t threshold_;
    websocket::InflaterPool inflaters_;
    websocket::MessageDeflater deflater_;
    std::string message_;  // of the last call
};

}  // namespace signalbox::runtime
