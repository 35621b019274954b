#include "socketio/packet.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/json_scanner.h"
#include "base/json_string.h"
#include "base/utf8.h"

namespace signalbox::socketio {
namespace {

constexpr std::size_t kKeptBytesMax = std::size_t{64} * 1024;
constexpr std::string_view kJsonSpace = " \t\n\r";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_binary(PacketType type) {
    return type == PacketType::kBinaryEvent || type == PacketType::kBinaryAck;
}

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(kJsonSpace);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kJsonSpace) - first + 1);
}

/// Removes the decimal digits at the start of `text`.
std::string_view take_digits(std::string_view& text) {
    const auto end = std::ranges::find_if_not(text, is_digit);
    const std::string_view digits(text.begin(), end);
    text.remove_prefix(digits.size());
    return digits;
}

std::optional<std::uint64_t> to_number(std::string_view digits) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc()) return std::nullopt;
    return value;
}

std::expected<std::size_t, ParseError> take_attachment_count(std::string_view& text,
                                                             std::size_t attachments_max) {
    const std::string_view digits = take_digits(text);
    if (digits.empty() || !text.starts_with('-')) {
        return std::unexpected(ParseError::kBadAttachmentCount);
    }
    text.remove_prefix(1);
    const auto count = to_number(digits);
    if (count == 0) return std::unexpected(ParseError::kBadAttachmentCount);
    if (!count || *count > attachments_max) {
        return std::unexpected(ParseError::kTooManyAttachments);
    }
    return *count;
}

std::expected<std::string_view, ParseError> take_namespace(std::string_view& text) {
    if (!text.starts_with('/')) return "/";
    const std::string_view name = text.substr(0, text.find(','));
    text.remove_prefix(std::min(name.size() + 1, text.size()));
    if (!is_valid_utf8(name)) return std::unexpected(ParseError::kBadNamespace);
    return name;
}

std::expected<std::optional<std::uint64_t>, ParseError> take_id(std::string_view& text) {
    const std::string_view digits = take_digits(text);
    if (digits.empty()) return std::nullopt;
    const auto id = to_number(digits);
    if (!id) return std::unexpected(ParseError::kAckIdTooLarge);
    return id;
}

/// The bytes between the brackets of a valid array.
std::string_view inside_brackets(std::string_view array) {
    array = trim(array);
    return trim(array.substr(1, array.size() - 2));
}

/// Position after the string at the start of `text`; npos when it has no end.
std::size_t string_length(std::string_view text) {
    std::size_t at = 1;
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    return at < text.size() ? at + 1 : std::string_view::npos;
}

/// The string or number at the start of `text`; empty when there is none.
std::string_view first_scalar(std::string_view text) {
    if (text.empty()) return {};
    if (text.front() != '"') return text.substr(0, text.find_first_of(",] \t\n\r"));
    const std::size_t length = string_length(text);
    return length == std::string_view::npos ? std::string_view() : text.substr(0, length);
}

/// As ECMAScript prints it, but for the exponent of very large and very small ones.
std::string number_text(double value) {
    if (value == 0) return "0";
    const double size = std::abs(value);
    const auto format =
        size >= 1e-6 && size < 1e21 ? std::chars_format::fixed : std::chars_format::scientific;
    std::array<char, 64> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), value, format).ptr;
    return {digits.begin(), end};
}

std::optional<std::string_view> string_in(JsonElement element) {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) return std::nullopt;
    return text;
}

bool is_attachment_index(JsonElement num, std::size_t attachment_count) {
    double index = 0;
    return num.get_double().get(index) == simdjson::SUCCESS && index >= 0 &&
           index < static_cast<double>(attachment_count) && index == std::floor(index);
}

bool placeholders_are_valid(JsonElement value, std::size_t attachment_count);

/// The last of several members of one name counts, as in JSON.parse.
bool object_is_valid(simdjson::dom::object object, std::size_t attachment_count) {
    bool is_placeholder = false;
    std::optional<JsonElement> num;
    for (const auto [key, value] : object) {
        if (key == "_placeholder") is_placeholder = value.is_bool() && value.get_bool().value();
        if (key == "num") num = value;
        if (!placeholders_are_valid(value, attachment_count)) return false;
    }
    return !is_placeholder || (num && is_attachment_index(*num, attachment_count));
}

