#include "app/config_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "actions/schema.h"
#include "actions/upstream.h"
#include "app/config_files.h"
#include "app/config_value.h"

namespace signalbox::app {
namespace {

/// The checks, each with the same view of what is being checked.
class Checker {
public:
    Checker(const Config& config, const ConfigOrigins& origins, ConfigFindings& findings)
        : config_(config), origins_(origins), findings_(findings) {}

    void check_secret() {
        const std::string& secret = config_.tokens.secret;
        if (auth::weak_secret(config_.tokens)) {
            const std::string message = fmt::format("must have at least {} bytes, has {}",
                                                    auth::kSecretBytesMin, secret.size());
            if (config_.mode == RunMode::kProduction) return problem("auth.jwt.secret", message);
            findings_.warnings.push_back(make("auth.jwt.secret", message).text());
        }
        const bool none = secret.empty() && !has_public_keys(config_);
        if (none && config_.mode == RunMode::kProduction) {
            problem("auth.jwt.secret",
                    "is missing: tokens need auth.jwt.secret (or the environment's "
                    "SIGNALBOX_AUTH_JWT_SECRET), auth.jwt.public_key_file, auth.jwt.jwks_file "
                    "or auth.jwt.jwks_url");
        }
    }

    void check_algorithms() {
        if (config_.tokens.algorithms.empty()) {
            problem("auth.jwt.algorithms", "must name at least one algorithm");
        }
        const bool no_key = config_.tokens.secret.empty() && !has_public_keys(config_);
        // Without any key check_secret() has said so, or --dev will have a secret; a key set may
        // hold keys for all.
        const bool secret = !config_.tokens.secret.empty() || no_key || has_key_set();
        for (const std::string& algorithm : config_.tokens.algorithms) {
            const bool symmetric = algorithm.starts_with("HS");
            if (symmetric && !secret) {
                problem("auth.jwt.algorithms", fmt::format("{} needs auth.jwt.secret", algorithm));
            } else if (!symmetric && !has_public_keys(config_)) {
                problem("auth.jwt.algorithms",
                        fmt::format("{} needs auth.jwt.public_key_file, auth.jwt.jwks_file or "
                                    "auth.jwt.jwks_url",
                                    algorithm));
            }
        }
    }

    /// The verifier's own judgement, when nothing that we know better is wrong with its keys.
    void check_token_options() {
        if (config_.tokens.secret.empty() && !has_public_keys(config_)) return;
        const bool known = std::ranges::any_of(findings_.problems, [](const ConfigProblem& p) {
            return p.key.starts_with("auth.jwt.");
        });
        if (known) return;
        const auto fetched =
            config_.jwks.url.empty() ? nullptr : std::make_shared<auth::SharedKeySet>();
        const auto verifier = auth::TokenVerifier::create(config_.tokens, fetched);
        if (!verifier) return problem("auth.jwt", verifier.error());
        for (const std::string& each : (*verifier)->key_warnings())
            findings_.warnings.push_back(make("auth.jwt.jwks_file", each).text());
        if (!origins_.contains("auth.jwt.algorithms")) return;
        for (const std::string& each : (*verifier)->algorithm_warnings())
            findings_.warnings.push_back(make("auth.jwt.algorithms", each).text());
    }

    /// One after the other, so that each fault is told with its line.
    void check_service_keys() {
        if (auth::ServiceKeys::create(config_.service_keys)) return;
        std::vector<auth::ServiceKey> good;
        for (std::size_t i = 0; i < config_.service_keys.size(); ++i) {
            const EntryPlace place = place_of("auth.service_keys", i);
            if (place.faulty.contains("id") || place.faulty.contains("sha256")) continue;
            good.push_back(config_.service_keys[i]);
            const auto keys = auth::ServiceKeys::create(good);
            if (keys) continue;
            problem_at(place.line, "auth.service_keys", keys.error());
            good.pop_back();
        }
    }

    void check_tls() {
        const ServerConfig& server = config_.server;
        if (server.tls_certificate_file.empty() != server.tls_key_file.empty()) {
            const bool key_missing = server.tls_key_file.empty();
            problem(key_missing ? "server.tls.certificate_file" : "server.tls.key_file",
                    key_missing ? "needs server.tls.key_file too"
                                : "needs server.tls.certificate_file too");
        }
        const bool plain = server.tls_certificate_file.empty();
        if (plain && !server.tls_ticket_key_files.empty())
            problem("server.tls.ticket_key_files", "needs server.tls.certificate_file");
        if (plain || server.tls_key_file.empty()) return;
        const std::size_t before = findings_.problems.size();
        check_readable("server.tls.certificate_file", server.tls_certificate_file);
        check_readable("server.tls.key_file", server.tls_key_file);
        for (const std::string& file : server.tls_ticket_key_files)
            check_readable("server.tls.ticket_key_files", file);
        if (findings_.problems.size() > before) return;
        const auto tls = runtime::TlsContext::load(tls_files(server));
        if (!tls) problem(blamed_tls_key(tls.error()), tls.error());
    }

