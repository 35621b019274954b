#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/body.h"
#include "api/metrics.h"
#include "api/options.h"
#include "api/schema_texts.h"
#include "api/static_files.h"
#include "auth/principal.h"
#include "base/error_code.h"
#include "base/http.h"
#include "base/ids.h"
#include "base/json.h"
#include "gateway/gateway.h"

namespace signalbox::api {

/// What the routes of one shard work with.
/// Threading: confined to its shard; what is shared by all shards is const or thread-safe.
struct Context {
    gateway::Gateway& gateway;
    const Options& options;
    const StaticFiles& files;
    TransportNumbersSource transport_numbers;  ///< may be empty
    JsonParser parser{};
    SchemaTexts schema_texts{};
};

/// An ERROR envelope with the registry's status, Retry-After and WWW-Authenticate.
[[nodiscard]] HttpResponse error_answer(const Error& error, std::string_view request_id = {});
/// Not to be stored by any cache.
[[nodiscard]] HttpResponse json_answer(int status, std::string json);
/// 204.
[[nodiscard]] HttpResponse empty_answer();
/// Adds Retry-After in whole seconds, rounded up, at least 1.
void add_retry_after(HttpHeaders& headers, Milliseconds delay);

/// What a call of the management has changed. What does not apply is empty.
struct Change {
    std::string_view session = {};
    std::string_view user = {};
    std::string_view company = {};
    std::string_view connection = {};
    std::size_t count = 1;
};

/// One request on its way to its answer. Answered once; destroyed unanswered only by our own bug or
/// when the server goes down, which the exchange turns into 500.
///
/// Ownership: owns request and exchange; borrows the context, which outlives every call.
struct Call {
    Context& api;
    HttpRequest request;
    std::unique_ptr<HttpExchange> exchange;
    std::string path_value{};     ///< of the pattern's `{…}`, decoded; not validated
    auth::Principal principal{};  ///< of routes that need a token

    void answer(HttpResponse response) { exchange->respond(std::move(response)); }
    void fail(const Error& error, std::string_view request_id = {});
    /// A line of the audit: what this call has changed, beside who did it.
    void audit(std::string_view event, const Change& change) const;
    void audit_refusal(const Error& error) const;
    [[nodiscard]] std::expected<Body, Error> body();
    /// The path's `{…}` as an id. @return INVALID_MESSAGE when it cannot be one.
    template <class AnyId>
    [[nodiscard]] std::expected<AnyId, Error> path_id() const {
        if (auto id = AnyId::parse(path_value)) return *id;
        return std::unexpected(
            Error::of(ErrorCode::kInvalidMessage, "The path does not hold a valid id."));
    }
    /// A query parameter as an id; absent or empty: nullopt. @return INVALID_MESSAGE likewise.
    template <class AnyId>
    [[nodiscard]] std::expected<std::optional<AnyId>, Error> query_id(std::string_view name) const {
        const QueryParameters query(request.query);
        const std::string_view text = query.find(name).value_or("");
        if (text.empty()) return std::nullopt;
        if (auto id = AnyId::parse(text)) return id;
        return std::unexpected(Error::of(
            ErrorCode::kInvalidMessage, "Query parameter " + std::string(name) + " is not an id."));
    }
};
using CallPtr = std::unique_ptr<Call>;

/// The company that is meant when a request names none: the user's own, or the only one that a
/// service's key is good for; else nullopt.
[[nodiscard]] std::optional<CompanyId> own_company(const auth::Principal& principal);

/// A callback for the gateway that answers a failure itself and hands success on to `use(call,
/// value)`.
template <class T, class Use>
[[nodiscard]] gateway::Done<T> on_success(CallPtr call, Use use) {
    return [call = std::move(call), use = std::move(use)](std::expected<T, Error> result) mutable {
        if (!result) return call->fail(result.error());
        use(std::move(call), std::move(*result));
    };
}

/// The header Idempotency-Key: bare, or as the string that draft-ietf-httpapi-idempotency-key-header
/// makes of it, in quotes. Not validated.
[[nodiscard]] std::optional<std::string_view> idempotency_key_of(const HttpRequest& request);
/// Bearer token and session id (header X-Session-Id, else query `sessionId`), as sent.
[[nodiscard]] gateway::Credentials credentials_of(const HttpRequest& request);

}  // namespace signalbox::api
