#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "actions/schema.h"

namespace signalbox::actions {

/// What the reader of a document takes schemas for.
enum class SchemaDialect : std::uint8_t {
    kDraft07,     ///< AsyncAPI 3.0
    kDraft202012  ///< OpenAPI 3.1
};

/// A schema's JSON text to be put into another document, with the meaning that it has here: to
/// validate data by it there refuses what this server refuses. Of references only those into itself
/// are left, written from the document's root; what they lead to stands in the schema's own
/// `definitions` or `$defs`. Left out is what has no meaning here but would have one there
/// (`unevaluatedProperties`), and what nobody knows; annotations and `x-…` stay.
/// @param place  where it will stand: "#/components/schemas/orders.create.input".
/// @return a JSON object, whatever the schema is.
[[nodiscard]] std::string schema_text(std::shared_ptr<const Schema> schema, SchemaDialect dialect,
                                      std::string_view place);

}  // namespace signalbox::actions