    void check_files_to_write() {
        check_appendable("log.file", config_.log.file);
        check_appendable("log.audit_file", config_.log.audit_file);
        if (std::string fault = folder_fault(config_.data_dir); !fault.empty())
            problem("data.dir", std::move(fault));
    }

    void check_proxy_protocol() {
        const ServerConfig& server = config_.server;
        const bool required = server.proxy_protocol == runtime::ProxyProtocol::kRequired;
        if (required && server.trusted_proxies.empty())
            problem("server.proxy_protocol",
                    "needs server.trusted_proxies, or nobody could connect");
    }

    void check_paths() {
        const auto& aliases = config_.server.path_aliases;
        const bool fixed = contains(aliases, kRealtimePath);
        if (fixed) problem("server.path_aliases", "must not contain /realtime: it is always there");
        if (contains(aliases, config_.server.base_path)) {
            problem("server.base_path", "must differ from server.path_aliases");
        }
        if (config_.server.base_path == kRealtimePath) {
            problem("server.base_path", "must differ from /realtime");
        }
    }

    void check_cookie() {
        const engineio::CookieOptions& cookie = config_.engineio.cookie;
        if (cookie.same_site == engineio::SameSite::kNone && !cookie.secure) {
            problem("engineio.cookie.same_site",
                    "\"none\" needs engineio.cookie.secure, or browsers drop the cookie");
        }
    }

    void check_introspection() {
        const gateway::Options& gateway = config_.gateway;
        const bool asks = gateway.session_mode == gateway::SessionMode::kIntrospect;
        if (asks && gateway.introspection.url.empty()) {
            problem("auth.sessions.mode", "\"introspect\" needs auth.sessions.introspect_url");
        }
        if (asks && gateway.introspection.cached_for > gateway.introspect_recheck) {
            problem("auth.sessions.introspect_cache",
                    "must not be over auth.sessions.introspect_recheck: open connections would be "
                    "judged by old answers");
        }
        if (!asks || gateway.introspection.url.empty()) return;
        if (is_protected_url(gateway.introspection.url)) return;
        warn("auth.sessions.introspect_url", "sends tokens over plain HTTP");
    }

    void check_idle_timeout() {
        constexpr Milliseconds kLeast = std::chrono::seconds(1);
        const Milliseconds timeout = config_.gateway.session_idle_timeout;
        if (timeout.count() > 0 && timeout < kLeast)
            problem("auth.sessions.idle_timeout", "must be \"0s\" or at least \"1s\"");
    }

    void check_authorizer() {
        const gateway::Options& gateway = config_.gateway;
        const auto& rules = config_.artifact_rules;
        const auto has = [&](auth::ArtifactRule rule) {
            return std::ranges::find(rules, rule) != rules.end();
        };
        const bool asks = has(auth::ArtifactRule::kAuthorizer);
        const std::string& url = gateway.authorization.url;
        if (asks && url.empty())
            problem("auth.artifacts.rules", "\"authorizer\" needs auth.artifacts.authorize_url");
        if (!asks && !url.empty()) {
            problem("auth.artifacts.authorize_url",
                    "is asked only when auth.artifacts.rules has \"authorizer\"");
        }
        if (gateway.authorization.cached_for > gateway.authorize_recheck) {
            problem("auth.artifacts.authorize_cache",
                    "must not be over auth.artifacts.authorize_recheck: what is watched would be "
                    "judged by old answers");
        }
        if (!asks || url.empty()) return;
        if (has(auth::ArtifactRule::kCompany)) {
            warn("auth.artifacts.rules",
                 "\"company\" allows everybody what \"authorizer\" would be asked about");
        }
        if (!is_protected_url(url))
            warn("auth.artifacts.authorize_url",
                 "is asked over plain HTTP: its answers can be forged");
    }

    void check_http_client() {
        const std::string& file = config_.http_client.ca_file;
        if (file.empty() || !check_readable("http_client.ca_file", file)) return;
        if (auto good = runtime::check_authorities(file); !good)
            problem("http_client.ca_file", std::move(good.error()));
    }

