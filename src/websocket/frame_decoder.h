#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "websocket/deflate.h"
#include "websocket/frame.h"

namespace signalbox::websocket {

/// What a client did wrong; close_code_of() says how to close for it.
enum class FrameError : std::uint8_t {
    kUnmasked,        ///< section 5.1
    kReservedBits,    ///< RSV2, RSV3; RSV1 without compression, or not on a message's first frame
    kReservedOpcode,  ///< 3 to 7, 11 to 15
    kFragmentedControl,       ///< a control frame without FIN
    kControlTooLong,          ///< a control frame over 125 bytes
    kLengthNotMinimal,        ///< a longer length form than needed
    kLengthTopBit,            ///< a 64-bit length of 2^63 and over
    kUnexpectedContinuation,  ///< a continuation with nothing to continue
    kExpectedContinuation,    ///< a new message inside a fragmented one
    kMessageTooBig,           ///< over message_bytes_max
    kInvalidUtf8,             ///< in a text message or a close reason
    kCorruptCompression,      ///< RFC 7692: the message does not inflate
    kBadClosePayload,         ///< a close payload of one byte
    kBadCloseCode,            ///< a code that must not be sent
};
[[nodiscard]] CloseCode close_code_of(FrameError error);
[[nodiscard]] std::string_view to_string(FrameError error);

/// One thing that arrived.
struct FrameEvent {
    enum class Kind : std::uint8_t {
        kNeedMore,  ///< nothing: the input is used up
        kText,      ///< a whole message, valid UTF-8
        kBinary,    ///< a whole message
        kPing,      ///< answer with a pong of the same payload
        kPong,
        kClose,  ///< answer with a close frame; nothing follows
    };
    Kind kind = Kind::kNeedMore;
    std::string_view payload = {};  ///< of a close: its reason, valid UTF-8
    CloseCode close_code = CloseCode::kNoStatus;
};

/// The server's end of RFC 6455: decodes a client's frames. Sans-IO, pull: bytes go in cut
/// anywhere, events come out one a call. Wire format: docs/protocol/websocket.md.
///
///     std::span<char> input = received;
///     while (true) {
///         auto event = decoder.next(input);
///         if (!event) return fail(close_code_of(event.error()));
///         if (event->kind == FrameEvent::Kind::kNeedMore) break;
///         …
///     }
///
/// Ownership: unmasks inside `input`, and a payload that lies whole in it is borrowed from there;
///            other payloads are borrowed from the decoder. Both until the next call.
/// Threading: confined to one thread.
/// Bounds:    stores at most message_bytes_max bytes and one control frame; a message is refused by
///            the length its header announces, before its bytes. Memory grows with the bytes that
///            have arrived, not with those announced. Between messages, after kNeedMore: no heap
///            memory and no inflater. Work is O(bytes); one call inflates one message at most.
/// Errors:    sticky; after the first, every call returns the same error. UTF-8 is refused at the
///            first impossible byte, before its message is complete. After kClose all input is
///            ignored.
///
/// A compressed message is inflated as it arrives, and only the inflated bytes are stored and
/// counted; a frame of it may announce an eighth more than message_bytes_max, since what cannot be
/// compressed grows.
class FrameDecoder {
public:
    /// @param message_bytes_max  payload bytes of one message, all fragments together; more:
    ///                           kMessageTooBig.
    /// @param inflaters          where permessage-deflate was negotiated; outlives the decoder.
    ///                           nullptr: RSV1 is refused.
    explicit FrameDecoder(std::size_t message_bytes_max, InflaterPool* inflaters = nullptr)
        : message_bytes_max_(message_bytes_max), inflaters_(inflaters) {}

    /// Takes from the front of `input` what the next event needs, and shortens it by that.
    [[nodiscard]] std::expected<FrameEvent, FrameError> next(std::span<char>& input);

    /// Bytes held of messages that are not complete.
    [[nodiscard]] std::size_t buffered_bytes() const { return buffer_ ? buffer_->size() : 0; }

private:
    enum class State : std::uint8_t { kHeader, kPayload, kClosed, kFailed };
    static constexpr std::size_t kHeaderBytesMax = 14;
    using Step = std::expected<void, FrameError>;
    using Result = std::expected<FrameEvent, FrameError>;

    [[nodiscard]] Result advance(std::span<char>& input);
    [[nodiscard]] std::expected<bool, FrameError> read_header(std::span<char>& input);
    [[nodiscard]] Step check_start(std::uint8_t first, std::uint8_t second) const;
    [[nodiscard]] Step begin_frame(const char* header);
    [[nodiscard]] Result read_payload(std::span<char>& input);
    [[nodiscard]] Step check_inflated(Inflater::Result inflated, std::size_t before);
    [[nodiscard]] Result read_compressed(std::string_view piece);
    [[nodiscard]] std::span<char> take_payload(std::span<char>& input);
    [[nodiscard]] bool too_long(std::uint64_t frame_bytes) const;
    [[nodiscard]] Result finish_control(std::string_view payload);
    [[nodiscard]] Result finish_message(std::string_view payload);
    [[nodiscard]] Result finish_close(std::string_view payload);
    [[nodiscard]] bool is_control() const { return opcode_ >= Opcode::kClose; }
    void release_delivered();
    [[nodiscard]] std::string& buffer();
    [[nodiscard]] std::string_view buffered() const {
        return buffer_ ? std::string_view(*buffer_) : std::string_view();
    }

    std::size_t message_bytes_max_;
    InflaterPool* inflaters_;
    std::unique_ptr<Inflater> inflater_;  // of the message that is open and compressed
    std::uint64_t remaining_ = 0;         // payload bytes of the current frame still to come
    // Fragments so far, then the part of the current frame; null: neither.
    std::unique_ptr<std::string> buffer_;
    std::size_t message_size_ = 0;  // the fragments' part of buffer_
    std::uint32_t mask_ = 0;        // rotated to the next payload byte
    State state_ = State::kHeader;
    Opcode opcode_ = Opcode::kContinuation;          // of the current frame
    Opcode message_opcode_ = Opcode::kContinuation;  // of the message; continuation: none is open
    bool final_ = false;                             // FIN of the current frame
    bool delivered_ = false;                         // the last event borrows from buffer_
    FrameError error_{};
    std::uint8_t header_size_ = 0;  // bytes in header_: only of a header cut by the input's end
    std::array<char, kHeaderBytesMax> header_{};
    Utf8Validator utf8_;
};

}  // namespace signalbox::websocket
