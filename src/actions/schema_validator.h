#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actions/schema.h"
#include "actions/schema_node.h"
#include "base/json.h"

namespace signalbox::actions {

/// Compares one value with a compiled schema and collects the faults.
/// Bounds: stops at faults_max faults, kSchemaDepthMax nested comparisons, and kSchemaStepsMax
///         comparisons or kSchemaStepsPerValueMax for each value in the data, whichever is more.
///         Over the latter two the data counts as faulty, so that no data can make a schema of
///         branching recursion run on.
inline constexpr std::size_t kSchemaDepthMax = 1024;
inline constexpr std::size_t kSchemaStepsMax = 100'000;
inline constexpr std::size_t kSchemaStepsPerValueMax = 16;

class SchemaValidator {
public:
    explicit SchemaValidator(std::size_t faults_max) : faults_max_(faults_max) {}
    [[nodiscard]] std::vector<SchemaFault> run(const SchemaNode& root, JsonElement data);

private:
    /// The way from the root to a value, linked on the stack, spelled only when a fault needs it.
    struct Path {
        const Path* parent = nullptr;
        std::string_view name;
        std::optional<std::size_t> index;
    };

    void check(const SchemaNode& node, JsonElement value, const Path& path);
    void check_type(const SchemaNode& node, JsonElement value, const Path& path);
    void check_values(const SchemaNode& node, JsonElement value, const Path& path);
    void check_number(const SchemaNode& node, JsonElement value, const Path& path);
    void check_string(const SchemaNode& node, std::string_view text, const Path& path);
    void check_array(const SchemaNode& node, simdjson::dom::array items, const Path& path);
    void check_items(const SchemaNode& node, simdjson::dom::array items, const Path& path);
    void check_unique(simdjson::dom::array items, const Path& path);
    void check_contains(const SchemaNode& node, simdjson::dom::array items, const Path& path);
    void check_object(const SchemaNode& node, simdjson::dom::object object, const Path& path);
    void check_required(const SchemaNode& node, simdjson::dom::object object, const Path& path);
    void check_member(const SchemaNode& node, std::string_view name, JsonElement value,
                      const Path& path);
    void check_name(const SchemaNode& node, std::string_view name, const Path& path);
    void check_dependencies(const SchemaNode& node, JsonElement value, simdjson::dom::object object,
                            const Path& path);
    void check_combinations(const SchemaNode& node, JsonElement value, const Path& path);
    void check_any_of(const SchemaNode& node, JsonElement value, const Path& path);
    void check_one_of(const SchemaNode& node, JsonElement value, const Path& path);
    void check_condition(const SchemaNode& node, JsonElement value, const Path& path);

    /// How much is told of faults. A comparison that only decides between others says little, so
    /// that the price of a fault does not grow with the nesting of `anyOf`.
    enum class Voice : std::uint8_t { kFull, kSummary, kSilent };

    [[nodiscard]] bool fits(const SchemaNode& node, JsonElement value, const Path& path);
    /// The first fault of a comparison whose faults do not count by themselves.
    std::optional<SchemaFault> first_fault(const SchemaNode& node, JsonElement value,
                                           const Path& path);
    std::vector<SchemaFault> faults_of(const SchemaNode& node, JsonElement value, const Path& path,
                                       Voice voice);
    void add_no_form(const Path& path, const std::vector<SchemaFault>& of_each_form);
    void add(const Path& path, std::string message);
    [[nodiscard]] bool takes_step();
    void give_up(const Path& path);
    [[nodiscard]] bool full() const { return faults_.size() >= faults_max_; }
    [[nodiscard]] static std::string spell(const Path& path);

    std::size_t faults_max_;
    std::vector<SchemaFault> faults_;
    Voice voice_ = Voice::kFull;
    JsonElement root_;
    std::size_t depth_ = 0, steps_ = 0, steps_max_ = kSchemaStepsMax;
    bool steps_counted_ = false, gave_up_ = false;
};

}  // namespace signalbox::actions
