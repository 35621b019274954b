#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/config_value.h"

namespace signalbox::app {

/// What a key's value looks like in TOML.
enum class ValueType : std::uint8_t {
    kFlag,
    kInteger,
    kNumber,
    kText,  ///< durations and choices too
    kList,
    kRoles,        ///< a table: role → list of permissions
    kServiceKeys,  ///< an array of tables
    kUpstreams,    ///< likewise
};

enum class Secrecy : std::uint8_t { kPublic, kSecret };
/// When a changed value counts: with SIGHUP, or after a restart.
enum class Effect : std::uint8_t { kAtRestart, kAtReload };

/// One key of the configuration.
struct ConfigKey {
    std::string path;  ///< "server.port"
    ValueType type;
    std::string expects;  ///< continues "must be": "a whole number, 1 to 65535"
    std::string doc;      ///< one sentence
    /// Judges a value and stores it. @return what it must be.
    std::function<std::expected<void, std::string>(Config&, const RawValue&)> assign;
    /// The value as TOML.
    std::function<std::string(const Config&)> render;
    std::optional<RawValue> dev_default{};
    Secrecy secrecy = Secrecy::kPublic;
    Effect effect = Effect::kAtRestart;

    [[nodiscard]] std::string section() const;      ///< "server"
    [[nodiscard]] std::string name() const;         ///< "port"
    [[nodiscard]] std::string environment() const;  ///< "SIGNALBOX_SERVER_PORT"
};

/// Every key, section by section: the one registry that the loader, generate-config and
/// docs/configuration.md are made from.
[[nodiscard]] std::span<const ConfigKey> config_keys();
/// Path of the key that names the file of a secret: "auth.jwt.secret_file".
[[nodiscard]] std::string secret_file_path(std::string_view path);
/// @return nullptr when there is none.
[[nodiscard]] const ConfigKey* find_config_key(std::string_view path);
/// Paths of the keys that differ and whose new values count only after a restart.
[[nodiscard]] std::vector<std::string> keys_for_restart(const Config& running,
                                                        const Config& wanted);

/// Reads what the environment or a flag says into the shape of `type` (lists by commas). What
/// cannot be read stays text, which assign() then refuses. Not for kRoles and those below it.
[[nodiscard]] RawValue read_plain_text(ValueType type, std::string_view text);

}  // namespace signalbox::app
