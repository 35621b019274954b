#include "app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "app/config_checks.h"
#include "app/config_keys.h"
#include "app/config_toml.h"

namespace signalbox::app {
namespace {

constexpr std::size_t kFileBytesMax = 4U << 20;
constexpr const char* kPublicKeyAlgorithms[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                                "PS512", "ES256", "ES384", "ES512", "EdDSA"};

/// @return the content, or why it cannot be had.
std::expected<std::string, std::string> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::unexpected(fmt::format("cannot be read: {}", std::strerror(errno)));
    std::string content(kFileBytesMax + 1, '\0');
    file.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (file.bad() || (file.fail() && !file.eof())) return std::unexpected("cannot be read");
    content.resize(static_cast<std::size_t>(file.gcount()));
    if (content.size() > kFileBytesMax) return std::unexpected("is over 4 MiB long");
    return content;
}

/// Applies the sources in their order; later ones overwrite.
class Loader {
public:
    explicit Loader(const ConfigSources& sources) : sources_(sources) {
        config_.mode = sources.mode;
    }

    std::expected<LoadedConfig, std::vector<ConfigProblem>> load() {
        if (config_.mode == RunMode::kDev) apply_dev_defaults();
        if (sources_.file) apply_file(*sources_.file);
        apply_environment();
        for (const ConfigFlag& flag : sources_.flags) apply_flag(flag);
        if (sources_.use != ConfigUse::kDescribe) read_files();
        choose_algorithms();
        config_.gateway.token_leeway = config_.tokens.leeway;
        set_shared_bursts();
        // Binary is refused as INVALID_MESSAGE: no more of it is collected than a message may hold.
        config_.socketio.binary_packet_bytes_max = config_.engineio.payload_bytes_max;
        // Of a file that could not be read, what is missing says nothing.
        if (!unreadable()) check_config(config_, origins_, sources_, findings_);
        sort_problems();
        if (!findings_.problems.empty()) return std::unexpected(std::move(findings_.problems));
        return LoadedConfig{std::move(config_), std::move(findings_.warnings)};
    }

private:
    void read_files() {
        for (const auto& [path, file] : config_.secret_files) read_secret(path, file);
        read_key_file("auth.jwt.public_key_file", config_.public_key_file,
                      config_.tokens.public_key_pem);
        read_key_file("auth.jwt.jwks_file", config_.jwks_file, config_.tokens.key_set);
    }

    void apply_dev_defaults() {
        for (const ConfigKey& key : config_keys()) {
            if (key.dev_default) (void)key.assign(config_, *key.dev_default);
        }
    }

    void apply_file(const std::string& path) {
        const auto text = read_file(path);
        if (!text) {
            findings_.problems.push_back({path, 0, "", text.error()});
            return;
        }
        apply(read_toml(*text, path), path);
    }

    /// The order of the sources; in the file, that of the lines.
    void sort_problems() {
        std::ranges::stable_sort(findings_.problems, {}, [this](const ConfigProblem& problem) {
            return place_of(problem);
        });
    }

    /// The source's turn, and the line.
    [[nodiscard]] std::pair<int, std::uint32_t> place_of(const ConfigProblem& problem) const {
        if (problem.where == sources_.file) return {0, problem.line};
        if (sources_.environment.contains(problem.where)) return {1, 0};
        return {problem.where.starts_with("--") ? 2 : 3, 0};
    }

    /// The rates of users and companies have no key for it.
    void set_shared_bursts() {
        gateway::LimitOptions& limits = config_.gateway.limits;
        for (limits::Rate* rate : {&limits.user_messages, &limits.company_messages})
            rate->burst = std::max(1.0, 2 * rate->per_second);
    }

    [[nodiscard]] bool unreadable() const {
        return std::ranges::any_of(findings_.problems,
                                   [](const ConfigProblem& p) { return p.key.empty(); });
    }

    void apply_environment() {
        for (const ConfigKey& key : config_keys()) {
            const auto variable = sources_.environment.find(key.environment());
            if (variable != sources_.environment.end()) {
                apply_text(key, variable->second, variable->first);
            }
        }
        warn_of_unknown_variables();
    }

