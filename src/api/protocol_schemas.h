#pragma once

#include <span>
#include <string>
#include <string_view>

/// What clients and this server say to each other, as JSON Schemas that both draft-07 and 2020-12
/// read alike: envelopes, bodies and answers of REST, the data of system events. OpenAPI, AsyncAPI
/// and TypeScript are made from them.
namespace signalbox::api {

/// The members of an object `components.schemas`, with references among them from the document's
/// root. A JSON object.
[[nodiscard]] const std::string& protocol_schemas();

/// An event of kind `system`.
struct SystemEvent {
    std::string_view name;
    std::string_view schema;  ///< of its data, in protocol_schemas()
    std::string_view meaning;
};
[[nodiscard]] std::span<const SystemEvent> system_events();

}  // namespace signalbox::api
