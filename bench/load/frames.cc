#include "load/frames.h"

#include <cstring>

#include "load/options.h"

namespace signalbox::bench {
namespace {

constexpr unsigned kFin = 0x80, kMaskedBit = 0x80, kOpcodeBits = 0x0F;
/// Any but zero makes the server work as it must.
constexpr std::uint32_t kMask = 0x3D21FA37;

void append_big_endian(std::string& out, std::uint64_t value, unsigned bytes) {
    for (; bytes > 0; --bytes) out.push_back(static_cast<char>(value >> (8 * (bytes - 1))));
}

void append_masked(std::string& out, std::string_view payload) {
    const std::size_t begin = out.size();
    out.append(payload);
    constexpr std::uint64_t wide = static_cast<std::uint64_t>(kMask) << 32 | kMask;
    std::size_t at = begin;
    for (; at + sizeof wide <= out.size(); at += sizeof wide) {
        std::uint64_t word = 0;
        std::memcpy(&word, out.data() + at, sizeof word);
        word ^= wide;
        std::memcpy(out.data() + at, &word, sizeof word);
    }
    for (; at < out.size(); ++at)
        out[at] = static_cast<char>(out[at] ^ (wide >> (8 * ((at - begin) % 4))));
}

void append_frame(std::string& out, unsigned first_byte, std::string_view payload) {
    out.push_back(static_cast<char>(first_byte));
    if (payload.size() < 126) {
        out.push_back(static_cast<char>(kMaskedBit | payload.size()));
    } else if (payload.size() <= 0xFFFF) {
        out.push_back(static_cast<char>(kMaskedBit | 126U));
        append_big_endian(out, payload.size(), 2);
    } else {
        out.push_back(static_cast<char>(kMaskedBit | 127U));
        append_big_endian(out, payload.size(), 8);
    }
    out.append(reinterpret_cast<const char*>(&kMask), sizeof kMask);
    append_masked(out, payload);
}

std::uint64_t read_big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
    return value;
}

}  // namespace

void append_client_frame(std::string& out, websocket::Opcode opcode, std::string_view payload) {
    append_frame(out, kFin | static_cast<unsigned>(opcode), payload);
}

void FrameReader::begin(std::span<char> input) {
    if (pending_.empty()) {
        rest_ = {input.data(), input.size()};
    } else {
        pending_.append(input.data(), input.size());
        rest_ = pending_;
    }
}

std::optional<ServerFrame> FrameReader::next() {
    if (rest_.size() < 2) return std::nullopt;
    const auto first = static_cast<std::uint8_t>(rest_[0]);
    std::uint64_t length = static_cast<std::uint8_t>(rest_[1]);
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (rest_.size() < 2 + extra) return std::nullopt;
    if (extra > 0) length = read_big_endian(rest_.substr(2, extra));
    if (rest_.size() - 2 - extra < length) return std::nullopt;
    if ((first & kFin) == 0) fail("the server sent a fragmented message");
    const ServerFrame frame{static_cast<websocket::Opcode>(first & (kOpcodeBits | kCompressedBit)),
                            rest_.substr(2 + extra, length)};
    rest_.remove_prefix(2 + extra + length);
    return frame;
}

void FrameReader::end() {
    if (rest_.empty()) {
        pending_.clear();
    } else if (pending_.empty()) {
        pending_.assign(rest_);
    } else {
        pending_.erase(0, pending_.size() - rest_.size());
    }
    rest_ = {};
}

Deflate::Deflate() {
    constexpr int kRawWindow = -15, kMemory = 8;
    if (deflateInit2(&deflater_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawWindow, kMemory,
                     Z_DEFAULT_STRATEGY) != Z_OK ||
        inflateInit2(&inflater_, kRawWindow) != Z_OK) {
        fail("zlib does not start");
    }
}

Deflate::~Deflate() {
    deflateEnd(&deflater_);
    inflateEnd(&inflater_);
}

void Deflate::append_client_frame(std::string& out, std::string_view message) {
    constexpr std::size_t kTrailer = 4;  // 00 00 FF FF, RFC 7692 section 7.2.1
    deflateReset(&deflater_);
    compressed_.resize(deflateBound(&deflater_, message.size()) + 16);
    deflater_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
    deflater_.avail_in = static_cast<uInt>(message.size());
    deflater_.next_out = reinterpret_cast<Bytef*>(compressed_.data());
    deflater_.avail_out = static_cast<uInt>(compressed_.size());
    deflate(&deflater_, Z_SYNC_FLUSH);
    compressed_.resize(compressed_.size() - deflater_.avail_out - kTrailer);
    append_frame(out, kFin | kCompressedBit | static_cast<unsigned>(websocket::Opcode::kText),
                 compressed_);
}

std::string_view Deflate::inflate(std::string_view payload) {
    inflateReset(&inflater_);
    compressed_.assign(payload).append("\0\0\xff\xff", 4);
    constexpr std::size_t kMessageMax = std::size_t{4} << 20;
    inflated_.resize(kMessageMax);
    inflater_.next_in = reinterpret_cast<Bytef*>(compressed_.data());
    inflater_.avail_in = static_cast<uInt>(compressed_.size());
    inflater_.next_out = reinterpret_cast<Bytef*>(inflated_.data());
    inflater_.avail_out = static_cast<uInt>(inflated_.size());
    const int result = ::inflate(&inflater_, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END) {
        fail("a compressed message cannot be read");
    }
    return std::string_view(inflated_).substr(0, kMessageMax - inflater_.avail_out);
}

}  // namespace signalbox::bench
