#include "engineio/payload.h"

#include <algorithm>
#include <charconv>

#include "base/base64.h"
#include "base/utf8.h"

namespace signalbox::engineio {
namespace {

constexpr char kLengthEnd = '\xFF';
/// More digits than any body has bytes.
constexpr std::size_t kLengthDigitsMax = 15;

std::expected<std::size_t, PacketError> to_length(std::string_view digits) {
    std::size_t length = 0;
    const char* const end = digits.data() + digits.size();
    if (digits.empty() || digits.size() > kLengthDigitsMax ||
        std::from_chars(digits.data(), end, length).ptr != end) {
        return std::unexpected(PacketError::kBadLength);
    }
    return length;
}

/// How many bytes of valid UTF-8 `text` make up `units` of UTF-16; nullopt when it is shorter, or
/// they end inside a character.
std::optional<std::size_t> bytes_of_units(std::string_view text, std::size_t units) {
    std::size_t at = 0;
    while (units > 0) {
        if (at >= text.size()) return std::nullopt;
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t character_units = lead >= 0xF0 ? 2 : 1;
        if (character_units > units) return std::nullopt;
        units -= character_units;
        at += lead < 0x80 ? 1U : lead < 0xE0 ? 2U : lead < 0xF0 ? 3U : 4U;
    }
    return at;
}

/// The UTF-16 units of valid UTF-8: a character of four bytes is two, any other one.
std::size_t units_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
               text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; })) +
           static_cast<std::size_t>(std::ranges::count_if(
               text, [](char c) { return static_cast<unsigned char>(c) >= 0xF0; }));
}

void append_v4(std::string& payload, const Packet& packet) {
    if (!payload.empty()) payload += kPacketSeparator;
    if (packet.kind == MessageKind::kBinary) {
        payload += 'b';
        return append_base64(payload, packet.data);
    }
    payload += type_digit(packet.type);
    payload += packet.data;
}

void append_v3_text(std::string& payload, const Packet& packet) {
    if (packet.kind == MessageKind::kBinary) {
        payload += std::to_string((packet.data.size() + 2) / 3 * 4 + 2);
        payload += ":b";
        payload += type_digit(packet.type);
        return append_base64(payload, packet.data);
    }
    payload += std::to_string(units_of(packet.data) + 1);
    payload += ':';
    payload += type_digit(packet.type);
    payload += packet.data;
}

void append_v3_binary(std::string& payload, const Packet& packet) {
    const bool binary = packet.kind == MessageKind::kBinary;
    payload += binary ? '\1' : '\0';
    for (const char digit : std::to_string(packet.data.size() + 1)) {
        payload += static_cast<char>(digit - '0');
    }
    payload += kLengthEnd;
    payload += binary ? static_cast<char>(packet.type) : type_digit(packet.type);
    payload += packet.data;
}

}  // namespace

std::expected<std::optional<Packet>, PacketError> PayloadReader::next() {
    if (!rest_) return std::nullopt;
    const auto item = take_item();
    if (!item) return std::unexpected(item.error());
    const auto packet = decode(*item);
    if (!packet) return std::unexpected(packet.error());
    return *packet;
}

PayloadReader::TakenItem PayloadReader::take_item() {
    if (rest_->empty()) return std::unexpected(PacketError::kEmpty);
    if (format_ == PayloadFormat::kV4) return take_separated();
    auto item = format_ == PayloadFormat::kV3Text ? take_counted() : take_binary();
    if (rest_->empty()) rest_.reset();
    return item;
}

PayloadReader::TakenItem PayloadReader::take_separated() {
    const std::string_view rest = *rest_;
    const std::size_t end = rest.find(kPacketSeparator);
    rest_.reset();
    if (end != std::string_view::npos) rest_ = rest.substr(end + 1);
    return Item{MessageKind::kText, rest.substr(0, end)};
}

PayloadReader::TakenItem PayloadReader::take_counted() {
    const std::size_t colon = rest_->find(':');
    if (colon == std::string_view::npos) return std::unexpected(PacketError::kBadLength);
    const auto units = to_length(rest_->substr(0, colon));
    if (!units) return std::unexpected(units.error());
    rest_->remove_prefix(colon + 1);
    const auto size = bytes_of_units(*rest_, *units);
    if (!size || *size > rest_->size()) return std::unexpected(PacketError::kBadLength);
    const Item item{MessageKind::kText, rest_->substr(0, *size)};
    rest_->remove_prefix(*size);
    return item;
}

PayloadReader::TakenItem PayloadReader::take_binary() {
    const char mark = rest_->front();
    if (mark != '\0' && mark != '\1') return std::unexpected(PacketError::kBadLength);
    const std::size_t end = rest_->substr(0, kLengthDigitsMax + 2).find(kLengthEnd);
    if (end == std::string_view::npos) return std::unexpected(PacketError::kBadLength);
    std::string digits(rest_->substr(1, end - 1));
    for (char& digit : digits) digit = static_cast<char>(digit + '0');
    const auto size = to_length(digits);
    if (!size) return std::unexpected(size.error());
    rest_->remove_prefix(end + 1);
    if (*size > rest_->size()) return std::unexpected(PacketError::kBadLength);
    const Item item{mark == '\0' ? MessageKind::kText : MessageKind::kBinary,
                    rest_->substr(0, *size)};
    rest_->remove_prefix(*size);
    return item;
}

std::expected<Packet, PacketError> PayloadReader::decode(const Item& item) {
    if (item.kind == MessageKind::kBinary) return decode_binary_packet(item.bytes);
    if (!is_valid_utf8(item.bytes)) return std::unexpected(PacketError::kBadUtf8);
    if (!item.bytes.starts_with('b')) return decode_packet(item.bytes);
    if (format_ != PayloadFormat::kV4) return decode_base64_packet(item.bytes.substr(1), decoded_);
    auto bytes = base64_decode(item.bytes.substr(1));
    if (!bytes) return std::unexpected(PacketError::kBadBase64);
    decoded_ = std::move(*bytes);
    return Packet{.type = PacketType::kMessage, .data = decoded_, .kind = MessageKind::kBinary};
}

void append_to_payload(std::string& payload, PayloadFormat format, const Packet& packet) {
    switch (format) {
        case PayloadFormat::kV4:
            return append_v4(payload, packet);
        case PayloadFormat::kV3Text:
            return append_v3_text(payload, packet);
        case PayloadFormat::kV3Binary:
            return append_v3_binary(payload, packet);
    }
}

}  // namespace signalbox::engineio
