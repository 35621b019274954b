#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/http_client_for_tests.h"
#include "engineio/testing.h"
#include "gateway/gateway.h"

/// A whole node in memory, on one thread, with time, randomness and the order of tasks in the
/// test's hands.
namespace signalbox::gateway::testing {

inline constexpr std::string_view kSecret = "a secret of more than thirty-two bytes";

/// Mailboxes of all shards, run by hand.
class FakeMesh {
public:
    explicit FakeMesh(ShardIndex shards) : boxes_(shards) {}

    class Port final : public ShardMesh {
    public:
        Port(FakeMesh& mesh, ShardIndex self) : mesh_(mesh), self_(self) {}
        [[nodiscard]] ShardIndex self() const override { return self_; }
        [[nodiscard]] ShardIndex shard_count() const override {
            return static_cast<ShardIndex>(mesh_.boxes_.size());
        }
        [[nodiscard]] bool try_post(ShardIndex to, Task task) override {
            if (mesh_.full) return false;
            mesh_.boxes_[to].push_back(std::move(task));
            return true;
        }
        [[nodiscard]] bool try_reserve(std::span<const ShardIndex> targets) override {
            if (mesh_.full && !targets.empty()) return false;
            mesh_.reserved += targets.size();
            return true;
        }
        void post_reserved(ShardIndex to, Task task) override {
            SB_CHECK(mesh_.reserved > 0);
            --mesh_.reserved;
            mesh_.boxes_[to].push_back(std::move(task));
        }
        void post_admitted(ShardIndex to, Task task) override {
            mesh_.boxes_[to].push_back(std::move(task));
        }
        void post(Task task) override { mesh_.boxes_[self_].push_back(std::move(task)); }

    private:
        FakeMesh& mesh_;
        ShardIndex self_;
    };

    /// Runs the oldest task of the first shard that has one. @return false when none waits.
    bool run_one() {
        for (auto& box : boxes_) {
            if (box.empty()) continue;
            Task task = std::move(box.front());
            box.pop_front();
            task();
            return true;
        }
        return false;
    }

    /// Runs tasks until none waits.
    void run() {
        for (bool ran = true; ran;) {
            ran = false;
            for (auto& box : boxes_) {
                while (!box.empty()) {
                    Task task = std::move(box.front());
                    box.pop_front();
                    task();
                    ran = true;
                }
            }
        }
    }

    /// Runs the first task of one mailbox. @return false when it has none.
    bool step(ShardIndex shard) {
        auto& box = boxes_[shard];
        if (box.empty()) return false;
        Task task = std::move(box.front());
        box.pop_front();
        task();
        return true;
    }

    bool full = false;
    std::size_t reserved = 0;

private:
    std::vector<std::deque<Task>> boxes_;
};

/// Sessions in a map; answers are posted like the real store's.
class FakeSessions final : public auth::SessionStore {
public:
    std::map<std::string, auth::SessionRecord> records;
    bool down = false;
    std::size_t touches = 0;

