#include "actions/registry.h"

#include <algorithm>
#include <cmath>

#include "actions/schema.h"
#include "actions/upstream.h"

namespace signalbox::actions {
namespace {

constexpr std::size_t kNameMax = 128;

bool is_valid_name(std::string_view name) {
    constexpr std::string_view kAlsoInside = ".-";
    if (name.empty() || name.size() > kNameMax || kAlsoInside.contains(name[0])) return false;
    return std::ranges::all_of(name, [&](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_' || kAlsoInside.contains(c);
    });
}

constexpr std::string_view kStar = "*";

/// "orders.*"
bool is_valid_pattern(std::string_view name) {
    constexpr std::string_view kEnd = ".*";
    return name.ends_with(kEnd) && is_valid_name(name.substr(0, name.size() - kEnd.size()));
}

bool may_be_called(const ActionDefinition& definition) {
    const bool upstream = std::holds_alternative<UpstreamHandler>(definition.handler);
    return is_valid_name(definition.name) || (upstream && is_valid_pattern(definition.name));
}

bool has_handler(const Handler& handler) {
    if (const auto* immediate = std::get_if<ImmediateHandler>(&handler)) return bool(*immediate);
    if (const auto* async = std::get_if<AsyncHandler>(&handler)) return bool(*async);
    if (const auto* blocking = std::get_if<BlockingHandler>(&handler)) return bool(blocking->run);
    if (const auto* asked = std::get_if<UpstreamHandler>(&handler)) return bool(asked->upstream);
    return true;
}

/// Why the definition cannot work, or "".
std::string_view fault_of(const ActionDefinition& definition) {
    if (!may_be_called(definition)) {
        return "has a bad name: it must be 1 to 128 of A-Z a-z 0-9 _ . - and begin with neither . "
               "nor -";
    }
    if (!has_handler(definition.handler)) return "has no handler";
    if (definition.timeout <= Milliseconds(0)) return "must have a timeout greater than 0";
    if (!std::isfinite(definition.cost) || definition.cost < 0)
        return "must have a cost of 0 or more";
    return "";
}

std::expected<std::shared_ptr<const Schema>, std::string> compile_schema(const std::string& name,
                                                                         std::string_view which,
                                                                         std::string_view text) {
    auto schema = Schema::compile(text);
    if (schema) return schema;
    return std::unexpected("action \"" + name + "\", " + std::string(which) + ": " +
                           schema.error());
}

}  // namespace

std::expected<void, std::string> ActionRegistry::add(ActionDefinition definition) {
    const std::string name = definition.name;
    if (const auto fault = fault_of(definition); !fault.empty()) {
        return std::unexpected("action \"" + name + "\" " + std::string(fault));
    }
    if (actions_.contains(name))
        return std::unexpected("action \"" + name + "\" is registered twice");
    auto input = compile_schema(name, "input schema", definition.input_schema);
    if (!input) return std::unexpected(std::move(input.error()));
    std::shared_ptr<const Schema> output;
    if (!definition.output_schema.empty()) {
        auto compiled = compile_schema(name, "output schema", definition.output_schema);
        if (!compiled) return std::unexpected(std::move(compiled.error()));
        output = std::move(*compiled);
    }
    const auto added =
        actions_.emplace(name, Action{std::move(definition), std::move(*input), std::move(output),
                                      std::make_shared<ConcurrencyGate>()});
    index(added.first->first, added.first->second);
    return {};
}

ActionRegistry::ActionRegistry(const ActionRegistry& other) : actions_(other.actions_) {
    for (const auto& [name, action] : actions_) index(name, action);
}

void ActionRegistry::index(const std::string& name, const Action& action) {
    if (name.ends_with(kStar)) {
        by_prefix_.emplace(std::string_view(name).substr(0, name.size() - kStar.size()), &action);
    } else {
        by_name_.emplace(name, &action);
    }
    const auto* handler = std::get_if<UpstreamHandler>(&action.definition.handler);
    if (handler != nullptr && handler->upstream->spec().forward_authorization)
        forwards_authorization_ = true;
}

const Action* ActionRegistry::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) return found->second;
    // Of two beginnings of one name the longer comes first.
    for (const auto& [prefix, action] : by_prefix_) {
        if (name.starts_with(prefix) && name.size() <= kNameMax &&
            is_valid_name(name.substr(prefix.size())))
            return action;
    }
    return nullptr;
}

void ActionRegistry::share_gates(const ActionRegistry& before) {
    for (auto& [name, action] : actions_) {
        const auto known = before.actions_.find(name);
        if (known != before.actions_.end()) action.gate = known->second.gate;
    }
}

void append_description(std::string& out, const Action& action) {
    const ActionDefinition& definition = action.definition;
    JsonWriter json(out);
    json.begin_object()
        .member("name", definition.name)
        .member("description", definition.description);
    json.key("permission");
    definition.permission.empty() ? json.null() : json.string(definition.permission);
    json.raw_member("inputSchema", definition.input_schema);
    if (action.output) json.raw_member("outputSchema", definition.output_schema);
    json.member("timeoutMs", definition.timeout.count())
        .member("safeToRetry", definition.safe_to_retry)
        .member("progress", definition.progress);
    if (definition.deprecated) json.member("deprecated", true);
    json.end_object();
}

}  // namespace signalbox::actions
