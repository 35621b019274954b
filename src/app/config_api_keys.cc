#include "app/config_api_keys.h"

#include <algorithm>

#include "app/config_key_builders.h"

namespace signalbox::app {
namespace {

using namespace std::chrono_literals;
using gateway::JudgeOptions;

bool has_rule(const Config& config, auth::ArtifactRule rule) {
    return std::ranges::find(config.artifact_rules, rule) != config.artifact_rules.end();
}

/// Kept in the order in which they are asked.
void set_rule(Config& config, auth::ArtifactRule rule, bool on) {
    std::erase(config.artifact_rules, rule);
    if (on) config.artifact_rules.push_back(rule);
    std::ranges::sort(config.artifact_rules);
}

template <auth::ArtifactRule Rule>
ListPart rule_part(std::string name) {
    return {std::move(name), [](const Config& c) { return has_rule(c, Rule); },
            [](Config& c, bool on) { set_rule(c, Rule, on); }};
}

void add_authorizer_keys(std::vector<ConfigKey>& keys) {
    constexpr auto judge = &gateway::Options::authorization;
    keys.push_back(text_key<&Config::gateway, judge, &JudgeOptions::url>(
        {"auth.artifacts.authorize_url",
         "http or https URL that the rule \"authorizer\" asks, by POST of {action: \"watch\", "
         "artifactId, userId, companyId, sessionId?, permissions}; it answers {allowed, "
         "expiresAt?}."},
        kHttpUrlOrNone));
    keys.push_back(text_key<&Config::gateway, judge, &JudgeOptions::bearer>(
        {"auth.artifacts.authorize_key",
         "Sent with each question as `Authorization: Bearer`; empty: nothing is.",
         Secrecy::kSecret}));
    keys.push_back(duration_key<&Config::gateway, judge, &JudgeOptions::timeout>(
        {"auth.artifacts.authorize_timeout", "How long an answer may take."}, {100ms, 1min}));
    keys.push_back(duration_key<&Config::gateway, judge, &JudgeOptions::cached_for>(
        {"auth.artifacts.authorize_cache",
         "How long an answer counts for connects and `artifact.subscribe`."},
        {0ms, 1h}));
    keys.push_back(duration_key<&Config::gateway, &gateway::Options::authorize_recheck>(
        {"auth.artifacts.authorize_recheck",
         "How old an answer about an artifact that is watched may become before it is asked for "
         "again."},
        {1s, 24h}));
    keys.push_back(duration_key<&Config::gateway, judge, &JudgeOptions::stale_for>(
        {"auth.artifacts.authorize_stale",
         "How much longer an answer counts while the API does not give a new one; then nobody "
         "begins to watch, and who watches ceases to."},
        {0ms, 24h}));
    keys.push_back(number_key<&Config::gateway, judge, &JudgeOptions::per_second>(
        {"auth.artifacts.authorize_per_second",
         "Questions that each shard sends a second, shared fairly by companies and users. 0: no "
         "limit."}));
}

}  // namespace

void add_introspect_keys(std::vector<ConfigKey>& keys) {
    constexpr auto judge = &gateway::Options::introspection;
    keys.push_back(text_key<&Config::gateway, judge, &JudgeOptions::url>(
        {"auth.sessions.introspect_url",
         "http or https URL that is asked about sessions in mode \"introspect\", by POST of "
         "{token, "
         "sessionId, userId, companyId}; it answers {active, permissions?, expiresAt?}."},
        kHttpUrlOrNone));
    keys.push_back(text_key<&Config::gateway, judge, &JudgeOptions::bearer>(
        {"auth.sessions.introspect_key",
         "Sent with each question as `Authorization: Bearer`; empty: nothing is.",
         Secrecy::kSecret}));
    keys.push_back(duration_key<&Config::gateway, judge, &JudgeOptions::timeout>(
        {"auth.sessions.introspect_timeout", "How long an answer may take."}, {100ms, 1min}));
    keys.push_back(duration_key<&Config::gateway, judge, &JudgeOptions::cached_for>(
        {"auth.sessions.introspect_cache",
         "How long an answer counts for new connections and calls."},
        {0ms, 1h}));
    keys.push_back(duration_key<&Config::gateway, &gateway::Options::introspect_recheck>(
        {"auth.sessions.introspect_recheck",
         "How old an answer about an open connection may become before it is asked for again."},
        {1s, 24h}));
    keys.push_back(duration_key<&Config::gateway, judge, &JudgeOptions::stale_for>(
        {"auth.sessions.introspect_stale",
         "How much longer an answer counts while the API does not give a new one; then connections "
         "and calls are refused, and open connections closed."},
        {0ms, 24h}));
    keys.push_back(number_key<&Config::gateway, judge, &JudgeOptions::per_second>(
        {"auth.sessions.introspect_per_second",
         "Questions that each shard sends a second, shared fairly by companies and users. 0: no "
         "limit."}));
}

void add_artifact_keys(std::vector<ConfigKey>& keys) {
    using enum auth::ArtifactRule;
    keys.push_back(
        set_key({"auth.artifacts.rules",
                 "Who may watch an artifact of the own company; one rule that allows it suffices. "
                 "\"company\": everybody, but with a token that has the claim "
                 "auth.artifacts.claim only what that names; \"claim\": who has a token whose "
                 "claim names it; \"permission\": who has the permission artifact:{id}:watch, the "
                 "id percent-encoded, or a wildcard for it; \"authorizer\": whom the API at "
                 "auth.artifacts.authorize_url allows it, which is asked when no other rule does."},
                {rule_part<kCompany>("company"), rule_part<kClaim>("claim"),
                 rule_part<kPermission>("permission"), rule_part<kAuthorizer>("authorizer")}));
    keys.push_back(text_key<&Config::tokens, &auth::TokenOptions::artifacts_claim>(
        {"auth.artifacts.claim",
         "Claim with the artifacts that may be watched: an id, or a list of ids, in which * stands "
         "for any characters; empty: none is read."},
        kClaimPathOrNone));
    add_authorizer_keys(keys);
}

}  // namespace signalbox::app