    void find(SessionId id, signalbox::Executor& reply_on,
              Done<std::optional<auth::SessionRecord>> done) override {
        const auto found = records.find(id.str());
        answer(reply_on, std::move(done),
               found == records.end() ? std::nullopt : std::optional(found->second));
    }
    void put(auth::SessionRecord record, signalbox::Executor& reply_on, Done<Put> done) override {
        auto known = records.find(record.id.str());
        if (known != records.end() && known->second.expires_at <= record.created_at) {
            records.erase(known);
            known = records.end();
        }
        if (known != records.end() &&
            (known->second.user != record.user || known->second.company != record.company)) {
            return answer(reply_on, std::move(done), Put::kForeign);
        }
        const Put outcome = known == records.end() ? Put::kCreated : Put::kReplaced;
        records[record.id.str()] = std::move(record);
        answer(reply_on, std::move(done), outcome);
    }
    void remove(SessionId id, signalbox::Executor& reply_on,
                Done<std::optional<auth::SessionRecord>> done) override {
        std::optional<auth::SessionRecord> removed;
        if (const auto known = records.find(id.str()); known != records.end()) {
            removed = known->second;
            records.erase(known);
        }
        answer(reply_on, std::move(done), std::move(removed));
    }
    void remove_all(auth::SessionFilter filter, signalbox::Executor& reply_on,
                    Done<std::vector<auth::SessionRecord>> done) override {
        std::vector<auth::SessionRecord> removed;
        std::erase_if(records, [&](const auto& entry) {
            const auto& record = entry.second;
            const bool match = removed.size() < kRemovedAtOnce &&
                               (!filter.user || record.user == *filter.user) &&
                               (!filter.company || record.company == *filter.company);
            if (match) removed.push_back(record);
            return match;
        });
        answer(reply_on, std::move(done), std::move(removed));
    }
    void list(auth::SessionFilter, signalbox::Executor& reply_on,
              Done<std::vector<auth::SessionRecord>> done) override {
        std::vector<auth::SessionRecord> all;
        for (const auto& [id, record] : records) all.push_back(record);
        answer(reply_on, std::move(done), std::move(all));
    }
    void touch(std::vector<SessionId> ids, WallTime time, signalbox::Executor& reply_on,
               Done<std::uint64_t> done) override {
        for (const SessionId& id : ids) {
            if (const auto known = records.find(id.str()); known != records.end())
                known->second.used_at = time;
        }
        touches += ids.size();
        answer(reply_on, std::move(done), static_cast<std::uint64_t>(ids.size()));
    }
    void end_unused(std::optional<SessionId> id, WallTime used_since, WallTime now,
                    signalbox::Executor& reply_on, Done<std::uint64_t> done) override {
        std::uint64_t ended = 0;
        for (auto& [name, record] : records) {
            if (id && record.id != *id) continue;
            if (record.used_at >= used_since || record.expires_at <= now) continue;
            record.expires_at = now;
            ++ended;
        }
        answer(reply_on, std::move(done), ended);
    }
    void remove_expired(WallTime, signalbox::Executor& reply_on,
                        Done<std::uint64_t> done) override {
        answer(reply_on, std::move(done), std::uint64_t{0});
    }

private:
    template <class T>
    void answer(signalbox::Executor& reply_on, Done<T> done, T value) {
        reply_on.post([done = std::move(done), value = std::move(value), is_down = down]() mutable {
            if (is_down) return done(std::unexpected(auth::StoreError::kUnavailable));
            done(std::move(value));
        });
    }
};

/// Executions in a map, by the rules of the real store; answers are posted like its.
class FakeExecutions final : public actions::ExecutionStore {
public:
    using Key = actions::ExecutionKey;
    using Record = actions::ExecutionRecord;
    std::map<std::string, Record> records;  ///< by "company/user/key"
    bool down = false;
    std::size_t refused = 0;  ///< calls while down
    bool holds = false;       ///< its answers until let_go()

    void let_go() {
        holds = false;
        for (Task& task : std::exchange(held_, {})) task();
    }

    void lease(Record record, actions::LeaseLimits limits, WallTime now,
               signalbox::Executor& reply_on, Done<actions::LeaseAnswer> done) override {
        using Kind = actions::LeaseAnswer::Kind;
        actions::LeaseAnswer answer;
        if (const Record* known = live(record.key, now)) {
            answer = {Kind::kKnown, *known};
        } else if (limits.keys_per_user_max != 0 && records.size() >= limits.keys_per_user_max) {
            answer.kind = Kind::kUserFull;
        } else if (!down) {
            records[name(record.key)] = std::move(record);
        }
        reply(reply_on, std::move(done), std::move(answer));
    }
    void finish(Key key, actions::ExecutionEnd end, signalbox::Executor& reply_on,
                Done<bool> done) override {
        const auto known = records.find(name(key));
        const bool is_leased = known != records.end() &&
                               known->second.state == actions::ExecutionState::kLeased && !down;
        if (is_leased) {
            known->second.state = end.state;
            known->second.outcome = end.outcome;
            known->second.expires_at = end.expires_at;
        }
        reply(reply_on, std::move(done), is_leased);
    }
    void release(Key key, signalbox::Executor& reply_on, Done<bool> done) override {
        const bool released = !down && records.erase(name(key)) > 0;
        reply(reply_on, std::move(done), released);
    }
    void find(Key key, WallTime now, signalbox::Executor& reply_on,
              Done<std::optional<Record>> done) override {
        const Record* known = live(key, now);
        reply(reply_on, std::move(done), known ? std::optional(*known) : std::nullopt);
    }
    void forget(Key key, WallTime now, signalbox::Executor& reply_on, Done<bool> done) override {
        const bool known = live(key, now) != nullptr;
        if (!down) records.erase(name(key));
        reply(reply_on, std::move(done), known);
    }
    void remove_company(std::string company, signalbox::Executor& reply_on,
                        Done<std::uint64_t> done) override {
        const auto removed = std::erase_if(
            records, [&](const auto& record) { return record.second.key.company == company; });
        reply(reply_on, std::move(done), std::uint64_t{removed});
    }
    void remove_expired(WallTime, signalbox::Executor& reply_on,
                        Done<std::uint64_t> done) override {
        reply(reply_on, std::move(done), std::uint64_t{0});
    }

private:
    static std::string name(const Key& key) { return key.company + '/' + key.user + '/' + key.key; }
    const Record* live(const Key& key, WallTime now) {
        const auto known = records.find(name(key));
        if (known == records.end()) return nullptr;
        const bool counts = known->second.state == actions::ExecutionState::kLeased ||
                            known->second.expires_at > now;
        return counts ? &known->second : nullptr;
    }
    template <class T>
    void reply(signalbox::Executor& reply_on, Done<T> done, T value) {
        if (down) ++refused;
        Task answer = [done = std::move(done), value = std::move(value), is_down = down]() mutable {
            if (is_down) return done(std::unexpected(auth::StoreError::kUnavailable));
            done(std::move(value));
        };
        if (!holds) return reply_on.post(std::move(answer));
        held_.push_back([&reply_on, answer = std::move(answer)]() mutable {
            reply_on.post(std::move(answer));
        });
    }
    std::vector<Task> held_;
};

/// Runs blocking work when the test says so.
class FakePool final : public BlockingPool {
public:
    [[nodiscard]] bool try_run(Task& task, const Share&) override {
        tasks.push_back(std::move(task));
        return true;
    }
    std::vector<Task> tasks;
};

/// N shards with everything between Engine.IO and the gateway.
class TestNode {
public:
    explicit TestNode(Options options = {}, ShardIndex shards = 1)
        : options_(std::move(options)), mesh(shards) {
        actions::add_built_in_actions(registry);
        actions::add_dev_actions(registry);
        token_options_.secret = kSecret;
        tokens_ = std::move(*auth::TokenVerifier::create(token_options_));
        peers_.resize(shards);
        for (ShardIndex i = 0; i < shards; ++i)
            shards_.push_back(std::make_unique<Shard>(*this, i));
    }

