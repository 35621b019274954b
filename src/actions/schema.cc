#include "actions/schema.h"

#include "actions/schema_compiler.h"
#include "actions/schema_validator.h"

namespace signalbox::actions {

struct Schema::Compiled : CompiledSchema {};

Schema::Schema(std::string text, std::unique_ptr<Compiled> compiled)
    : text_(std::move(text)), compiled_(std::move(compiled)) {}

Schema::~Schema() = default;

std::expected<std::shared_ptr<const Schema>, std::string> Schema::compile(std::string_view text) {
    auto compiled = SchemaCompiler().compile(text);
    if (!compiled) return std::unexpected(std::move(compiled.error()));
    auto owned = std::make_unique<Compiled>(Compiled{std::move(*compiled)});
    return std::shared_ptr<const Schema>(new Schema(std::string(text), std::move(owned)));
}

bool Schema::accepts_all() const {
    return compiled_->accepts_all;
}

const std::map<std::string, std::string>& Schema::references() const {
    return compiled_->references;
}

std::vector<SchemaFault> Schema::validate(JsonElement data) const {
    if (compiled_->accepts_all) return {};
    return SchemaValidator(kSchemaFaultsMax).run(*compiled_->root, data);
}

std::string details_of(const std::vector<SchemaFault>& faults) {
    std::string out;
    JsonWriter json(out);
    json.begin_array();
    for (const SchemaFault& fault : faults) {
        json.begin_object()
            .member("path", fault.path)
            .member("message", fault.message)
            .end_object();
    }
    json.end_array();
    return out;
}

}  // namespace signalbox::actions
