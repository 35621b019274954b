#include "api/contract.h"
#include "api/protocol_schemas.h"

namespace signalbox::api {
namespace {

constexpr std::string_view kAbout =
    "Actions and updates over Socket.IO 4 (Engine.IO 4, long-polling and WebSocket) with the stock "
    "clients, as this server sees them: what it receives, clients send. /openapi.json describes "
    "the same actions over HTTP.";

constexpr std::string_view kAboutMessage =
    "The event `message` of the namespace `/`, both ways. Its argument is the payload as one JSON "
    "string, from the server as an object for connections with `format=object`; clients may send "
    "either. With an acknowledgement the final envelope goes there instead, always as an object. "
    "With connection state recovery the server's messages carry an offset as second argument.";

constexpr std::string_view kAboutEvent =
    "`socket.emitWithAck(action, data)`: the event's name is the action, its one argument the "
    "data. Without an acknowledgement it is refused.";

constexpr std::string_view kHandshake = R"({"ws": {"method": "GET", "bindingVersion": "0.1.0",
    "query": {"type": "object", "properties": {
        "EIO": {"const": "4"}, "transport": {"enum": ["polling", "websocket"]},
        "sessionId": {"type": "string", "description": "The user's session; `auth` may have it instead."},
        "artifactId": {"type": "string", "description": "An artifact to watch from the beginning."},
        "format": {"enum": ["string", "object"]},
        "recovery": {"enum": ["0", "1"]}}}}})";

constexpr std::string_view kSecuritySchemes = R"({
    "token": {"type": "http", "scheme": "bearer",
        "description": "The JWT of the company's API, in `auth.token` of the client or in the header Authorization of the handshake."},
    "session": {"type": "httpApiKey", "in": "query", "name": "sessionId",
        "description": "The user's session, together with the token."}})";

constexpr std::string_view kConnection = "connection", kMessage = "message", kEvent = "event",
                           kAck = "acknowledgement";

/// Writes AsyncAPI 3.0.
class AsyncApiWriter {
public:
    explicit AsyncApiWriter(const Contract& contract) : contract_(contract) {}

    std::string document() && {
        json_.begin_object().member("asyncapi", "3.0.0");
        json_.key("info").begin_object().member("title", "Signalbox");
        json_.member("version", contract_.version).member("description", kAbout).end_object();
        json_.member("defaultContentType", "application/json");
        write_server();
        write_channels();
        write_operations();
        json_.key("components").begin_object().key("schemas").begin_object();
        append_schemas(json_, contract_, actions::SchemaDialect::kDraft07);
        json_.end_object().raw_member("securitySchemes", kSecuritySchemes).end_object();
        json_.end_object();
        return std::move(out_);
    }

private:
    void write_server() {
        json_.key("servers").begin_object().key("signalbox").begin_object();
        json_.member("host", contract_.host).member("pathname", contract_.socket_path);
        json_.member("protocol", contract_.socket_protocol);
        json_.member("description", "Socket.IO with this `path`.");
        json_.key("security").begin_array();
        write_reference("#/components/securitySchemes/token");
        if (contract_.sessions == SessionSource::kRequest)
            write_reference("#/components/securitySchemes/session");
        json_.end_array().end_object().end_object();
    }

    void write_reference(std::string_view place) {
        json_.begin_object().member("$ref", place).end_object();
    }

    // Channels, each with its messages

    void write_channels() {
        json_.key("channels").begin_object();
        begin_channel(kConnection, "", "CONNECT to the namespace `/` and its answer.");
        write_connection_messages();
        json_.end_object().raw_member("bindings", kHandshake).end_object();
        begin_channel(kMessage, "message", kAboutMessage);
        write_envelopes();
        json_.end_object().end_object();
        begin_channel(kEvent, "{action}", kAboutEvent);
        write_message("data", "The action's data", "{}");
        json_.end_object().key("parameters").begin_object().key("action").begin_object();
        json_.member("description", "The action's name.").end_object().end_object().end_object();
        begin_channel(kAck, "", "What the acknowledgement of an event is called with.");
        write_answers();
        json_.end_object().end_object();
        json_.end_object();
    }

    void begin_channel(std::string_view key, std::string_view address, std::string_view about) {
        json_.key(key).begin_object().key("address");
        address.empty() ? json_.null() : json_.string(address);
        json_.member("description", about).key("messages").begin_object();
    }

    void write_message(std::string_view key, std::string_view title, std::string_view payload) {
        json_.key(key).begin_object().member("name", key).member("title", title);
        json_.raw_member("payload", payload).end_object();
    }

    void write_connection_messages() {
        write_message("connect", "CONNECT", schema_reference("ConnectAuth"));
        write_message("connected", "The connection is there", schema_reference("Connected"));
        write_message("refused", "connect_error", schema_reference("ConnectRefusal"));
    }

    /// An envelope whose members are narrowed.
    static std::string envelope(std::string_view name, std::string_view properties,
                                std::string_view required = {}) {
        std::string text;
        JsonWriter json(text);
        json.begin_object().key("allOf").begin_array().raw(schema_reference(name)).begin_object();
        json.raw_member("properties", properties);
        if (!required.empty()) json.key("required").begin_array().string(required).end_array();
        json.end_object().end_array().end_object();
        return text;
    }

