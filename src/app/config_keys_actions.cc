#include "app/config_key_builders.h"

/// The keys of `[actions]`.
namespace signalbox::app {
namespace {

/// Without headers, which may hold secrets.
std::string render_upstreams(const Config& config) {
    std::string out = "[";
    for (const actions::UpstreamSpec& one : config.actions.upstreams) {
        out += fmt::format("{}{{name = {}, url = {}, permission = {}}}", out.size() > 1 ? ", " : "",
                           quote(one.name), quote(one.url), quote(one.permission));
    }
    return out + "]";
}

ConfigKey upstream_key() {
    const std::string expects =
        "a list of tables with name, url, permission and what else they need";
    return {"actions.upstream",
            ValueType::kUpstreams,
            expects,
            "Actions that are behind HTTP, in any language (docs/upstream.md).",
            [expects](Config& c, const RawValue& raw) -> std::expected<void, std::string> {
                const auto* list = std::get_if<std::vector<actions::UpstreamSpec>>(&raw);
                if (list == nullptr) return must_be(expects);
                c.actions.upstreams = *list;
                return {};
            },
            render_upstreams};
}

void add_replay_keys(std::vector<ConfigKey>& keys) {
    using gateway::ReplayOptions;
    constexpr auto replay = &gateway::Options::replay;
    constexpr IntegerRange kCount{0, 1'000'000'000'000};
    keys.push_back(duration_key<&Config::gateway, replay, &ReplayOptions::window>(
        {"actions.replay_window",
         "How long an idempotency key stands for the outcome of what ran with it."},
        {std::chrono::seconds(1), std::chrono::hours(24 * 366)}));
    keys.push_back(integer_key<&Config::gateway, replay, &ReplayOptions::keys_per_user_max>(
        {"actions.keys_per_user",
         "Idempotency keys that are remembered of a user; 0: no limit. A further one is refused "
         "with QUOTA_EXCEEDED."},
        kCount));
    keys.push_back(integer_key<&Config::gateway, replay, &ReplayOptions::company_bytes_max>(
        {"actions.replay_bytes_per_company",
         "Bytes of outcomes, and 512 for each key, that are kept of a company; 0: no limit. Over "
         "it, new keys are refused with QUOTA_EXCEEDED."},
        kCount));
}

}  // namespace

void add_action_keys(std::vector<ConfigKey>& keys) {
    keys.push_back(text_key<&Config::actions, &actions::UpstreamOptions::signing_secret>(
        {"actions.signing_secret",
         "Secret with which requests to upstream actions are signed (Signalbox-Signature); at "
         "least 32 bytes. Empty: they are not.",
         Secrecy::kSecret}));
    add_replay_keys(keys);
    keys.push_back(upstream_key());
}

}  // namespace signalbox::app
