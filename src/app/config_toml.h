#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config_keys.h"

/// TOML, as far as the configuration needs it; the only user of toml++.
namespace signalbox::app {

/// One known key that a file sets.
struct TomlAssignment {
    const ConfigKey* key;
    RawValue value;  ///< monostate when it has a shape that no key has
    std::uint32_t line;
    std::vector<EntryPlace> entries = {};  ///< one for each element, of an array of tables
};

struct TomlContent {
    std::vector<TomlAssignment> assignments;
    std::vector<ConfigProblem> problems;  ///< syntax, unknown keys, broken tables
};

/// @param name  how problems call the file.
[[nodiscard]] TomlContent read_toml(std::string_view text, std::string_view name);

/// Reads the value of a kRoles or kServiceKeys key from the environment: TOML in one line.
/// @param where  how problems call it.
[[nodiscard]] TomlContent read_toml_value(const ConfigKey& key, std::string_view text,
                                          std::string_view where);

/// " Did you mean server.port?", or an empty text when no key or section is near.
[[nodiscard]] std::string suggest_key(std::string_view path);

}  // namespace signalbox::app
