#include "app/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <iterator>
#include <mutex>

#include "actions/upstream.h"
#include "app/config_checks.h"
#include "app/config_keys.h"
#include "app/control_commands.h"
#include "app/descriptors.h"
#include "app/expiry_sweep.h"
#include "app/node_shard.h"
#include "app/resource_root.h"
#include "base/spdlog_log.h"
#include "runtime/curl_http_client.h"
#include "runtime/http_server.h"
#include "runtime/thread_pool.h"
#include "runtime/tls_context.h"
#include "storage/data_directory.h"
#include "storage/sqlite_execution_store.h"
#include "storage/sqlite_session_store.h"

#ifndef SIGNALBOX_VERSION
#define SIGNALBOX_VERSION "dev"
#endif

namespace signalbox::app {
namespace {

std::atomic<WebSocketService*> current_service{nullptr};

constexpr ExpirySweep::Rule kExecutionSweep{
    Milliseconds(0), actions::ExecutionStore::kRemovedAtOnce, "executions.expired_deleted"};

/// Waits until a task that answers on another thread has answered; once.
class Latch {
public:
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    /// @return false after `timeout`.
    [[nodiscard]] bool wait_for(Milliseconds timeout) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, timeout, [&] { return open_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

runtime::HttpServerOptions http_options(const Config& config) {
    runtime::HttpServerOptions options;
    options.limits.body_bytes_max = config.engineio.payload_bytes_max;
    options.websocket_message_bytes_max = config.engineio.payload_bytes_max;
    if (config.server.compression) {
        options.websocket_compression = {.threshold = config.server.compression_threshold};
    }
    options.header_timeout = config.server.header_timeout;
    options.body_timeout = config.server.body_timeout;
    options.idle_timeout = config.server.idle_timeout;
    const std::size_t shards = config.server.shards;
    const std::size_t connections = config.server.connections_max != 0
                                        ? config.server.connections_max
                                        : connections_within(descriptor_limit(), shards);
    options.connections_max = (connections + shards - 1) / shards;
    options.connections_per_address_max = config.server.connections_per_address;
    options.proxy_protocol = config.server.proxy_protocol;
    for (const std::string& network : config.server.trusted_proxies) {
        if (auto parsed = runtime::IpNetwork::parse(network))
            options.trusted_proxies.push_back(*parsed);
    }
    return options;
}

api::Options api_options(const Config& config) {
    api::Options options;
    options.base_path = config.server.base_path;
    options.socket_paths = {std::string(kRealtimePath)};
    for (const std::string& alias : config.server.path_aliases)
        options.socket_paths.push_back(alias);
    options.allowed_origins = config.server.allowed_origins;
    options.version = SIGNALBOX_VERSION;
    if (config.server.test_client) {
        options.test_client = config.mode == RunMode::kDev ? api::TestClient::kServedAndHome
                                                           : api::TestClient::kServed;
    }
    if (config.server.public_documents) options.documents = api::DocumentReaders::kEverybody;
    if (!config.server.internal_listen.empty())
        options.management = api::ManagementDoor::kInternalListener;
    return options;
}

api::StaticFiles static_files(const Config& config) {
    if (!config.server.test_client) return {};
    const std::filesystem::path root = resource_root();
    return api::StaticFiles(api::test_client_files(
        {root / kTestClientPage, root / kTestClientForm, root / kTestClientScript}));
}

/// Which keys count from now on, by their names.
void audit_keys(Log& log, const Config& config) {
    std::vector<std::string> ids;
    for (const auth::ServiceKey& key : config.service_keys) ids.push_back(key.id);
    log.audit(AuditSubject::kManagement, "keys.loaded",
              {{"algorithms", fmt::format("{}", fmt::join(config.tokens.algorithms, ","))},
               {"serviceKeys", fmt::format("{}", fmt::join(ids, ","))}});
}

StartError cannot_listen(const std::string& host, std::uint16_t port, runtime::ListenError error) {
    return {"cannot listen on " + host + ':' + std::to_string(port) + ": " +
            std::string(to_string(error))};
}

}  // namespace

struct Server::Node {
    explicit Node(const Config& c) : config(c) {}

