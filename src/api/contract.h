#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actions/registry.h"
#include "api/options.h"
#include "api/routes.h"
#include "api/schema_texts.h"
#include "base/json.h"

/// The documents that are made from the registry of actions and the table of routes: OpenAPI 3.1
/// for HTTP, AsyncAPI 3.0 for Socket.IO, TypeScript for whoever writes a client.
namespace signalbox::api {

/// Where callers of actions have their session from.
enum class SessionSource : std::uint8_t {
    kRequest,  ///< header X-Session-Id, or query `sessionId`
    kToken,    ///< a claim of the token
};

/// What a document tells of. Borrows actions, routes and texts.
struct Contract {
    SchemaTexts& texts;
    std::vector<const actions::Action*> actions{};  ///< by name
    std::vector<const Route*> routes{};
    std::string version{};      ///< of the server
    std::string base_path{};    ///< Options::base_path
    std::string socket_path{};  ///< the Socket.IO endpoint
    std::string host{};         ///< where the socket is: "api.example.com", "127.0.0.1:8080"
    std::string_view socket_protocol = "ws";  ///< or "wss"
    SessionSource sessions = SessionSource::kRequest;
    DocumentReaders readers = DocumentReaders::kCallers;
};

/// Work: O(the actions with their schemas); these three.
[[nodiscard]] std::string openapi_document(const Contract& contract);
[[nodiscard]] std::string asyncapi_document(const Contract& contract);
/// A module of declarations, without code. @param command  for the first line: what made it.
[[nodiscard]] std::string typescript_declarations(const Contract& contract,
                                                  std::string_view command);

/// What an action and its parts are called in the documents, where a star cannot stand.
struct ActionNames {
    explicit ActionNames(std::string_view name);

    bool is_prefix;    ///< every action whose name begins with `stem`
    std::string stem;  ///< the name, or all of it before the star: "reports."

    /// "orders.create.input"; of a prefix "reports.any-input". No two actions share one.
    [[nodiscard]] std::string part(std::string_view what) const;
    /// A JSON Schema that takes exactly the names of these actions.
    [[nodiscard]] std::string name_schema() const;
};

/// "#/components/schemas/" and the name.
[[nodiscard]] std::string schema_place(std::string_view name);
/// {"$ref": …}
[[nodiscard]] std::string schema_reference(std::string_view name);
/// Whether an action may be called without data.
[[nodiscard]] bool takes_no_data(const actions::Action& action);

/// Members for `components.schemas`: the protocol's, and the input and output of each action.
void append_schemas(JsonWriter& json, const Contract& contract, actions::SchemaDialect dialect);

}  // namespace signalbox::api
