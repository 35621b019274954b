#include "updates/request_parser.h"

#include <algorithm>
#include <array>

#include "base/ids.h"

namespace signalbox::updates {
namespace {

/// The envelope's members, in the order of `kNames`.
enum Member : std::size_t {
    kType,
    kRequestId,
    kAction,
    kData,
    kTimeoutMs,
    kIdempotencyKey,
    kProgress,
    kMembers
};
constexpr std::array<std::string_view, kMembers> kNames{
    "type", "requestId", "action", "data", "timeoutMs", "idempotencyKey", "progress"};

/// The raw value of each member; empty where absent.
using Values = std::array<std::string_view, kMembers>;

/// @return the name of a member that occurs twice, or empty.
std::string_view collect(std::string_view text, Values& values) {
    std::string_view twice;
    RawMembers members(text);
    while (const auto member = members.next()) {
        const std::string key = unescape_json(member->key);
        const auto known = std::ranges::find(kNames, key);
        if (known == kNames.end()) continue;
        std::string_view& value = values[static_cast<std::size_t>(known - kNames.begin())];
        if (!value.empty()) twice = *known;
        value = member->value;
    }
    return twice;
}

bool is_string(std::string_view raw) {
    return raw.size() >= 2 && raw.front() == '"';
}

std::string string_of(std::string_view raw) {
    return is_string(raw) ? unescape_json(raw.substr(1, raw.size() - 2)) : std::string();
}

std::optional<std::string> read_timeout(JsonElement root, Request& request) {
    std::int64_t milliseconds = 0;
    const bool integer = root[kNames[kTimeoutMs]].get(milliseconds) == simdjson::SUCCESS;
    if (!integer || milliseconds < 1 || milliseconds > kTimeoutMax.count()) {
        return "timeoutMs must be an integer from 1 to " + std::to_string(kTimeoutMax.count());
    }
    request.timeout = Milliseconds(milliseconds);
    return std::nullopt;
}

/// @return what is wrong, or nullopt with `request` filled.
std::optional<std::string> read_members(JsonElement root, const Values& values, Request& request) {
    if (string_of(values[kType]) != "REQUEST") return "type must be \"REQUEST\"";
    if (!is_string(values[kRequestId]) || request.request_id.empty()) {
        return "requestId must be a string of 1 to 128 characters";
    }
    if (!is_string(values[kAction]) || request.action.empty())
        return "action must be a string, the action's name";
    request.data = values[kData];
    if (!values[kTimeoutMs].empty()) {
        if (auto fault = read_timeout(root, request)) return fault;
    }
    if (!values[kIdempotencyKey].empty()) {
        request.idempotency_key = string_of(values[kIdempotencyKey]);
        if (!is_valid_id(request.idempotency_key)) {
            return "idempotencyKey must be a string of 1 to 128 printable characters without "
                   "spaces";
        }
    }
    const std::string_view progress = values[kProgress];
    if (!progress.empty() && progress != "true" && progress != "false")
        return "progress must be true or false";
    request.progress = progress == "true";
    return std::nullopt;
}

}  // namespace

bool is_valid_request_id(std::string_view text) {
    const auto is_lead = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
    const auto characters = std::ranges::count_if(text, is_lead);
    return characters >= 1 && static_cast<std::size_t>(characters) <= kRequestIdCharactersMax;
}

std::expected<Request, EnvelopeFault> parse_request(JsonParser& parser, std::string_view text) {
    const auto root = parser.parse(text);
    if (!root) {
        const std::string why(to_string(root.error()));
        return std::unexpected(EnvelopeFault{"", "", "the message is " + why});
    }
    if (!root->is_object()) {
        return std::unexpected(
            EnvelopeFault{"", "", "the message must be an object: a REQUEST envelope"});
    }
    Values values;
    const std::string_view twice = collect(text, values);
    Request request;
    request.request_id = string_of(values[kRequestId]);
    if (!is_valid_request_id(request.request_id)) request.request_id.clear();
    request.action = string_of(values[kAction]);
    auto fault = read_members(*root, values, request);
    if (!twice.empty()) fault = "the member " + std::string(twice) + " occurs twice";
    if (fault) {
        constexpr std::size_t kActionBytesEchoed = 128;
        if (request.action.size() > kActionBytesEchoed) request.action.clear();
        return std::unexpected(
            EnvelopeFault{request.request_id, request.action, std::move(*fault)});
    }
    return request;
}

}  // namespace signalbox::updates
