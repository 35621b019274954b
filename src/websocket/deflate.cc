#include "websocket/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace signalbox::websocket {
namespace {

/// What ends every message and is not sent (section 7.2.1): the length of an empty stored block.
constexpr std::string_view kTail{"\x00\x00\xFF\xFF", 4};

constexpr std::size_t kOutputStep = 4096;
constexpr int kMemoryLevel = 8;
constexpr int kCompressionLevel = 3;

/// zlib promises not to write to its input, but does not say so in its types.
Bytef* as_input(std::string_view bytes) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

Bytef* as_output(char* bytes) {
    return reinterpret_cast<Bytef*>(bytes);
}

}  // namespace

struct Inflater::Stream : z_stream {
    Stream() : z_stream{} {
        // Any window that a client may use fits the largest one.
        SB_CHECK(inflateInit2(this, -MAX_WBITS) == Z_OK);
    }
    ~Stream() { inflateEnd(this); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// Appends up to `room` bytes to `out`.
    int inflate_into(std::string& out, std::size_t room) {
        int status = Z_OK;
        const std::size_t before = out.size();
        out.resize_and_overwrite(before + room, [&](char* data, std::size_t) {
            next_out = as_output(data + before);
            avail_out = static_cast<uInt>(room);
            status = ::inflate(this, Z_SYNC_FLUSH);
            return before + room - avail_out;
        });
        return status;
    }

    /// zlib tells it with bit 7 once a block has ended and the next has not begun.
    [[nodiscard]] bool between_blocks() const { return (data_type & 128) != 0; }
};

Inflater::Inflater() : stream_(std::make_unique<Stream>()) {}
Inflater::~Inflater() = default;

void Inflater::reset() {
    SB_CHECK(inflateReset(stream_.get()) == Z_OK);
}

Inflater::Result Inflater::feed(std::string_view compressed, std::string& out,
                                std::size_t out_bytes_max) {
    stream_->next_in = as_input(compressed);
    stream_->avail_in = static_cast<uInt>(compressed.size());
    while (true) {
        const std::size_t step = std::max(kOutputStep, out.size());
        const int status =
            stream_->inflate_into(out, std::min(step, out_bytes_max + 1 - out.size()));
        if (out.size() > out_bytes_max) return std::unexpected(InflateError::kTooBig);
        if (status == Z_STREAM_END) {
            reset();  // a block with BFINAL; more may follow (section 7.2.3.4)
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            return std::unexpected(InflateError::kCorrupt);
        }
        const bool stuck = status == Z_BUF_ERROR || stream_->avail_out > 0;
        if (stream_->avail_in == 0 && stuck) return {};
    }
}

Inflater::Result Inflater::finish(std::string& out, std::size_t out_bytes_max) {
    if (auto fed = feed(kTail, out, out_bytes_max); !fed) return fed;
    if (!stream_->between_blocks()) return std::unexpected(InflateError::kCorrupt);
    return {};
}

std::unique_ptr<Inflater> InflaterPool::take() {
    if (spares_.empty()) return std::make_unique<Inflater>();
    auto inflater = std::move(spares_.back());
    spares_.pop_back();
    return inflater;
}

void InflaterPool::give_back(std::unique_ptr<Inflater> inflater) {
    if (spares_.size() >= kSparesMax) return;
    inflater->reset();
    spares_.push_back(std::move(inflater));
}

class MessageDeflater::Stream {
public:
    explicit Stream(std::uint8_t window_bits) {
        SB_CHECK(deflateInit2(&stream_, kCompressionLevel, Z_DEFLATED, -window_bits, kMemoryLevel,
                              Z_DEFAULT_STRATEGY) == Z_OK);
    }
    ~Stream() { deflateEnd(&stream_); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// @return empty when it would not be shorter than `message`.
    [[nodiscard]] std::string deflate(std::string_view message) {
        SB_CHECK(deflateReset(&stream_) == Z_OK);
        std::string out;
        // A stream that does not fit here is not worth sending.
        const std::size_t size = message.size() + kTail.size();
        // libstdc++ 12 gives the callback the capacity, not `size`.
        out.resize_and_overwrite(size, [&](char* data, std::size_t) {
            stream_.next_in = as_input(message);
            stream_.avail_in = static_cast<uInt>(message.size());
            stream_.next_out = as_output(data);
            stream_.avail_out = static_cast<uInt>(size);
            SB_CHECK(::deflate(&stream_, Z_SYNC_FLUSH) == Z_OK);
            const std::size_t written = size - stream_.avail_out;
            return stream_.avail_out == 0 ? 0 : written - kTail.size();
        });
        return out;
    }

private:
    z_stream stream_{};
};

MessageDeflater::MessageDeflater() = default;
MessageDeflater::~MessageDeflater() = default;

MessageDeflater::Stream& MessageDeflater::stream(std::uint8_t window_bits) {
    SB_CHECK(window_bits >= kWindowBitsMin && window_bits <= kWindowBitsMax);
    auto& stream = streams_[window_bits - kWindowBitsMin];
    if (!stream) stream = std::make_unique<Stream>(window_bits);
    return *stream;
}

const MessageDeflater::Remembered* MessageDeflater::find(std::string_view message,
                                                         std::uint8_t window_bits) const {
    const auto found = std::ranges::find_if(remembered_, [&](const Remembered& entry) {
        return entry.window_bits == window_bits && entry.message == message;
    });
    return found == remembered_.end() ? nullptr : &*found;
}

std::string_view MessageDeflater::deflate(std::string_view message, std::uint8_t window_bits) {
    if (const Remembered* known = find(message, window_bits)) return known->deflated;
    Remembered entry{.message = std::string(message),
                     .deflated = stream(window_bits).deflate(message),
                     .window_bits = window_bits};
    ++deflated_;
    if (remembered_.size() < kRememberedMax) {
        remembered_.push_back(std::move(entry));
        return remembered_.back().deflated;
    }
    Remembered& replaced = remembered_[oldest_];
    oldest_ = (oldest_ + 1) % kRememberedMax;
    replaced = std::move(entry);
    return replaced.deflated;
}

void MessageDeflater::forget() {
    remembered_.clear();
    oldest_ = 0;
}

}  // namespace signalbox::websocket
