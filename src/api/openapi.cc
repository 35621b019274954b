#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "actions/upstream.h"
#include "api/contract.h"
#include "api/operations.h"
#include "base/check.h"
#include "base/error_code.h"
#include "updates/envelope.h"

namespace signalbox::api {
namespace {

constexpr std::string_view kAbout =
    "Actions, updates and sessions over HTTP: the same actions, tokens, permissions and limits as "
    "over Socket.IO, which /asyncapi.json describes.";

constexpr std::string_view kParameters = R"({
    "IdempotencyKey": {"name": "Idempotency-Key", "in": "header",
        "description": "With it the action runs at most once, whatever breaks.",
        "schema": {"$ref": "#/components/schemas/IdempotencyKey"}},
    "Traceparent": {"name": "traceparent", "in": "header",
        "description": "W3C Trace Context, sent on to the service behind the action.", "schema": {"type": "string"}},
    "OfUser": {"name": "userId", "in": "query", "schema": {"$ref": "#/components/schemas/Id"}},
    "OfCompany": {"name": "companyId", "in": "query", "description": "Else the caller's own.",
        "schema": {"$ref": "#/components/schemas/Id"}}})";

constexpr std::string_view kHeaders = R"({
    "ETag": {"description": "Of the document as the caller sees it.", "schema": {"type": "string"}},
    "RetryAfter": {"description": "Seconds until the next try.", "schema": {"type": "integer", "minimum": 1}},
    "WwwAuthenticate": {"schema": {"const": "Bearer"}},
    "Allow": {"description": "The methods that the path takes.", "schema": {"type": "string"}}})";

constexpr std::string_view kSecuritySchemes = R"({
    "bearer": {"type": "http", "scheme": "bearer",
        "description": "The JWT of the company's API, or a service's key. The roles named beside it are permissions."},
    "session": {"type": "apiKey", "in": "header", "name": "X-Session-Id", "description": "The user's session."},
    "sessionInQuery": {"type": "apiKey", "in": "query", "name": "sessionId", "description": "The same."}})";

constexpr std::string_view kStream = R"({"schema":{"type":"string",
    "description":"Server-sent events: `update` for each status, then one `response` or `error`; the data of each is the envelope."}})";

std::string response_name(int status) {
    return "Error" + std::to_string(status);
}

/// Where an action may answer with codes of its own.
constexpr int kUnprocessable = 422;

/// Writes OpenAPI 3.1.
class OpenApiWriter {
public:
    explicit OpenApiWriter(const Contract& contract) : contract_(contract) {}

    std::string document() && {
        json_.begin_object().member("openapi", "3.1.0");
        json_.key("info").begin_object().member("title", "Signalbox");
        json_.member("version", contract_.version).member("description", kAbout).end_object();
        const std::string& base = contract_.base_path;
        json_.key("servers").begin_array().begin_object();
        json_.member("url", base.empty() ? "/" : base).end_object().end_array();
        write_paths();
        write_components();
        json_.end_object();
        return std::move(out_);
    }

private:
    void write_paths() {
        json_.key("paths").begin_object();
        std::set<std::string_view> seen;
        for (const Route* route : contract_.routes) {
            if (!seen.insert(route->pattern).second) continue;
            json_.key(route->pattern).begin_object();
            for (const Route* other : contract_.routes) {
                if (other->pattern == route->pattern) write_route(*other);
            }
            json_.end_object();
        }
        for (const actions::Action* action : contract_.actions) write_action(*action);
        json_.end_object();
    }

    // Routes

    void write_route(const Route& route) {
        const Operation* operation = find_operation(route);
        SB_CHECK(operation != nullptr);
        std::string method(route.method);
        std::ranges::transform(method, method.begin(),
                               [](char c) { return static_cast<char>(c - 'A' + 'a'); });
        json_.key(method).begin_object();
        for_each_raw_member(operation->members, [&](std::string_view name, std::string_view value) {
            if (name != "responses") json_.raw_member(name, value);
            return true;
        });
        write_security(route.access, operation->permission);
        write_responses(*operation, route.access);
        json_.end_object();
    }

