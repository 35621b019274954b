#include "api/protocol_schemas.h"

#include "base/check.h"
#include "base/error_code.h"
#include "base/json.h"

namespace signalbox::api {
namespace {

constexpr std::string_view kBasics = R"(
"Id": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^\\S+$",
    "description": "1 to 128 printable characters without white space."},
"AnyId": {"description": "An id; an integer stands for its decimal text.",
    "anyOf": [{"$ref": "#/components/schemas/Id"}, {"type": "integer"}]},
"RequestId": {"type": "string", "minLength": 1, "maxLength": 128,
    "description": "The sender's own, repeated in all that answers the request."},
"IdempotencyKey": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^\\S+$",
    "description": "With it the action runs at most once, whatever breaks: who sends the same again hears how the first run goes or went."},
"Time": {"type": "string", "format": "date-time", "description": "RFC 3339, UTC, with milliseconds."},
"Position": {"type": "string", "description": "Of an update among those of its company."}
)";

constexpr std::string_view kEnvelopes = R"(
"RequestEnvelope": {"type": "object", "description": "Asks to run an action.",
    "properties": {
        "type": {"const": "REQUEST"},
        "requestId": {"$ref": "#/components/schemas/RequestId"},
        "action": {"type": "string", "description": "The action's name."},
        "data": {"description": "What the action works with, by its input schema."},
        "timeoutMs": {"type": "integer", "minimum": 1, "maximum": 86400000,
            "description": "The shorter of it and the action's own time-out counts."},
        "idempotencyKey": {"$ref": "#/components/schemas/IdempotencyKey"},
        "progress": {"type": "boolean", "description": "Whether to hear of its progress though the action sends none unasked."}},
    "required": ["type", "requestId", "action"]},
"ResponseEnvelope": {"type": "object", "description": "An action has ended well.",
    "properties": {
        "type": {"const": "RESPONSE"},
        "requestId": {"type": "string", "description": "That of the request."},
        "action": {"type": "string"},
        "data": {"description": "The result, by the action's output schema."},
        "position": {"$ref": "#/components/schemas/Position"},
        "replayed": {"const": true, "description": "The action had ended before: this is its kept result."}},
    "required": ["type", "requestId", "action"]},
"UpdateEnvelope": {"type": "object", "description": "Something has happened: pushed by a service, the status of an action that runs, or the server's own.",
    "properties": {
        "type": {"const": "UPDATE"},
        "requestId": {"type": "string", "description": "Of a status: that of the request."},
        "action": {"type": "string", "description": "Of a status: the action. Else what has happened."},
        "data": {},
        "kind": {"enum": ["push", "status", "system"]},
        "time": {"$ref": "#/components/schemas/Time"},
        "artifactId": {"type": "string", "description": "The artifact whose watchers hear it."},
        "position": {"$ref": "#/components/schemas/Position"}},
    "required": ["type", "requestId", "action", "kind", "time"]},
"ErrorEnvelope": {"type": "object", "description": "A request was refused, or its action has failed.",
    "properties": {
        "type": {"const": "ERROR"},
        "requestId": {"type": "string", "description": "That of the request; empty when none could be read."},
        "action": {"type": "string"},
        "error": {"$ref": "#/components/schemas/Failure"},
        "replayed": {"const": true, "description": "The action had ended before: this is its kept end."}},
    "required": ["type", "requestId", "error"]},
