#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace signalbox::actions {

/// One place where data does not match its schema.
struct SchemaFault {
    std::string path;     ///< JSON Pointer into the data, "" for the whole
    std::string message;  ///< "must be a string"
};

inline constexpr std::size_t kSchemaFaultsMax = 32;

/// A compiled JSON Schema, draft-07. Patterns run on RE2, so that no input costs more than linear
/// time. `format` and the other annotations are not checked. `$ref` reaches what is in the same
/// document, by JSON Pointer or `$id`, and draft-07's own metaschema; nothing is fetched. Numbers
/// are compared as exact decimals, so that 0.3 is a multiple of 0.1, and lengths count code points.
/// Threading: const; validate() from any thread.
/// Bounds:    work and depth of one validate() are limited (schema_validator.h), whatever the
/// schema.
class Schema {
public:
    /// @return a sentence with the JSON Pointer of the schema's own fault.
    [[nodiscard]] static std::expected<std::shared_ptr<const Schema>, std::string> compile(
        std::string_view text);
    ~Schema();

    /// @return every fault, at most 32, in document order; empty when `data` matches.
    [[nodiscard]] std::vector<SchemaFault> validate(JsonElement data) const;
    /// True for `true` and `{}`: validate() has nothing to do.
    [[nodiscard]] bool accepts_all() const;
    [[nodiscard]] const std::string& text() const { return text_; }
    /// Where each `$ref` that can be reached leads, by the place of the subschema that has it. A
    /// place is "#" and a JSON Pointer, with the URI before it in draft-07's metaschema.
    [[nodiscard]] const std::map<std::string, std::string>& references() const;

private:
    struct Compiled;
    Schema(std::string text, std::unique_ptr<Compiled> compiled);
    std::string text_;
    std::unique_ptr<Compiled> compiled_;
};

/// [{path, message}]: the `details` of VALIDATION_FAILED.
[[nodiscard]] std::string details_of(const std::vector<SchemaFault>& faults);

}  // namespace signalbox::actions
