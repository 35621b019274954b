#pragma once

#include <string_view>

#include "api/routes.h"

namespace signalbox::api {

/// What the OpenAPI document says of a route. There is one for each row of routes(): a test
/// compares.
struct Operation {
    std::string_view method;
    std::string_view pattern;
    std::string_view permission;  ///< empty: none, or not always the same
    /// Statuses of failures beside those that every route of its access has: "400 404".
    std::string_view failures;
    /// operationId, tags, summary, description, parameters, requestBody, and of responses those
    /// that are no failures: a JSON object.
    std::string_view members;
};

/// @return null when the table has none.
[[nodiscard]] const Operation* find_operation(const Route& route);

}  // namespace signalbox::api
