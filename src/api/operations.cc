#include "api/operations.h"

#include <algorithm>
#include <iterator>

namespace signalbox::api {
namespace {

constexpr Operation kOperations[] = {
    {"GET", "/healthz", "", "", R"({
        "operationId": "getHealth", "tags": ["Server"], "summary": "Whether the process works",
        "responses": {"200": {"description": "It does.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}, "example": {"status": "ok"}}}}}})"},
    {"GET", "/readyz", "", "", R"({
        "operationId": "getReadiness", "tags": ["Server"], "summary": "Whether new clients may come",
        "responses": {
            "200": {"description": "They may.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}, "example": {"status": "ready"}}}},
            "503": {"description": "The server is going down.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}, "example": {"status": "draining"}}}}}})"},
    {"GET", "/metrics", "metrics", "401", R"({
        "operationId": "getMetrics", "tags": ["Server"], "summary": "Measurements for Prometheus",
        "description": "Without a token from the server's own machine, not through a proxy; from elsewhere with the permission `metrics`.",
        "responses": {"200": {"description": "The Prometheus text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}}}}})"},
    {"GET", "/openapi.json", "", "", R"({
        "operationId": "getOpenApi", "tags": ["Documents"], "summary": "This document",
        "description": "With the actions that the caller may run.",
        "responses": {
            "200": {"description": "OpenAPI 3.1.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                "content": {"application/json": {"schema": {"type": "object"}}}},
            "304": {"description": "It is still what `If-None-Match` names."}}})"},
    {"GET", "/asyncapi.json", "", "", R"({
        "operationId": "getAsyncApi", "tags": ["Documents"], "summary": "The same for Socket.IO",
        "description": "With the actions that the caller may run.",
        "responses": {
            "200": {"description": "AsyncAPI 3.0.", "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                "content": {"application/json": {"schema": {"type": "object"}}}},
            "304": {"description": "It is still what `If-None-Match` names."}}})"},
    {"GET", "/api/v1/actions", "", "", R"({
        "operationId": "listActions", "tags": ["Actions"], "summary": "The actions that the caller may run",
        "responses": {"200": {"description": "By name.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ActionList"}}}}}})"},
    {"POST", "/api/v1/actions/{name}", "", "400 403 404 409 413 422 499 502 504", R"({
        "operationId": "runAction", "tags": ["Actions"], "summary": "Runs an action",
        "description": "Those that the caller may run have paths of their own. A client that goes away does not stop the action. With `Accept: text/event-stream` the answer is a stream of server-sent events: `update` for each status, then one `response` or `error`; the data of each is the envelope.",
        "parameters": [{"name": "name", "in": "path", "required": true, "schema": {"type": "string"}},
            {"$ref": "#/components/parameters/IdempotencyKey"}, {"$ref": "#/components/parameters/Traceparent"}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ActionCall"}}}},
        "responses": {"200": {"description": "It has ended well; or, of a stream, it was begun.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ResponseEnvelope"}},
                "text/event-stream": {"schema": {"type": "string"}}}}}})"},
    {"GET", "/api/v1/executions/{idempotencyKey}", "", "400 403 404", R"({
        "operationId": "getExecution", "tags": ["Executions"], "summary": "What the caller ran with an idempotency key",
        "description": "Needs the permission of the action.",
        "parameters": [{"name": "idempotencyKey", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/IdempotencyKey"}}],
        "responses": {"200": {"description": "How it goes or went.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Execution"}}}}}})"},
    {"DELETE", "/api/v1/executions/{idempotencyKey}", "", "400 403 404 409", R"({
        "operationId": "forgetExecution", "tags": ["Executions"], "summary": "Frees an idempotency key",
        "description": "Of what has ended, or whose outcome is unknown.",
        "parameters": [{"name": "idempotencyKey", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/IdempotencyKey"}}],
        "responses": {"204": {"description": "The key is free."}}})"},
    {"POST", "/api/v1/updates", "updates:send", "400 413 422", R"({
        "operationId": "sendUpdates", "tags": ["Updates"], "summary": "Pushes updates to those who are connected",
        "description": "One, or a list of up to 100, all or none. `companyId` may be left out by whoever is of one company only.",
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewUpdates"},
            "example": {"companyId": "c1", "artifactId": "a1", "action": "artifactUpdate", "data": {"state": "ready"}}}}},
        "responses": {"202": {"description": "They have their positions among the company's updates and are on their way.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}}}}})"},
    {"GET", "/api/v1/sessions", "sessions:manage", "400 404", R"({
        "operationId": "listSessions", "tags": ["Sessions"], "summary": "Sessions that have not expired",
        "parameters": [{"$ref": "#/components/parameters/OfUser"}, {"$ref": "#/components/parameters/OfCompany"},
            {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}},
            {"name": "after", "in": "query", "description": "Ids greater than it.", "schema": {"$ref": "#/components/schemas/Id"}}],
        "responses": {"200": {"description": "By id.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SessionList"}}}}}})"},
    {"POST", "/api/v1/sessions", "sessions:manage", "400 404 413 422", R"({
        "operationId": "createSession", "tags": ["Sessions"], "summary": "Makes a session",
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewSession"},
            "example": {"userId": "u1", "companyId": "c1", "ttlSeconds": 3600}}}},
        "responses": {"201": {"description": "It is there.", "headers": {"Location": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}}}})"},
    {"DELETE", "/api/v1/sessions", "sessions:manage", "400 404", R"({
        "operationId": "deleteSessions", "tags": ["Sessions"], "summary": "Revokes all sessions of a user or of a company",
        "description": "Those of the user whom `userId` names; with `companyId` alone all of that company.",
        "parameters": [{"$ref": "#/components/parameters/OfUser"}, {"$ref": "#/components/parameters/OfCompany"}],
        "responses": {"204": {"description": "There are none, and their connections close."}}})"},
    {"GET", "/api/v1/sessions/{sessionId}", "sessions:manage", "400 404", R"({
        "operationId": "getSession", "tags": ["Sessions"], "summary": "One session",
        "parameters": [{"name": "sessionId", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Id"}}],
        "responses": {"200": {"description": "It.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}}}})"},
    {"PUT", "/api/v1/sessions/{sessionId}", "sessions:manage", "400 404 413 422", R"({
        "operationId": "putSession", "tags": ["Sessions"], "summary": "Makes or renews a session with an id of the caller's own",
        "parameters": [{"name": "sessionId", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Id"}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewSession"}}}},
        "responses": {
            "200": {"description": "It was there and now lasts as said.", "headers": {"Location": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}},
            "201": {"description": "It is new.", "headers": {"Location": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}}}})"},
    {"DELETE", "/api/v1/sessions/{sessionId}", "sessions:manage", "400 404", R"({
        "operationId": "deleteSession", "tags": ["Sessions"], "summary": "Revokes a session",
        "parameters": [{"name": "sessionId", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Id"}}],
        "responses": {"204": {"description": "It is gone, and its connections close."}}})"},
    {"GET", "/api/v1/permissions/explain", "permissions:explain", "400 404", R"({
        "operationId": "explainPermission", "tags": ["Permissions"], "summary": "What the caller may do, and which rule decides it",
        "parameters": [
            {"name": "action", "in": "query", "description": "An action's name; this or `artifact`.", "schema": {"type": "string"}},
            {"name": "artifact", "in": "query", "schema": {"$ref": "#/components/schemas/Id"}}],
        "responses": {"200": {"description": "The decision.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Explanation"}}}}}})"},
    {"GET", "/api/v1/connections", "connections:manage", "400", R"({
        "operationId": "listConnections", "tags": ["Connections"], "summary": "The open connections",
        "parameters": [{"$ref": "#/components/parameters/OfCompany"}],
        "responses": {"200": {"description": "At most 1,000.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ConnectionList"}}}}}})"},
    {"DELETE", "/api/v1/connections/{connectionId}", "connections:manage", "400 404", R"({
        "operationId": "deleteConnection", "tags": ["Connections"], "summary": "Ends a connection",
        "description": "The stock client does not come back by itself.",
        "parameters": [{"name": "connectionId", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Id"}}],
        "responses": {"204": {"description": "It is gone."}}})"},
};

}  // namespace

const Operation* find_operation(const Route& route) {
    const auto* found = std::ranges::find_if(kOperations, [&](const Operation& one) {
        return one.method == route.method && one.pattern == route.pattern;
    });
    return found == std::end(kOperations) ? nullptr : found;
}

}  // namespace signalbox::api
