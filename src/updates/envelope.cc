#include "updates/envelope.h"

#include "base/json.h"

namespace signalbox::updates {
namespace {

constexpr std::string_view kKindNames[] = {"push", "status", "system"};

}  // namespace

void append_response(std::string& out, const Response& response) {
    out += R"({"type":"RESPONSE","requestId":)";
    append_json_string(out, response.request_id);
    out += R"(,"action":)";
    append_json_string(out, response.action);
    if (!response.data.empty()) {
        out += R"(,"data":)";
        out += response.data;
    }
    if (!response.position.empty()) {
        out += R"(,"position":)";
        append_json_string(out, response.position);
    }
    out += '}';
}

void mark_replay(std::string& envelope, Replay replay) {
    if (replay == Replay::kNo) return;
    envelope.pop_back();
    envelope += R"(,"replayed":true})";
}

void append_update(std::string& out, const UpdateHeader& header, std::string_view data) {
    JsonWriter json(out);
    json.begin_object()
        .member("type", "UPDATE")
        .member("requestId", header.request_id)
        .member("action", header.action);
    if (!data.empty()) json.raw_member("data", data);
    json.member("kind", kKindNames[static_cast<std::size_t>(header.kind)])
        .member("time", format_time(header.time));
    if (header.artifact) json.member("artifactId", header.artifact->str());
    if (!header.position.empty()) json.member("position", header.position);
    json.end_object();
}

void append_error(std::string& out, std::string_view request_id, std::string_view action,
                  const Error& error) {
    JsonWriter json(out);
    json.begin_object().member("type", "ERROR").member("requestId", request_id);
    if (!action.empty()) json.member("action", action);
    json.key("error").begin_object().member("code", error.code).member("message", error.message);
    json.member("retryable", is_retryable(error.code));
    if (!error.details.empty()) json.raw_member("details", error.details);
    if (error.retry_after) json.member("retryAfterMs", error.retry_after->count());
    if (!error.ref.empty()) json.member("ref", error.ref);
    json.end_object().end_object();
}

}  // namespace signalbox::updates
