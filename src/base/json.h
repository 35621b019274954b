#pragma once

#include <simdjson.h>

#include <concepts>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace signalbox {

/// Why a text was refused as JSON.
enum class JsonError : std::uint8_t {
    kSyntax,         ///< not RFC 8259 JSON, or not UTF-8
    kTooDeep,        ///< nested deeper than kJsonDepthMax; what follows that place was not read
    kNumberRange,    ///< an integer over 64 bits or a number that overflows a double; likewise
    kLoneSurrogate,  ///< a \ud800 to \udfff escape without its pair; likewise
};
[[nodiscard]] std::string_view to_string(JsonError error);

/// Levels of arrays and objects that a text may nest.
inline constexpr std::size_t kJsonDepthMax = 128;

using JsonElement = simdjson::dom::element;

/// Strict JSON parser over simdjson's DOM. Reuses its memory: one instance a shard (or call site).
/// Threading: confined to one thread.
/// Work:      O(bytes); what it keeps is proportional to the longest text so far, or to
///            kKeptBytesMax after a longer one.
class JsonParser {
public:
    JsonParser();

    /// @return the root; it and all below borrow from this parser until the next parse(). `text` is
    ///         copied (padded) and need not outlive the call.
    [[nodiscard]] std::expected<JsonElement, JsonError> parse(std::string_view text);

private:
    simdjson::dom::parser parser_;
    std::string padded_;
};

/// Walks the members of the object that a text spells, in order, without a tree. Safe on any text:
/// where it is not JSON's shape, next() ends. Values are checked only for balance, so a text that
/// no parse() accepted may give malformed ones.
/// Ownership: borrows the text.
class RawMembers {
public:
    struct Member {
        std::string_view key;    ///< still escaped, without its quotes
        std::string_view value;  ///< its exact bytes
    };
    explicit RawMembers(std::string_view object_text);
    [[nodiscard]] std::optional<Member> next();

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

/// Calls `member(key, value)` for each member of the object that `object_text` spells, in order,
/// with the key still escaped (without its quotes) and the value's exact bytes. Precondition:
/// `object_text` is valid JSON (a parse() accepted it) and an object. Stops, and returns false,
/// when `member` returns false.
bool for_each_raw_member(std::string_view object_text,
                         const std::function<bool(std::string_view, std::string_view)>& member);

/// The exact bytes of each element of the array that `array_text` spells; as above.
bool for_each_raw_element(std::string_view array_text,
                          const std::function<bool(std::string_view)>& element);

/// Decodes the escapes of a valid JSON string given without its quotes.
[[nodiscard]] std::string unescape_json(std::string_view escaped);

/// Appends `text` as a JSON string with quotes. Precondition: valid UTF-8 (invalid bytes are
/// replaced by U+FFFD). Escapes only what JSON requires, so that JSON.stringify gives the same
/// bytes.
void append_json_string(std::string& out, std::string_view text);
void append_json_number(std::string& out, double value);
void append_json_number(std::string& out, std::int64_t value);
void append_json_number(std::string& out, std::uint64_t value);

/// Writes one JSON object or array into a string, member by member, with the commas.
///
///     JsonWriter json(out);
///     json.begin_object().member("type", "ERROR").raw_member("data", bytes).end_object();
///
/// Unbalanced begin/end is the caller's bug. Borrows `out` for its own life.
class JsonWriter {
public:
    explicit JsonWriter(std::string& out) : out_(out) {}

    JsonWriter& begin_object();
    JsonWriter& end_object();
    JsonWriter& begin_array();
    JsonWriter& end_array();
    JsonWriter& key(std::string_view name);  ///< escaped as needed
    JsonWriter& string(std::string_view value);
    JsonWriter& number(std::signed_integral auto value) {
        return integer(static_cast<std::int64_t>(value));
    }
    JsonWriter& number(std::unsigned_integral auto value) {
        return integer(static_cast<std::uint64_t>(value));
    }
    JsonWriter& number(double value);
    JsonWriter& boolean(bool value);
    JsonWriter& null();
    /// `json` must be valid JSON; passed on byte for byte.
    JsonWriter& raw(std::string_view json);

    JsonWriter& member(std::string_view name, std::string_view value) {
        return key(name).string(value);
    }
    JsonWriter& member(std::string_view name, const char* value) { return key(name).string(value); }
    JsonWriter& member(std::string_view name, std::same_as<bool> auto value) {
        return key(name).boolean(value);
    }
    template <class Number>
        requires(std::integral<Number> && !std::same_as<Number, bool>)
    JsonWriter& member(std::string_view name, Number value) {
        return key(name).number(value);
    }
    JsonWriter& member(std::string_view name, double value) { return key(name).number(value); }
    JsonWriter& raw_member(std::string_view name, std::string_view json) {
        return key(name).raw(json);
    }

private:
    JsonWriter& integer(std::int64_t value);
    JsonWriter& integer(std::uint64_t value);
    void separate();

    std::string& out_;
    bool comma_ = false;
};

/// Text that is known to be valid JSON: the form in which data, results and progress are passed on,
/// byte for byte.
class JsonText {
public:
    /// `null`.
    JsonText() : text_("null") {}
    [[nodiscard]] static std::expected<JsonText, JsonError> parse(std::string text);
    /// Takes text that was parsed before or written by JsonWriter.
    [[nodiscard]] static JsonText trusted(std::string text) {
        JsonText json;
        json.text_ = std::move(text);
        return json;
    }
    /// The same, into the memory that it has.
    void assign_trusted(std::string_view text) { text_ = text; }
    [[nodiscard]] const std::string& str() const { return text_; }

private:
    std::string text_;
};

}  // namespace signalbox
