#include "actions/upstream_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "actions/schema_uri.h"
#include "auth/hmac.h"

namespace signalbox::actions {
namespace {

/// A stream may have that many times the bytes of one answer or line.
constexpr std::size_t kStreamLimits = 64;

std::string hex_of(Random& random, std::size_t bytes) {
    std::array<std::byte, 16> pool{};
    random.fill(std::span(pool).first(bytes));
    std::string hex;
    for (std::size_t i = 0; i < bytes; ++i)
        hex += fmt::format("{:02x}", static_cast<unsigned>(pool[i]));
    return hex;
}

bool is_lower_hex(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_all_zeros(std::string_view text) {
    return text.find_first_not_of('0') == text.npos;
}

void member_unless_empty(JsonWriter& json, std::string_view name, const std::string& value) {
    if (!value.empty()) json.member(name, value);
}

void append_context(JsonWriter& json, const ExecutionRequest& request) {
    const auth::Principal& who = request.principal;
    json.key("context").begin_object();
    member_unless_empty(json, "userId", who.user.str());
    member_unless_empty(json, "companyId", who.company.str());
    member_unless_empty(json, "sessionId", who.session.str());
    if (request.artifact) json.member("artifactId", request.artifact->str());
    member_unless_empty(json, "connectionId", request.connection_id);
    json.key("permissions").begin_array();
    for (const std::string& one : who.permissions.claimed()) json.string(one);
    json.end_array().end_object();
}

std::string envelope_of(const UpstreamTry& one) {
    std::string body;
    JsonWriter json(body);
    json.begin_object()
        .member("requestId", one.request.request_id)
        .member("action", one.request.action_name)
        .raw_member("data", one.request.data.str())
        .member("timeoutMs", one.left.count());
    member_unless_empty(json, "idempotencyKey", one.request.idempotency_key);
    append_context(json, one.request);
    json.end_object();
    return body;
}

Error invalid_data(const std::vector<SchemaFault>& faults) {
    Error error =
        Error::of(ErrorCode::kValidationFailed, "the data does not fit what the action calls");
    error.details = details_of(faults);
    return error;
}

/// Appends `name=value`, once for each element of a list; null is left out.
/// @return false when it holds objects or lists of lists.
bool append_query(std::string& query, const DataMember& member) {
    const auto append = [&](std::string_view json) {
        if (json == "null") return true;
        const auto text = url_text_of(json);
        if (!text) return false;
        query +=
            (query.empty() ? "" : "&") + percent_encode(member.name) + '=' + percent_encode(*text);
        return true;
    };
    if (!member.json.starts_with('[')) return append(member.json);
    return for_each_raw_element(member.json, append);
}

std::expected<void, Error> put_into_query(HttpClientRequest& out, const UpstreamTry& one,
                                          const std::vector<DataMember>& members) {
    std::string query;
    std::vector<SchemaFault> faults;
    for (const DataMember& member : members) {
        if (one.url.uses(member.name) || append_query(query, member)) continue;
        faults.push_back({'/' + escape_pointer_token(member.name),
                          "must be a text, a number, true, false or a list of these"});
    }
    if (!faults.empty()) return std::unexpected(invalid_data(faults));
    if (!query.empty()) out.url += (one.url.has_query() ? '&' : '?') + query;
    return {};
}

std::string body_of(const UpstreamTry& one, const std::vector<DataMember>& members) {
    if (!one.url.uses_data())
        return one.request.data.str() == "null" ? std::string() : one.request.data.str();
    std::string body;
    JsonWriter json(body);
    json.begin_object();
    for (const DataMember& member : members) {
        if (!one.url.uses(member.name)) json.raw_member(member.name, member.json);
    }
    json.end_object();
    return body;
}

/// What the star of the action's name stands for.
std::string_view rest_of(const UpstreamTry& one) {
    const std::size_t prefix = one.spec.name.size() - 1;
    const std::string_view name = one.request.action_name;
    return one.spec.name.ends_with('*') ? name.substr(std::min(prefix, name.size())) : "";
}

std::expected<void, Error> fill_rest(HttpClientRequest& out, const UpstreamTry& one) {
    const auto members = members_of(one.request.data.str());
    const bool in_query = one.spec.method == "GET" || one.spec.method == "DELETE";
    if (in_query && !members && one.request.data.str() != "null")
        return std::unexpected(invalid_data({{"", "must be an object"}}));
    const auto& known = members ? *members : std::vector<DataMember>{};
    auto url = one.url.expand(known, rest_of(one));
    if (!url) return std::unexpected(invalid_data(url.error()));
    out.method = one.spec.method;
    out.url = std::move(*url);
    if (in_query) return put_into_query(out, one, known);
    out.body = body_of(one, known);
    return {};
}

std::expected<void, Error> fill_envelope(HttpClientRequest& out, const UpstreamTry& one) {
    auto url = one.url.expand({}, rest_of(one));
    if (!url) return std::unexpected(invalid_data(url.error()));
    out.method = "POST";
    out.url = std::move(*url);
    out.body = envelope_of(one);
    return {};
}

/// A key may have any printable character, a header's value only ASCII.
std::string header_value_of(const std::string& key) {
    const bool plain = std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
    return plain ? key : percent_encode(key);
}

void add_headers(HttpHeaders& headers, const UpstreamTry& one, std::string_view body) {
    headers.add("Accept", "application/json, application/x-ndjson");
    if (!body.empty()) headers.add("Content-Type", "application/json");
    if (one.spec.mode == UpstreamMode::kRest && !one.request.idempotency_key.empty())
        headers.add("Idempotency-Key", header_value_of(one.request.idempotency_key));
    for (const auto& [name, value] : one.spec.headers) headers.set(name, value);
    const auto& token = one.request.principal.token;
    if (one.spec.forward_authorization && token) headers.set("Authorization", "Bearer " + *token);
    if (!one.signing_secret.empty()) {
        headers.set("Signalbox-Signature", upstream_signature(one.signing_secret, one.now, body));
    }
}

}  // namespace

std::expected<HttpClientRequest, Error> make_upstream_request(const UpstreamTry& one,
                                                              Random& random) {
    const auth::Principal& who = one.request.principal;
    if (one.spec.forward_authorization && !who.token && !who.is_service()) {
        return std::unexpected(Error::of(ErrorCode::kInvalidToken,
                                         "this connection's token was not kept for the service "
                                         "behind the action: send it again with `auth.refresh`"));
    }
    HttpClientRequest out;
    const auto filled =
        one.spec.mode == UpstreamMode::kRest ? fill_rest(out, one) : fill_envelope(out, one);
    if (!filled) return std::unexpected(filled.error());
    add_headers(out.headers, one, out.body);
    out.headers.set("traceparent", child_traceparent(one.request.traceparent, random));
    out.timeout = one.left;
    out.response_bytes_max = one.spec.response_bytes_max * kStreamLimits;
    const CompanyId* company = who.only_company();
    if (company != nullptr) out.source = company->str();
    out.cost = one.spec.cost;
    out.resend = one.spec.safe_to_retry ? Resend::kAllowed : Resend::kNever;
    return out;
}

std::string upstream_signature(std::string_view secret, WallTime now, std::string_view body) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    return fmt::format("t={},v1={}", seconds,
                       auth::hmac_sha256_hex(secret, fmt::format("{}.{}", seconds, body)));
}

std::string child_traceparent(std::string_view parent, Random& random) {
    constexpr std::size_t kTraceAt = 3, kTraceSize = 32, kSpanAt = 36, kSpanSize = 16,
                          kFlagsAt = 53;
    constexpr std::size_t kSize = 55;
    std::string trace, flags = "01";
    if (parent.size() == kSize && parent.starts_with("00-") && parent[kSpanAt - 1] == '-' &&
        parent[kFlagsAt - 1] == '-') {
        const std::string_view known = parent.substr(kTraceAt, kTraceSize);
        const std::string_view span = parent.substr(kSpanAt, kSpanSize);
        const std::string_view bits = parent.substr(kFlagsAt);
        const bool good = is_lower_hex(known) && is_lower_hex(span) && is_lower_hex(bits) &&
                          !is_all_zeros(known) && !is_all_zeros(span);
        if (good) {
            trace = known;
            flags = bits;
        }
    }
    if (trace.empty()) trace = hex_of(random, kTraceSize / 2);
    return fmt::format("00-{}-{}-{}", trace, hex_of(random, kSpanSize / 2), flags);
}

}  // namespace signalbox::actions
