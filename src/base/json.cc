#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/json_block.h"
#include "base/json_fault.h"
#include "base/json_string.h"

namespace signalbox {
namespace {

constexpr std::size_t kKeptBytesMax = 1 << 20;
/// simdjson counts the document itself as a level.
constexpr std::size_t kParserDepthMax = kJsonDepthMax + 1;

bool is_json_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t skip_space(std::string_view text, std::size_t at) {
    while (at < text.size() && is_json_space(text[at])) ++at;
    return at;
}

/// Position after the string whose opening quote is at `at`; npos when it has no end.
std::size_t skip_string(std::string_view text, std::size_t at) {
    constexpr std::size_t kBlock = JsonBlock::kBytes;
    for (++at; at + kBlock <= text.size();) {
        const auto ends = JsonBlock(text.data() + at).quotes_and_backslashes();
        if (ends.empty()) {
            at += kBlock;
            continue;
        }
        at += static_cast<std::size_t>(ends.first());
        if (text[at] == '"') return at + 1;
        at += 2;
    }
    for (; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
    }
    return at < text.size() ? at + 1 : std::string_view::npos;
}

std::size_t skip_scalar(std::string_view text, std::size_t at) {
    while (at < text.size() && text[at] != ',' && text[at] != '}' && text[at] != ']' &&
           !is_json_space(text[at])) {
        ++at;
    }
    return at;
}

/// Position after the value that begins at `at`; npos when it has no end.
std::size_t skip_value(std::string_view text, std::size_t at) {
    if (at >= text.size()) return std::string_view::npos;
    if (text[at] == '"') return skip_string(text, at);
    if (text[at] != '{' && text[at] != '[') return skip_scalar(text, at);
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        ++at;
        if (depth == 0) return at;
    }
    return std::string_view::npos;
}

/// simdjson does not count an empty array or object as a level, so that it lets 129 levels pass.
/// Precondition: `text` is valid JSON.
bool nests_too_deep(std::string_view text) {
    if (text.size() <= 2 * kJsonDepthMax) return false;
    if (std::ranges::count(text, '[') + std::ranges::count(text, '{') <=
        static_cast<std::ptrdiff_t>(kJsonDepthMax)) {
        return false;
    }
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"') at = skip_string(text, at) - 1;
        if ((c == '[' || c == '{') && ++depth > kJsonDepthMax) return true;
        if (c == ']' || c == '}') --depth;
    }
    return false;
}

}  // namespace

std::string_view to_string(JsonError error) {
    switch (error) {
        case JsonError::kSyntax:
            return "not valid JSON";
        case JsonError::kTooDeep:
            return "nested deeper than 128 levels";
        case JsonError::kNumberRange:
            return "a number is out of range";
        case JsonError::kLoneSurrogate:
            return "a surrogate escape without its pair";
    }
    return "not valid JSON";
}

JsonParser::JsonParser() = default;

std::expected<JsonElement, JsonError> JsonParser::parse(std::string_view text) {
    if (text.size() > parser_.capacity() || parser_.max_depth() != kParserDepthMax ||
        (parser_.capacity() > kKeptBytesMax && text.size() <= kKeptBytesMax)) {
        const auto error =
            parser_.allocate(std::max<std::size_t>(text.size(), 4096), kParserDepthMax);
        SB_CHECK(error == simdjson::SUCCESS);
    }
    padded_.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    padded_.assign(text);
    auto result = parser_.parse(padded_.data(), padded_.size(), false);
    if (padded_.capacity() > 2 * kKeptBytesMax) padded_ = std::string();
    JsonElement root;
    if (const auto error = result.get(root))
        return std::unexpected(classify_json_failure(text, error));
    if (nests_too_deep(text)) return std::unexpected(JsonError::kTooDeep);
    if (has_lone_surrogate_escape(text)) return std::unexpected(JsonError::kLoneSurrogate);
    return root;
}

RawMembers::RawMembers(std::string_view object_text) : text_(object_text) {
    const std::size_t brace = skip_space(text_, 0);
    at_ = brace < text_.size() && text_[brace] == '{' ? skip_space(text_, brace + 1) : text_.size();
}

std::optional<RawMembers::Member> RawMembers::next() {
    if (at_ >= text_.size() || text_[at_] != '"') return std::nullopt;
    const std::size_t key_end = skip_string(text_, at_);
    const std::size_t colon = skip_space(text_, key_end);
    if (colon >= text_.size() || text_[colon] != ':') return std::nullopt;
    const std::size_t value = skip_space(text_, colon + 1);
    const std::size_t value_end = skip_value(text_, value);
    if (value_end == std::string_view::npos) return std::nullopt;
    const Member member{text_.substr(at_ + 1, key_end - at_ - 2),
                        text_.substr(value, value_end - value)};
    at_ = skip_space(text_, value_end);
    if (at_ < text_.size() && text_[at_] == ',') at_ = skip_space(text_, at_ + 1);
    return member;
}

bool for_each_raw_member(std::string_view object_text,
                         const std::function<bool(std::string_view, std::string_view)>& member) {
    RawMembers members(object_text);
    while (const auto found = members.next()) {
        if (!member(found->key, found->value)) return false;
    }
    return true;
}

bool for_each_raw_element(std::string_view array_text,
                          const std::function<bool(std::string_view)>& element) {
    std::size_t at = skip_space(array_text, skip_space(array_text, 0) + 1);
    while (array_text[at] != ']') {
        const std::size_t end = skip_value(array_text, at);
        if (!element(array_text.substr(at, end - at))) return false;
        at = skip_space(array_text, end);
        if (array_text[at] == ',') at = skip_space(array_text, at + 1);
    }
    return true;
}

std::string unescape_json(std::string_view escaped) {
    std::string out;
    append_unescaped_json(out, escaped);
    return out;
}

namespace {

void append_integer(std::string& out, std::integral auto value) {
    char digits[24];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
    out.append(digits, end);
}

}  // namespace

void append_json_number(std::string& out, double value) {
    SB_CHECK(std::isfinite(value));
    char digits[32];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
    out.append(digits, end);
}

void append_json_number(std::string& out, std::int64_t value) {
    append_integer(out, value);
}

void append_json_number(std::string& out, std::uint64_t value) {
    append_integer(out, value);
}

void JsonWriter::separate() {
    if (comma_) out_ += ',';
    comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
    separate();
    out_ += '{';
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_object() {
    out_ += '}';
    comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::begin_array() {
    separate();
    out_ += '[';
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_array() {
    out_ += ']';
    comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    separate();
    append_json_string(out_, name);
    out_ += ':';
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
    separate();
    append_json_string(out_, value);
    return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
    separate();
    append_json_number(out_, value);
    return *this;
}

JsonWriter& JsonWriter::integer(std::uint64_t value) {
    separate();
    append_json_number(out_, value);
    return *this;
}

JsonWriter& JsonWriter::number(double value) {
    separate();
    append_json_number(out_, value);
    return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
    return raw(value ? "true" : "false");
}
JsonWriter& JsonWriter::null() {
    return raw("null");
}

JsonWriter& JsonWriter::raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
}

std::expected<JsonText, JsonError> JsonText::parse(std::string text) {
    JsonParser parser;
    if (const auto root = parser.parse(text); !root) return std::unexpected(root.error());
    return trusted(std::move(text));
}

}  // namespace signalbox
