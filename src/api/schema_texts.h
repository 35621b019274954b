#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "actions/registry.h"
#include "actions/schema_text.h"

namespace signalbox::api {

/// The schemas of actions as documents have them: converting them is most of the work of a document,
/// so it is done once for each registry.
/// Threading: confined to one shard.
/// Bounds:    at most two texts for each schema of the registry, each about as long as the schema.
class SchemaTexts {
public:
    /// Forgets all texts when this is another registry than before.
    void use(std::shared_ptr<const actions::ActionRegistry> registry);
    /// @param place  of the schema in the document; no two schemas of a registry have one.
    [[nodiscard]] const std::string& of(const std::shared_ptr<const actions::Schema>& schema,
                                        actions::SchemaDialect dialect, const std::string& place);

private:
    std::shared_ptr<const actions::ActionRegistry> registry_;
    std::map<std::pair<actions::SchemaDialect, std::string>, std::string> texts_;
};

}  // namespace signalbox::api