    void warn_of_unknown_variables() {
        constexpr std::string_view kPrefix = "SIGNALBOX_";
        for (const auto& [name, value] : sources_.environment) {
            if (!name.starts_with(kPrefix)) continue;
            const auto known = std::ranges::find(config_keys(), name, &ConfigKey::environment);
            if (known == config_keys().end()) {
                findings_.warnings.push_back(
                    fmt::format("{}: unknown, ignored.{}", name, suggest_variable(name)));
            }
        }
    }

    static std::string suggest_variable(std::string_view name) {
        for (const ConfigKey& key : config_keys()) {
            if (edit_distance(key.environment(), name) <= 2) {
                return fmt::format(" Did you mean {}?", key.environment());
            }
        }
        return {};
    }

    void apply_flag(const ConfigFlag& flag) {
        if (const ConfigKey* key = find_config_key(flag.path)) {
            apply_text(*key, flag.text, flag.flag);
        } else {
            findings_.problems.push_back({flag.flag, 0, flag.path, "unknown key"});
        }
    }

    void apply_text(const ConfigKey& key, const std::string& text, const std::string& where) {
        if (key.type >= ValueType::kRoles) {
            apply(read_toml_value(key, text, where), where);
        } else {
            apply({&key, read_plain_text(key.type, text), 0}, where);
        }
    }

    void apply(TomlContent content, const std::string& where) {
        for (const TomlAssignment& assignment : content.assignments) apply(assignment, where);
        std::ranges::move(content.problems, std::back_inserter(findings_.problems));
    }

    void apply(const TomlAssignment& assignment, const std::string& where) {
        const ConfigKey& key = *assignment.key;
        if (auto done = key.assign(config_, assignment.value); !done) {
            findings_.problems.push_back({where, assignment.line, key.path, done.error()});
        } else {
            origins_[key.path] = {where, assignment.line, assignment.entries};
        }
    }

    void read_secret(const std::string& path, const std::string& file) {
        if (file.empty()) return;
        const std::string file_key = secret_file_path(path);
        const auto problem = [&](std::string message) {
            const ConfigOrigin& origin = origins_[file_key];
            findings_.problems.push_back({origin.where, origin.line, file_key, std::move(message)});
        };
        if (origins_.contains(path)) return problem(fmt::format("excludes {}", path));
        auto text = read_file(file);
        if (!text) return problem(fmt::format("{} {}", quote(file), text.error()));
        if (text->ends_with('\n')) text->pop_back();
        if (text->ends_with('\r')) text->pop_back();
        if (text->empty()) return problem(fmt::format("{} is empty", quote(file)));
        const ConfigKey& key = *find_config_key(path);
        origins_[path] = origins_[file_key];
        if (auto done = key.assign(config_, std::move(*text)); !done) problem(done.error());
    }

    void read_key_file(std::string_view key, const std::string& path, std::string& content) {
        if (path.empty()) return;
        auto text = read_file(path);
        if (text && !text->empty()) {
            content = std::move(*text);
            return;
        }
        const std::string fault = text ? "is empty" : text.error();
        const ConfigOrigin& origin = origins_[std::string(key)];
        findings_.problems.push_back({origin.where, origin.line, std::string(key),
                                      fmt::format("{} {}", quote(path), fault)});
    }

    /// What public keys serve is theirs to say, unless the operator does.
    void choose_algorithms() {
        if (origins_.contains("auth.jwt.algorithms") || !has_public_keys(config_)) return;
        auto& chosen = config_.tokens.algorithms;
        chosen.assign(std::begin(kPublicKeyAlgorithms), std::end(kPublicKeyAlgorithms));
        if (!config_.tokens.secret.empty()) chosen.insert(chosen.begin(), "HS256");
    }

    const ConfigSources& sources_;
    Config config_;
    ConfigOrigins origins_;
    ConfigFindings findings_;
};

}  // namespace

bool has_public_keys(const Config& config) {
    return !config.public_key_file.empty() || !config.jwks_file.empty() || !config.jwks.url.empty();
}

std::string ConfigProblem::text() const {
    std::string out = where;
    if (line > 0) out += fmt::format(":{}", line);
    for (const std::string& part : {key, message}) {
        if (!part.empty()) out += (out.empty() ? "" : ": ") + part;
    }
    return out;
}

std::expected<LoadedConfig, std::vector<ConfigProblem>> load_config(const ConfigSources& sources) {
    return Loader(sources).load();
}

}  // namespace signalbox::app