    /// Shared by all shards; in the order of construction, each outliving what comes after it.
    const Config config;
    SystemClock clock;
    std::unique_ptr<SpdlogLog> log;
    std::optional<storage::DataDirectory> directory;
    /// What the source has fetched; the verifiers of all configurations read it.
    const std::shared_ptr<auth::SharedKeySet> fetched_keys = std::make_shared<auth::SharedKeySet>();
    std::shared_ptr<const auth::TokenVerifier> tokens;
    std::shared_ptr<const auth::ServiceKeys> service_keys;
    std::shared_ptr<const auth::Policy> policy;
    Milliseconds token_leeway{};
    actions::ActionRegistry own_actions;  ///< those that a reload leaves as they are
    std::shared_ptr<const actions::ActionRegistry> actions;
    api::Options api_options;
    api::StaticFiles files;
    std::optional<api::Shared> api;
    std::unique_ptr<runtime::ThreadPool> pool;
    std::unique_ptr<runtime::ThreadPool> token_pool;
    /// Apart: what is slow to answer one kind of question holds up no other.
    std::unique_ptr<runtime::CurlHttpClient> action_client, session_client, artifact_client;
    std::unique_ptr<runtime::ShardGroup> shards;
    std::unique_ptr<storage::SqliteSessionStore> sessions;  ///< in store mode
    std::unique_ptr<storage::SqliteExecutionStore> executions;
    std::vector<std::unique_ptr<ExpirySweep>> sweeps;
    SystemRandom key_source_random;
    std::unique_ptr<auth::JwksSource> key_source;
    std::atomic<bool> fetches_keys = false;
    std::unique_ptr<runtime::HttpServer> http;
    std::vector<gateway::Gateway*> peers;
    std::vector<std::unique_ptr<NodeShard>> parts;
    std::shared_ptr<runtime::TlsContext> tls;
    std::uint16_t port = 0;
    std::unique_ptr<ControlCommands> commands;
    std::unique_ptr<ControlServer> control;
    std::unique_ptr<WebSocketService> service;

    [[nodiscard]] std::expected<void, StartError> open_shared(actions::ActionRegistry extra);
    /// Leaves the keys as they are on an error.
    [[nodiscard]] std::expected<void, StartError> load_keys(const Config& from);
    /// Leaves the actions as they are on an error.
    [[nodiscard]] std::vector<std::string> load_actions(const Config& from);
    [[nodiscard]] std::expected<void, StartError> open_data();
    void make_shards();
    void configure_key_source(const Config& from);
    void start_sweeps();
    void sweep(ExpirySweep::Rule rule, ExpirySweep::EndSome end_some);
    [[nodiscard]] std::expected<void, StartError> listen();
    [[nodiscard]] std::expected<void, StartError> open_control();
    [[nodiscard]] api::TransportNumbers transport_numbers();
    void stop();
};

namespace {

/// The service over shard 0's gateway.
class LocalService final : public WebSocketService {
public:
    LocalService(runtime::ShardGroup& shards, gateway::Gateway& gateway, Log& log)
        : shards_(shards), gateway_(gateway), log_(log) {}

