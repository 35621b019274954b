#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// The message transformation of RFC 7692 section 7.2 without context takeover: each message is a
/// raw DEFLATE stream of its own, sent without the four bytes 00 00 ff ff at its end.
/// Wire format: docs/protocol/websocket.md, "Compression".
namespace signalbox::websocket {

enum class InflateError : std::uint8_t {
    kCorrupt,  ///< no DEFLATE stream, or one that ends inside a block
    kTooBig,   ///< inflates to more than the caller takes
};

/// Inflates one message at a time, in pieces cut anywhere.
///
/// Threading: confined to one thread.
/// Bounds:    7 KB, and a window of 32 KB once the message is longer than one piece. Stores no
///            input; work is O(input + output).
/// Errors:    after one, only good for reset(). What was inflated before it has been appended.
class Inflater {
public:
    Inflater();
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    using Result = std::expected<void, InflateError>;
    /// Appends to `out` what `compressed` inflates to. kTooBig leaves out_bytes_max + 1 bytes
    /// there.
    [[nodiscard]] Result feed(std::string_view compressed, std::string& out,
                              std::size_t out_bytes_max);
    /// The message ends here.
    [[nodiscard]] Result finish(std::string& out, std::size_t out_bytes_max);
    void reset();

private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
};

/// Inflaters of one thread: a connection has one only while a compressed message is under way.
/// Bounds: keeps at most kSparesMax; the others are freed.
class InflaterPool {
public:
    static constexpr std::size_t kSparesMax = 4;

    [[nodiscard]] std::unique_ptr<Inflater> take();
    void give_back(std::unique_ptr<Inflater> inflater);
    [[nodiscard]] std::size_t spares() const { return spares_.size(); }

private:
    std::vector<std::unique_ptr<Inflater>> spares_;
};

/// Deflates whole messages for all connections of one thread, so that no connection has a
/// compressor of its own, and remembers the last few: a message that goes to many connections is
/// deflated once for each window size.
///
/// Threading: confined to one thread.
/// Bounds:    268 KB for each window size in use; kRememberedMax messages with what they became,
///            until forget().
class MessageDeflater {
public:
    static constexpr std::size_t kRememberedMax = 8;
    static constexpr std::uint8_t kWindowBitsMin = 9, kWindowBitsMax = 15;

    MessageDeflater();
    ~MessageDeflater();
    MessageDeflater(const MessageDeflater&) = delete;
    MessageDeflater& operator=(const MessageDeflater&) = delete;

    /// @return the payload of a compressed frame, shorter than `message`; empty: it does not get
    ///         shorter. Borrowed until the next call.
    [[nodiscard]] std::string_view deflate(std::string_view message, std::uint8_t window_bits);

    /// Frees the messages that are remembered.
    void forget();
    /// Messages that were really deflated, not found again.
    [[nodiscard]] std::uint64_t deflated() const { return deflated_; }

private:
    class Stream;
    struct Remembered {
        std::string message;
        std::string deflated;
        std::uint8_t window_bits = 0;
    };

    [[nodiscard]] const Remembered* find(std::string_view message, std::uint8_t window_bits) const;
    [[nodiscard]] Stream& stream(std::uint8_t window_bits);

    std::array<std::unique_ptr<Stream>, kWindowBitsMax - kWindowBitsMin + 1> streams_;
    std::vector<Remembered> remembered_;
    std::size_t oldest_ = 0;
    std::uint64_t deflated_ = 0;
};

}  // namespace signalbox::websocket
