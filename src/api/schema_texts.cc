#include "api/schema_texts.h"

namespace signalbox::api {

void SchemaTexts::use(std::shared_ptr<const actions::ActionRegistry> registry) {
    if (registry == registry_) return;
    registry_ = std::move(registry);
    texts_.clear();
}

const std::string& SchemaTexts::of(const std::shared_ptr<const actions::Schema>& schema,
                                   actions::SchemaDialect dialect, const std::string& place) {
    const auto [known, added] = texts_.try_emplace({dialect, place});
    if (added) known->second = actions::schema_text(schema, dialect, place);
    return known->second;
}

}  // namespace signalbox::api