    struct Shard {
        Shard(TestNode& node, ShardIndex index)
            : random(index + 1U),
              port(node.mesh, index),
              wheel(node.clock.monotonic_now()),
              gateway({.options = node.options_,
                       .tokens = node.tokens_,
                       .service_keys = node.keys_,
                       .policy = node.policy_,
                       .sessions = node.options_.session_mode == SessionMode::kStore
                                       ? &node.sessions
                                       : nullptr,
                       .executions = &node.executions,
                       .http = &node.http,
                       .session_http = &node.http,
                       .artifact_http = &node.http,
                       .actions = {std::shared_ptr<void>(), &node.registry},
                       .pool = node.pool,
                       .log = node.log_,
                       .clock = node.clock,
                       .mesh = port,
                       .wheel = wheel,
                       .random = random,
                       .peers = node.peers_}),
              sockets({}, wheel, random,
                      [this](const HttpRequest& request, engineio::Application::Decision decide) {
                          gateway.admit_handshake(request, std::move(decide));
                      }),
              engine({.ping_interval = std::chrono::hours(1)}, index, wheel, random, sockets) {
            gateway.attach(sockets.add_namespace({"/", "/realtime"}, gateway),
                           [this] { return engine.unfinished_count(); });
            node.peers_[index] = &gateway;
        }
        SeededRandom random;
        FakeMesh::Port port;
        TimerWheel wheel;
        Gateway gateway;
        socketio::Server sockets;
        engineio::Server engine;
    };

    Gateway& gateway(ShardIndex i = 0) { return shards_[i]->gateway; }
    Shard& shard(ShardIndex i = 0) { return *shards_[i]; }

    /// As a reload of the configuration does it.
    void set_limits(const LimitOptions& limits) { reconfigure(limits, nullptr); }
    void set_actions(const std::shared_ptr<const actions::ActionRegistry>& actions) {
        reconfigure(options_.limits, actions);
    }
    void set_policy(auth::PolicyOptions options) {
        token_options_.roles = options.roles;
        tokens_ = std::move(*auth::TokenVerifier::create(token_options_));
        policy_ = std::make_shared<auth::Policy>(std::move(options));
        set_limits(options_.limits);
    }

    /// Lets time pass on all shards, in steps.
    void advance(Milliseconds by) {
        constexpr Milliseconds kStep{50};
        for (; by.count() > 0; by -= kStep) {
            clock.advance(std::min(by, kStep));
            turn();
        }
    }
    /// Ends the turn everywhere: tasks, and what became due.
    void turn() {
        mesh.run();
        for (auto& shard : shards_) shard->wheel.advance(clock.monotonic_now());
        mesh.run();
    }

    std::string token(std::string_view user, std::string_view company,
                      std::vector<std::string> permissions = {},
                      Milliseconds ttl = std::chrono::hours(1)) const {
        return sign({.user = UserId::trusted(std::string(user)),
                     .company = CompanyId::trusted(std::string(company)),
                     .permissions = std::move(permissions),
                     .session = {},
                     .issued_at = clock.wall_now(),
                     .expires_at = clock.wall_now() + ttl});
    }
    std::string sign(const auth::TokenRequest& request) const {
        return auth::sign_token(request, token_options_);
    }
    void add_session(std::string_view id, std::string_view user, std::string_view company) {
        sessions.records[std::string(id)] = {*SessionId::parse(id),
                                             *UserId::parse(user),
                                             *CompanyId::parse(company),
                                             clock.wall_now(),
                                             clock.wall_now() + std::chrono::hours(12),
                                             clock.wall_now()};
    }