    void check_limits() {
        const gateway::LimitOptions& limits = config_.gateway.limits;
        if (limits.message_bytes_max > config_.engineio.payload_bytes_max) {
            problem("limits.message_bytes_max",
                    fmt::format("must not be over limits.payload_bytes_max ({})",
                                config_.engineio.payload_bytes_max));
        }
        check_burst("limits.messages_burst", limits.connection_messages);
        check_burst("limits.handshakes_burst", limits.address_handshakes);
    }

    void check_actions() {
        const std::size_t size = config_.actions.signing_secret.size();
        if (size != 0 && size < auth::kSecretBytesMin) {
            problem("actions.signing_secret", fmt::format("must have at least {} bytes, has {}",
                                                          auth::kSecretBytesMin, size));
        }
        actions::ActionRegistry built_in;
        actions::add_built_in_actions(built_in);
        if (config_.mode == RunMode::kDev) actions::add_dev_actions(built_in);
        actions::ActionRegistry registry = built_in;
        for (std::size_t i = 0; i < config_.actions.upstreams.size(); ++i) {
            const actions::UpstreamSpec& upstream = config_.actions.upstreams[i];
            const EntryPlace place = place_of("actions.upstream", i);
            check_upstream(upstream, place, {built_in, registry});
            warn_of(upstream);
        }
    }

    void check_dev_host(RemoteDev remote_dev) {
        const bool refuse = config_.mode == RunMode::kDev && remote_dev == RemoteDev::kRefuse;
        if (!refuse || is_loopback(config_.server.host)) return;
        problem("server.host", fmt::format("must be a loopback address with --dev, not {}: add "
                                           "--dev-allow-remote to let others in",
                                           quote(config_.server.host)));
    }

private:
    bool check_readable(std::string_view key, const std::string& file) {
        std::string fault = reading_fault(file);
        const bool readable = fault.empty();
        if (!readable) problem(key, std::move(fault));
        return readable;
    }

    void check_appendable(std::string_view key, const std::string& file) {
        if (file.empty()) return;
        if (std::string fault = appending_fault(file); !fault.empty())
            problem(key, std::move(fault));
    }

    /// Of the files the one that the sentence names.
    [[nodiscard]] std::string_view blamed_tls_key(std::string_view fault) const {
        const ServerConfig& server = config_.server;
        if (fault.contains(' ' + server.tls_certificate_file + ':'))
            return "server.tls.certificate_file";
        const bool key = fault.contains(' ' + server.tls_key_file + ':');
        return key || server.tls_ticket_key_files.empty() ? "server.tls.key_file"
                                                          : "server.tls.ticket_key_files";
    }

    struct UpstreamNeighbours {
        const actions::ActionRegistry& built_in;
        actions::ActionRegistry& all;  ///< and the entries before; gets this one
    };

    /// Each member by itself, where the reader has not refused it, so that all faults are told.
    void check_upstream(const actions::UpstreamSpec& upstream, const EntryPlace& place,
                        UpstreamNeighbours neighbours) {
        const std::size_t before = findings_.problems.size();
        const auto judge = [&](std::string_view member, std::string fault) {
            if (!fault.empty() && !place.faulty.contains(member))
                problem_at(place.line_of(member), "actions.upstream", std::move(fault));
        };
        judge("name", name_fault(upstream, neighbours));
        if (!place.faulty.contains("name") && !place.faulty.contains("mode"))
            judge("url", url_fault(upstream));
        judge("input_schema", schema_fault(upstream, "input", upstream.input_schema));
        if (!upstream.output_schema.empty())
            judge("output_schema", schema_fault(upstream, "output", upstream.output_schema));
        if (!place.faulty.empty() || findings_.problems.size() > before) return;
        actions::ActionRegistry alone;
        if (std::string fault = first_fault(alone, upstream); !fault.empty())
            problem_at(place.line, "actions.upstream", std::move(fault));
    }

    /// Keeps the name in `neighbours.all` when it is good.
    static std::string name_fault(const actions::UpstreamSpec& upstream,
                                  UpstreamNeighbours neighbours) {
        if (neighbours.built_in.all().contains(upstream.name)) {
            return fmt::format("action {} is built in: choose another name", quote(upstream.name));
        }
        return first_fault(neighbours.all, {.name = upstream.name, .url = "http://127.0.0.1/"});
    }

