#pragma once

#include <zlib.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "websocket/frame.h"

/// The client's end of RFC 6455, as much of it as a generator of load needs.
namespace signalbox::bench {

/// Appends a whole masked frame.
void append_client_frame(std::string& out, websocket::Opcode opcode, std::string_view payload);

/// One message of a server.
struct ServerFrame {
    websocket::Opcode opcode;
    std::string_view payload;
};

/// Splits what a server sent into frames; keeps a frame that is not complete. Fragmented messages
/// end the program: no server that we measure sends them.
/// Ownership: frames borrow from the input or from the reader, until the next begin().
class FrameReader {
public:
    void begin(std::span<char> input);
    [[nodiscard]] std::optional<ServerFrame> next();
    /// Keeps the rest for the next begin().
    void end();

private:
    std::string pending_;
    std::string_view rest_;
};

/// RFC 7692 without context takeover on either side. One for all connections.
/// Ownership: results borrow from it until the next call of the same function.
class Deflate {
public:
    Deflate();
    ~Deflate();
    Deflate(const Deflate&) = delete;
    Deflate& operator=(const Deflate&) = delete;

    static constexpr std::string_view kOffer =
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover";

    /// Appends a compressed, masked text frame.
    void append_client_frame(std::string& out, std::string_view message);
    [[nodiscard]] std::string_view inflate(std::string_view payload);

private:
    z_stream deflater_{};
    z_stream inflater_{};
    std::string compressed_;
    std::string inflated_;
};

/// Whether the payload of `frame` is compressed: RSV1.
inline constexpr unsigned kCompressedBit = 0x40;

}  // namespace signalbox::bench
