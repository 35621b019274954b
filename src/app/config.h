#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actions/upstream_spec.h"
#include "auth/jwks_source.h"
#include "auth/policy.h"
#include "auth/service_keys.h"
#include "auth/token_verifier.h"
#include "base/clock.h"
#include "base/log.h"
#include "engineio/server.h"
#include "gateway/options.h"
#include "runtime/curl_http_client.h"
#include "runtime/proxy_protocol.h"
#include "socketio/server.h"

namespace signalbox::app {

/// The Socket.IO endpoint; fixed, unlike server.path_aliases.
inline constexpr std::string_view kRealtimePath = "/realtime";

enum class RunMode : std::uint8_t { kProduction, kDev };

/// `[server]`.
struct ServerConfig {
    std::string host = "0.0.0.0";
    std::uint16_t port = 8080;  ///< 0: the system picks one
    std::uint16_t shards = 1;
    std::vector<std::string> path_aliases{"/socket.io"};
    std::string base_path;        ///< empty, or like "/gateway"
    std::string internal_listen;  ///< empty, or like "127.0.0.1:9090"
    /// Empty: only requests without Origin and those whose Origin is the Host that they name.
    std::vector<std::string> allowed_origins;
    std::vector<std::string> trusted_proxies;  ///< addresses and networks (CIDR)
    runtime::ProxyProtocol proxy_protocol = runtime::ProxyProtocol::kOff;
    std::size_t connections_max = 0;          ///< 0: as many as descriptors allow
    std::size_t connections_per_address = 0;  ///< key limits.connections_per_address; 0: none
    Milliseconds shutdown_grace{10'000};
    Milliseconds header_timeout{10'000};
    Milliseconds body_timeout{30'000};
    Milliseconds idle_timeout{75'000};
    std::uint16_t blocking_threads = 4;
    bool compression = false;
    std::size_t compression_threshold = 1024;
    bool test_client = false;
    bool public_documents = false;
    std::string tls_certificate_file;  ///< both or none
    std::string tls_key_file;
    std::vector<std::string> tls_ticket_key_files;
};

/// `[log]`.
struct LogConfig {
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kJson;
    std::string file;        ///< empty: stderr
    std::string audit_file;  ///< empty: the audit's lines are in the log alone
};

/// Everything that an operator can set, in the structs of the layers that use it. What each key
/// means, its default and its constraint: config_keys.h, docs/configuration.md.
struct Config {
    RunMode mode = RunMode::kProduction;
    ServerConfig server;
    /// The gateway reads no other header field after the handshake.
    engineio::Options engineio{.handshake_headers = std::vector<std::string>{"Authorization"}};
    /// There are two namespaces to join: who connects more often than that looks for a way in.
    socketio::Options socketio{.connect_timeout = Milliseconds{10'000}, .connects_max = 20};
    gateway::Options gateway;
    auth::TokenOptions tokens;
    std::vector<auth::ArtifactRule> artifact_rules{auth::ArtifactRule::kCompany};
    std::string public_key_file;
    std::string jwks_file;
    auth::JwksSourceOptions jwks;
    std::vector<auth::ServiceKey> service_keys;
    runtime::HttpClientOptions http_client;
    actions::UpstreamOptions actions;
    LogConfig log;
    std::string data_dir = "var";
    /// Files that hold the values of secret keys, by the paths of these.
    std::map<std::string, std::string> secret_files;
};

/// Whether tokens may be verified with other keys than auth.jwt.secret.
[[nodiscard]] bool has_public_keys(const Config& config);

/// One fault of the configuration.
struct ConfigProblem {
    std::string where;    ///< "signalbox.toml", "SIGNALBOX_SERVER_PORT", "--port"; may be empty
    std::uint32_t line;   ///< of a file, from 1; else 0
    std::string key;      ///< "server.port"; empty when no key is at fault
    std::string message;  ///< never a secret's value
    /// "signalbox.toml:12: server.port: must be …".
    [[nodiscard]] std::string text() const;
};

/// A command line flag that sets a key.
struct ConfigFlag {
    std::string flag;  ///< "--port"
    std::string path;  ///< "server.port"
    std::string text;
};

/// Whether --dev may listen beyond this machine.
enum class RemoteDev : std::uint8_t { kRefuse, kAllow };

/// What a configuration is read for.
enum class ConfigUse : std::uint8_t {
    kRun,
    kStart,     ///< to start a server with it: the files that it would write are looked at, too
    kDescribe,  ///< to tell what its server offers: secrets, keys and certificates may be missing
};

/// Where a configuration comes from. What comes later wins: defaults, dev defaults, file,
/// environment, flags.
struct ConfigSources {
    RunMode mode = RunMode::kProduction;
    RemoteDev remote_dev = RemoteDev::kRefuse;
    ConfigUse use = ConfigUse::kRun;
    std::optional<std::string> file;
    std::map<std::string, std::string> environment;
    std::vector<ConfigFlag> flags;
};

struct LoadedConfig {
    Config config;
    std::vector<std::string> warnings;
    std::vector<std::string> notes = {};  ///< what was made for it
};

/// Reads and checks everything. With kDev and no secret, `tokens.secret` is left empty:
/// ensure_dev_secret() (dev_secret.h) has one.
/// @return all faults at once, in the order of the sources.
[[nodiscard]] std::expected<LoadedConfig, std::vector<ConfigProblem>> load_config(
    const ConfigSources& sources);

}  // namespace signalbox::app
