#include <algorithm>

#include "actions/schema_types.h"
#include "api/contract.h"
#include "api/protocol_schemas.h"
#include "base/check.h"

namespace signalbox::api {
namespace {

using actions::SchemaTree;
using actions::TypeNames;
using actions::TypeScriptNames;

/// What does not depend on the actions.
constexpr std::string_view kEnvelopeTypes =
    R"(/** What the server sends in the event `message`: parsed, where it is JSON text. */
export type ServerMessage = ResponseEnvelope | ErrorEnvelope | PushUpdate | StatusUpdate | SystemUpdate;
/** Pushed by a service. */
export type PushUpdate = UpdateEnvelope & { kind: "push" };
/** How an action that runs proceeds. */
export type StatusUpdate = UpdateEnvelope & { kind: "status"; data: ActionStatus };
/** The server's own; `SystemUpdate<"system.connected">` is one of them. */
export type SystemUpdate<Event extends keyof SystemEventMap = keyof SystemEventMap> = {
    [Name in Event]: UpdateEnvelope & { kind: "system"; action: Name; data: SystemEventMap[Name] };
}[Event];

)";

constexpr std::string_view kActionTypes =
    R"(export type ActionName = keyof ActionMap | `${keyof ActionPrefixMap}${string}`;
export type ActionInput<Name extends ActionName> = ActionOf<Name>["input"];
export type ActionOutput<Name extends ActionName> = ActionOf<Name>["output"];
/** A REQUEST for the event `message`. */
export type ActionRequest<Name extends ActionName = keyof ActionMap> = {
    [One in Name]: Omit<RequestEnvelope, "action" | "data"> & { action: One } &
        (null extends ActionInput<One> ? { data?: ActionInput<One> } : { data: ActionInput<One> });
}[Name];
export type ActionResponse<Name extends ActionName = keyof ActionMap> = {
    [One in Name]: ResponseEnvelope & { action: One; data: ActionOutput<One> };
}[Name];
/** What the acknowledgement of `socket.emitWithAck(name, data)` gives. */
export type ActionAnswer<Name extends ActionName = keyof ActionMap> = ActionResponse<Name> | ErrorEnvelope;

/** With socket.io-client: `const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(…)`. */
export interface ServerToClientEvents {
    message: (message: string | ServerMessage, offset?: string) => void;
}
/** An action is called by its name; its data may be left out where null will do. */
export type ClientToServerEvents = {
    [Name in ActionName]: (...args: ActionArguments<Name>) => void;
} & {
    message: (message: string | ActionRequest, acknowledge?: (answer: ResponseEnvelope | ErrorEnvelope) => void) => void;
};
export type ActionArguments<Name extends ActionName> =
    | [data: ActionInput<Name>, acknowledge: (answer: ActionAnswer<Name>) => void]
    | (null extends ActionInput<Name> ? [acknowledge: (answer: ActionAnswer<Name>) => void] : never);
)";

std::set<std::string> fixed_names() {
    return {"ServerMessage",  "PushUpdate",   "StatusUpdate",         "SystemUpdate",
            "SystemEventMap", "ActionMap",    "ActionPrefixMap",      "ActionName",
            "ActionOf",       "ActionInput",  "ActionOutput",         "ActionRequest",
            "ActionResponse", "ActionAnswer", "ServerToClientEvents", "ClientToServerEvents",
            "ActionArguments"};
}

/// The protocol's schemas as one whose references lead to all of them.
std::string protocol_document() {
    std::string text;
    JsonWriter json(text);
    json.begin_object().key("components").begin_object();
    json.raw_member("schemas", protocol_schemas()).end_object().key("anyOf").begin_array();
    for_each_raw_member(protocol_schemas(), [&](std::string_view name, std::string_view) {
        json.raw(schema_reference(name));
        return true;
    });
    json.end_array().end_object();
    return text;
}

class TypeScriptWriter {
public:
    TypeScriptWriter(const Contract& contract, std::string_view command) : contract_(contract) {
        out_ = "// Made by `" + std::string(command) + "`; do not edit.\n\n";
    }

