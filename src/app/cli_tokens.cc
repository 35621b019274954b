#include <fmt/format.h>

#include "app/cli_commands.h"
#include "app/config_value.h"
#include "auth/service_keys.h"
#include "auth/token_verifier.h"
#include "base/json.h"
#include "gateway/bearer.h"

namespace signalbox::app {
namespace {

constexpr std::size_t kKeyCharacters = 43;

/// Why `sign_token()` could not make a token that the server accepts; empty when it can.
std::string signing_fault(const Config& config) {
    if (config.tokens.secret.empty()) return "tokens can only be made with auth.jwt.secret";
    if (std::ranges::none_of(config.tokens.algorithms,
                             [](const std::string& name) { return name.starts_with("HS"); })) {
        return "tokens are made with HS algorithms, none of which auth.jwt.algorithms allows";
    }
    return {};
}

void append_permissions(JsonWriter& json, const std::vector<std::string>& permissions) {
    json.key("permissions").begin_array();
    for (const std::string& permission : permissions) json.string(permission);
    json.end_array();
}

std::string claims_json(const auth::TokenClaims& claims) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("valid", true);
    json.member("userId", claims.user.str()).member("companyId", claims.company.str());
    if (!claims.session.empty()) json.member("sessionId", claims.session.str());
    append_permissions(json, claims.permissions.claimed());
    json.member("expiresAt", format_time(claims.expires_at));
    if (!claims.token_id.empty()) json.member("tokenId", claims.token_id);
    json.end_object();
    return out;
}

std::string claims_text(const auth::TokenClaims& claims) {
    return fmt::format(
        "user         {}\ncompany      {}\nsession      {}\npermissions  {}\nexpires      {}",
        claims.user.str(), claims.company.str(), claims.session.str(),
        fmt::join(claims.permissions.claimed(), ", "), format_time(claims.expires_at));
}

std::string refusal_json(const Error& error) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("valid", false).key("error").begin_object();
    json.member("code", error.code).member("message", error.message).end_object().end_object();
    return out;
}

/// The block for the configuration file.
std::string key_block(const auth::ServiceKey& key) {
    std::string permissions;
    for (const std::string& permission : key.permissions) {
        permissions += (permissions.empty() ? "" : ", ") + quote(permission);
    }
    return fmt::format("[[auth.service_keys]]\nid = {}\nsha256 = {}\npermissions = [{}]\n",
                       quote(key.id), quote(key.sha256_hex), permissions);
}

std::string key_json(const std::string& secret, const auth::ServiceKey& key) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("key", secret).member("id", key.id);
    json.member("sha256", key.sha256_hex);
    append_permissions(json, key.permissions);
    json.member("configuration", key_block(key)).end_object();
    return out;
}

struct PermissionList {
    std::vector<std::string> permissions;
    std::string fault;  ///< continues "--permissions "; empty: none
};

/// "orders:*, metrics" → both; "" has none.
PermissionList parse_permissions(std::string_view text) {
    PermissionList list;
    if (text.empty()) return list;
    for (const std::string& part : split_all(text)) {
        if (!kPermission.accepts(part)) {
            list.fault = fmt::format("must be permissions by commas, each {}; {} is none",
                                     kPermission.expects, quote(part));
            return list;
        }
        list.permissions.push_back(part);
    }
    return list;
}

}  // namespace

int create_token(const CommandRun& run) {
    const auto user = UserId::parse(run.line.user);
    const auto company = CompanyId::parse(run.line.company);
    const auto session = SessionId::parse(run.line.session);
    const std::string bad_id = id_fault({{"--user", run.line.user},
                                         {"--company", run.line.company},
                                         {"--session", run.line.session, Need::kOptional}});
    if (!bad_id.empty()) return run.fail(kExitUsage, bad_id);
    const auto ttl = parse_ttl(run.line, {.absent = std::chrono::hours(1), .max = kDurationMax});
    if (!ttl) return run.fail(kExitUsage, ttl.error());
    const std::string fault = signing_fault(run.config);
    if (!fault.empty()) return run.fail(kExitUsage, fault);
    auto [permissions, wrong] = parse_permissions(run.line.permissions);
    if (!wrong.empty()) return run.fail(kExitUsage, "--permissions " + wrong);
    const WallTime now = run.context.clock.wall_now();
    const auth::TokenRequest request{.user = *user,
                                     .company = *company,
                                     .permissions = std::move(permissions),
                                     .session = session.value_or(SessionId()),
                                     .issued_at = now,
                                     .expires_at = now + *ttl};
    std::string text = auth::sign_token(request, run.config.tokens);
    if (run.json()) {
        std::string object;
        JsonWriter json(object);
        json.begin_object().member("token", text);
        json.member("expiresAt", format_time(request.expires_at)).end_object();
        text = object;
    }
    run.context.out << text << '\n';
    return kExitOk;
}

int check_token(const CommandRun& run) {
    const auto verifier = auth::TokenVerifier::create(run.config.tokens);
    if (!verifier) return run.fail(kExitUsage, verifier.error());
    const auto claims =
        (*verifier)->verify(gateway::without_bearer(run.line.token), run.context.clock.wall_now());
    if (claims) {
        run.context.out << (run.json() ? claims_json(*claims) : claims_text(*claims)) << '\n';
        return kExitOk;
    }
    const Error& error = claims.error();
    if (!run.json()) return run.refused(error.code, error.message);
    run.context.out << refusal_json(error) << '\n';
    return kExitFailure;
}

int create_key(const CommandRun& run) {
    const auto [permissions, wrong] = parse_permissions(run.line.permissions);
    if (!wrong.empty()) return run.fail(kExitUsage, "--permissions " + wrong);
    if (permissions.empty()) return run.fail(kExitUsage, "--permissions must name at least one");
    std::string id = run.line.key_id;
    if (id.empty()) id = "service-" + run.context.random.id(6);
    if (const auto fault = id_fault({{"--id", id}}); !fault.empty())
        return run.fail(kExitUsage, fault);
    const std::string secret = "sbk_" + run.context.random.id(kKeyCharacters);
    const auth::ServiceKey key{id, auth::sha256_hex(secret), permissions, {}};
    if (run.json()) {
        run.context.out << key_json(secret, key) << '\n';
    } else {
        run.context.out << secret << "\n\n" << key_block(key);
    }
    return kExitOk;
}

}  // namespace signalbox::app