    Options options_;
    ManualClock clock;
    FakeMesh mesh;
    FakeSessions sessions;
    FakeExecutions executions;
    FakePool pool;
    signalbox::testing::FakeHttpClient http;
    actions::ActionRegistry registry;

private:
    void reconfigure(const LimitOptions& limits,
                     const std::shared_ptr<const actions::ActionRegistry>& actions) {
        const LiveOptions live{.limits = limits,
                               .token_leeway = options_.token_leeway,
                               .tokens = tokens_,
                               .service_keys = keys_,
                               .policy = policy_,
                               .actions = actions,
                               .authorization = options_.authorization,
                               .authorize_recheck = options_.authorize_recheck};
        for (auto& shard : shards_) shard->gateway.prepare(live);
        for (auto& shard : shards_) shard->gateway.reconfigure(live);
    }

    NullLog log_;
    auth::TokenOptions token_options_;
    std::shared_ptr<const auth::Policy> policy_ = std::make_shared<auth::Policy>();
    std::shared_ptr<const auth::TokenVerifier> tokens_;
    std::shared_ptr<const auth::ServiceKeys> keys_ = std::make_shared<auth::ServiceKeys>();
    std::vector<Gateway*> peers_;
    std::vector<std::unique_ptr<Shard>> shards_;
};

/// What a client says of itself.
struct Login {
    std::string user = "u1";
    std::string company = "acme";
    std::string session = "s1";
    std::string artifact = {};
    std::vector<std::string> permissions = {"*"};
    std::string format = {};
    std::string more_query = {};  ///< "&recovery=0"
    std::vector<std::string> roles = {};
    std::optional<std::vector<std::string>> artifacts = {};

    [[nodiscard]] std::string token(const TestNode& node,
                                    Milliseconds ttl = std::chrono::hours(1)) const {
        return node.sign({.user = UserId::trusted(user),
                          .company = CompanyId::trusted(company),
                          .permissions = permissions,
                          .session = {},
                          .roles = roles,
                          .artifacts = artifacts,
                          .issued_at = node.clock.wall_now(),
                          .expires_at = node.clock.wall_now() + ttl});
    }
};

/// A browser on one shard: connects over WebSocket, keeps envelopes.
class TestClient {
public:
    TestClient(TestNode& node, const Login& login, ShardIndex shard = 0)
        : node_(node), client_(node.shard(shard).engine, query_of(login)) {
        node.turn();
        if (!client_.accepted()) return;
        node.add_session(login.session, login.user, login.company);
        connect("{\"token\":\"" + login.token(node) + "\"}");
    }
    /// Only the transport; CONNECT by hand.
    TestClient(TestNode& node, std::string_view query, ShardIndex shard = 0)
        : node_(node), client_(node.shard(shard).engine, query) {
        node.turn();
    }

    void connect(std::string_view auth) {
        client_.send_text("0" + std::string(auth));
        node_.turn();
    }
    void emit(std::string_view args, std::string_view ack = "") {
        client_.send_text("2" + std::string(ack) + "[" + std::string(args) + "]");
        node_.turn();
    }
    /// A REQUEST in the event `message`, as an object.
    void request(std::string_view id, std::string_view action, std::string_view data = "null",
                 std::string_view more = "") {
        emit(R"("message",{"type":"REQUEST","requestId":")" + std::string(id) + R"(","action":")" +
             std::string(action) + R"(","data":)" + std::string(data) + std::string(more) + "}");
    }
    /// Socket.IO packets that came since the last call.
    std::vector<std::string> take() { return client_.take_texts(); }
    /// All of them as one text, for searching.
    std::string take_joined() {
        std::string all;
        for (const auto& text : take()) all += text + '\n';
        return all;
    }
    [[nodiscard]] engineio::testing::FakeClient& transport() { return client_; }
    [[nodiscard]] bool closed() { return client_.closed(); }

private:
    static std::string query_of(const Login& login) {
        std::string query = "&sessionId=" + percent_encode_id(login.session);
        if (!login.artifact.empty()) query += "&artifactId=" + percent_encode_id(login.artifact);
        if (!login.format.empty()) query += "&format=" + login.format;
        return query + login.more_query;
    }

    TestNode& node_;
    engineio::testing::FakeClient client_;
};

}  // namespace signalbox::gateway::testing