    void write_security(Access access, std::string_view permission) {
        json_.key("security").begin_array();
        const bool open =
            access == Access::kDocument && contract_.readers == DocumentReaders::kEverybody;
        if (access == Access::kOpen || open) json_.begin_object().end_object();
        if (access == Access::kSession && contract_.sessions == SessionSource::kRequest) {
            write_requirement("session", permission);
            write_requirement("sessionInQuery", permission);
        } else if (access != Access::kOpen || !permission.empty()) {
            write_requirement("", permission);
        }
        json_.end_array();
    }

    void write_requirement(std::string_view session, std::string_view permission) {
        json_.begin_object().key("bearer").begin_array();
        if (!permission.empty()) json_.string(permission);
        json_.end_array();
        if (!session.empty()) json_.key(session).begin_array().end_array();
        json_.end_object();
    }

    void write_responses(const Operation& operation, Access access) {
        json_.key("responses").begin_object();
        for_each_raw_member(operation.members, [&](std::string_view name, std::string_view value) {
            if (name != "responses") return true;
            for_each_raw_member(value, [&](std::string_view status, std::string_view answer) {
                json_.raw_member(status, answer);
                return true;
            });
            return true;
        });
        write_failures(failures_of(operation, access));
        json_.end_object();
    }

    static std::set<int> failures_of(const Operation& operation, Access access) {
        std::set<int> statuses;
        if (access != Access::kOpen) statuses.insert({401, 429, 500, 503});
        if (!operation.permission.empty()) statuses.insert(403);
        std::istringstream more{std::string(operation.failures)};
        for (int status = 0; more >> status;) statuses.insert(status);
        return statuses;
    }

    void write_failures(const std::set<int>& statuses) {
        for (const int status : statuses) {
            json_.key(std::to_string(status)).begin_object();
            json_.member("$ref", "#/components/responses/" + response_name(status)).end_object();
        }
    }

    // Actions

    void write_action(const actions::Action& action) {
        const ActionNames names(action.definition.name);
        const std::string rest = names.is_prefix ? "{rest}" : "";
        json_.key("/api/v1/actions/" + names.stem + rest).begin_object();
        json_.key("post").begin_object();
        json_.member("operationId", names.part("run"));
        json_.key("tags").begin_array().string("Actions").end_array();
        json_.member("summary", action.definition.name);
        json_.member("description", action.definition.description);
        if (action.definition.deprecated) json_.member("deprecated", true);
        write_security(Access::kSession, action.definition.permission);
        write_parameters(names);
        write_request(action, names);
        json_.key("responses").begin_object();
        write_result(action, names);
        write_failures(failures_of(action));
        json_.end_object();
        write_facts(action.definition);
        json_.end_object().end_object();
    }

    void write_parameters(const ActionNames& names) {
        json_.key("parameters").begin_array();
        if (names.is_prefix) {
            json_.begin_object().member("name", "rest").member("in", "path");
            json_.member("description", "The rest of the action's name.").member("required", true);
            json_.raw_member("schema", R"({"type":"string"})").end_object();
        }
        for (const char* name : {"IdempotencyKey", "Traceparent"}) {
            json_.begin_object();
            json_.member("$ref", std::string("#/components/parameters/") + name).end_object();
        }
        json_.end_array();
    }

    void write_request(const actions::Action& action, const ActionNames& names) {
        const bool needed = !takes_no_data(action);
        json_.key("requestBody").begin_object().member("required", needed);
        json_.key("content").begin_object().key("application/json").begin_object();
        json_.key("schema").begin_object().key("allOf").begin_array();
        json_.raw(schema_reference("ActionCall"));
        json_.begin_object().key("properties").begin_object();
        json_.raw_member("data", schema_reference(names.part("input"))).end_object();
        if (needed) json_.key("required").begin_array().string("data").end_array();
        json_.end_object().end_array().end_object();
        json_.end_object().end_object().end_object();
    }

    void write_result(const actions::Action& action, const ActionNames& names) {
        json_.key("200").begin_object();
        json_.member("description", "It has ended well; or, of a stream, it was begun.");
        json_.key("content").begin_object().key("application/json").begin_object();
        json_.key("schema").begin_object().key("allOf").begin_array();
        json_.raw(schema_reference("ResponseEnvelope"));
        json_.begin_object().key("properties").begin_object();
        json_.raw_member("action", names.name_schema());
        if (action.output) json_.raw_member("data", schema_reference(names.part("output")));
        json_.end_object().key("required").begin_array().string("data").end_array().end_object();
        json_.end_array().end_object().end_object();
        json_.raw_member("text/event-stream", kStream).end_object().end_object();
    }

