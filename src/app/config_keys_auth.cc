#include "app/config_api_keys.h"
#include "app/config_key_builders.h"
#include "auth/session_store.h"

/// The keys of `[auth]` and of the sections below it.
namespace signalbox::app {
namespace {

using namespace std::chrono_literals;
using Keys = std::vector<ConfigKey>;

void add_connect_keys(Keys& keys) {
    keys.push_back(duration_key<&Config::socketio, &socketio::Options::connect_timeout>(
        {"auth.connect_timeout", "How long a client may take from the handshake to its CONNECT."},
        kTimeout));
    keys.push_back(choice_key<&Config::gateway, &gateway::Options::format>(
        {"auth.format",
         "Form of what the server sends in `message` events, unless the client asks for another "
         "with `format`: one JSON string, or an object."},
        {"string", "object"}));
    keys.push_back(
        set_key({"auth.token_sources",
                 "Where a token may come from: the CONNECT packet's auth.token, the Authorization "
                 "header of "
                 "the handshake, the handshake's query (which proxies write to their logs)."},
                {{"auth", [](const Config&) { return true; }, nullptr},
                 {"header", [](const Config& c) { return c.gateway.token_sources.header; },
                  [](Config& c, bool on) { c.gateway.token_sources.header = on; }},
                 {"query", [](const Config& c) { return c.gateway.token_sources.query; },
                  [](Config& c, bool on) { c.gateway.token_sources.query = on; }}}));
    keys.push_back(duration_key<&Config::gateway, &gateway::Options::expiry_warning>(
        {"auth.expiry_warning", "How long before a token expires system.tokenExpiring is sent."},
        {0ms, 24h}));
    keys.push_back(duration_key<&Config::gateway, &gateway::Options::expiry_grace>(
        {"auth.expiry_grace", "How long a connection lives on after its token has expired."},
        {0ms, 24h}));
}

const std::vector<std::string>& algorithms() {
    static const std::vector<std::string> names{"HS256", "HS384", "HS512", "RS256", "RS384",
                                                "RS512", "PS256", "PS384", "PS512", "ES256",
                                                "ES384", "ES512", "EdDSA"};
    return names;
}
constinit const TextRule kAlgorithm{
    "one of \"HS256\", \"RS256\", \"PS256\", \"ES256\" (each also 384 and 512) and \"EdDSA\"",
    [](std::string_view name) { return contains(algorithms(), name); }};

void add_jwt_keys(Keys& keys) {
    using auth::TokenOptions;
    constexpr auto tokens = &Config::tokens;
    keys.push_back(
        text_key<tokens, &TokenOptions::secret>({"auth.jwt.secret",
                                                 "Secret of HS tokens, the same as the API's; at "
                                                 "least 32 bytes. With --dev one is made and "
                                                 "kept in data.dir when none is set.",
                                                 Secrecy::kSecret}));
    keys.push_back(list_key<tokens, &TokenOptions::algorithms>(
        {"auth.jwt.algorithms",
         "Signature algorithms that tokens may use. A key serves one: its own, or the first of "
         "these that fits. Not set, beside a public key or key set: all that are not HS, and HS256 "
         "when there is a secret."},
        kAlgorithm));
    keys.push_back(text_key<&Config::public_key_file>(
        {"auth.jwt.public_key_file",
         "PEM file with the public key of RS, PS, ES or EdDSA tokens."}));
    keys.push_back(text_key<&Config::jwks_file>(
        {"auth.jwt.jwks_file",
         "JSON Web Key Set (RFC 7517) with keys that tokens name by `kid`."}));
    keys.push_back(text_key<&Config::jwks, &auth::JwksSourceOptions::url>(
        {"auth.jwt.jwks_url",
         "Where such a set is fetched from and kept up to date (docs/tokens.md)."},
        kProtectedUrl));
    keys.push_back(duration_key<&Config::jwks, &auth::JwksSourceOptions::stale_max>(
        {"auth.jwt.jwks_stale_max",
         "How long the last set counts after its lifetime while the source is down."},
        {0ms, 30 * 24h}));
    keys.push_back(text_key<tokens, &TokenOptions::issuer>(
        {"auth.jwt.issuer", "Required claim `iss`; empty: not checked."}));
    keys.push_back(text_key<tokens, &TokenOptions::audience>(
        {"auth.jwt.audience", "Required member of claim `aud`; empty: not checked."}));
    keys.push_back(duration_key<tokens, &TokenOptions::leeway>(
        {"auth.jwt.leeway", "Difference of clocks that `exp`, `nbf` and `iat` tolerate."},
        {0ms, 5min}));
    keys.push_back(text_key<tokens, &TokenOptions::company_claim>(
        {"auth.jwt.company_claim", "Claim with the company; a dotted path reaches into objects."},
        kClaimPath));
    keys.push_back(text_key<tokens, &TokenOptions::permissions_claim>(
        {"auth.jwt.permissions_claim", "Claim with the list of permissions."}, kClaimPath));
    keys.push_back(text_key<tokens, &TokenOptions::roles_claim>(
        {"auth.jwt.roles_claim", "Claim with the role or roles that [auth.roles] maps."},
        kClaimPath));
}

void add_session_keys(Keys& keys) {
    keys.push_back(choice_key<&Config::gateway, &gateway::Options::session_mode>(
        {"auth.sessions.mode",
         "Where sessions live: in our own database, only in the token's claim, or in the API, "
         "which "
         "auth.sessions.introspect_url is asked for."},
        {"store", "claim", "introspect"}));
    keys.push_back(text_key<&Config::tokens, &auth::TokenOptions::session_claim>(
        {"auth.sessions.claim",
         "Claim with the session, for mode \"claim\"; where a token has none, `sessionId` counts."},
        kClaimPath));
    keys.push_back(duration_key<&Config::gateway, &gateway::Options::session_ttl>(
        {"auth.sessions.ttl", "Life of a session that is made without one."},
        {1s, auth::kSessionTtlMax}));
    keys.push_back(duration_key<&Config::gateway, &gateway::Options::session_idle_timeout>(
        {"auth.sessions.idle_timeout",
         "How long a session may go without a connection or call before it ends, at most an "
         "eighth or a second later; the start of the server counts as use for those that had not "
         "ended before. \"0s\": it never ends so; else at least \"1s\"."},
        {0ms, auth::kSessionTtlMax}));
}

std::string render_roles(const RoleTable& roles) {
    std::string out = "{";
    for (const auto& [role, permissions] : roles) {
        out += (out.size() > 1 ? ", " : "") + quote(role) + " = " + render_list(permissions);
    }
    return out + "}";
}

std::string render_service_key(const auth::ServiceKey& key) {
    std::vector<std::string> companies;
    for (const CompanyId& company : key.companies) companies.push_back(company.str());
    return fmt::format("{{id = {}, sha256 = {}, permissions = {}, companies = {}}}", quote(key.id),
                       quote(key.sha256_hex), render_list(key.permissions), render_list(companies));
}

std::string render_service_keys(const Config& config) {
    std::string out = "[";
    for (const auth::ServiceKey& key : config.service_keys) {
        out += (out.size() > 1 ? ", " : "") + render_service_key(key);
    }
    return out + "]";
}

template <class T, auto... Path>
std::expected<void, std::string> assign_as(Config& config, const RawValue& raw,
                                           const std::string& expects) {
    const T* value = std::get_if<T>(&raw);
    if (value == nullptr) return must_be(expects);
    member<Path...>(config) = *value;
    return {};
}

void add_tables(Keys& keys) {
    const std::string roles = "a table of lists like {editor = [\"orders:*\"]}";
    keys.push_back({"auth.roles", ValueType::kRoles, roles,
                    "Permissions that each role of auth.jwt.roles_claim brings.",
                    [roles](Config& c, const RawValue& raw) {
                        return assign_as<RoleTable, &Config::tokens, &auth::TokenOptions::roles>(
                            c, raw, roles);
                    },
                    [](const Config& c) { return render_roles(c.tokens.roles); }});
    const std::string services =
        "a list of tables with id, sha256, permissions and, if not every company, companies";
    keys.push_back(
        {"auth.service_keys", ValueType::kServiceKeys, services,
         "Keys that services use instead of user tokens: `signalbox key create` makes one, or the "
         "hash of any text of up to 512 bytes that has not two dots, which would be a token.",
         [services](Config& c, const RawValue& raw) {
             return assign_as<std::vector<auth::ServiceKey>, &Config::service_keys>(c, raw,
                                                                                    services);
         },
         render_service_keys});
}

}  // namespace

void add_auth_keys(std::vector<ConfigKey>& keys) {
    add_connect_keys(keys);
    add_tables(keys);
    add_jwt_keys(keys);
    add_session_keys(keys);
    add_introspect_keys(keys);
    add_artifact_keys(keys);
}

}  // namespace signalbox::app
