#include "websocket/frame_decoder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace signalbox::websocket {
namespace {

static_assert(std::endian::native == std::endian::little, "unmask() keeps the mask in wire order");

constexpr std::uint8_t kFin = 0x80, kReserved = 0x70, kCompressed = 0x40, kOpcodeMask = 0x0F;
constexpr std::uint8_t kMasked = 0x80, kLengthMask = 0x7F;
constexpr std::uint8_t kLength16 = 126, kLength64 = 127;

/// Bytes of a masked frame's header, by its second byte.
std::size_t header_bytes(std::uint8_t second) {
    const std::uint8_t length = second & kLengthMask;
    return 2 + (length == kLength16 ? 2U : length == kLength64 ? 8U : 0U) + sizeof(std::uint32_t);
}

std::uint64_t read_big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
    return value;
}

std::expected<std::uint64_t, FrameError> read_length(const char* header) {
    const std::uint8_t length = static_cast<std::uint8_t>(header[1]) & kLengthMask;
    if (length < kLength16) return length;
    if (length == kLength16) {
        const std::uint64_t value = read_big_endian({header + 2, 2});
        if (value < kLength16) return std::unexpected(FrameError::kLengthNotMinimal);
        return value;
    }
    const std::uint64_t value = read_big_endian({header + 2, 8});
    if (value >> 63 != 0) return std::unexpected(FrameError::kLengthTopBit);
    if (value <= 0xFFFF) return std::unexpected(FrameError::kLengthNotMinimal);
    return value;
}

/// XORs `bytes` with `mask`, eight at a time. @return the mask for the byte that follows.
std::uint32_t unmask(std::span<char> bytes, std::uint32_t mask) {
    const std::uint64_t wide = static_cast<std::uint64_t>(mask) << 32 | mask;
    std::size_t at = 0;
    for (; at + sizeof wide <= bytes.size(); at += sizeof wide) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        word ^= wide;
        std::memcpy(bytes.data() + at, &word, sizeof word);
    }
    for (; at < bytes.size(); ++at)
        bytes[at] = static_cast<char>(bytes[at] ^ (wide >> (8 * (at % 4))));
    return std::rotr(mask, static_cast<int>(8 * (bytes.size() % 4)));
}

/// Section 7.4: what a peer may put in a close frame; 1012 to 1014 are registered with IANA.
bool is_valid_close_code(std::uint64_t code) {
    if (code >= 3000) return code <= 4999;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

constexpr std::string_view as_text(std::span<char> bytes) {
    return {bytes.data(), bytes.size()};
}

}  // namespace

CloseCode close_code_of(FrameError error) {
    switch (error) {
        case FrameError::kMessageTooBig:
            return CloseCode::kMessageTooBig;
        case FrameError::kInvalidUtf8:
        case FrameError::kCorruptCompression:
            return CloseCode::kInvalidPayload;
        default:
            return CloseCode::kProtocolError;
    }
}

std::string_view to_string(FrameError error) {
    switch (error) {
        case FrameError::kUnmasked:
            return "frame is not masked";
        case FrameError::kReservedBits:
            return "reserved bits are set";
        case FrameError::kReservedOpcode:
            return "reserved opcode";
        case FrameError::kFragmentedControl:
            return "fragmented control frame";
        case FrameError::kControlTooLong:
            return "control frame over 125 bytes";
        case FrameError::kLengthNotMinimal:
            return "length is not in its shortest form";
        case FrameError::kLengthTopBit:
            return "length over 63 bits";
        case FrameError::kUnexpectedContinuation:
            return "continuation of no message";
        case FrameError::kExpectedContinuation:
            return "new message inside a fragmented one";
        case FrameError::kMessageTooBig:
            return "message too big";
        case FrameError::kInvalidUtf8:
            return "invalid UTF-8";
        case FrameError::kCorruptCompression:
            return "message does not inflate";
        case FrameError::kBadClosePayload:
            return "close payload of one byte";
        case FrameError::kBadCloseCode:
            return "close code must not be sent";
    }
    std::unreachable();
}

std::expected<FrameEvent, FrameError> FrameDecoder::next(std::span<char>& input) {
    if (state_ == State::kFailed) return std::unexpected(error_);
    release_delivered();
    if (state_ == State::kClosed) {
        input = {};
        return FrameEvent{};
    }
    auto result = advance(input);
    if (!result) {
        error_ = result.error();
        state_ = State::kFailed;
        buffer_.reset();
        inflater_.reset();
    }
    return result;
}

