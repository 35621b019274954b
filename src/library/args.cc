#include <stdexcept>
#include <utility>

#include "base/http.h"
#include "base/json.h"
#include "signalbox/socketio.h"

namespace signalbox::io {
namespace {

void check_values(std::string_view json) {
    JsonParser parser;
    std::string array = "[";
    array.append(json).append("]");
    const auto parsed = parser.parse(array);
    // One text that closes and opens arrays of its own (`1],[2`) is no single value.
    if (!parsed || !parsed->is_array())
        throw std::invalid_argument("not JSON values separated by commas: " +
                                    std::string(json.substr(0, 64)));
}

}  // namespace

Args::Args(std::string json, std::vector<std::string> attachments)
    : json_(std::move(json)), attachments_(std::move(attachments)) {
    check_values(json_);
}

Args& Args::add_string(std::string_view utf8) {
    if (!json_.empty()) json_ += ',';
    append_json_string(json_, utf8);
    return *this;
}

Args& Args::add_json(std::string_view value) {
    JsonParser parser;
    if (!parser.parse(value))
        throw std::invalid_argument("not JSON: " + std::string(value.substr(0, 64)));
    if (!json_.empty()) json_ += ',';
    json_ += value;
    return *this;
}

Args& Args::add_binary(std::string bytes) {
    if (!json_.empty()) json_ += ',';
    json_ += R"({"_placeholder":true,"num":)" + std::to_string(attachments_.size()) + '}';
    attachments_.push_back(std::move(bytes));
    return *this;
}

std::vector<std::string> Args::values() const {
    std::vector<std::string> values;
    for_each_raw_element('[' + json_ + ']', [&](std::string_view value) {
        values.emplace_back(value);
        return true;
    });
    return values;
}

std::optional<std::string> Args::string_at(std::size_t index) const {
    const std::vector<std::string> all = values();
    if (index >= all.size() || !all[index].starts_with('"')) return std::nullopt;
    return unescape_json(std::string_view(all[index]).substr(1, all[index].size() - 2));
}

std::optional<std::string_view> Handshake::query_value(std::string_view key) const {
    for (const auto& [name, value] : query) {
        if (name == key) return value;
    }
    return std::nullopt;
}

std::optional<std::string_view> Handshake::header(std::string_view name) const {
    for (const auto& [field, value] : headers) {
        if (equal_ignoring_case(field, name)) return value;
    }
    return std::nullopt;
}

}  // namespace signalbox::io