/// Whether each placeholder in `value` names an attachment. Recurses at most kJsonDepthMax deep.
bool placeholders_are_valid(JsonElement value, std::size_t attachment_count) {
    if (value.is_object()) return object_is_valid(value.get_object().value(), attachment_count);
    if (!value.is_array()) return true;
    return std::ranges::all_of(value.get_array().value(), [&](JsonElement element) {
        return placeholders_are_valid(element, attachment_count);
    });
}

void append_head(std::string& out, PacketType type, const PacketHead& head) {
    out += static_cast<char>('0' + static_cast<int>(type));
    if (head.attachment_count > 0) {
        append_json_number(out, static_cast<std::int64_t>(head.attachment_count));
        out += '-';
    }
    if (head.namespace_name != "/") {
        out += head.namespace_name;
        out += ',';
    }
    if (head.id) out += std::to_string(*head.id);
}

}  // namespace

std::string_view to_string(ParseError error) {
    switch (error) {
        case ParseError::kEmpty:
            return "empty packet";
        case ParseError::kUnknownType:
            return "unknown packet type";
        case ParseError::kBadAttachmentCount:
            return "illegal attachments";
        case ParseError::kTooManyAttachments:
            return "too many attachments";
        case ParseError::kBadNamespace:
            return "namespace is not UTF-8";
        case ParseError::kAckIdTooLarge:
            return "ack id too large";
        case ParseError::kBadPayload:
            return "invalid payload";
        case ParseError::kReservedEvent:
            return "reserved event name";
        case ParseError::kBadPlaceholder:
            return "placeholder without attachment";
        case ParseError::kUnexpectedText:
            return "text instead of an attachment";
        case ParseError::kUnexpectedBinary:
            return "binary data without a packet";
        case ParseError::kBinaryPacketTooLarge:
            return "binary packet too large";
    }
    return "parse error";
}

bool is_reserved_event(std::string_view name) {
    constexpr std::array<std::string_view, 6> kReserved = {
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};
    switch (name.empty() ? '\0' : name.front()) {  // of most names it tells
        case 'c':
        case 'd':
        case 'n':
        case 'r':
            return std::ranges::find(kReserved, name) != kReserved.end();
        default:
            return false;
    }
}

std::expected<const Packet*, ParseError> PacketParser::parse(std::string_view text) {
    packet_ = {};
    if (const auto parsed = parse_head(text); !parsed) return std::unexpected(parsed.error());
    packet_.has_payload = !text.empty();
    if (!packet_.has_payload) return &packet_;
    if (const auto parsed = parse_payload(text); !parsed) return std::unexpected(parsed.error());
    return &packet_;
}

/// Takes everything in front of the payload off `text`.
PacketParser::Parsed PacketParser::parse_head(std::string_view& text) {
    if (text.empty()) return std::unexpected(ParseError::kEmpty);
    if (text[0] < '0' || text[0] > '6') return std::unexpected(ParseError::kUnknownType);
    packet_.type = static_cast<PacketType>(text[0] - '0');
    text.remove_prefix(1);
    if (is_binary(packet_.type)) {
        const auto count = take_attachment_count(text, attachments_max_);
        if (!count) return std::unexpected(count.error());
        packet_.attachment_count = *count;
    }
    const auto name = take_namespace(text);
    if (!name) return std::unexpected(name.error());
    packet_.namespace_name = *name;
    const auto id = take_id(text);
    if (!id) return std::unexpected(id.error());
    packet_.id = *id;
    return {};
}

PacketParser::Parsed PacketParser::parse_payload(std::string_view json) {
    switch (packet_.type) {
        case PacketType::kConnect:
        case PacketType::kConnectError:
            return parse_object(json);
        case PacketType::kDisconnect:
            return std::unexpected(ParseError::kBadPayload);
        case PacketType::kEvent:
        case PacketType::kBinaryEvent:
            return parse_event(json);
        case PacketType::kAck:
        case PacketType::kBinaryAck:
            return parse_ack(json);
    }
    return std::unexpected(ParseError::kUnknownType);
}

