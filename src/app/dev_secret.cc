#include "app/dev_secret.h"

#include <fmt/format.h>

#include <fstream>
#include <optional>

#include "app/config_files.h"
#include "storage/data_directory.h"

namespace signalbox::app {
namespace {

/// nullopt when there is none; storage's own reader judges a damaged one.
std::optional<std::string> read_complete_secret(const std::string& path) {
    constexpr std::size_t kCharactersMin = 32;
    std::ifstream file(path);
    std::string secret;
    if (!(file >> secret) || secret.size() < kCharactersMin) return std::nullopt;
    return secret;
}

}  // namespace

std::expected<DevSecret, std::string> ensure_dev_secret(const std::string& data_dir,
                                                        Random& random) {
    const std::string path = data_dir + "/dev-secret";
    if (auto secret = read_complete_secret(path)) return DevSecret{std::move(*secret)};
    const auto directory = storage::DataDirectory::open(data_dir);
    if (directory) {
        auto secret = directory->dev_secret(random);
        if (!secret) return std::unexpected(std::move(secret.error()));
        return DevSecret{std::move(*secret), true};
    }
    // A server that is just starting may have made it in between.
    if (auto secret = read_complete_secret(path)) return DevSecret{std::move(*secret)};
    return std::unexpected(directory.error());
}

LoadResult load_with_secret(const ConfigSources& sources, Random& random) {
    LoadResult loaded = load_config(sources);
    if (!loaded || sources.mode != RunMode::kDev) return loaded;
    Config& config = loaded->config;
    if (!config.tokens.secret.empty() || has_public_keys(config)) return loaded;
    auto secret = ensure_dev_secret(config.data_dir, random);
    if (!secret)
        return std::unexpected(std::vector{ConfigProblem{"", 0, "data.dir", secret.error()}});
    config.tokens.secret = std::move(secret->text);
    if (secret->made) {
        loaded->notes.push_back(
            fmt::format("made a secret for --dev in {}", absolute_path(config.data_dir)));
    }
    return loaded;
}

}  // namespace signalbox::app
