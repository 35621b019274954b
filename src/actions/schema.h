#pragma once

#include <expected>
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

/// A compiled JSON Schema, draft-07. Patterns run on RE2, so that no input costs more than linear time.
/// Threading: const; validate() from any thread.
class Schema {
public:
    /// @return a sentence with the JSON Pointer of the schema's own fault.
    [[nodiscard]] static std::expected<std::shared_ptr<const Schema>, std::string> compile(std::string_view text);
    ~Schema();

    /// @return every fault, at most 32, in document order; empty when `data` matches.
    [[nodiscard]] std::vector<SchemaFault> validate(JsonElement data) const;
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    struct Compiled;
    Schema(std::string text, std::unique_ptr<Compiled> compiled);
    std::string text_;
    std::unique_ptr<Compiled> compiled_;
};

/// [{path, message}]: the `details` of VALIDATION_FAILED.
[[nodiscard]] std::string details_of(const std::vector<SchemaFault>& faults);

}  // namespace signalbox::actions
