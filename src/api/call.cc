#include "api/call.h"

#include <algorithm>

#include "updates/envelope.h"

namespace signalbox::api {
namespace {

/// The token of `Authorization: Bearer …`; the scheme's case does not matter (RFC 9110, 11.1).
std::string_view bearer_of(const HttpRequest& request) {
    constexpr std::string_view kScheme = "Bearer ";
    const std::string_view value = request.headers.find("Authorization").value_or("");
    if (value.size() <= kScheme.size()) return {};
    if (!equal_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return {};
    return value.substr(std::min(value.find_first_not_of(' ', kScheme.size()), value.size()));
}

bool is_refusal(int status) {
    constexpr int kUnauthorized = 401, kForbidden = 403;
    return status == kUnauthorized || status == kForbidden;
}

/// The user's id, or a service's key.
std::string actor_of(const auth::Principal& principal) {
    return principal.is_service() ? "key:" + principal.service->key_id : principal.user.str();
}

}  // namespace

HttpResponse json_answer(int status, std::string json) {
    HttpResponse response = HttpResponse::of(status, "application/json", std::move(json));
    response.headers.add("Cache-Control", "no-store");
    response.headers.add("X-Content-Type-Options", "nosniff");
    return response;
}

HttpResponse empty_answer() {
    HttpResponse response;
    response.status = 204;
    response.headers.add("Cache-Control", "no-store");
    return response;
}

void add_retry_after(HttpHeaders& headers, Milliseconds delay) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(delay).count();
    headers.set("Retry-After", std::to_string(std::max<std::int64_t>(seconds, 1)));
}

HttpResponse error_answer(const Error& error, std::string_view request_id) {
    constexpr int kUnauthorized = 401;
    std::string envelope;
    updates::append_error(envelope, request_id, {}, error);
    HttpResponse response = json_answer(http_status_of(error.code), std::move(envelope));
    if (response.status == kUnauthorized) response.headers.add("WWW-Authenticate", "Bearer");
    if (error.retry_after) add_retry_after(response.headers, *error.retry_after);
    return response;
}

void Call::fail(const Error& error, std::string_view request_id) {
    api.gateway.count_error(error.code);
    if (is_refusal(http_status_of(error.code))) audit_refusal(error);
    answer(error_answer(error, request_id));
}

void Call::audit_refusal(const Error& error) const {
    const bool stranger = principal.user.empty() && !principal.is_service();
    api.gateway.log().audit(stranger ? AuditSubject::kStrangerRefusal : AuditSubject::kRefusal,
                            "call.refused",
                            {{"actor", actor_of(principal)},
                             {"actorCompany", principal.company.str()},
                             {"peer", request.peer},
                             {"method", request.method},
                             {"path", request.path},
                             {"code", error.code},
                             {"reason", error.message}});
}

void Call::audit(std::string_view event, const Change& change) const {
    api.gateway.log().audit(AuditSubject::kManagement, event,
                            {{"actor", actor_of(principal)},
                             {"actorCompany", principal.company.str()},
                             {"peer", request.peer},
                             {"sessionId", change.session},
                             {"userId", change.user},
                             {"companyId", change.company},
                             {"connectionId", change.connection},
                             {"count", change.count}});
}

std::expected<Body, Error> Call::body() {
    return Body::read(api.parser, request, api.gateway.limits().message_bytes_max);
}

std::optional<CompanyId> own_company(const auth::Principal& principal) {
    const CompanyId* const only = principal.only_company();
    return only == nullptr ? std::nullopt : std::optional(*only);
}

std::optional<std::string_view> idempotency_key_of(const HttpRequest& request) {
    const auto key = request.headers.find("Idempotency-Key");
    if (!key) return std::nullopt;
    const bool quoted = key->size() >= 2 && key->starts_with('"') && key->ends_with('"');
    return quoted ? key->substr(1, key->size() - 2) : *key;
}

gateway::Credentials credentials_of(const HttpRequest& request) {
    const QueryParameters query(request.query);
    const auto header = request.headers.find("X-Session-Id");
    const std::string_view session = header ? *header : query.find("sessionId").value_or("");
    return {.bearer = std::string(bearer_of(request)),
            .session_id = std::string(session),
            .peer = request.peer};
}

}  // namespace signalbox::api
