#include "updates/request_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/json_scanner.h"

namespace signalbox::updates {
namespace {

/// Longer ones are worth a JsonParser's preparations.
constexpr std::size_t kScannedBytesMax = 1024;

/// The envelope's members, in the order of kNames.
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

/// @return kMembers when it is none.
Member member_named(std::string_view name) {
    const auto is = [&](Member member) { return name == kNames[member] ? member : kMembers; };
    switch (name.size()) {
        case 4:
            return is(name.front() == 't' ? kType : kData);
        case 6:
            return is(kAction);
        case 8:
            return is(kProgress);
        case 9:
            return is(name.front() == 'r' ? kRequestId : kTimeoutMs);
        case 14:
            return is(kIdempotencyKey);
        default:
            return kMembers;
    }
}

/// Passes the name of `member` if it comes next and is of those that most envelopes have.
bool take_common_name(JsonScanner& json, Member member) {
    switch (member) {
        case kType:
            return json.take(R"("type")");
        case kRequestId:
            return json.take(R"("requestId")");
        case kAction:
            return json.take(R"("action")");
        case kData:
            return json.take(R"("data")");
        default:
            return false;
    }
}

/// Passes the name of a member, most probably the `expected` one. @return kMembers when it is none.
Member take_name(JsonScanner& json, Member expected) {
    if (take_common_name(json, expected)) return expected;
    const auto name = json.plain_string();
    return name ? member_named(*name) : kMembers;
}

/// A name as a fault repeats it.
std::string shortened(std::string name) {
    constexpr std::size_t kBytesMax = 64;
    if (name.size() <= kBytesMax) return name;
    std::size_t end = kBytesMax;
    while ((static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
    return name.substr(0, end) + "…";
}

void find_unknown_twice(std::vector<std::string>& unknown, std::string& twice) {
    std::ranges::sort(unknown);
    const auto same = std::ranges::adjacent_find(unknown);
    if (same != unknown.end()) twice = *same;
}

bool is_string(std::string_view raw) {
    return raw.size() >= 2 && raw.front() == '"';
}

}  // namespace

/// What an envelope's text has: the raw value of each known member, empty where absent.
struct RequestParser::Members {
    std::array<std::string_view, kMembers> values;
    std::string twice;  ///< name of a member that occurs twice, or empty

    /// @param text  valid JSON, an object.
    [[nodiscard]] static Members of(std::string_view text);
    /// Of any text, in one pass, while there are none yet. @return false for what is not plain, or at
    /// fault: they are of no use then.
    [[nodiscard]] bool scan(std::string_view text);
};

RequestParser::Members RequestParser::Members::of(std::string_view text) {
    Members found;
    std::vector<std::string> unknown;
    RawMembers members(text);
    while (const auto member = members.next()) {
        Member known = member_named(member->key);
        if (known == kMembers) {
            std::string name = unescape_json(member->key);
            known = member_named(name);
            if (known == kMembers) {
                unknown.push_back(std::move(name));
                continue;
            }
        }
        if (!found.values[known].empty()) found.twice = kNames[known];
        found.values[known] = member->value;
    }
    if (unknown.size() > 1) find_unknown_twice(unknown, found.twice);
    return found;
}

bool RequestParser::Members::scan(std::string_view text) {
    JsonScanner json(text);
    if (!json.take('{')) return false;
    Member expected = kType;
    do {
        const Member known = take_name(json, expected);
        if (known == kMembers || !values[known].empty() || !json.take(':')) return false;
        values[known] = json.value();
        if (values[known].empty()) return false;
        expected = static_cast<Member>(known + 1);
    } while (json.take(','));
    return json.take('}') && json.ends();
}

/// Of a text that no parser accepts: the value of `name` if it is a string that one would.
std::string RequestParser::salvage(std::string_view text, std::string_view name) {
    RawMembers members(text);
    while (const auto member = members.next()) {
        if (member->key != name || !member->value.starts_with('"')) continue;
        const auto root = json_.parse(member->value);
        std::string_view string;
        if (root && root->get(string) == simdjson::SUCCESS && is_valid_request_id(string)) {
            return std::string(string);
        }
    }
    return "";
}

std::string_view RequestParser::string_of(std::string_view raw, Slot slot) {
    if (!is_string(raw)) return {};
    const std::string_view escaped = raw.substr(1, raw.size() - 2);
    if (!escaped.contains('\\')) return escaped;
    return decoded_[static_cast<std::size_t>(slot)] = unescape_json(escaped);
}

namespace {

std::optional<std::string> read_timeout(std::string_view raw, Request& request) {
    std::int64_t milliseconds = 0;
    const auto [end, fault] = std::from_chars(raw.begin(), raw.end(), milliseconds);
    if (fault != std::errc() || end != raw.end() || milliseconds < 1 ||
        milliseconds > kTimeoutMax.count()) {
        return "timeoutMs must be an integer from 1 to " + std::to_string(kTimeoutMax.count());
    }
    request.timeout = Milliseconds(milliseconds);
    return std::nullopt;
}

}  // namespace

/// @return what is wrong, or nullopt with request_ filled, whose id and action are there before.
std::optional<std::string> RequestParser::read_members(const Members& members) {
    const auto& values = members.values;
    if (!members.twice.empty()) return "the member " + shortened(members.twice) + " occurs twice";
    const bool is_request =
        values[kType] == R"("REQUEST")" || string_of(values[kType], Slot::kType) == "REQUEST";
    if (!is_request) return "type must be \"REQUEST\"";
    if (!is_string(values[kRequestId]) || request_.request_id.empty()) {
        return "requestId must be a string of 1 to 128 characters";
    }
    if (!is_string(values[kAction]) || request_.action.empty())
        return "action must be a string, the action's name";
    request_.data = values[kData];
    if (!values[kTimeoutMs].empty()) {
        if (auto fault = read_timeout(values[kTimeoutMs], request_)) return fault;
    }
    if (!values[kIdempotencyKey].empty()) {
        request_.idempotency_key = string_of(values[kIdempotencyKey], Slot::kIdempotencyKey);
        if (!is_valid_id(request_.idempotency_key)) {
            return "idempotencyKey must be a string of 1 to 128 printable characters without "
                   "spaces";
        }
    }
    const std::string_view progress = values[kProgress];
    if (!progress.empty() && progress != "true" && progress != "false")
        return "progress must be true or false";
    request_.progress = progress == "true";
    return std::nullopt;
}

bool is_valid_request_id(std::string_view text) {
    const auto is_lead = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
    if (text.empty()) return false;
    if (text.size() <= kRequestIdCharactersMax && is_lead(text.front())) return true;
    const auto characters = std::ranges::count_if(text, is_lead);
    return characters >= 1 && static_cast<std::size_t>(characters) <= kRequestIdCharactersMax;
}

EnvelopeFault RequestParser::read_fault(std::string_view text, JsonError error) {
    EnvelopeFault fault;
    fault.message = "the message cannot be read: " + std::string(to_string(error));
    fault.request_id = salvage(text, kNames[kRequestId]);
    fault.action = salvage(text, kNames[kAction]);
    return fault;
}

std::expected<const Request*, EnvelopeFault> RequestParser::read(const Members& members) {
    request_ = {};
    request_.request_id = string_of(members.values[kRequestId], Slot::kRequestId);
    if (!is_valid_request_id(request_.request_id)) request_.request_id = {};
    request_.action = string_of(members.values[kAction], Slot::kAction);
    auto fault = read_members(members);
    if (!fault) return &request_;
    if (!is_valid_request_id(request_.action)) request_.action = {};
    return std::unexpected(EnvelopeFault{std::string(request_.request_id),
                                         std::string(request_.action), std::move(*fault)});
}

std::expected<const Request*, EnvelopeFault> RequestParser::parse(std::string_view text) {
    if (text.size() <= kScannedBytesMax) {
        Members members;
        if (members.scan(text)) return read(members);
    }
    const auto root = json_.parse(text);
    if (!root) return std::unexpected(read_fault(text, root.error()));
    if (!root->is_object()) {
        return std::unexpected(
            EnvelopeFault{"", "", "the message must be an object: a REQUEST envelope"});
    }
    return read(Members::of(text));
}

}  // namespace signalbox::updates