    std::string send_update(std::string_view company_id, const UpdateMessage& message,
                            std::string_view artifact_id) override {
        // By itself first: inside the object it could end its member and begin others.
        if (const auto data = JsonText::parse(message.data); !message.data.empty() && !data)
            return "data cannot be read as JSON: " + std::string(to_string(data.error()));
        std::string text;
        JsonWriter json(text);
        json.begin_object().member("companyId", company_id).member("action", message.action);
        if (!message.request_id.empty()) json.member("requestId", message.request_id);
        if (!artifact_id.empty()) json.member("artifactId", artifact_id);
        if (!message.data.empty()) json.raw_member("data", message.data);
        json.end_object();
        auto updates = updates::parse_updates(text, std::nullopt);
        if (!updates) return updates.error().message + ' ' + updates.error().details;
        const bool posted = shards_.try_post(
            0, [this, updates = std::move(*updates), company = std::string(company_id)]() mutable {
                gateway_.publish_trusted(
                    std::move(updates), [&log = log_, company = std::move(company)](auto receipt) {
                        if (receipt) return;
                        log.warn("update.lost", {{"companyId", company},
                                                 {"code", receipt.error().code},
                                                 {"reason", receipt.error().message}});
                    });
            });
        return posted ? "" : "The server is overloaded.";
    }

private:
    runtime::ShardGroup& shards_;
    gateway::Gateway& gateway_;
    Log& log_;
};

}  // namespace

std::expected<void, StartError> Server::Node::open_shared(actions::ActionRegistry extra) {
    auto opened = SpdlogLog::create(
        {config.log.format, config.log.level, config.log.file, config.log.audit_file}, clock);
    if (!opened) return std::unexpected(StartError{std::move(opened.error())});
    log = std::move(*opened);
    if (auto done = load_keys(config); !done) return std::unexpected(std::move(done.error()));

    own_actions = std::move(extra);
    actions::add_built_in_actions(own_actions);
    if (config.mode == RunMode::kDev) actions::add_dev_actions(own_actions);
    if (auto faults = load_actions(config); !faults.empty())
        return std::unexpected(StartError{std::move(faults.front())});
    api_options = app::api_options(config);
    files = static_files(config);
    api.emplace(api::Shared{api_options, files, [this] { return transport_numbers(); }});
    if (config.server.tls_certificate_file.empty()) return {};
    auto context = runtime::TlsContext::load(tls_files(config.server));
    if (!context) return std::unexpected(StartError{std::move(context.error())});
    tls = std::move(*context);
    return {};
}

std::expected<void, StartError> Server::Node::load_keys(const Config& from) {
    auto verifier =
        auth::TokenVerifier::create(from.tokens, from.jwks.url.empty() ? nullptr : fetched_keys);
    if (!verifier) return std::unexpected(StartError{std::move(verifier.error())});
    auto keys = auth::ServiceKeys::create(from.service_keys);
    if (!keys) return std::unexpected(StartError{std::move(keys.error())});
    tokens = std::move(*verifier);
    token_leeway = from.tokens.leeway;
    service_keys = std::make_shared<auth::ServiceKeys>(std::move(*keys));
    policy =
        std::make_shared<auth::Policy>(auth::PolicyOptions{from.tokens.roles, from.artifact_rules});
    return {};
}

std::vector<std::string> Server::Node::load_actions(const Config& from) {
    auto all = std::make_shared<actions::ActionRegistry>(own_actions);
    auto faults = actions::add_upstream_actions(*all, from.actions, actions.get());
    if (faults.empty()) actions = std::move(all);
    return faults;
}

std::expected<void, StartError> Server::Node::open_data() {
    auto opened = storage::DataDirectory::open(config.data_dir);
    if (!opened) return std::unexpected(StartError{std::move(opened.error())});
    directory.emplace(std::move(*opened));
    auto file = storage::DatabaseFile::open(directory->file("signalbox.db"));
    if (!file) return std::unexpected(StartError{std::move(file.error())});
    auto store = storage::SqliteExecutionStore::open(*file);
    if (!store) return std::unexpected(StartError{std::move(store.error())});
    executions = std::move(*store);
    if (config.gateway.session_mode == gateway::SessionMode::kStore)
        sessions = std::make_unique<storage::SqliteSessionStore>(std::move(*file));
    return {};
}

namespace {

/// What a connection missed must fit into its output with room to spare.
gateway::Options gateway_options(const Config& config) {
    gateway::Options options = config.gateway;
    const std::size_t outbound = config.engineio.outbound_bytes_max;
    if (outbound != 0) options.recovery.replay_bytes_max = outbound / 2;
    return options;
}

}  // namespace

void Server::Node::make_shards() {
    const ShardIndex count = config.server.shards;
    pool = std::make_unique<runtime::ThreadPool>(
        runtime::ThreadPoolOptions{.threads = config.server.blocking_threads});
    // Actions that block must not hold up logins.
    token_pool = std::make_unique<runtime::ThreadPool>(
        runtime::ThreadPoolOptions{.threads = 2, .queued_max = 2'048, .name = "tokens"});
    for (auto* client : {&action_client, &session_client, &artifact_client})
        *client = std::make_unique<runtime::CurlHttpClient>(config.http_client);
    shards = std::make_unique<runtime::ShardGroup>(
        runtime::ShardGroupOptions{.shards = count, .clock = &clock});
    runtime::Shard& first = shards->shard(0);
    key_source = std::make_unique<auth::JwksSource>(
        auth::JwksSource::Ports{*session_client, first.mesh(), clock, first.wheel(),
                                key_source_random, *log},
        fetched_keys);
    runtime::HttpServerOptions transport = http_options(config);
    transport.log = log.get();
    http = std::make_unique<runtime::HttpServer>(*shards, std::move(transport));
    peers.resize(count);
    for (ShardIndex i = 0; i < count; ++i) {
        runtime::Shard& shard = shards->shard(i);
        const gateway::Services services{.options = gateway_options(config),
                                         .tokens = tokens,
                                         .token_pool = token_pool.get(),
                                         .key_source = key_source.get(),
                                         .service_keys = service_keys,
                                         .policy = policy,
                                         .sessions = sessions.get(),
                                         .executions = executions.get(),
                                         .http = action_client.get(),
                                         .session_http = session_client.get(),
                                         .artifact_http = artifact_client.get(),
                                         .actions = actions,
                                         .pool = *pool,
                                         .log = *log,
                                         .clock = clock,
                                         .mesh = shard.mesh(),
                                         .wheel = shard.wheel(),
                                         .random = shard.random(),
                                         .peers = peers};
        parts.push_back(std::make_unique<NodeShard>(
            NodeShard::Parts{services, config.engineio, config.socketio, *api, i, count}));
        peers[i] = &parts.back()->gateway;
        http->set_handlers(i, parts.back()->handlers());
    }
    shards->start();
    configure_key_source(config);
    start_sweeps();
}

void Server::Node::configure_key_source(const Config& from) {
    fetches_keys = !from.jwks.url.empty();
    shards->post(0, [this, options = from.jwks] { key_source->configure(options); });
}

void Server::Node::start_sweeps() {
    ShardMesh& reply_on = shards->shard(0).mesh();
    if (auto* store = sessions.get(); store != nullptr) {
        sweep(kSessionSweep, [store, &reply_on](WallTime before, ExpirySweep::Done done) {
            store->remove_expired(before, reply_on, std::move(done));
        });
        const auth::SessionIdle idle{config.gateway.session_idle_timeout, clock.wall_now()};
        const auto end_unused = [store, &reply_on, idle](WallTime now, ExpirySweep::Done done) {
            const WallTime used_since = idle.used_since(now);
            if (used_since == WallTime{}) return done(0);
            store->end_unused(std::nullopt, used_since, now, reply_on, std::move(done));
        };
        if (idle.is_on()) sweep(idle_session_sweep(idle), end_unused);
    }
    if (auto* store = executions.get(); store != nullptr) {
        sweep(kExecutionSweep, [store, &reply_on](WallTime before, ExpirySweep::Done done) {
            store->remove_expired(before, reply_on, std::move(done));
        });
    }
}

void Server::Node::sweep(ExpirySweep::Rule rule, ExpirySweep::EndSome end_some) {
    sweeps.push_back(std::make_unique<ExpirySweep>(
        ExpirySweep::Ports{std::move(end_some), clock, shards->shard(0).wheel(), *log}, rule));
    shards->post(0, [added = sweeps.back().get()] { added->run(); });
}

std::expected<void, StartError> Server::Node::listen() {
    const auto& where = config.server;
    const auto bound = http->listen({.host = where.host, .port = where.port, .tls = tls});
    if (!bound) return std::unexpected(cannot_listen(where.host, where.port, bound.error()));
    port = *bound;
    if (where.internal_listen.empty()) return {};
    const std::size_t colon = where.internal_listen.rfind(':');
    std::string host = where.internal_listen.substr(0, colon);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    const auto internal_port =
        static_cast<std::uint16_t>(std::stoi(where.internal_listen.substr(colon + 1)));
    const auto internal = http->listen({.host = host,
                                        .port = internal_port,
                                        .kind = runtime::ListenerKind::kInternal,
                                        .tls = nullptr});
    if (!internal) return std::unexpected(cannot_listen(host, internal_port, internal.error()));
    return {};
}

std::expected<void, StartError> Server::Node::open_control() {
    gateway::Gateway& gateway = parts.front()->gateway;
    commands = std::make_unique<ControlCommands>(*shards, gateway, sessions.get(), *executions,
                                                 clock, config.gateway.session_ttl);
    auto opened = ControlServer::create(control_path(config.data_dir), *commands);
    if (!opened) return std::unexpected(StartError{std::move(opened.error())});
    control = std::move(*opened);
    service = std::make_unique<LocalService>(*shards, gateway, *log);
    current_service = service.get();
    return {};
}

api::TransportNumbers Server::Node::transport_numbers() {
    api::TransportNumbers sum;
    for (ShardIndex i = 0; i < shards->size(); ++i) {
        const runtime::Statistics& s = shards->shard(i).statistics();
        const auto add = [](std::int64_t& to, const auto& counter) {
            to += static_cast<std::int64_t>(counter.value());
        };
        add(sum.http_connections, s.http_connections);
        add(sum.websocket_connections, s.websocket_connections);
        add(sum.accepted, s.accepted);
        add(sum.accept_failures, s.accept_failures);
        add(sum.over_connections_max, s.over_connections_max);
        add(sum.proxy_faults, s.proxy_faults);
        add(sum.evicted_connections, s.evicted_connections);
        add(sum.http_requests, s.http_requests);
        add(sum.http_faults, s.http_faults);
        add(sum.tls_failures, s.tls_failures);
        add(sum.recv_calls, s.recv_calls);
        add(sum.send_calls, s.send_calls);
        add(sum.bytes_in, s.bytes_in);
        add(sum.bytes_out, s.bytes_out);
        add(sum.mailbox_overloads, s.overloaded);
    }
    sum.blocking_waiting = static_cast<std::int64_t>(pool->waiting());
    if (fetches_keys) sum.key_set = key_source->numbers();
    return sum;
}

void Server::Node::stop() {
    WebSocketService* own = service.get();
    current_service.compare_exchange_strong(own, nullptr);
    control.reset();
    // Callbacks of the pool, the HTTP clients and the store post to shards, which ask them all: the
    // first two refuse once stopped, the store goes between the shards' threads and their mailboxes,
    // and last the objects that the tasks speak of.
    for (const auto* client : {&action_client, &session_client, &artifact_client})
        if (*client) (*client)->stop();
    if (pool) pool->stop();
    if (shards) shards->join();
    // Its tasks own what they answer, which is a shard's: none runs beside.
    if (token_pool) token_pool->stop();
    sessions.reset();
    executions.reset();
    if (shards) shards->stop();
    sweeps.clear();
    key_source.reset();
    parts.clear();
    http.reset();
    shards.reset();
}

Server::Server(std::unique_ptr<Node> node) : node_(std::move(node)) {}

Server::~Server() {
    node_->stop();
}

std::expected<std::unique_ptr<Server>, StartError> Server::create(const Config& config,
                                                                  actions::ActionRegistry actions) {
    // From here on the destructor undoes what was done when a step fails.
    std::unique_ptr<Server> server(new Server(std::make_unique<Node>(config)));
    Node& node = *server->node_;
    if (auto done = node.open_shared(std::move(actions)); !done)
        return std::unexpected(done.error());
    if (auto done = node.open_data(); !done) return std::unexpected(done.error());
    node.make_shards();
    if (auto done = node.listen(); !done) return std::unexpected(done.error());
    if (auto done = node.open_control(); !done) return std::unexpected(done.error());
    audit_keys(*node.log, config);
    for (const std::string& missing : node.files.missing())
        node.log->warn("static.missing", {{"file", missing}});
    return server;
}

bool Server::has_test_client() const {
    return node_->config.server.test_client && node_->files.missing().empty();
}

std::uint16_t Server::port() const {
    return node_->port;
}
Log& Server::log() {
    return *node_->log;
}
WebSocketService& Server::service() {
    return *node_->service;
}

ReloadOutcome Server::reload(const Config& config) {
    Node& node = *node_;
    ReloadOutcome outcome{.problems = {}, .restart_keys = keys_for_restart(node.config, config)};
    node.log->set_level(config.log.level);
    outcome.problems = node.log->reopen();
    if (node.tls) {
        if (auto done = node.tls->reload(); !done)
            outcome.problems.push_back(std::move(done.error()));
    }
    if (auto done = node.load_keys(config); !done) {
        outcome.problems.push_back(std::move(done.error().message));
    } else {
        node.configure_key_source(config);
        audit_keys(*node.log, config);
    }
    std::ranges::move(node.load_actions(config), std::back_inserter(outcome.problems));
    const gateway::LiveOptions live{.limits = config.gateway.limits,
                                    .token_leeway = node.token_leeway,
                                    .tokens = node.tokens,
                                    .service_keys = node.service_keys,
                                    .policy = node.policy,
                                    .actions = node.actions,
                                    .authorization = config.gateway.authorization,
                                    .authorize_recheck = config.gateway.authorize_recheck};
    node.shards->run_on_all(
        [&](runtime::Shard& shard) { node.parts[shard.index()]->gateway.prepare(live); });
    node.shards->run_on_all([&](runtime::Shard& shard) {
        NodeShard& part = *node.parts[shard.index()];
        part.gateway.reconfigure(live);
        part.engine.set_outbound_bytes_max(config.engineio.outbound_bytes_max);
    });
    return outcome;
}

void Server::drain() {
    Node& node = *node_;
    // The listeners stay open: a polling client hears of the end with its next request, a new one
    // that it shall come back later, and /readyz says why.
    Latch all;
    std::atomic<std::size_t> left = node.parts.size();
    for (ShardIndex i = 0; i < node.parts.size(); ++i) {
        node.shards->post(i, [&part = *node.parts[i], &all, &left] {
            part.engine.close_idle(engineio::CloseReason::kServerShutdown);
            part.gateway.begin_drain([&all, &left] {
                if (--left == 0) all.open();
            });
        });
    }
    const MonotonicTime end = node.clock.monotonic_now() + node.config.server.shutdown_grace;
    const bool drained = all.wait_for(node.config.server.shutdown_grace);
    constexpr Milliseconds kLastWords{1'000};
    if (!drained) {
        node.log->warn("shutdown.grace_over", {{"reason", "executions were ended"}});
        node.shards->run_on_all(
            [&](runtime::Shard& shard) { node.parts[shard.index()]->gateway.end_drain(); });
        (void)all.wait_for(kLastWords);
        // Its callback must not outlive `all`.
        node.shards->run_on_all([&](runtime::Shard& shard) {
            NodeShard& part = *node.parts[shard.index()];
            part.gateway.forget_drain();
            part.engine.close_all(engineio::CloseReason::kServerShutdown);
        });
    }
    node.http->close_listeners();
    // What was said must leave before the process does.
    const auto gone = std::make_shared<Latch>();
    node.http->drain([gone] { gone->open(); });
    const auto rest = std::chrono::floor<Milliseconds>(end - node.clock.monotonic_now());
    if (!gone->wait_for(std::max(rest, kLastWords))) {
        node.log->warn("shutdown.grace_over", {{"reason", "connections were cut"}});
    }
}

bool Server::put_session(const auth::SessionRecord& record) {
    if (!node_->sessions) return false;
    struct Outcome {
        Latch done;
        bool stored = false;
    };
    auto outcome = std::make_shared<Outcome>();
    node_->sessions->put(record, node_->shards->shard(0).mesh(), [outcome](auto put) {
        outcome->stored = put.has_value() && *put != auth::SessionStore::Put::kForeign;
        outcome->done.open();
    });
    constexpr Milliseconds kPatience{5'000};
    return outcome->done.wait_for(kPatience) && outcome->stored;
}

}  // namespace signalbox::app

namespace signalbox {

WebSocketService* get_websocket_service() {
    return app::current_service.load();
}

}  // namespace signalbox
