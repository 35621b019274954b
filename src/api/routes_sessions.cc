#include <algorithm>
#include <charconv>

#include "api/routes.h"

namespace signalbox::api {
namespace {

constexpr std::size_t kPageMax = 1000;
constexpr std::int64_t kTtlSecondsMax = std::chrono::seconds(auth::kSessionTtlMax).count();

void append_session(JsonWriter& json, const auth::SessionRecord& record) {
    json.begin_object()
        .member("sessionId", record.id.str())
        .member("userId", record.user.str())
        .member("companyId", record.company.str())
        .member("createdAt", format_time(record.created_at))
        .member("expiresAt", format_time(record.expires_at))
        .end_object();
}

std::string session_json(const auth::SessionRecord& record) {
    std::string text;
    JsonWriter json(text);
    append_session(json, record);
    return text;
}

std::optional<Milliseconds> ttl_of(Body& body) {
    const auto seconds = body.positive("ttlSeconds", kTtlSecondsMax);
    return seconds ? std::optional(std::chrono::seconds(*seconds)) : std::nullopt;
}

gateway::SessionRequest session_request(const auth::Principal& principal, Body& body) {
    gateway::SessionRequest request;
    request.user = body.id<UserId>("userId", Need::kRequired).value_or(UserId());
    const std::optional<CompanyId> own = own_company(principal);
    const Need need = own ? Need::kOptional : Need::kRequired;
    request.company = body.id<CompanyId>("companyId", need).value_or(own.value_or(CompanyId()));
    request.ttl = ttl_of(body);
    return request;
}

void audit(const Call& call, std::string_view event, const auth::SessionRecord& record) {
    call.audit(
        event,
        {.session = record.id.str(), .user = record.user.str(), .company = record.company.str()});
}

/// 201 with the session's place; a PUT that found it there answers 200.
void answer_session(CallPtr call, const gateway::SessionAnswer& answer) {
    audit(*call, "session.put", answer.record);
    const bool replaced = !answer.created && call->request.method == "PUT";
    HttpResponse response = json_answer(replaced ? 200 : 201, session_json(answer.record));
    response.headers.add("Location", call->api.options.base_path + "/api/v1/sessions/" +
                                         percent_encode_id(answer.record.id.str()));
    call->answer(std::move(response));
}

void store_session(CallPtr call, gateway::SessionRequest request) {
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal principal = call->principal;
    gateway.put_session(principal, std::move(request),
                        on_success<gateway::SessionAnswer>(std::move(call), answer_session));
}

std::expected<std::size_t, Error> page_limit(const HttpRequest& request) {
    const QueryParameters query(request.query);
    const std::string_view text = query.find("limit").value_or("");
    if (text.empty()) return kPageMax;
    std::size_t limit = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (fault != std::errc() || end != text.data() + text.size() || limit < 1 || limit > kPageMax) {
        return std::unexpected(
            Error::of(ErrorCode::kInvalidMessage, "Query parameter limit must be 1 to 1000."));
    }
    return limit;
}

/// userId, companyId, after and limit of the query.
std::expected<auth::SessionFilter, Error> filter_of(const Call& call) {
    auth::SessionFilter filter;
    auto user = call.query_id<UserId>("userId");
    if (!user) return std::unexpected(user.error());
    auto company = call.query_id<CompanyId>("companyId");
    if (!company) return std::unexpected(company.error());
    auto after = call.query_id<SessionId>("after");
    if (!after) return std::unexpected(after.error());
    const auto limit = page_limit(call.request);
    if (!limit) return std::unexpected(limit.error());
    filter.user = std::move(*user);
    filter.company = *company ? std::move(*company) : own_company(call.principal);
    filter.after = after->value_or(SessionId());
    filter.limit = *limit;
    return filter;
}

/// Whose sessions end must be said, and an empty name is a slip: it would mean all.
std::optional<Error> fault_of_removal(const HttpRequest& request) {
    const QueryParameters query(request.query);
    const auto user = query.find("userId"), company = query.find("companyId");
    const bool named = user || company;
    if (named && user != "" && company != "") return std::nullopt;
    return Error::of(ErrorCode::kInvalidMessage,
                     "Query parameter userId or companyId is needed, and not empty: whose sessions "
                     "end.");
}

std::string session_page(const std::vector<auth::SessionRecord>& sessions, std::size_t limit) {
    std::string text;
    JsonWriter json(text);
    json.begin_object().key("sessions").begin_array();
    for (const auth::SessionRecord& record : sessions) append_session(json, record);
    json.end_array();
    if (sessions.size() >= limit) json.member("next", sessions.back().id.str());
    json.end_object();
    return text;
}

}  // namespace

void post_session(CallPtr call) {
    auto body = call->body();
    if (!body) return call->fail(body.error());
    gateway::SessionRequest request = session_request(call->principal, *body);
    request.id = body->id<SessionId>("sessionId", Need::kOptional).value_or(SessionId());
    if (const auto fault = body->fault()) return call->fail(*fault);
    store_session(std::move(call), std::move(request));
}

void put_session(CallPtr call) {
    auto id = call->path_id<SessionId>();
    if (!id) return call->fail(id.error());
    auto body = call->body();
    if (!body) return call->fail(body.error());
    gateway::SessionRequest request = session_request(call->principal, *body);
    const auto repeated = body->id<SessionId>("sessionId", Need::kOptional);
    if (repeated && *repeated != *id) body->add_fault("sessionId", "must be the path's, or absent");
    if (const auto fault = body->fault()) return call->fail(*fault);
    request.id = std::move(*id);
    store_session(std::move(call), std::move(request));
}

void get_session(CallPtr call) {
    auto id = call->path_id<SessionId>();
    if (!id) return call->fail(id.error());
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal principal = call->principal;
    gateway.get_session(principal, std::move(*id),
                        on_success<auth::SessionRecord>(
                            std::move(call), [](CallPtr c, const auth::SessionRecord& record) {
                                c->answer(json_answer(200, session_json(record)));
                            }));
}

void list_sessions(CallPtr call) {
    const auto filter = filter_of(*call);
    if (!filter) return call->fail(filter.error());
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal principal = call->principal;
    gateway.list_sessions(
        principal, *filter,
        on_success<std::vector<auth::SessionRecord>>(
            std::move(call), [limit = filter->limit](CallPtr c, const auto& sessions) {
                c->answer(json_answer(200, session_page(sessions, limit)));
            }));
}

void delete_session(CallPtr call) {
    auto id = call->path_id<SessionId>();
    if (!id) return call->fail(id.error());
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal principal = call->principal;
    gateway.delete_session(
        principal, std::move(*id),
        on_success<auth::SessionRecord>(std::move(call), [](CallPtr c, const auto& record) {
            audit(*c, "session.deleted", record);
            c->answer(empty_answer());
        }));
}

void delete_sessions(CallPtr call) {
    const auto filter = filter_of(*call);
    if (!filter) return call->fail(filter.error());
    if (const auto fault = fault_of_removal(call->request)) return call->fail(*fault);
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal principal = call->principal;
    gateway.delete_sessions(
        principal, *filter,
        on_success<std::size_t>(std::move(call), [filter = *filter](CallPtr c, std::size_t count) {
            const auto company = filter.company.value_or(CompanyId());
            const auto user = filter.user.value_or(UserId());
            c->audit("sessions.deleted",
                     {.user = user.str(), .company = company.str(), .count = count});
            c->answer(empty_answer());
        }));
}

}  // namespace signalbox::api
