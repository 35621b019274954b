#include "api/body.h"

#include <fmt/format.h>

#include <algorithm>

namespace signalbox::api {
namespace {

constexpr std::size_t kRequestIdCharactersMax = 128;

Error invalid(std::string message) {
    return Error::of(ErrorCode::kInvalidMessage, std::move(message));
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_json_type(std::string_view content_type) {
    const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
    constexpr std::string_view kSuffix = "+json";
    return equal_ignoring_case(type, "application/json") ||
           (type.size() > kSuffix.size() &&
            equal_ignoring_case(type.substr(type.size() - kSuffix.size()), kSuffix));
}

bool has_member_twice(simdjson::dom::object object) {
    std::vector<std::string_view> names;
    for (const auto field : object) names.push_back(field.key);
    std::ranges::sort(names);
    return std::ranges::adjacent_find(names) != names.end();
}

std::string pointer_to(std::string_view member) {
    return "/" + std::string(member);
}

/// Code points of valid UTF-8.
std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::expected<std::string_view, Error> json_body(const HttpRequest& request,
                                                 std::size_t bytes_max) {
    if (request.body.size() > bytes_max) {
        return std::unexpected(
            Error::of(ErrorCode::kPayloadTooLarge,
                      fmt::format("The body is over the limit of {} bytes.", bytes_max)));
    }
    const auto type = request.headers.find("Content-Type");
    if (type && !request.body.empty() && !is_json_type(*type)) {
        return std::unexpected(invalid("Content-Type must be application/json."));
    }
    return request.body;
}

std::expected<Body, Error> Body::read(JsonParser& parser, const HttpRequest& request,
                                      std::size_t bytes_max) {
    auto text = json_body(request, bytes_max);
    if (!text) return std::unexpected(text.error());
    if (text->empty()) *text = "{}";
    const auto root = parser.parse(*text);
    if (!root) {
        return std::unexpected(
            invalid(fmt::format("The body is not valid JSON: {}.", to_string(root.error()))));
    }
    simdjson::dom::object object;
    if (root->get_object().get(object) != simdjson::SUCCESS) {
        return std::unexpected(invalid("The body must be a JSON object."));
    }
    if (has_member_twice(object)) {
        return std::unexpected(invalid("The body has a member twice."));
    }
    return Body(*text, object);
}

std::optional<JsonElement> Body::find(std::string_view member) const {
    JsonElement value;
    if (object_.at_key(member).get(value) != simdjson::SUCCESS || value.is_null()) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::string> Body::id_text(std::string_view member, Need need) {
    const auto value = find(member);
    if (!value) {
        if (need == Need::kRequired) add_fault(member, "is required");
        return std::nullopt;
    }
    std::string text;
    if (value->is_string()) {
        text = std::string(value->get_string().value_unsafe());
    } else if (value->is_int64()) {
        text = std::to_string(value->get_int64().value_unsafe());
    } else if (value->is_uint64()) {
        text = std::to_string(value->get_uint64().value_unsafe());
    }
    if (is_valid_id(text)) return text;
    add_fault(member, "must be 1 to 128 printable characters without white space, or an integer");
    return std::nullopt;
}

std::optional<std::string> Body::request_id() {
    constexpr std::string_view kMember = "requestId";
    const auto value = find(kMember);
    if (!value) return std::nullopt;
    std::string_view text;
    if (value->get_string().get(text) == simdjson::SUCCESS && !text.empty() &&
        characters(text) <= kRequestIdCharactersMax) {
        return std::string(text);
    }
    add_fault(kMember, "must be a string of 1 to 128 characters");
    return std::nullopt;
}

std::optional<bool> Body::flag(std::string_view member) {
    const auto value = find(member);
    if (!value) return std::nullopt;
    bool flag = false;
    if (value->get_bool().get(flag) == simdjson::SUCCESS) return flag;
    add_fault(member, "must be true or false");
    return std::nullopt;
}

std::optional<std::int64_t> Body::positive(std::string_view member, std::int64_t max) {
    const auto value = find(member);
    if (!value) return std::nullopt;
    std::int64_t number = 0;
    const bool is_integer = value->get_int64().get(number) == simdjson::SUCCESS;
    if (is_integer && number >= 1 && number <= max) return number;
    add_fault(member, fmt::format("must be an integer from 1 to {}", max));
    return std::nullopt;
}

std::optional<JsonText> Body::raw(std::string_view member) const {
    RawMembers members(text_);
    while (const auto next = members.next()) {
        if (unescape_json(next->key) == member) return JsonText::trusted(std::string(next->value));
    }
    return std::nullopt;
}

void Body::add_fault(std::string_view member, std::string message) {
    faults_.push_back({pointer_to(member), std::move(message)});
}

std::optional<Error> Body::fault() const {
    if (faults_.empty()) return std::nullopt;
    Error error =
        Error::of(ErrorCode::kValidationFailed, "The body does not match what is needed.");
    error.details = actions::details_of(faults_);
    return error;
}

}  // namespace signalbox::api