    std::string declarations() && {
        write_protocol();
        out_ += kEnvelopeTypes;
        write_system_events();
        for (const actions::Action* action : contract_.actions) write_types(*action);
        write_map("ActionMap", "What each action takes and answers.", exact_);
        write_map("ActionPrefixMap", "The same for all actions whose names begin so.", prefixes_);
        write_choice();
        out_ += kActionTypes;
        return std::move(out_);
    }

private:
    /// An action with the types of its input and output.
    struct Entry {
        const actions::Action* action;
        std::string stem, input, output;
    };

    void write_protocol() {
        auto schema = actions::Schema::compile(protocol_document());
        SB_CHECK(schema.has_value());
        const SchemaTree tree(std::move(*schema));
        TypeNames names;
        for (const auto& definition : tree.definitions())
            names.definitions.push_back(names_.make(definition.name));
        actions::append_definitions(out_, tree, names);
    }

    void write_system_events() {
        actions::append_doc_comment(out_, "The data of each of the server's own events.", "");
        out_ += "export interface SystemEventMap {\n";
        for (const SystemEvent& event : system_events()) {
            actions::append_doc_comment(out_, event.meaning, kIndent);
            out_.append(kIndent).append("\"").append(event.name).append("\": ");
            out_.append(event.schema).append(";\n");
        }
        out_ += "}\n\n";
    }

    void write_types(const actions::Action& action) {
        const ActionNames names(action.definition.name);
        Entry entry{.action = &action,
                    .stem = names.stem,
                    .input = write_type(names.stem, "Input", action.input),
                    .output = "unknown"};
        if (action.output) entry.output = write_type(names.stem, "Output", action.output);
        (names.is_prefix ? prefixes_ : exact_).push_back(std::move(entry));
    }

    std::string write_type(const std::string& name, std::string_view suffix,
                           std::shared_ptr<const actions::Schema> schema) {
        const SchemaTree tree(std::move(schema));
        TypeNames names{.root = names_.make(name, suffix), .definitions = {}};
        for (const auto& definition : tree.definitions())
            names.definitions.push_back(names_.make(names.root + "-" + definition.name));
        actions::append_definitions(out_, tree, names);
        actions::append_root(out_, tree, names);
        return names.root;
    }

    static std::string documentation_of(const actions::ActionDefinition& action) {
        std::string text = action.description;
        const std::string_view needs = action.permission;
        if (!text.empty()) text += '\n';
        text.append(needs.empty() ? "Needs no permission." : "Needs the permission `");
        if (!needs.empty()) text.append(needs).append("`.");
        if (action.deprecated) text += "\n@deprecated";
        return text;
    }

    void write_map(std::string_view name, std::string_view about,
                   const std::vector<Entry>& entries) {
        actions::append_doc_comment(out_, about, "");
        out_.append("export interface ").append(name).append(" {\n");
        for (const Entry& entry : entries) {
            actions::append_doc_comment(out_, documentation_of(entry.action->definition), kIndent);
            out_.append(kIndent).append("\"").append(entry.stem).append("\": { input: ");
            out_.append(entry.input).append("; output: ").append(entry.output).append(" };\n");
        }
        out_ += "}\n\n";
    }

    /// Exact names win, then the longest beginning: as the server finds them.
    void write_choice() {
        std::vector<std::string> stems;
        stems.reserve(prefixes_.size());
        for (const Entry& entry : prefixes_) stems.push_back(entry.stem);
        std::ranges::sort(stems, std::greater<>());
        actions::append_doc_comment(out_, "The entry that an action's name leads to.", "");
        out_ += "export type ActionOf<Name extends string> =\n";
        out_ += "    Name extends keyof ActionMap ? ActionMap[Name] :\n";
        for (const std::string& stem : stems) {
            out_.append("    Name extends `")
                .append(stem)
                .append("${string}` ? ActionPrefixMap[\"");
            out_.append(stem).append("\"] :\n");
        }
        out_ += "    never;\n";
    }

    static constexpr std::string_view kIndent = "    ";
    const Contract& contract_;
    TypeScriptNames names_{fixed_names()};
    std::vector<Entry> exact_, prefixes_;
    std::string out_;
};

}  // namespace

std::string typescript_declarations(const Contract& contract, std::string_view command) {
    return TypeScriptWriter(contract, command).declarations();
}

}  // namespace signalbox::api