    static std::set<int> failures_of(const actions::Action& action) {
        std::set<int> statuses{400, 401, 403, 404, 409, 413, 422, 429, 499, 500, 503, 504};
        if (std::holds_alternative<actions::UpstreamHandler>(action.definition.handler))
            statuses.insert(502);
        return statuses;
    }

    void write_facts(const actions::ActionDefinition& action) {
        json_.key("x-signalbox").begin_object().member("action", action.name);
        json_.key("permission");
        action.permission.empty() ? json_.null() : json_.string(action.permission);
        json_.member("timeoutMs", action.timeout.count());
        json_.member("safeToRetry", action.safe_to_retry).member("progress", action.progress);
        json_.end_object();
    }

    // Components

    void write_components() {
        json_.key("components").begin_object();
        json_.key("schemas").begin_object();
        append_schemas(json_, contract_, actions::SchemaDialect::kDraft202012);
        json_.end_object();
        write_error_responses();
        json_.raw_member("parameters", kParameters).raw_member("headers", kHeaders);
        json_.raw_member("securitySchemes", kSecuritySchemes).end_object();
    }

    void write_error_responses() {
        std::map<int, std::vector<const ErrorInfo*>> by_status;
        for (const ErrorInfo& info : error_registry()) by_status[info.http_status].push_back(&info);
        json_.key("responses").begin_object();
        for (const auto& [status, codes] : by_status) write_error_response(status, codes);
        json_.end_object();
    }

    void write_error_response(int status, const std::vector<const ErrorInfo*>& codes) {
        std::string description;
        for (const ErrorInfo* info : codes) {
            if (!description.empty()) description += '\n';
            description.append("- `").append(info->name).append("`: ").append(info->meaning);
        }
        if (status == kUnprocessable) description += "\n- The action's own codes.";
        json_.key(response_name(status)).begin_object().member("description", description);
        write_error_headers(status, codes);
        json_.key("content").begin_object().key("application/json").begin_object();
        write_error_schema(status, codes);
        write_error_examples(codes);
        json_.end_object().end_object().end_object();
    }

    struct Header {
        std::string_view name, component;
    };

    void write_error_headers(int status, const std::vector<const ErrorInfo*>& codes) {
        constexpr int kUnauthorized = 401, kMethodNotAllowed = 405;
        Header header{};
        if (status == kUnauthorized) header = {"WWW-Authenticate", "WwwAuthenticate"};
        if (status == kMethodNotAllowed) header = {"Allow", "Allow"};
        if (codes.front()->retryable) header = {"Retry-After", "RetryAfter"};
        if (header.name.empty()) return;
        json_.key("headers").begin_object().key(header.name).begin_object();
        json_.member("$ref", "#/components/headers/" + std::string(header.component));
        json_.end_object().end_object();
    }

    void write_error_schema(int status, const std::vector<const ErrorInfo*>& codes) {
        json_.key("schema");
        if (status == kUnprocessable) {
            json_.raw(schema_reference("ErrorEnvelope"));
            return;
        }
        json_.begin_object().key("allOf").begin_array().raw(schema_reference("ErrorEnvelope"));
        json_.begin_object().key("properties").begin_object().key("error").begin_object();
        json_.key("properties").begin_object().key("code").begin_object().key("enum").begin_array();
        for (const ErrorInfo* info : codes) json_.string(info->name);
        json_.end_array().end_object().end_object().end_object().end_object().end_object();
        json_.end_array().end_object();
    }

    void write_error_examples(const std::vector<const ErrorInfo*>& codes) {
        json_.key("examples").begin_object();
        for (const ErrorInfo* info : codes) {
            Error error = Error::of(info->code, std::string(info->meaning));
            if (info->code == ErrorCode::kValidationFailed)
                error.details = R"([{"path":"/quantity","message":"must be an integer"}])";
            std::string envelope;
            updates::append_error(envelope, "r1", {}, error);
            json_.key(info->name).begin_object().raw_member("value", envelope).end_object();
        }
        json_.end_object();
    }

    const Contract& contract_;
    std::string out_;
    JsonWriter json_{out_};
};

}  // namespace

std::string openapi_document(const Contract& contract) {
    return OpenApiWriter(contract).document();
}

}  // namespace signalbox::api