    void write_answers() {
        write_message("response", "RESPONSE", schema_reference("ResponseEnvelope"));
        write_message("error", "ERROR", schema_reference("ErrorEnvelope"));
    }

    void write_envelopes() {
        write_message("request", "REQUEST", schema_reference("RequestEnvelope"));
        write_answers();
        write_message("status", "UPDATE: how an action proceeds",
                      envelope("UpdateEnvelope", R"({"kind":{"const":"status"},"data":)" +
                                                     schema_reference("ActionStatus") + "}"));
        write_message("update", "UPDATE: what a service has pushed",
                      envelope("UpdateEnvelope", R"({"kind":{"const":"push"}})"));
        for (const SystemEvent& event : system_events()) {
            write_message(
                event.name, event.meaning,
                envelope("UpdateEnvelope", R"({"kind":{"const":"system"},"action":{"const":")" +
                                               std::string(event.name) + R"("},"data":)" +
                                               schema_reference(event.schema) + "}"));
        }
        for (const actions::Action* action : contract_.actions) write_action_messages(*action);
    }

    void write_action_messages(const actions::Action& action) {
        const ActionNames names(action.definition.name);
        const std::string name = R"({"action":)" + names.name_schema();
        const std::string input = schema_reference(names.part("input"));
        write_message(names.part("request"), "REQUEST " + action.definition.name,
                      envelope("RequestEnvelope", name + ",\"data\":" + input + "}",
                               takes_no_data(action) ? "" : "data"));
        const std::string output =
            action.output ? ",\"data\":" + schema_reference(names.part("output")) : "";
        write_message(names.part("response"), "RESPONSE " + action.definition.name,
                      envelope("ResponseEnvelope", name + output + "}", "data"));
    }

    // Operations

    void write_operations() {
        json_.key("operations").begin_object();
        begin_operation("connect", "receive", kConnection);
        json_.member("summary", "A client connects.");
        write_messages(kConnection, {"connect"});
        write_reply(kConnection, {"connected", "refused"});
        json_.end_object();
        begin_operation("run", "receive", kMessage);
        json_.member("summary", "Runs an action; those of the caller are listed one by one.");
        write_messages(kMessage, {"request"});
        write_reply(kMessage, {"status", "response", "error"});
        json_.end_object();
        begin_operation("runByEvent", "receive", kEvent);
        json_.member("summary", "Runs the action that the event is named after.");
        write_messages(kEvent, {"data"});
        write_reply(kAck, {"response", "error"});
        json_.end_object();
        for (const actions::Action* action : contract_.actions) write_action(*action);
        begin_operation("update", "send", kMessage);
        json_.member("summary", "Tells what services push to this client's company.");
        write_messages(kMessage, {"update"});
        json_.end_object();
        write_system_operation();
        json_.end_object();
    }

    void begin_operation(std::string_view key, std::string_view direction,
                         std::string_view channel) {
        json_.key(key).begin_object().member("action", direction);
        json_.key("channel");
        write_reference("#/channels/" + std::string(channel));
    }

    void write_messages(std::string_view channel, const std::vector<std::string>& names) {
        json_.key("messages").begin_array();
        for (const std::string& name : names)
            write_reference("#/channels/" + std::string(channel) + "/messages/" + name);
        json_.end_array();
    }

    void write_reply(std::string_view channel, const std::vector<std::string>& names) {
        json_.key("reply").begin_object().key("channel");
        write_reference("#/channels/" + std::string(channel));
        write_messages(channel, names);
        json_.end_object();
    }

    void write_action(const actions::Action& action) {
        const actions::ActionDefinition& definition = action.definition;
        const ActionNames names(definition.name);
        begin_operation(names.part("run"), "receive", kMessage);
        json_.member("title", definition.name).member("summary", definition.description);
        write_messages(kMessage, {names.part("request")});
        write_reply(kMessage, {"status", names.part("response"), "error"});
        json_.key("x-signalbox").begin_object().member("action", definition.name);
        json_.key("permission");
        definition.permission.empty() ? json_.null() : json_.string(definition.permission);
        json_.member("timeoutMs", definition.timeout.count());
        json_.member("safeToRetry", definition.safe_to_retry);
        json_.member("progress", definition.progress);
        if (definition.deprecated) json_.member("deprecated", true);
        json_.end_object().end_object();
    }

    void write_system_operation() {
        begin_operation("system", "send", kMessage);
        json_.member("summary", "Tells what happens to the connection itself.");
        std::vector<std::string> names;
        for (const SystemEvent& event : system_events()) names.emplace_back(event.name);
        write_messages(kMessage, names);
        json_.end_object();
    }

    const Contract& contract_;
    std::string out_;
    JsonWriter json_{out_};
};

}  // namespace

std::string asyncapi_document(const Contract& contract) {
    return AsyncApiWriter(contract).document();
}

}  // namespace signalbox::api