std::string& FrameDecoder::buffer() {
    if (!buffer_) buffer_ = std::make_unique<std::string>();
    return *buffer_;
}

void FrameDecoder::release_delivered() {
    if (!delivered_) return;
    delivered_ = false;
    if (message_size_ == 0) {
        buffer_.reset();
    } else {
        buffer_->resize(message_size_);
    }
}

FrameDecoder::Result FrameDecoder::advance(std::span<char>& input) {
    while (true) {
        if (state_ == State::kHeader) {
            const auto complete = read_header(input);
            if (!complete) return std::unexpected(complete.error());
            if (!*complete) return FrameEvent{};
        }
        auto event = read_payload(input);
        const bool waits = state_ == State::kPayload;
        if (!event || event->kind != FrameEvent::Kind::kNeedMore || waits) return event;
    }
}

std::expected<bool, FrameError> FrameDecoder::read_header(std::span<char>& input) {
    if (header_size_ == 0 && input.size() >= kHeaderBytesMax) {
        if (auto begun = begin_frame(input.data()); !begun) return std::unexpected(begun.error());
        input = input.subspan(header_bytes(static_cast<std::uint8_t>(input[1])));
        return true;
    }
    while (!input.empty()) {
        header_[header_size_++] = input.front();
        input = input.subspan(1);
        if (header_size_ < 2) continue;
        const auto first = static_cast<std::uint8_t>(header_[0]);
        const auto second = static_cast<std::uint8_t>(header_[1]);
        if (auto start = check_start(first, second); !start) return std::unexpected(start.error());
        if (header_size_ < header_bytes(second)) continue;
        if (auto begun = begin_frame(header_.data()); !begun) return std::unexpected(begun.error());
        header_size_ = 0;
        return true;
    }
    return false;
}

FrameDecoder::Step FrameDecoder::check_start(std::uint8_t first, std::uint8_t second) const {
    const std::uint8_t opcode = first & kOpcodeMask;
    const bool may_be_compressed = inflaters_ != nullptr && (opcode == 0x1 || opcode == 0x2);
    const std::uint8_t forbidden = may_be_compressed ? kReserved & ~kCompressed : kReserved;
    if ((first & forbidden) != 0) return std::unexpected(FrameError::kReservedBits);
    if (opcode > 0xA || (opcode > 0x2 && opcode < 0x8)) {
        return std::unexpected(FrameError::kReservedOpcode);
    }
    if ((second & kMasked) == 0) return std::unexpected(FrameError::kUnmasked);
    if (opcode >= 0x8) {
        if ((first & kFin) == 0) return std::unexpected(FrameError::kFragmentedControl);
        if ((second & kLengthMask) > kControlPayloadMax) {
            return std::unexpected(FrameError::kControlTooLong);
        }
        return {};
    }
    const bool open = message_opcode_ != Opcode::kContinuation;
    if (opcode == 0 && !open) return std::unexpected(FrameError::kUnexpectedContinuation);
    if (opcode != 0 && open) return std::unexpected(FrameError::kExpectedContinuation);
    return {};
}

FrameDecoder::Step FrameDecoder::begin_frame(const char* header) {
    const auto first = static_cast<std::uint8_t>(header[0]);
    const auto second = static_cast<std::uint8_t>(header[1]);
    if (auto start = check_start(first, second); !start) return start;
    const auto length = read_length(header);
    if (!length) return std::unexpected(length.error());
    opcode_ = static_cast<Opcode>(first & kOpcodeMask);
    if ((first & kCompressed) != 0) inflater_ = inflaters_->take();
    if (!is_control() && too_long(*length)) return std::unexpected(FrameError::kMessageTooBig);
    if (opcode_ == Opcode::kText || opcode_ == Opcode::kBinary) message_opcode_ = opcode_;
    final_ = (first & kFin) != 0;
    remaining_ = *length;
    std::memcpy(&mask_, header + header_bytes(second) - sizeof mask_, sizeof mask_);
    state_ = State::kPayload;
    return {};
}

bool FrameDecoder::too_long(std::uint64_t frame_bytes) const {
    if (inflater_) return frame_bytes > message_bytes_max_ + message_bytes_max_ / 8 + 64;
    return frame_bytes > message_bytes_max_ || message_size_ > message_bytes_max_ - frame_bytes;
}