    static std::string url_fault(const actions::UpstreamSpec& upstream) {
        const auto made = actions::Upstream::create(upstream, {});
        if (made) return {};
        return fmt::format("action {}: {}", quote(upstream.name), made.error());
    }

    static std::string schema_fault(const actions::UpstreamSpec& upstream, std::string_view which,
                                    std::string_view text) {
        const auto schema = actions::Schema::compile(text);
        if (schema) return {};
        return fmt::format("action {}, {} schema: {}", quote(upstream.name), which, schema.error());
    }

    static std::string first_fault(actions::ActionRegistry& registry,
                                   actions::UpstreamSpec upstream) {
        auto faults = actions::add_upstream_actions(registry, {{std::move(upstream)}, {}});
        return faults.empty() ? std::string() : std::move(faults.front());
    }

    void warn_of(const actions::UpstreamSpec& upstream) {
        const auto warn = [&](std::string_view message) {
            findings_.warnings.push_back(
                make("actions.upstream", fmt::format("{}: {}", quote(upstream.name), message))
                    .text());
        };
        constexpr std::string_view kPlain = "http://";
        const std::string_view url = upstream.url;
        const bool secret = upstream.forward_authorization || !upstream.headers.empty();
        if (secret && url.starts_with(kPlain)) {
            const std::string_view host = url.substr(kPlain.size());
            if (!is_loopback(host.substr(0, host.find_first_of(":/?"))))
                warn("sends tokens or keys over plain HTTP");
        }
        const std::size_t outbound = config_.engineio.outbound_bytes_max;
        if (outbound != 0 && upstream.response_bytes_max > outbound) {
            warn(
                fmt::format("response_bytes_max ({}) is over limits.outbound_bytes_max ({}): a "
                            "result between them closes the connection that it is for",
                            upstream.response_bytes_max, outbound));
        }
        const bool blind =
            upstream.mode == actions::UpstreamMode::kRest && !upstream.forward_authorization;
        if (blind && upstream.permission == actions::kUpstreamDecides)
            warn("the API cannot decide who may run it without forward_authorization");
    }

    [[nodiscard]] bool has_key_set() const {
        return !config_.jwks_file.empty() || !config_.jwks.url.empty();
    }

    [[nodiscard]] ConfigProblem make(std::string_view key, std::string message) const {
        const auto origin = origins_.find(key);
        if (origin == origins_.end()) return {"", 0, std::string(key), std::move(message)};
        return {origin->second.where, origin->second.line, std::string(key), std::move(message)};
    }

    /// Where the `index`th table of the key's value stands.
    [[nodiscard]] EntryPlace place_of(std::string_view key, std::size_t index) const {
        const auto origin = origins_.find(key);
        const bool known = origin != origins_.end() && index < origin->second.entries.size();
        return known ? origin->second.entries[index] : EntryPlace();
    }

    void problem_at(std::uint32_t line, std::string_view key, std::string message) {
        ConfigProblem found = make(key, std::move(message));
        if (line != 0) found.line = line;
        findings_.problems.push_back(std::move(found));
    }

    void problem(std::string_view key, std::string message) {
        findings_.problems.push_back(make(key, std::move(message)));
    }

    void warn(std::string_view key, std::string message) {
        findings_.warnings.push_back(make(key, std::move(message)).text());
    }

    void check_burst(std::string_view key, const limits::Rate& rate) {
        if (rate.limited() && rate.burst < 1) {
            problem(key, "must be at least 1, or nothing would ever be let through");
        }
    }

    const Config& config_;
    const ConfigOrigins& origins_;
    ConfigFindings& findings_;
};

}  // namespace

runtime::TlsFiles tls_files(const ServerConfig& server) {
    return {server.tls_certificate_file, server.tls_key_file, server.tls_ticket_key_files};
}

void check_config(const Config& config, const ConfigOrigins& origins, const ConfigSources& sources,
                  ConfigFindings& findings) {
    Checker checker(config, origins, findings);
    if (sources.use == ConfigUse::kDescribe) return checker.check_actions();
    checker.check_secret();
    checker.check_algorithms();
    checker.check_token_options();
    checker.check_service_keys();
    checker.check_tls();
    if (sources.use == ConfigUse::kStart) checker.check_files_to_write();
    checker.check_proxy_protocol();
    checker.check_paths();
    checker.check_cookie();
    checker.check_introspection();
    checker.check_idle_timeout();
    checker.check_authorizer();
    checker.check_http_client();
    checker.check_limits();
    checker.check_actions();
    checker.check_dev_host(sources.remote_dev);
}

}  // namespace signalbox::app
