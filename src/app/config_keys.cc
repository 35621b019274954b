#include "app/config_keys.h"

#include "app/config_key_builders.h"

namespace signalbox::app {
namespace {

using namespace std::chrono_literals;
using Keys = std::vector<ConfigKey>;
using gateway::LimitOptions;

constexpr IntegerRange kCount{0, 1'000'000'000};

void add_server_keys(Keys& keys) {
    keys.push_back(text_key<&Config::server, &ServerConfig::host>(
        {"server.host", "Address or host name to listen on."}, kNotEmpty));
    keys.back().dev_default = "127.0.0.1";
    keys.push_back(integer_key<&Config::server, &ServerConfig::port>(
        {"server.port", "Port to listen on; 0 lets the system pick one."}, {0, 65535}));
    keys.push_back(integer_key<&Config::server, &ServerConfig::shards>(
        {"server.shards", "Threads that serve connections, each with an event loop of its own."},
        {1, 256}));
    keys.push_back(list_key<&Config::server, &ServerConfig::path_aliases>(
        {"server.path_aliases", "Paths that lead to the Socket.IO endpoint beside /realtime."},
        kPathAlias));
    keys.push_back(text_key<&Config::server, &ServerConfig::base_path>(
        {"server.base_path", "Prefix of every HTTP path except those of the Socket.IO endpoint."},
        kBasePath));
    keys.push_back(text_key<&Config::server, &ServerConfig::internal_listen>(
        {"server.internal_listen",
         "Address and port that metrics, admin and management routes move to; empty: they stay."},
        kEndpoint));
    keys.push_back(list_key<&Config::server, &ServerConfig::allowed_origins>(
        {"server.allowed_origins",
         "Web origins whose pages may connect, for both transports and CORS; \"*\" is any. "
         "Empty: only pages from this host itself. Requests without Origin are always let "
         "through."},
        kOrigin));
    keys.back().dev_default = std::vector<std::string>{"*"};
    keys.push_back(list_key<&Config::server, &ServerConfig::trusted_proxies>(
        {"server.trusted_proxies",
         "Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto count."},
        kNetwork));
    keys.push_back(choice_key<&Config::server, &ServerConfig::proxy_protocol>(
        {"server.proxy_protocol",
         "Whether each connection begins with a header of the PROXY protocol, version 2, before "
         "TLS; then connections of others than server.trusted_proxies are closed at once. "
         "server.internal_listen does without."},
        {"off", "required"}));
    keys.push_back(flag_key<&Config::engineio, &engineio::Options::allow_eio3>(
        {"server.allow_eio3",
         "Whether clients that speak Engine.IO 3 (socket.io-client 2) may connect."}));
    keys.push_back(flag_key<&Config::server, &ServerConfig::test_client>(
        {"server.test_client", "Whether /test-client is served."}));
    keys.back().dev_default = true;
    keys.push_back(flag_key<&Config::server, &ServerConfig::public_documents>(
        {"server.public_documents",
         "Whether /openapi.json and /asyncapi.json are served without a token too, then with every "
         "action. With one they tell of those that it may run."}));
    keys.back().dev_default = true;
}

void add_server_limits(Keys& keys) {
    keys.push_back(integer_key<&Config::server, &ServerConfig::connections_max>(
        {"server.connections_max",
         "TCP connections, shared out evenly to the shards. At the limit a new one takes the place "
         "of the HTTP connection that is idle for longest, or is closed. 0: as many as the "
         "system's "
         "limit of file descriptors allows."},
        kCount));
    keys.push_back(duration_key<&Config::server, &ServerConfig::shutdown_grace>(
        {"server.shutdown_grace", "How long running actions may go on after SIGTERM."},
        {100ms, 1h}));
    keys.push_back(duration_key<&Config::server, &ServerConfig::header_timeout>(
        {"server.header_timeout", "How long a client may take to send a request's header."},
        kTimeout));
    keys.push_back(duration_key<&Config::server, &ServerConfig::body_timeout>(
        {"server.body_timeout", "How long a client may take to send a request's body."}, kTimeout));
    keys.push_back(duration_key<&Config::server, &ServerConfig::idle_timeout>(
        {"server.idle_timeout", "How long a kept-alive HTTP connection may be silent."}, kTimeout));
    keys.push_back(flag_key<&Config::server, &ServerConfig::compression>(
        {"server.compression",
         "Whether WebSocket messages are compressed (permessage-deflate) for clients that offer "
         "it."}));
    keys.push_back(integer_key<&Config::server, &ServerConfig::compression_threshold>(
        {"server.compression_threshold",
         "Bytes below which a WebSocket message is sent uncompressed."},
        {0, 100'000'000}));
    keys.push_back(integer_key<&Config::server, &ServerConfig::blocking_threads>(
        {"server.blocking_threads", "Threads for actions that block."}, {1, 256}));
    keys.push_back(text_key<&Config::server, &ServerConfig::tls_certificate_file>(
        {"server.tls.certificate_file", "PEM file with the certificate chain; empty: no TLS."}));
    keys.push_back(text_key<&Config::server, &ServerConfig::tls_key_file>(
        {"server.tls.key_file", "PEM file with the certificate's private key."}));
    keys.push_back(list_key<&Config::server, &ServerConfig::tls_ticket_key_files>(
        {"server.tls.ticket_key_files",
         "Files of 80 random bytes, keys of session tickets that several servers share: the first "
         "makes tickets, all are taken. Empty: keys of this process alone."},
        kNotEmpty));
}

void add_engineio_keys(Keys& keys) {
    keys.push_back(duration_key<&Config::engineio, &engineio::Options::ping_interval>(
        {"engineio.ping_interval", "Time between two heartbeats."}, kTimeout));
    keys.push_back(duration_key<&Config::engineio, &engineio::Options::ping_timeout>(
        {"engineio.ping_timeout", "How long a client may take to answer a heartbeat."}, kTimeout));
    keys.push_back(duration_key<&Config::engineio, &engineio::Options::upgrade_timeout>(
        {"engineio.upgrade_timeout", "How long the upgrade from polling to WebSocket may take."},
        kTimeout));
    keys.push_back(integer_key<&Config::engineio, &engineio::Options::http_compression_threshold>(
        {"engineio.http_compression_threshold",
         "Bytes from which on polling answers are compressed (gzip, deflate) for clients that "
         "ask for it. 0: never."},
        kCount));
    keys.push_back(
        set_key({"engineio.transports", "Transports that clients may use."},
                {{"polling", [](const Config& c) { return c.engineio.allow_polling; },
                  [](Config& c, bool on) { c.engineio.allow_polling = on; }},
                 {"websocket", [](const Config& c) { return c.engineio.allow_websocket; },
                  [](Config& c, bool on) { c.engineio.allow_websocket = on; }}}));
}

void add_cookie_keys(Keys& keys) {
    using engineio::CookieOptions;
    constexpr auto engine = &Config::engineio;
    constexpr auto cookie = &engineio::Options::cookie;
    keys.push_back(text_key<engine, cookie, &CookieOptions::name>(
        {"engineio.cookie.name",
         "Cookie in which the answer to a polling handshake repeats the Engine.IO session, for "
         "proxies that keep a client on one node by it; empty: none."},
        kCookieName));
    keys.push_back(text_key<engine, cookie, &CookieOptions::path>(
        {"engineio.cookie.path", "Its Path; empty: none."}, kCookieAttribute));
    keys.push_back(text_key<engine, cookie, &CookieOptions::domain>(
        {"engineio.cookie.domain", "Its Domain; empty: this host only."}, kCookieAttribute));
    keys.push_back(duration_key<engine, cookie, &CookieOptions::max_age>(
        {"engineio.cookie.max_age", "Its Max-Age; \"0s\": until the browser closes."},
        {0ms, 400 * 24h}));
    keys.push_back(flag_key<engine, cookie, &CookieOptions::http_only>(
        {"engineio.cookie.http_only", "Whether it is kept from scripts (HttpOnly)."}));
    keys.push_back(flag_key<engine, cookie, &CookieOptions::secure>(
        {"engineio.cookie.secure", "Whether it is sent over TLS only (Secure)."}));
    keys.push_back(choice_key<engine, cookie, &CookieOptions::same_site>(
        {"engineio.cookie.same_site", "Its SameSite; \"none\" needs secure."},
        {"lax", "strict", "none"}));
}

template <auto Rate>
void add_rate(Keys& keys, const std::string& name, const std::string& doc) {
    keys.push_back(
        number_key<&Config::gateway, &gateway::Options::limits, Rate, &limits::Rate::per_second>(
            {"limits." + name, doc}));
}

template <auto Limit>
void add_count(Keys& keys, const std::string& name, const std::string& doc) {
    keys.push_back(integer_key<&Config::gateway, &gateway::Options::limits, Limit>(
        {"limits." + name, doc}, kCount));
}

void add_rate_limits(Keys& keys) {
    constexpr auto limits = &gateway::Options::limits;
    add_rate<&LimitOptions::connection_messages>(
        keys, "messages_per_second", "Messages a connection may send a second. 0: no limit.");
    keys.push_back(number_key<&Config::gateway, limits, &LimitOptions::connection_messages,
                              &limits::Rate::burst>(
        {"limits.messages_burst", "Messages a connection may send at once after silence."}));
    add_rate<&LimitOptions::user_messages>(
        keys, "user_messages_per_second",
        "Messages and REST calls of a user a second, over all connections; after silence twice as "
        "many at once. 0: no limit.");
    add_rate<&LimitOptions::company_messages>(keys, "company_messages_per_second",
                                              "Messages and REST calls of a company a second, over "
                                              "all connections; after silence twice as "
                                              "many at once. 0: no limit.");
    add_rate<&LimitOptions::address_handshakes>(
        keys, "handshakes_per_second", "Handshakes an address may begin a second. 0: no limit.");
    keys.push_back(number_key<&Config::gateway, limits, &LimitOptions::address_handshakes,
                              &limits::Rate::burst>(
        {"limits.handshakes_burst", "Handshakes an address may begin at once after silence."}));
}

void add_count_limits(Keys& keys) {
    add_count<&LimitOptions::connections_per_user>(
        keys, "connections_per_user",
        "Connections of a user; at the limit the same session's most silent one is closed first. "
        "0: no limit.");
    add_count<&LimitOptions::connections_per_company>(keys, "connections_per_company",
                                                      "Connections of a company. 0: no limit.");
    keys.push_back(integer_key<&Config::server, &ServerConfig::connections_per_address>(
        {"limits.connections_per_address",
         "TCP connections of an address (IPv6: of a /64 network); more are closed at once. Those "
         "of "
         "trusted proxies are not counted. 0: no limit, since many users may share an address."},
        kCount));
    add_count<&LimitOptions::in_flight_per_connection>(
        keys, "in_flight_per_connection",
        "Requests of a connection that may run at the same time. 0: no limit.");
    add_count<&LimitOptions::in_flight_per_user>(
        keys, "in_flight_per_user",
        "Actions of a user that may run at the same time, counted on each shard: also those whose "
        "connection or HTTP request has gone. 0: no limit.");
    add_count<&LimitOptions::in_flight_per_company>(
        keys, "in_flight_per_company",
        "Actions of a company that may run at the same time, counted likewise. 0: no limit.");
    add_count<&LimitOptions::in_flight_max>(
        keys, "in_flight_max",
        "Actions that may run at the same time on each shard; a company may have four times as "
        "many as are left, alone four fifths. 0: no limit.");
    add_count<&LimitOptions::subscriptions_per_connection>(
        keys, "subscriptions_per_connection", "Artifacts a connection may watch. 0: no limit.");
    add_count<&LimitOptions::violations_before_close>(
        keys, "violations_before_close",
        "Refused messages within 10 seconds after which a connection is closed. 0: never.");
    keys.push_back(integer_key<&Config::engineio, &engineio::Options::outbound_bytes_max>(
        {"limits.outbound_bytes_max",
         "Bytes that may wait for a slow client before it is closed. 0: no limit."},
        kCount));
    keys.push_back(
        integer_key<&Config::gateway, &gateway::Options::limits, &LimitOptions::message_bytes_max>(
            {"limits.message_bytes_max",
             "Bytes of one message; a longer one gets PAYLOAD_TOO_LARGE."},
            {1024, 100'000'000}));
    keys.push_back(integer_key<&Config::engineio, &engineio::Options::payload_bytes_max>(
        {"limits.payload_bytes_max",
         "Bytes of one WebSocket message or polling body; a longer one ends in close 1009 or 413."},
        {1024, 100'000'000}));
}

template <auto Bytes>
void add_recovery_bytes(Keys& keys, const std::string& name, const std::string& doc) {
    keys.push_back(integer_key<&Config::gateway, &gateway::Options::recovery, Bytes>(
        {"recovery." + name, doc}, kCount));
}

void add_recovery_keys(Keys& keys) {
    using gateway::RecoveryOptions;
    constexpr auto recovery = &gateway::Options::recovery;
    keys.push_back(flag_key<&Config::gateway, recovery, &RecoveryOptions::enabled>(
        {"recovery.enabled",
         "Whether clients whose transport broke get their connection back with what they missed. "
         "A client that cannot take a second argument of `message` declines with `recovery=0`."}));
    keys.push_back(duration_key<&Config::gateway, recovery, &RecoveryOptions::max_disconnection>(
        {"recovery.max_disconnection",
         "How long a broken connection waits for its client, and messages are kept for it."},
        {100ms, 1h}));
    add_recovery_bytes<&RecoveryOptions::private_bytes_max>(
        keys, "private_bytes_max",
        "Bytes of answers and other messages to it alone that are kept for one connection.");
    add_recovery_bytes<&RecoveryOptions::log_bytes_max>(
        keys, "log_bytes_max", "Bytes of updates that are kept for one company.");
    add_recovery_bytes<&RecoveryOptions::log_total_bytes_max>(
        keys, "log_total_bytes_max",
        "Bytes of updates that one shard keeps for all companies; the oldest go first.");
    add_recovery_bytes<&RecoveryOptions::parked_bytes_max>(
        keys, "parked_bytes_max",
        "Bytes of broken connections that one shard keeps; the oldest go first.");
}

void add_http_client_keys(Keys& keys) {
    using runtime::HttpClientOptions;
    keys.push_back(text_key<&Config::http_client, &HttpClientOptions::ca_file>(
        {"http_client.ca_file",
         "PEM file of the only certificate authorities that servers which Signalbox asks over "
         "HTTPS "
         "are verified with; empty: the system's."}));
    keys.push_back(duration_key<&Config::http_client, &HttpClientOptions::connect_timeout>(
        {"http_client.connect_timeout",
         "How long a connection to a server that Signalbox asks may take, name and TLS included."},
        kTimeout));
    keys.push_back(integer_key<&Config::http_client, &HttpClientOptions::active_per_origin_max>(
        {"http_client.requests_per_origin_max",
         "Requests at a time, each on a connection of its own, to one server that Signalbox asks; "
         "others wait for their turn."},
        {1, 256}));
}

void add_log_and_data(Keys& keys) {
    keys.push_back(choice_key<&Config::log, &LogConfig::level>(
        {"log.level", "Least severe lines that are written."},
        {"debug", "info", "warn", "error", "off"}));
    keys.push_back(choice_key<&Config::log, &LogConfig::format>(
        {"log.format", "Form of the lines."}, {"text", "json"}));
    keys.back().dev_default = "text";
    keys.push_back(text_key<&Config::log, &LogConfig::file>(
        {"log.file",
         "File that lines are appended to, made with mode 0640 in a folder that is there; empty: "
         "the standard error output."}));
    keys.push_back(text_key<&Config::log, &LogConfig::audit_file>(
        {"log.audit_file",
         "File that the audit is appended to, made likewise, as JSON lines: who managed "
         "sessions, connections and companies, who was refused and why. Empty: in the log alone, "
         "marked `audit`."}));
    keys.push_back(text_key<&Config::data_dir>(
        {"data.dir", "Folder of the database, its lock and the control socket; made when missing."},
        kNotEmpty));
}

/// The key by which a secret comes from a file.
ConfigKey secret_file_key(const ConfigKey& secret) {
    const std::string path = secret.path;
    return {secret_file_path(path),
            ValueType::kText,
            std::string(kAnyText.expects),
            fmt::format("File with the value of {} instead; one line end at its end is left out.",
                        path),
            [path](Config& config, const RawValue& raw) -> std::expected<void, std::string> {
                const auto* file = std::get_if<std::string>(&raw);
                if (file == nullptr) return must_be(std::string(kAnyText.expects));
                config.secret_files[path] = *file;
                return {};
            },
            [path](const Config& config) {
                const auto found = config.secret_files.find(path);
                return quote(found == config.secret_files.end() ? "" : found->second);
            }};
}

/// Behind each secret.
void add_secret_files(Keys& keys) {
    for (std::size_t i = keys.size(); i-- > 0;) {
        if (keys[i].secrecy != Secrecy::kSecret) continue;
        keys.insert(keys.begin() + static_cast<std::ptrdiff_t>(i) + 1, secret_file_key(keys[i]));
    }
}

/// What Server::reload() hands on. Each client is told payload_bytes_max in its handshake, and the
/// connections that are open were counted under the old limit.
Effect effect_of(std::string_view path) {
    constexpr std::string_view kSections[] = {"limits.", "auth.jwt.", "auth.artifacts."};
    constexpr std::string_view kKeys[] = {"log.level",
                                          "auth.roles",
                                          "auth.service_keys",
                                          "auth.sessions.claim",
                                          "actions.upstream",
                                          "actions.signing_secret",
                                          "actions.signing_secret_file"};
    constexpr std::string_view kFixed[] = {"limits.payload_bytes_max",
                                           "limits.connections_per_address"};
    if (std::ranges::find(kFixed, path) != std::end(kFixed)) return Effect::kAtRestart;
    const bool live =
        std::ranges::find(kKeys, path) != std::end(kKeys) ||
        std::ranges::any_of(kSections, [path](auto section) { return path.starts_with(section); });
    return live ? Effect::kAtReload : Effect::kAtRestart;
}

Keys make_keys() {
    Keys keys;
    add_server_keys(keys);
    add_server_limits(keys);
    add_engineio_keys(keys);
    add_cookie_keys(keys);
    add_auth_keys(keys);
    add_rate_limits(keys);
    add_count_limits(keys);
    add_recovery_keys(keys);
    add_http_client_keys(keys);
    add_action_keys(keys);
    add_log_and_data(keys);
    add_secret_files(keys);
    for (ConfigKey& key : keys) key.effect = effect_of(key.path);
    return keys;
}

template <class Number>
RawValue read_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
    if (error != std::errc() || end != text.end()) return std::string(text);
    return value;
}

}  // namespace

ConfigKey set_key(KeyText text, std::vector<ListPart> parts) {
    std::vector<std::string> names;
    for (const ListPart& part : parts) names.push_back(part.name);
    const std::string expects = "a list, each " + one_of(names);
    return {std::move(text.path),
            ValueType::kList,
            expects,
            std::move(text.doc),
            [parts, names, expects](Config& c,
                                    const RawValue& raw) -> std::expected<void, std::string> {
                const auto* list = std::get_if<std::vector<std::string>>(&raw);
                if (list == nullptr || list->empty()) return must_be(expects);
                for (const std::string& item : *list) {
                    if (!contains(names, item)) return must_be(expects);
                }
                for (const ListPart& part : parts) {
                    const bool on = contains(*list, part.name);
                    if (part.set != nullptr) {
                        part.set(c, on);
                    } else if (!on) {
                        return std::unexpected(fmt::format("must contain {}", quote(part.name)));
                    }
                }
                return {};
            },
            [parts](const Config& c) {
                std::vector<std::string> on;
                for (const ListPart& part : parts) {
                    if (part.is_on(c)) on.push_back(part.name);
                }
                return render_list(on);
            }};
}

std::string ConfigKey::section() const {
    return path.substr(0, path.rfind('.'));
}
std::string ConfigKey::name() const {
    return path.substr(path.rfind('.') + 1);
}

std::string ConfigKey::environment() const {
    std::string out = "SIGNALBOX_";
    for (const char c : path) {
        out += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return out;
}

std::span<const ConfigKey> config_keys() {
    static const Keys keys = make_keys();
    return keys;
}

std::string secret_file_path(std::string_view path) {
    return std::string(path) + "_file";
}

const ConfigKey* find_config_key(std::string_view path) {
    const auto keys = config_keys();
    const auto found = std::ranges::find(keys, path, &ConfigKey::path);
    return found == keys.end() ? nullptr : &*found;
}

std::vector<std::string> keys_for_restart(const Config& running, const Config& wanted) {
    std::vector<std::string> paths;
    for (const ConfigKey& key : config_keys()) {
        if (key.effect == Effect::kAtReload) continue;
        if (key.render(running) != key.render(wanted)) paths.push_back(key.path);
    }
    return paths;
}

RawValue read_plain_text(ValueType type, std::string_view text) {
    switch (type) {
        case ValueType::kFlag:
            if (text == "true" || text == "1") return true;
            if (text == "false" || text == "0") return false;
            return std::string(text);
        case ValueType::kInteger:
            return read_number<std::int64_t>(text);
        case ValueType::kNumber:
            return read_number<double>(text);
        case ValueType::kList:
            return split_list(text);
        case ValueType::kText:
        case ValueType::kRoles:
        case ValueType::kServiceKeys:
        case ValueType::kUpstreams:
            break;
    }
    return std::string(text);
}

}  // namespace signalbox::app