std::span<char> FrameDecoder::take_payload(std::span<char>& input) {
    const std::span<char> piece =
        input.first(static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
    input = input.subspan(piece.size());
    mask_ = unmask(piece, mask_);
    remaining_ -= piece.size();
    return piece;
}

FrameDecoder::Result FrameDecoder::read_payload(std::span<char>& input) {
    const std::span<char> piece = take_payload(input);
    if (inflater_ && !is_control()) return read_compressed(as_text(piece));
    if (!is_control() && message_opcode_ == Opcode::kText && !utf8_.feed(as_text(piece))) {
        return std::unexpected(FrameError::kInvalidUtf8);
    }
    const bool frame_is_whole = remaining_ == 0 && buffered_bytes() == message_size_;
    const bool in_place = frame_is_whole && (is_control() || (final_ && message_size_ == 0));
    if (!in_place && !piece.empty()) buffer().append(as_text(piece));
    if (remaining_ > 0) return FrameEvent{};
    state_ = State::kHeader;
    delivered_ = !in_place && final_;
    if (is_control()) {
        return finish_control(in_place ? as_text(piece) : buffered().substr(message_size_));
    }
    if (!final_) {
        message_size_ = buffered_bytes();
        return FrameEvent{};
    }
    return finish_message(in_place ? as_text(piece) : buffered());
}

FrameDecoder::Result FrameDecoder::read_compressed(std::string_view piece) {
    std::size_t before = buffered_bytes();
    Step step = check_inflated(inflater_->feed(piece, buffer(), message_bytes_max_), before);
    if (!step) return std::unexpected(step.error());
    if (remaining_ > 0) return FrameEvent{};
    state_ = State::kHeader;
    if (final_) {
        before = buffered_bytes();
        step = check_inflated(inflater_->finish(buffer(), message_bytes_max_), before);
        if (!step) return std::unexpected(step.error());
    }
    message_size_ = buffered_bytes();
    if (!final_) return FrameEvent{};
    inflaters_->give_back(std::move(inflater_));
    delivered_ = true;
    return finish_message(buffered());
}

FrameDecoder::Step FrameDecoder::check_inflated(Inflater::Result inflated, std::size_t before) {
    const std::string_view added = buffered().substr(before);
    if (message_opcode_ == Opcode::kText && !utf8_.feed(added)) {
        return std::unexpected(FrameError::kInvalidUtf8);
    }
    if (inflated) return {};
    return std::unexpected(inflated.error() == InflateError::kTooBig
                               ? FrameError::kMessageTooBig
                               : FrameError::kCorruptCompression);
}

FrameDecoder::Result FrameDecoder::finish_control(std::string_view payload) {
    if (opcode_ == Opcode::kClose) return finish_close(payload);
    return FrameEvent{
        .kind = opcode_ == Opcode::kPing ? FrameEvent::Kind::kPing : FrameEvent::Kind::kPong,
        .payload = payload};
}

FrameDecoder::Result FrameDecoder::finish_message(std::string_view payload) {
    const bool text = message_opcode_ == Opcode::kText;
    if (text && !utf8_.complete()) return std::unexpected(FrameError::kInvalidUtf8);
    message_opcode_ = Opcode::kContinuation;
    message_size_ = 0;
    return FrameEvent{.kind = text ? FrameEvent::Kind::kText : FrameEvent::Kind::kBinary,
                      .payload = payload};
}

FrameDecoder::Result FrameDecoder::finish_close(std::string_view payload) {
    if (payload.size() == 1) return std::unexpected(FrameError::kBadClosePayload);
    FrameEvent event{.kind = FrameEvent::Kind::kClose};
    if (!payload.empty()) {
        const std::uint64_t code = read_big_endian(payload.substr(0, 2));
        if (!is_valid_close_code(code)) return std::unexpected(FrameError::kBadCloseCode);
        event.close_code = static_cast<CloseCode>(code);
        event.payload = payload.substr(2);
        if (!is_valid_utf8(event.payload)) return std::unexpected(FrameError::kInvalidUtf8);
    }
    state_ = State::kClosed;
    inflater_.reset();
    message_size_ = 0;  // an unfinished message will not be finished
    delivered_ = true;
    return event;
}

}  // namespace signalbox::websocket