PacketParser::Parsed PacketParser::parse_object(std::string_view json) {
    json = trim(json);
    const auto root = json_.parse(json);
    if (!root && root.error() == JsonError::kSyntax) {
        return std::unexpected(ParseError::kBadPayload);
    }
    const bool text_allowed = packet_.type == PacketType::kConnectError;
    if (!json.starts_with('{') && !(text_allowed && json.starts_with('"'))) {
        return std::unexpected(ParseError::kBadPayload);
    }
    if (!root) packet_.fault = root.error();
    packet_.payload = json;
    return {};
}

/// The form of most events, `["name","text"]` with a plain name, read in one pass. @return false when
/// it is another, or has a fault, which is then for JsonParser to find.
bool PacketParser::parse_text_event(std::string_view json) {
    if (!json.ends_with(']')) return false;
    JsonScanner scanner(json.substr(0, json.size() - 1));
    if (!scanner.take('[')) return false;
    const auto name = scanner.plain_string();
    if (!name || !scanner.take(',')) return false;
    const std::string_view args = scanner.rest();
    if (!args.starts_with('"')) return false;
    if (text_.capacity() > kKeptBytesMax) text_ = std::string();
    text_.clear();
    if (append_checked_json_string(text_, args) != args.size()) return false;
    packet_.name = *name;
    packet_.args = args;
    packet_.arg_count = 1;
    packet_.text = text_;
    return true;
}

PacketParser::Parsed PacketParser::parse_event(std::string_view json) {
    if (packet_.type == PacketType::kEvent && parse_text_event(json)) {
        if (is_reserved_event(packet_.name)) return std::unexpected(ParseError::kReservedEvent);
        return {};
    }
    const auto root = json_.parse(json);
    if (!root && root.error() != JsonError::kSyntax) {
        packet_.fault = root.error();
        return parse_faulty_event(json);
    }
    simdjson::dom::array array;
    if (!root || root->get_array().get(array) != simdjson::SUCCESS || array.size() == 0) {
        return std::unexpected(ParseError::kBadPayload);
    }
    if (const auto parsed = parse_name(*array.begin()); !parsed) return parsed;
    if (is_binary(packet_.type) && !placeholders_are_valid(*root, packet_.attachment_count)) {
        return std::unexpected(ParseError::kBadPlaceholder);
    }
    const std::string_view elements = inside_brackets(json);
    const std::string_view rest = trim(elements.substr(first_scalar(elements).size()));
    packet_.args = rest.empty() ? rest : trim(rest.substr(1));
    packet_.arg_count = array.size() - 1;
    if (packet_.arg_count == 1) packet_.text = string_in(array.at(1));
    return {};
}

PacketParser::Parsed PacketParser::parse_ack(std::string_view json) {
    const auto root = json_.parse(json);
    if (!root && root.error() != JsonError::kSyntax && trim(json).starts_with('[')) {
        packet_.fault = root.error();
        return {};
    }
    simdjson::dom::array array;
    if (!root || root->get_array().get(array) != simdjson::SUCCESS) {
        return std::unexpected(ParseError::kBadPayload);
    }
    if (is_binary(packet_.type) && !placeholders_are_valid(*root, packet_.attachment_count)) {
        return std::unexpected(ParseError::kBadPlaceholder);
    }
    packet_.args = inside_brackets(json);
    packet_.arg_count = array.size();
    return {};
}

PacketParser::Parsed PacketParser::parse_name(JsonElement name) {
    if (name.is_string()) {
        packet_.name = name.get_string().value();
        if (is_reserved_event(packet_.name)) return std::unexpected(ParseError::kReservedEvent);
        return {};
    }
    if (!name.is_number()) return std::unexpected(ParseError::kBadPayload);
    if (name.is_int64()) {
        number_name_ = std::to_string(name.get_int64().value());
    } else if (name.is_uint64()) {
        number_name_ = std::to_string(name.get_uint64().value());
    } else {
        number_name_ = number_text(name.get_double().value());
    }
    packet_.name = number_name_;
    return {};
}

/// The array as a whole was refused: what comes before the fault may still name the event.
PacketParser::Parsed PacketParser::parse_faulty_event(std::string_view json) {
    json = trim(json);
    if (!json.starts_with('[')) return std::unexpected(ParseError::kBadPayload);
    const std::string_view elements = trim(json.substr(1));
    const std::string_view scalar = first_scalar(elements);
    const auto name = json_.parse(scalar);
    if (name) {
        const std::string_view rest = trim(elements.substr(scalar.size()));
        if (rest.starts_with(',')) packet_.args = trim(rest.substr(1));
        return parse_name(*name);
    }
    if (name.error() == JsonError::kSyntax) return std::unexpected(ParseError::kBadPayload);
    return {};
}

