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

}  // namespace

void add_action_keys(std::vector<ConfigKey>& keys) {
    keys.push_back(text_key<&Config::actions, &actions::UpstreamOptions::signing_secret>(
        {"actions.signing_secret",
         "Secret with which requests to upstream actions are signed (Signalbox-Signature); at "
         "least 32 bytes. Empty: they are not.",
         Secrecy::kSecret}));
    keys.push_back(upstream_key());
}

}  // namespace signalbox::app