"Failure": {"type": "object",
    "properties": {
        "code": {"description": "One of the server's, or the action's own.",
            "anyOf": [{"$ref": "#/components/schemas/ErrorCode"}, {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"}]},
        "message": {"type": "string", "description": "For people."},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "details": {"description": "Of VALIDATION_FAILED: a list of faults. Of an action's own code: what the action says."},
        "retryAfterMs": {"type": "integer", "minimum": 0, "description": "When to try again."},
        "ref": {"type": "string", "description": "Finds the cause in the server's log."}},
    "required": ["code", "message", "retryable"]},
"Fault": {"type": "object",
    "properties": {
        "path": {"type": "string", "description": "JSON Pointer into the data; empty for the whole."},
        "message": {"type": "string"}},
    "required": ["path", "message"]},
"ActionStatus": {"type": "object", "description": "The data of an update of kind `status`.",
    "properties": {
        "status": {"enum": ["accepted", "running", "progress"]},
        "seq": {"type": "integer", "minimum": 1},
        "progress": {"description": "What the action tells, of status `progress`."}},
    "required": ["status", "seq"]}
)";

constexpr std::string_view kActions = R"(
"ActionCall": {"type": "object", "description": "A call over HTTP; no body counts as {}.",
    "properties": {
        "data": {"description": "What the action works with, by its input schema."},
        "requestId": {"$ref": "#/components/schemas/RequestId"},
        "timeoutMs": {"type": "integer", "minimum": 1, "maximum": 86400000, "description": "The shorter of it and the action's own time-out counts."},
        "progress": {"type": "boolean", "description": "Whether an event stream tells of progress though the action sends none unasked."}}},
"ActionDescription": {"type": "object",
    "properties": {
        "name": {"type": "string", "description": "With `.*` at its end: every action whose name begins so."},
        "description": {"type": "string"},
        "permission": {"type": ["string", "null"], "description": "Needed to run it; null: none."},
        "inputSchema": {"type": ["object", "boolean"], "description": "JSON Schema draft-07."},
        "outputSchema": {"type": ["object", "boolean"], "description": "JSON Schema draft-07."},
        "timeoutMs": {"type": "integer", "minimum": 1},
        "safeToRetry": {"type": "boolean", "description": "Whether doing it twice does no harm."},
        "progress": {"type": "boolean", "description": "Whether it tells of its progress unasked."},
        "deprecated": {"const": true, "description": "It will go away."}},
    "required": ["name", "description", "permission", "inputSchema", "timeoutMs", "safeToRetry", "progress"]},
"ActionList": {"type": "object",
    "properties": {"actions": {"type": "array", "items": {"$ref": "#/components/schemas/ActionDescription"}}},
    "required": ["actions"]},
"Outcome": {"anyOf": [{"$ref": "#/components/schemas/ResponseEnvelope"}, {"$ref": "#/components/schemas/ErrorEnvelope"}]},
"Execution": {"type": "object",
    "properties": {
        "state": {"enum": ["running", "succeeded", "failed", "unknown"]},
        "action": {"type": "string"},
        "updates": {"type": "array", "items": {"$ref": "#/components/schemas/UpdateEnvelope"},
            "description": "The statuses of one that runs."},
        "outcome": {"description": "The final envelope of one that has ended.",
            "anyOf": [{"$ref": "#/components/schemas/Outcome"}, {"type": "null"}]}},
    "required": ["state", "action", "updates", "outcome"]}
)";

constexpr std::string_view kUpdates = R"(
"Selection": {"type": "object", "description": "The lists add up.",
    "properties": {
        "users": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/AnyId"}},
        "sessions": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/AnyId"}},
        "connections": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/AnyId"}},
        "artifacts": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/AnyId"}}},
    "additionalProperties": false},
"Audience": {"type": "object", "description": "Who hears an update; without a list the whole company.",
    "properties": {
        "users": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/AnyId"}},
        "sessions": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/AnyId"}},
        "connections": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/AnyId"}},
        "artifacts": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/AnyId"}},
        "except": {"$ref": "#/components/schemas/Selection"}},
    "additionalProperties": false},
"NewUpdate": {"type": "object",
    "properties": {
        "type": {"const": "UPDATE"},
        "companyId": {"$ref": "#/components/schemas/AnyId"},
        "artifactId": {"description": "Only those who watch it hear of it; not together with `audience`.",
            "anyOf": [{"$ref": "#/components/schemas/AnyId"}, {"type": "null"}]},
        "audience": {"anyOf": [{"$ref": "#/components/schemas/Audience"}, {"type": "null"}]},
        "action": {"type": "string", "minLength": 1, "maxLength": 128, "not": {"pattern": "^system\\."},
            "description": "What has happened. Names that begin `system.` are the server's own."},
        "data": {},
        "requestId": {"$ref": "#/components/schemas/RequestId"},
        "idempotencyKey": {"$ref": "#/components/schemas/IdempotencyKey"},
        "volatile": {"type": "boolean", "description": "Whether clients that cannot take it at once may miss it."}},
    "required": ["action"], "additionalProperties": false},
"NewUpdates": {"anyOf": [{"$ref": "#/components/schemas/NewUpdate"},
    {"type": "array", "minItems": 1, "maxItems": 100, "items": {"$ref": "#/components/schemas/NewUpdate"}}]},
"Receipt": {"type": "object",
    "properties": {
        "accepted": {"type": "integer", "minimum": 1},
        "positions": {"type": "array", "items": {"$ref": "#/components/schemas/Position"}}},
    "required": ["accepted", "positions"]}
)";

constexpr std::string_view kManagement = R"(
"NewSession": {"type": "object",
    "properties": {
        "userId": {"$ref": "#/components/schemas/AnyId"},
        "companyId": {"$ref": "#/components/schemas/AnyId"},
        "sessionId": {"$ref": "#/components/schemas/AnyId"},
        "ttlSeconds": {"type": "integer", "minimum": 1, "maximum": 31622400, "description": "Else `auth.sessions.ttl` counts."}},
    "required": ["userId"]},
"Session": {"type": "object",
    "properties": {
        "sessionId": {"$ref": "#/components/schemas/Id"},
        "userId": {"$ref": "#/components/schemas/Id"},
        "companyId": {"$ref": "#/components/schemas/Id"},
        "createdAt": {"$ref": "#/components/schemas/Time"},
        "expiresAt": {"$ref": "#/components/schemas/Time"}},
    "required": ["sessionId", "userId", "companyId", "createdAt", "expiresAt"]},
"SessionList": {"type": "object",
    "properties": {
        "sessions": {"type": "array", "items": {"$ref": "#/components/schemas/Session"}},
        "next": {"type": "string", "description": "When there may be more: the `after` of the next page."}},
    "required": ["sessions"]},
"Explanation": {"type": "object",
    "properties": {
        "action": {"type": "string"}, "artifact": {"type": "string"},
        "allowed": {"type": "boolean"},
        "permission": {"type": ["string", "null"], "description": "What is needed."},
        "rule": {"type": "object", "description": "What has decided.",
            "properties": {
                "kind": {"type": "string"}, "grant": {"type": "string"},
                "from": {"enum": ["token", "role", "service_key"]}, "role": {"type": "string"}},
            "required": ["kind"]}},
    "required": ["allowed", "permission", "rule"]},
"Connection": {"type": "object",
    "properties": {
        "connectionId": {"$ref": "#/components/schemas/Id"},
        "userId": {"$ref": "#/components/schemas/Id"},
        "companyId": {"$ref": "#/components/schemas/Id"},
        "sessionId": {"$ref": "#/components/schemas/Id"},
        "artifacts": {"type": "array", "items": {"$ref": "#/components/schemas/Id"}},
        "transport": {"enum": ["polling", "websocket"]},
        "address": {"type": "string"},
        "connectedAt": {"$ref": "#/components/schemas/Time"},
        "inFlight": {"type": "integer", "minimum": 0, "description": "Its actions that run."}},
    "required": ["connectionId", "userId", "companyId", "sessionId", "artifacts", "transport", "address", "connectedAt", "inFlight"]},
"ConnectionList": {"type": "object",
    "properties": {"connections": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/Connection"}}},
    "required": ["connections"]},
"Health": {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
)";

constexpr std::string_view kSocket = R"(
"ConnectAuth": {"type": "object", "description": "The `auth` of the Socket.IO client. What is not here may be in the query of the handshake, `token` only where `auth.token_sources` allows it.",
    "properties": {
        "token": {"type": "string", "description": "The JWT of the company's API; `Bearer ` before it is tolerated. Without it the header Authorization of the handshake counts."},
        "sessionId": {"$ref": "#/components/schemas/AnyId"},
        "artifactId": {"$ref": "#/components/schemas/AnyId"},
        "format": {"enum": ["string", "object"], "description": "Whether the server sends JSON text or objects."},
        "recovery": {"description": "0 or false: without connection state recovery, so that messages carry no offset.",
            "enum": [0, 1, "0", "1", false, true]},
        "pid": {"type": "string", "description": "Of the connection that goes on; the stock client sends it."},
        "offset": {"type": "string", "description": "Of the last message that came; the stock client sends it."}}},
"Connected": {"type": "object",
    "properties": {
        "sid": {"type": "string", "description": "The connection's public id."},
        "pid": {"type": "string", "description": "Secret: with it the connection can go on after a break."}},
    "required": ["sid"]},
"ConnectRefusal": {"type": "object", "description": "What a retry cannot mend. What it can is no refusal: 429 or 503 at the handshake, or the transport closes.",
    "properties": {
        "message": {"type": "string"},
        "data": {"type": "object",
            "properties": {
                "code": {"$ref": "#/components/schemas/ErrorCode"},
                "retryable": {"const": false},
                "ref": {"type": "string"}},
            "required": ["code", "retryable", "ref"]}},
    "required": ["message"]},
"SystemConnected": {"type": "object",
    "properties": {
        "connectionId": {"type": "string"}, "sessionId": {"type": "string"}, "companyId": {"type": "string"},
        "expiresAt": {"$ref": "#/components/schemas/Time"},
        "recovered": {"type": "boolean", "description": "Whether an earlier connection goes on and all that it missed has come."},
        "limits": {"type": "object",
            "properties": {
                "messagesPerSecond": {"type": "number"}, "messagesBurst": {"type": "number"},
                "messageBytesMax": {"type": "integer"}, "inFlight": {"type": "integer"}, "subscriptions": {"type": "integer"}},
            "required": ["messagesPerSecond", "messagesBurst", "messageBytesMax", "inFlight", "subscriptions"]},
        "lastClose": {"type": "object", "description": "How the session's last connection was closed by the server.",
            "properties": {"code": {"type": "string"}, "time": {"$ref": "#/components/schemas/Time"}},
            "required": ["code", "time"]}},
    "required": ["connectionId", "sessionId", "companyId", "recovered", "limits"]},
"SystemTokenExpiring": {"type": "object",
    "properties": {"expiresAt": {"$ref": "#/components/schemas/Time"}}, "required": ["expiresAt"]},
"SystemSessionRevoked": {"type": "object",
    "properties": {"reason": {"enum": ["revoked", "expired"]}}, "required": ["reason"]},
"SystemLimitWarning": {"type": "object",
    "properties": {
        "code": {"$ref": "#/components/schemas/ErrorCode"},
        "violations": {"type": "integer"}, "violationsMax": {"type": "integer"},
        "closing": {"type": "boolean", "description": "Whether the connection closes now."}},
    "required": ["code", "closing"]},
"SystemSlowConsumer": {"type": "object"},
"SystemServerShutdown": {"type": "object",
    "properties": {"reconnectAfterMs": {"type": "integer", "minimum": 0}}, "required": ["reconnectAfterMs"]},
"SystemPermissionsChanged": {"type": "object",
    "properties": {
        "cause": {"enum": ["token", "roles", "session", "authorizer"]},
        "permissions": {"type": "array", "items": {"type": "string"}},
        "endedSubscriptions": {"type": "array", "items": {"type": "string"}, "description": "Artifacts that are no longer watched."}},
    "required": ["cause", "permissions", "endedSubscriptions"]}
)";

constexpr SystemEvent kEvents[] = {
    {"system.connected", "SystemConnected", "The connection is let in: the first message."},
    {"system.tokenExpiring", "SystemTokenExpiring",
     "The token ends soon: send a new one with `auth.refresh`."},
    {"system.sessionRevoked", "SystemSessionRevoked",
     "The session has ended; the connection closes."},
    {"system.limitWarning", "SystemLimitWarning",
     "Too many messages break the limits or the format, or another connection takes this one's "
     "place."},
    {"system.slowConsumer", "SystemSlowConsumer",
     "The client did not read what was sent; the connection closes."},
    {"system.serverShutdown", "SystemServerShutdown",
     "The server goes down: come back after that time."},
    {"system.permissionsChanged", "SystemPermissionsChanged",
     "The caller's rights have changed; only what is no longer allowed has ended."},
};

std::string error_code_schema() {
    std::string text;
    JsonWriter json(text);
    json.begin_object().member("type", "string").key("enum").begin_array();
    for (const ErrorInfo& info : error_registry()) json.string(info.name);
    json.end_array().end_object();
    return text;
}

std::string all_schemas() {
    std::string text = "{\"ErrorCode\":" + error_code_schema();
    for (const std::string_view part :
         {kBasics, kEnvelopes, kActions, kUpdates, kManagement, kSocket})
        text.append(",").append(part);
    JsonParser parser;
    const auto root = parser.parse(text + "}");
    SB_CHECK(root.has_value());
    return simdjson::to_string(*root);
}

}  // namespace

const std::string& protocol_schemas() {
    static const std::string schemas = all_schemas();
    return schemas;
}

std::span<const SystemEvent> system_events() {
    return kEvents;
}

}  // namespace signalbox::api
