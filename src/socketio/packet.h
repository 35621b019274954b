#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "engineio/ports.h"

/// Socket.IO packet codec, v5 and what v4 has different. Sans-IO. Grammar, worked bytes, what is
/// refused and what is tolerated: docs/protocol/socketio.md.
namespace signalbox::socketio {

/// The protocol's revision: v4 travels over Engine.IO 3, v5 over Engine.IO 4.
enum class Revision : std::uint8_t { kV4 = 4, kV5 = 5 };

enum class PacketType : std::uint8_t {
    kConnect = 0,
    kDisconnect = 1,
    kEvent = 2,
    kAck = 3,
    kConnectError = 4,
    kBinaryEvent = 5,
    kBinaryAck = 6,
};

/// Why a message is no packet. Each ends the connection.
enum class ParseError : std::uint8_t {
    kEmpty,
    kUnknownType,
    kBadAttachmentCount,  ///< missing, zero, not decimal
    kTooManyAttachments,  ///< over Options::attachments_max
    kBadNamespace,        ///< not UTF-8
    kAckIdTooLarge,       ///< over 64 bits
    kBadPayload,          ///< not JSON, or not of the shape its type demands
    kReservedEvent,
    kBadPlaceholder,        ///< a placeholder whose `num` is no attachment's index
    kUnexpectedText,        ///< while attachments are outstanding
    kUnexpectedBinary,      ///< while none is
    kBinaryPacketTooLarge,  ///< over Options::binary_packet_bytes_max
};
[[nodiscard]] std::string_view to_string(ParseError error);

/// Event names that belong to the protocol's users on either side, never on the wire.
[[nodiscard]] bool is_reserved_event(std::string_view name);

/// A packet as it arrived, its payload validated and kept as the sender's bytes.
struct Packet {
    PacketType type = PacketType::kEvent;
    std::string_view namespace_name = "/";
    std::optional<std::uint64_t> id;
    std::size_t attachment_count = 0;  ///< binary types: frames that follow
    bool has_payload = false;
    /// CONNECT, CONNECT_ERROR: the payload, raw.
    std::string_view payload;
    /// EVENT: the name, unescaped.
    std::string_view name;
    /// EVENT: raw JSON of the arguments after the name; ACK: of all arguments. No brackets.
    std::string_view args;
    std::size_t arg_count = 0;
    /// EVENT: its only argument unescaped, when that is a string.
    std::optional<std::string_view> text;
    /// EVENT, ACK, CONNECT: JSON beyond our limits (never kSyntax). An EVENT's `args` are then text
    /// that nobody has validated, arg_count is 0, and both name and args are empty when the name
    /// could not be read. An ACK's `args` are empty.
    std::optional<JsonError> fault;
};

/// Decodes the text part of packets. Keeps no state between packets but memory to reuse, so that
/// one instance serves every connection of a shard.
/// Ownership: a Packet is the parser's until its next parse(), and so are its name and text; the rest
///            borrows from what was parsed. A copy lasts no longer.
/// Threading: confined to its shard.
/// Work:      O(bytes).
class PacketParser {
public:
    explicit PacketParser(std::size_t attachments_max) : attachments_max_(attachments_max) {}

    [[nodiscard]] std::expected<const Packet*, ParseError> parse(std::string_view text);

private:
    using Parsed = std::expected<void, ParseError>;
    [[nodiscard]] Parsed parse_head(std::string_view& text);
    [[nodiscard]] Parsed parse_payload(std::string_view json);
    [[nodiscard]] Parsed parse_object(std::string_view json);
    [[nodiscard]] bool parse_text_event(std::string_view json);
    [[nodiscard]] Parsed parse_event(std::string_view json);
    [[nodiscard]] Parsed parse_ack(std::string_view json);
    [[nodiscard]] Parsed parse_name(JsonElement name);
    [[nodiscard]] Parsed parse_faulty_event(std::string_view json);

    std::size_t attachments_max_;
    Packet packet_;
    JsonParser json_;
    std::string number_name_;
    std::string text_;
};

/// Decodes what one connection sends: text packets, and binary packets put together from their
/// attachments.
///
/// Ownership: borrows the parser, which outlives it.
/// Bounds:    one packet is under construction at a time, of at most `binary_packet_bytes_max`
///            bytes; between packets nothing is kept.
/// Errors:    the connection must end after the first.
class Decoder {
public:
    /// The text and attachments of a binary packet.
    struct Assembly {
        std::string text;
        std::vector<std::string> attachments;
        std::size_t attachment_count = 0;
        std::size_t bytes = 0;
    };
    /// A complete packet, which is the parser's, and, for binary ones, the memory that its views
    /// point into.
    struct Decoded {
        const Packet* packet = nullptr;  ///< null: attachments are outstanding
        std::unique_ptr<Assembly> assembly;

        [[nodiscard]] std::span<const std::string> attachments() const {
            return assembly ? std::span<const std::string>(assembly->attachments)
                            : std::span<const std::string>();
        }
    };

    Decoder(PacketParser& parser, std::size_t binary_packet_bytes_max)
        : parser_(parser), bytes_max_(binary_packet_bytes_max) {}

    /// @return the packet that `message` completes, until the next feed() of any Decoder on that
    ///         parser, which its name and text are of; the rest borrows from `message` or, in a binary
    ///         packet, from the assembly.
    [[nodiscard]] std::expected<Decoded, ParseError> feed(engineio::MessageKind kind,
                                                          std::string_view message);

private:
    using Result = std::expected<Decoded, ParseError>;
    [[nodiscard]] Result feed_text(std::string_view text);
    [[nodiscard]] Result feed_attachment(std::string_view bytes);

    PacketParser& parser_;
    std::size_t bytes_max_;
    std::unique_ptr<Assembly> partial_;
};

/// Where a packet goes and what it answers.
struct PacketHead {
    std::string_view namespace_name;
    std::optional<std::uint64_t> id;
    std::size_t attachment_count = 0;  ///< not 0: a binary packet; that many frames must follow
};

/// Payload of the server's CONNECT.
struct ConnectAnswer {
    std::string_view sid;
    std::string_view pid;  ///< empty: absent
};

/// Encoders. `args` is raw JSON, comma-separated, no brackets; `data` raw JSON or empty.
void append_event(std::string& out, const PacketHead& head, std::string_view event,
                  std::string_view args);
/// `text`, unescaped, as the only argument.
void append_text_event(std::string& out, const PacketHead& head, std::string_view event,
                       std::string_view text);
void append_ack(std::string& out, const PacketHead& head, std::string_view args);
/// Adds a last argument to the EVENT that `out` ends with.
void append_offset(std::string& out, std::string_view offset);
void append_null_argument(std::string& out);
void append_connect(std::string& out, std::string_view namespace_name, const ConnectAnswer& answer);
void append_connect_error(std::string& out, std::string_view namespace_name,
                          std::string_view message, std::string_view data);
/// v4: without a payload, so that its client makes do with an id of its own.
void append_connect_v4(std::string& out, std::string_view namespace_name);
/// v4: `data` or, without any, the message as a string.
void append_connect_error_v4(std::string& out, std::string_view namespace_name,
                             std::string_view message, std::string_view data);
void append_disconnect(std::string& out, std::string_view namespace_name);

}  // namespace signalbox::socketio