std::expected<Decoder::Decoded, ParseError> Decoder::feed(engineio::MessageKind kind,
                                                          std::string_view message) {
    return kind == engineio::MessageKind::kText ? feed_text(message) : feed_attachment(message);
}

Decoder::Result Decoder::feed_text(std::string_view text) {
    if (partial_) return std::unexpected(ParseError::kUnexpectedText);
    const auto packet = parser_.parse(text);
    if (!packet) return std::unexpected(packet.error());
    const std::size_t attachments = (*packet)->attachment_count;
    if (attachments == 0) return Decoded{*packet, nullptr};
    if (text.size() > bytes_max_) return std::unexpected(ParseError::kBinaryPacketTooLarge);
    partial_ = std::make_unique<Assembly>();
    partial_->text = text;
    partial_->attachment_count = attachments;
    partial_->bytes = text.size();
    return Decoded{};
}

Decoder::Result Decoder::feed_attachment(std::string_view bytes) {
    if (!partial_) return std::unexpected(ParseError::kUnexpectedBinary);
    partial_->bytes += bytes.size();
    if (partial_->bytes > bytes_max_) return std::unexpected(ParseError::kBinaryPacketTooLarge);
    partial_->attachments.emplace_back(bytes);
    if (partial_->attachments.size() < partial_->attachment_count) return Decoded{};
    // Parsed again rather than kept: the parser's memory served other connections in between.
    const auto packet = parser_.parse(partial_->text);
    if (!packet) return std::unexpected(packet.error());
    return Decoded{*packet, std::move(partial_)};
}

void append_event(std::string& out, const PacketHead& head, std::string_view event,
                  std::string_view args) {
    append_head(out, head.attachment_count > 0 ? PacketType::kBinaryEvent : PacketType::kEvent,
                head);
    out.reserve(out.size() + event.size() + args.size() + 8);
    out += '[';
    append_json_string(out, event);
    if (!args.empty()) out += ',';
    out += args;
    out += ']';
}

void append_text_event(std::string& out, const PacketHead& head, std::string_view event,
                       std::string_view text) {
    append_head(out, PacketType::kEvent, head);
    out += '[';
    append_json_string(out, event);
    out += ',';
    append_json_string(out, text);
    out += ']';
}

void append_ack(std::string& out, const PacketHead& head, std::string_view args) {
    append_head(out, head.attachment_count > 0 ? PacketType::kBinaryAck : PacketType::kAck, head);
    out += '[';
    out += args;
    out += ']';
}

void append_offset(std::string& out, std::string_view offset) {
    out.back() = ',';
    append_json_string(out, offset);
    out += ']';
}

void append_null_argument(std::string& out) {
    out.back() = ',';
    out += "null]";
}

void append_connect(std::string& out, std::string_view namespace_name,
                    const ConnectAnswer& answer) {
    append_head(out, PacketType::kConnect, {namespace_name, {}, 0});
    JsonWriter json(out);
    json.begin_object().member("sid", answer.sid);
    if (!answer.pid.empty()) json.member("pid", answer.pid);
    json.end_object();
}

void append_connect_error(std::string& out, std::string_view namespace_name,
                          std::string_view message, std::string_view data) {
    append_head(out, PacketType::kConnectError, {namespace_name, {}, 0});
    JsonWriter json(out);
    json.begin_object().member("message", message);
    if (!data.empty()) json.raw_member("data", data);
    json.end_object();
}

void append_connect_v4(std::string& out, std::string_view namespace_name) {
    append_head(out, PacketType::kConnect, {namespace_name, {}, 0});
}

void append_connect_error_v4(std::string& out, std::string_view namespace_name,
                             std::string_view message, std::string_view data) {
    append_head(out, PacketType::kConnectError, {namespace_name, {}, 0});
    if (data.empty()) return append_json_string(out, message);
    out += data;
}

void append_disconnect(std::string& out, std::string_view namespace_name) {
    append_head(out, PacketType::kDisconnect, {namespace_name, {}, 0});
}

}  // namespace signalbox::socketio
