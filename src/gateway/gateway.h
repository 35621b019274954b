#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actions/execution_store.h"
#include "actions/executor.h"
#include "actions/registry.h"
#include "auth/policy.h"
#include "auth/principal.h"
#include "auth/service_keys.h"
#include "auth/session_idle.h"
#include "auth/session_store.h"
#include "auth/token_gate.h"
#include "auth/token_verifier.h"
#include "base/clock.h"
#include "base/error_code.h"
#include "base/executor.h"
#include "base/http.h"
#include "base/http_client.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timer_wheel.h"
#include "engineio/server.h"
#include "gateway/company_here.h"
#include "gateway/company_homes.h"
#include "gateway/keyed_executions.h"
#include "gateway/options.h"
#include "gateway/remote_judge.h"
#include "gateway/running_actions.h"
#include "gateway/socket_sink.h"
#include "gateway/stats.h"
#include "limits/token_bucket.h"
#include "socketio/server.h"
#include "updates/request_parser.h"
#include "updates/update.h"

/// The guide's protocol: binds tokens, sessions, limits, actions and updates to Socket.IO and REST.
namespace signalbox::gateway {

class Gateway;
class Connection;
class CallSink;
class Courier;
struct Carriage;

/// What the shards' gateways share, all const or thread-safe while they run, and what each has
/// alone.
struct Services {
    Options options;
    std::shared_ptr<const auth::TokenVerifier> tokens;
    BlockingPool* token_pool = nullptr;     ///< for tokens with public keys; null: none
    auth::KeySource* key_source = nullptr;  ///< of keys that no token has named yet; null: none
    std::shared_ptr<const auth::ServiceKeys> service_keys;
    std::shared_ptr<const auth::Policy> policy;
    auth::SessionStore* sessions = nullptr;         ///< null except in store mode
    actions::ExecutionStore* executions = nullptr;  ///< null: idempotency keys are OVERLOADED
    /// Apart, so that what is slow to answer one kind of question holds up no other; null: none.
    HttpClient* http = nullptr;           ///< for upstream actions
    HttpClient* session_http = nullptr;   ///< for questions about sessions
    HttpClient* artifact_http = nullptr;  ///< for questions about artifacts
    std::shared_ptr<const actions::ActionRegistry> actions;
    BlockingPool& pool;
    Log& log;
    const Clock& clock;
    /// The shard's own:
    ShardMesh& mesh;
    TimerWheel& wheel;
    Random& random;
    /// Every shard's gateway by index; complete before any shard runs.
    const std::vector<Gateway*>& peers;
};

/// A session that is good.
struct SessionFound {
    std::optional<WallTime> end;  ///< nullopt: it has none of its own
    /// Instead of the token's; nullopt: the token's count.
    std::optional<std::vector<std::string>> permissions = {};
    MonotonicTime answered_at{};  ///< by the API, where that is asked

    /// What counts for whom the token gives `claimed`.
    [[nodiscard]] auth::Permissions applied_to(const auth::Permissions& claimed) const;
};

/// What may change while a gateway runs.
struct LiveOptions {
    LimitOptions limits;
    Milliseconds token_leeway{5'000};
    std::shared_ptr<const auth::TokenVerifier> tokens;
    std::shared_ptr<const auth::ServiceKeys> service_keys;
    std::shared_ptr<const auth::Policy> policy;
    std::shared_ptr<const actions::ActionRegistry> actions = nullptr;  ///< null: those of before
    JudgeOptions authorization;
    Milliseconds authorize_recheck{30'000};
};

template <class T>
using Done = std::move_only_function<void(std::expected<T, Error>)>;

/// Asks the REST door to authenticate.
struct Credentials {
    std::string bearer;      ///< of `Authorization: Bearer`; empty: none
    std::string session_id;  ///< query `sessionId` or header `X-Session-Id`; empty: none
    std::string peer = {};   ///< the address that asks
};
/// Whether a user's token without a session suffices.
enum class SessionNeed : std::uint8_t { kRequired, kOptional };

/// One action over REST.
struct ActionCall {
    auth::Principal principal;
    std::string action;
    std::string request_id;  ///< empty: one is made
    JsonText data;
    std::optional<Milliseconds> timeout;
    bool wants_status = false;
    std::string idempotency_key = {};  ///< empty: none
    std::string traceparent = {};      ///< likewise; unchecked
};

/// Hears how an action that was called over REST goes, as envelopes. on_final() is the last call.
class CallListener {
public:
    virtual ~CallListener() = default;
    /// A status UPDATE envelope.
    virtual void on_update(std::string_view envelope) = 0;
    /// The RESPONSE envelope with 200, or the ERROR envelope with its HTTP status.
    virtual void on_final(int http_status, std::string_view envelope,
                          std::optional<Milliseconds> retry_after) = 0;
};

struct PublishReceipt {
    std::vector<std::string> positions;  ///< one an update, in order
};

/// {"accepted":n,"positions":[…]}
[[nodiscard]] std::string receipt_json(const PublishReceipt& receipt);

/// POST or PUT of a session.
struct SessionRequest {
    UserId user;
    CompanyId company;
    SessionId id;                     ///< empty: one is made
    std::optional<Milliseconds> ttl;  ///< else options.session_ttl
};
struct SessionAnswer {
    auth::SessionRecord record;
    bool created = true;
};

/// One open connection, for GET /connections.
struct ConnectionInfo {
    ConnectionId id;
    UserId user;
    CompanyId company;
    SessionId session;
    std::vector<ArtifactId> artifacts;
    std::string transport;  ///< "websocket" or "polling"
    std::string peer;
    WallTime connected_at{};
    std::size_t in_flight = 0;
};

/// The guide's protocol on one shard.
///
/// Packet's way: on_event() → envelope → expiry, limits, permission → executor or built-in →
/// envelope written to the socket. Home shards (company_homes.h) are asked through the mesh; each
/// question carries its continuation back, so no state waits in between.
/// Threading: confined to its shard; `done` callbacks run there, now or later, exactly once.
/// Errors:    every refusal is an Error of the registry; OVERLOADED when a mailbox is full.
class Gateway final : public socketio::NamespaceHandler {
public:
    explicit Gateway(Services services);
    ~Gateway() override;

    /// The socket door: the namespace whose events come here; set once before the shard runs.
    /// @param unfinished_sessions  how many Engine.IO sessions the shard still has, those included
    ///                       that wait to tell their client of the end: the drain waits for them.
    void attach(socketio::Namespace& sockets, std::function<std::size_t()> unfinished_sessions) {
        sockets_ = &sockets;
        unfinished_sessions_ = std::move(unfinished_sessions);
    }
    /// Before any shard is reconfigured, on each: what the others will ask it about.
    void prepare(const LiveOptions& live);
    /// What may change while it runs: limits and actions for what comes next, keys for the next
    /// token, roles for everybody at once: what is no longer allowed ends.
    void reconfigure(const LiveOptions& live);
    [[nodiscard]] SessionMode session_mode() const { return s_.options.session_mode; }
    [[nodiscard]] const LimitOptions& limits() const { return s_.options.limits; }
    [[nodiscard]] const auth::Policy& policy() const { return *s_.policy; }
    /// Until the next reconfigure().
    [[nodiscard]] const actions::ActionRegistry& actions() const { return *s_.actions; }
    [[nodiscard]] const std::shared_ptr<const actions::ActionRegistry>& shared_actions() const {
        return s_.actions;
    }

    /// Admission of an Engine.IO handshake: address bucket, draining (429, 503 with Retry-After).
    void admit_handshake(const HttpRequest& request, engineio::Application::Decision decide);

    void on_connect(socketio::Socket& socket, std::string_view auth) override;
    void on_event(socketio::Socket& socket, const socketio::Event& event) override;
    void on_disconnect(socketio::Socket& socket, socketio::DisconnectReason reason) override;
    void on_slow_consumer(socketio::Socket& socket) override;

    /// The REST door.
    void authenticate(Credentials credentials, SessionNeed need, Done<auth::Principal> done);
    /// Takes `cost` from the user's and the company's bucket on their home shard, when these are
    /// limited; for what call_action() does not run, a call costs one.
    void charge_call(const auth::Principal& principal,
                     std::move_only_function<void(std::optional<Error>)> done, double cost = 1);
    /// Checks limits and permission and runs it. It goes on when the caller has gone.
    void call_action(ActionCall call, std::shared_ptr<CallListener> listener);
    /// {state, action, updates, outcome} of what the caller ran with that key; needs the action's
    /// permission. NOT_FOUND.
    void describe_execution(const auth::Principal& principal, std::string key,
                            Done<std::string> done);
    /// Frees the key of what has ended. NOT_FOUND; OUTCOME_UNKNOWN while it runs.
    void forget_execution(const auth::Principal& principal, std::string key, Done<void> done);
    /// Permission `updates:send` in each update's company, all or none; publishes in order.
    void publish(const auth::Principal& principal, std::vector<updates::Update> updates,
                 Done<PublishReceipt> done);
    /// The same once for an idempotency key of the principal: a repetition gets the first's receipt,
    /// as JSON. @param text  that parse_updates() has made `updates` of
    void publish_once(const auth::Principal& principal, std::span<const updates::Update> updates,
                      JsonText text, std::string key, Done<JsonText> done);
    /// For the embedding program and the control socket: no permission asked.
    void publish_trusted(std::vector<updates::Update> updates, Done<PublishReceipt> done);

    /// Permission `sessions:manage`, each in the session's company. NOT_FOUND hides what is
    /// foreign.
    void put_session(const auth::Principal& principal, SessionRequest request,
                     Done<SessionAnswer> done);
    void get_session(const auth::Principal& principal, SessionId id,
                     Done<auth::SessionRecord> done);
    void list_sessions(const auth::Principal& principal, auth::SessionFilter filter,
                       Done<std::vector<auth::SessionRecord>> done);
    /// Its connections close everywhere.
    void delete_session(const auth::Principal& principal, SessionId id,
                        Done<auth::SessionRecord> done);
    /// @param filter  user and company; the company's default is the principal's own. When it
    /// fails, some may have been removed. @return how many.
    void delete_sessions(const auth::Principal& principal, auth::SessionFilter filter,
                         Done<std::size_t> done);

    /// Permission `connections:manage`; at most 1,000 are listed.
    void list_connections(const auth::Principal& principal, std::optional<CompanyId> company,
                          Done<std::vector<ConnectionInfo>> done);
    /// A server DISCONNECT: the client does not come back by itself.
    void delete_connection(const auth::Principal& principal, ConnectionId id,
                           Done<ConnectionInfo> done);

    /// Asks the API about what the policy has left open. A user's principal.
    void ask_authorizer(const auth::Principal& principal, const ArtifactId& artifact,
                        Done<WatchAnswer> done);

    /// Closes the connections of a session that was removed from the store.
    void close_revoked(const auth::SessionRecord& record);
    /// Closes every connection of the company and forgets what recovery keeps of it; `done` hears
    /// how many there were. Its sessions in the store are another matter.
    void end_company(CompanyId company, std::move_only_function<void(std::size_t)> done);

    /// Tells every connection `system.serverShutdown`, refuses new connections and executions, and
    /// closes each connection when its last execution has ended. `drained` runs when none is left.
    /// Updates, sessions and connections are served on: services may have last words.
    void begin_drain(std::move_only_function<void()> drained);
    /// Ends what still runs (SHUTTING_DOWN) and closes everything: the grace is over.
    void end_drain();
    /// Drops the callback of begin_drain() uncalled.
    void forget_drain() { drained_ = nullptr; }
    [[nodiscard]] bool draining() const { return draining_; }

    /// Counts an error that was told to a client outside of what the gateway answers itself.
    void count_error(std::string_view code) { stats_.count_error(code); }
    [[nodiscard]] Log& log() { return s_.log; }
    [[nodiscard]] Stats stats() const;
    /// The sum over all shards.
    void collect_stats(std::move_only_function<void(Stats)> done);

private:
    friend class Connection;
    friend class SocketSink;
    friend class CallSink;
    friend class Courier;
    friend class KeyedExecutions;
    struct Incoming;
    class KeptIncoming;
    struct PublishJob;
    using PositionedUpdates = std::vector<std::shared_ptr<const updates::PositionedUpdate>>;

    /// How a connection is closed by us. `event` and its `data` tell the client before.
    struct Closing {
        std::string_view code;  ///< for `lastClose`; empty: none
        std::string_view event = {};
        std::string_view data = "{}";
        engineio::CloseReason reason = engineio::CloseReason::kForcedClose;
    };
    /// A session as the admission wants it checked.
    struct SessionClaim {
        UserId user;
        CompanyId company;
        SessionId session;
        std::string token = {};  ///< for the API, where that is asked
    };
    /// Runs on another shard.
    using PeerTask = std::move_only_function<void(Gateway&)>;

    // connect.cc: who comes in
    /// Counts and logs it. @return 429 or 503 with Retry-After.
    [[nodiscard]] HttpResponse refuse_handshake(const Error& error, std::string_view peer);
    [[nodiscard]] std::expected<std::string, Error> handshake_token(const HttpHeaders& headers,
                                                                    const QueryParameters& query,
                                                                    JsonElement auth) const;
    /// What else the CONNECT says goes into the connection. @return its token.
    [[nodiscard]] std::expected<std::string, Error> read_connect(Connection& connection,
                                                                 std::string_view auth);
    void check_token(const std::string& socket_id, std::string token, auth::Expiry expiry);
    void take_token(Connection& connection, const std::string& token, auth::Expiry expiry,
                    std::expected<auth::TokenClaims, Error> claims);
    [[nodiscard]] std::optional<Error> take_claims(Connection& connection,
                                                   auth::TokenClaims claims);
    void turn_away(Connection& connection, Error error);
    /// For actions that send it on to the service behind them.
    void keep_token(auth::Principal& who, std::string_view token) const;
    void admit_caller(auth::TokenClaims claims, Credentials credentials, SessionNeed need,
                      Done<auth::Principal> done);
    void read_recovery(Connection& connection, const QueryParameters& query,
                       JsonElement auth) const;
    /// The session that a caller means: the one presented in store mode, the token's in claim mode.
    /// A token that names one goes with no other.
    [[nodiscard]] std::expected<SessionId, Error> session_of(const auth::TokenClaims& claims,
                                                             std::string_view presented) const;
    void refuse(Connection& connection, Error error);
    void hold(Connection& connection, const Error& error);
    void request_admission(Connection& connection);
    void admit_at_home(AdmissionRequest request, Done<Admitted> done);
    void find_room(AdmissionRequest request, Done<Admitted> done);
    /// Of those that are still members; none is: nothing.
    void evict_first_member(const auth::Principal& who, std::span<const ConnectionRef> ranked);
    /// The most silent first.
    void rank_by_silence(std::vector<ConnectionRef> candidates,
                         std::move_only_function<void(std::vector<ConnectionRef>)> done);
    void check_session(SessionClaim claim, Done<SessionFound> done);
    void finish_admission(const std::string& socket_id, const AdmissionRequest& request,
                          std::expected<Admitted, Error> outcome);
    /// What the home admitted has nobody to go to.
    void give_back(const AdmissionRequest& request, Admitted admitted);
    void accept(Connection& connection, Admitted admitted);
    void join_rooms(Connection& connection);
    [[nodiscard]] std::string connected_data(const Connection& connection,
                                             const Admitted& admitted) const;

    // recovery.cc: who comes back; at the home shard until "on a connection's shard"
    void free_predecessor(AdmissionRequest request, Done<Admitted> done);
    [[nodiscard]] std::expected<Admitted, Error> enter(AdmissionRequest& request);
    [[nodiscard]] ParkedConnection* find_claimed(const AdmissionRequest& request);
    [[nodiscard]] std::optional<std::vector<MissedMessage>> find_missed(
        ParkedConnection& parked, const AdmissionRequest& request);
    void park(ParkedConnection parked);
    void carry(Carriage carriage);
    void route(const Carriage& carriage);
    void forget_old();
    void keep_forgetting();
    // on a connection's shard
    /// Ends the connection that `request` claims, unless it came over a later transport.
    void supersede(const AdmissionRequest& request);
    void restore(Connection& connection, ParkedConnection& parked);
    void accept_on_socket(Connection& connection, const Admitted& admitted);
    [[nodiscard]] ParkedConnection park_of(Connection& connection);
    void receive_letter(const Carriage& carriage);
    [[nodiscard]] std::uint64_t seen_by(const Connection& connection) const;
    void subscribe(Connection& connection, const ArtifactId& artifact);
    void unsubscribe(Connection& connection, const ArtifactId& artifact);

    // watch_rights.cc: artifacts that the API decides about; at the home shard until "on a
    // connection's shard"
    struct PendingWatch {
        std::string socket_id;
        std::uint32_t incarnation;
        WatchRequest request;
        auth::Permissions permissions;  ///< that the API was asked with
        std::unique_ptr<actions::ExecutionSink> sink;
    };
    enum class WatchReview : std::uint8_t { kOnlyNew, kAll };
    void judge_artifact(AdmissionRequest request, Done<Admitted> done);
    void judge_parked(AdmissionRequest request, Done<Admitted> done);
    /// Artifacts of the request, and of the connection that it claims, about which the API is still to be
    /// asked under today's policy.
    [[nodiscard]] std::vector<ArtifactId> unanswered_of(const AdmissionRequest& request);
    [[nodiscard]] bool may_still_watch(const auth::Principal& who,
                                       const std::vector<WatchAnswer>& answers,
                                       const ArtifactId& artifact) const;
    // on a connection's shard
    void ask_api(std::optional<RemoteJudge> Gateway::* judge, Question question,
                 Done<Verdict> done);
    [[nodiscard]] WatchRight right_by(const WatchAnswer& answer);
    /// When an answer that may become so old is asked for anew.
    [[nodiscard]] MonotonicTime ask_again_at(MonotonicTime answered_at, Milliseconds recheck);
    void take_right(Connection& connection, WatchRight right);
    void wake_for(WatchRights& rights, const WatchRight& right);
    /// Null also for a connection that is not open.
    [[nodiscard]] static WatchRight* find_right(Connection* connection, const ArtifactId& artifact);
    /// At its acceptance; the artifact that it asked for is not watched without one.
    void take_watch_answers(Connection& connection, const std::vector<WatchAnswer>& answers);
    /// What the connection watches and the policy leaves open.
    [[nodiscard]] std::vector<ArtifactId> open_artifacts(const Connection& connection) const;
    /// Asks about what is open since the policy or the connection's permissions have changed.
    void review_watch_rights(Connection& connection, WatchReview review);
    void watch_rights_due(Connection& connection);
    void end_unanswered_watch(const std::string& socket_id, const ArtifactId& artifact);
    void ask_watch_again(const std::string& socket_id, const ArtifactId& artifact);
    void take_watch_answer(const std::string& socket_id, const WatchRequest& asked,
                           const std::expected<WatchAnswer, Error>& answer);
    void end_watch(Connection& connection, const ArtifactId& artifact, const Error& why);
    void audit_watch(const Connection& connection, std::string_view event,
                     const ArtifactId& artifact, const Error& why) const;
    void request_watch(Connection& connection, const ArtifactId& artifact,
                       std::unique_ptr<actions::ExecutionSink> sink);
    void end_watch_request(PendingWatch pending, const std::expected<WatchAnswer, Error>& answer);
    void forget_watch(Connection& connection, const ArtifactId& artifact);

    // messages.cc: what they say
    void on_message(Connection& connection, const socketio::Event& event);
    void on_named_event(Connection& connection, const socketio::Event& event);
    void reject_faulty(Connection& connection, Incoming incoming, const socketio::Event& event);
    void receive(Connection& connection, const Incoming& incoming);
    void run(Connection& connection, const Incoming& incoming, const actions::Action& action);
    void run_at_once(Connection& connection, const Incoming& incoming,
                     const actions::Action& action);
    [[nodiscard]] static SocketSink::Target target_of(const Connection& connection,
                                                      const Incoming& incoming,
                                                      std::uint64_t token);
    /// @param action  null when there is none of that name.
    [[nodiscard]] std::optional<Error> refusal_of(const Connection& connection,
                                                  const Incoming& incoming,
                                                  const actions::Action* action);
    void reject(Connection& connection, const Incoming& incoming, const Error& error);
    void audit_refusal(const Connection& connection, std::string_view action,
                       const Error& error) const;
    void note_violation(Connection& connection, const Error& error);
    /// Sends `envelope` to the ack when there is one, else in the event `message`.
    void send_envelope(Connection& connection, std::string_view envelope,
                       std::optional<std::uint64_t> ack);
    void send_system(Connection& connection, std::string_view event, std::string_view data);
    /// Emits `message` in the connection's format.
    void emit_message(Connection& connection, std::string_view envelope, std::string_view offset);
    /// How far the client is when it has got all that was sent so far; empty once it has left its
    /// company, which an answer before this one may have brought about.
    [[nodiscard]] std::string_view offset_of(const Connection& connection);
    [[nodiscard]] std::string system_envelope(std::string_view event, std::string_view data);
    void warn_of_expiry(Connection& connection);
    void execution_ended(const std::string& socket_id, std::uint64_t token);
    /// From now on `execution.cancel` finds it.
    void name_execution(const std::string& socket_id, std::uint64_t token, actions::ExecutionId id);

    // invoke.cc: one action for both doors
    [[nodiscard]] std::expected<const actions::Action*, Error> find_action(
        const auth::Principal& principal, std::string_view name) const;
    /// @param connection  null over REST. @return the execution's id; it may have ended already.
    actions::ExecutionId invoke(actions::ExecutionRequest request, Connection* connection,
                                std::unique_ptr<actions::ExecutionSink> sink);
    void invoke_built_in(const actions::ExecutionRequest& request, Connection* connection,
                         std::unique_ptr<actions::ExecutionSink> sink);
    void send_updates(const actions::ExecutionRequest& request,
                      std::unique_ptr<actions::ExecutionSink> sink);
    void change_subscription(const actions::ExecutionRequest& request, Connection* connection,
                             std::unique_ptr<actions::ExecutionSink> sink);
    [[nodiscard]] static JsonText subscription_answer(const ArtifactId& artifact,
                                                      std::string_view action);
    [[nodiscard]] std::optional<Error> refuse_subscription(const Connection& connection,
                                                           const ArtifactId& artifact) const;
    void cancel_executions(const actions::ExecutionRequest& request, Connection* connection,
                           std::unique_ptr<actions::ExecutionSink> sink);
    [[nodiscard]] JsonText describe_actions(const auth::Principal& principal) const;

    // keyed.cc: what runs at most once
    class KeyedSink;
    /// Who asks: to be found again when it has started.
    struct Asker {
        std::string socket_id = {};  ///< empty over REST
        std::uint64_t token = 0;     ///< InFlight::token
        bool expects_ack = false;    ///< as whoever sends again does
    };
    /// How its repetition is recognised; nullopt: not at all. An update's own key becomes the
    /// request's, where that has none.
    [[nodiscard]] static std::optional<Remembrance> remembrance_of(
        actions::ExecutionRequest& request, const Asker& asker);
    void run_once(Remembrance remembrance, actions::ExecutionRequest request, Asker asker,
                  std::unique_ptr<actions::ExecutionSink> sink);
    void start_keyed(KeyedCall& call, KeyedId id, ShardIndex home);
    [[nodiscard]] std::optional<Error> refuse_start(KeyedCall& call);
    [[nodiscard]] bool cancel_keyed(KeyedId id);
    void attach_execution(const actions::ExecutionRequest& request,
                          std::unique_ptr<actions::ExecutionSink> sink);
    void cancel_by_key(const auth::Principal& principal, std::string_view key,
                       std::unique_ptr<actions::ExecutionSink> sink);

    // refresh.cc: a new token for an open connection
    struct Refresh {
        std::string socket_id;
        std::string token;
        std::unique_ptr<actions::ExecutionSink> sink;
    };
    void refresh_token(const actions::ExecutionRequest& request, Connection* connection,
                       std::unique_ptr<actions::ExecutionSink> sink);
    void check_refresh(Refresh refresh, std::expected<auth::TokenClaims, Error> claims);
    /// Who the connection will be, its session not yet looked up.
    [[nodiscard]] std::expected<auth::Principal, Error> renewed_principal(
        const Connection& connection, const auth::TokenClaims& claims) const;
    [[nodiscard]] actions::ActionResult take_refresh(
        const Refresh& refresh, const auth::Principal& renewed,
        const std::expected<SessionFound, Error>& session);
    void end_refresh(const Refresh& refresh, actions::ActionResult result);

    // rights.cc: what connections may do changes
    /// Those of everybody, by the policy of now.
    void renew_all_rights();
    /// Ends what is no longer allowed and tells the client, when anything has changed.
    void take_rights(Connection& connection, auth::Permissions now, RightsChange change);
    void end_what_is_lost(Connection& connection, RightsChange change);
    void tell_of_change(Connection& connection, const RightsChange& change);
    void end_forbidden_executions(const Connection& connection);
    /// At the home shard.
    void renew_rights(ParkedConnection& parked, const AdmissionRequest& request) const;
    /// By the policy of now, as of a connection that is open.
    void lose_what_is_refused(ParkedConnection& parked) const;
    /// @return whether anything was lost.
    [[nodiscard]] bool lose(ParkedConnection& parked,
                            const std::function<bool(const Subscription&)>& is_lost) const;
    [[nodiscard]] RightsChange::Cause cause_of_loss(const auth::Principal& who,
                                                    const ArtifactId& artifact) const;
    /// With what counts today: of the connection's own token and of the one presented, or of that
    /// alone.
    [[nodiscard]] auth::Principal who_comes_back(const ParkedConnection& parked,
                                                 const AdmissionRequest& request) const;
    [[nodiscard]] auth::Principal who_comes(const AdmissionRequest& request) const;
    /// @param parked  null: nothing that it claims
    [[nodiscard]] auth::Principal who_comes_in(const ParkedConnection* parked,
                                               const AdmissionRequest& request) const;

    // publish.cc
    [[nodiscard]] std::optional<Error> refuse_publish(
        const auth::Principal& principal, std::span<const updates::Update> updates) const;
    void publish_at_home(const std::shared_ptr<PublishJob>& job, std::size_t company_index);
    /// On each shard that has members: to the sockets of its audience.
    void deliver(const CompanyId& company, const PositionedUpdates& updates);
    /// @param company  only compared: a send before may have ended its last connection here.
    /// @return whether to send it: not what the connection has got already.
    [[nodiscard]] static bool hand_over(Connection& connection, const CompanyHere* company,
                                        const updates::PositionedUpdate& update);

    // session_end.cc
    /// The session's connections live on until `record.expires_at`, wherever they are.
    void move_session_end(const auth::SessionRecord& record);
    /// Closes the connection unless its session, asked for once more, goes on.
    void look_at_session_end(Connection& connection);
    void close_expired(Connection& connection);

    // introspect.cc: sessions that the API knows
    void introspect(SessionClaim claim, Done<SessionFound> done);
    void note_introspection(Connection& connection, MonotonicTime answered_at);
    void introspection_due(Connection& connection);
    void introspect_again(Connection& connection);
    void take_introspection(const std::string& socket_id,
                            const std::expected<SessionFound, Error>& found);
    void end_unverified(Connection& connection, const Error& error);
    void audit_session_end(const Connection& connection, const Error& error) const;

    // session_use.cc: sessions that nobody uses end (`auth.sessions.idle_timeout`)
    /// Sessions last used before it have ended.
    [[nodiscard]] WallTime used_since() const { return idle_.used_since(s_.clock.wall_now()); }
    [[nodiscard]] bool is_unused(const auth::SessionRecord& record) const {
        return record.used_at < used_since();
    }
    void note_use(const auth::SessionRecord& record);
    void note_end_of_use(const auth::SessionRecord& record);
    /// Of how many parts of the open connections' sessions the use is noted, one after another.
    [[nodiscard]] std::size_t use_slices() const;
    void keep_noting_use();
    void note_use_of_some();

    // manage.cc
    void close(Connection& connection, const Closing& closing);
    void close_by_id(const std::string& socket_id, const Closing& closing);
    void remove_sessions(auth::SessionFilter filter, std::size_t before, Done<std::size_t> done);
    void close_all_revoked(const CompanyId& company, std::span<const auth::SessionRecord> records);
    void revoke_at_home(const CompanyId& company, const SessionId& session);
    /// Its place is free, and what can be recovered is parked.
    void leave_home(Connection& connection, socketio::DisconnectReason reason, std::string code);
    [[nodiscard]] ConnectionInfo info_of(Connection& connection) const;
    void for_each_connection(const std::function<void(Connection&)>& visit);
    void close_when_idle(Connection& connection);
    void check_drained();

    // peers.cc
    /// Runs `task` on `shard`, here at once when it is this one. @return false when its mailbox is
    /// full: `task` was not taken.
    [[nodiscard]] bool ask(ShardIndex shard, PeerTask& task);
    /// The same for answers and releases, which are always admitted.
    void tell(ShardIndex shard, PeerTask task);
    /// Asks every shard; `join` gets the answers in shard order. @return false: a mailbox was full.
    template <class T>
    [[nodiscard]] bool gather(std::function<T(Gateway&)> question,
                              std::move_only_function<void(std::vector<T>)> join);

    [[nodiscard]] ShardIndex home_of(const CompanyId& company) const;
    [[nodiscard]] Connection* find_connection(std::string_view socket_id);
    /// Of the turn.
    [[nodiscard]] MonotonicTime now() const { return s_.wheel.now(); }
    [[nodiscard]] WallTime wall_now();

    Services s_;
    auth::TokenGate token_gate_;
    socketio::Namespace* sockets_ = nullptr;
    RunningActions running_;
    auth::PermissionPool permissions_;
    actions::Executor executor_;
    CompanyHomes homes_;
    KeyedExecutions keyed_{*this};
    std::unordered_map<KeyedId, actions::ExecutionId> keyed_here_;  ///< 0: it is being started
    bool ending_ = false;
    std::unordered_map<CompanyId, CompanyHere> companies_here_;
    bool has_rings_ = false;
    Timer forget_timer_ = Timer::calling<&Gateway::forget_old>(this);
    const auth::SessionIdle idle_;
    std::size_t use_slice_ = 0;
    std::optional<RemoteJudge> session_judge_;  ///< in introspect mode
    std::optional<RemoteJudge> watch_judge_;    ///< with an HTTP client for it
    std::uint64_t watch_questions_ = 0;
    Timer use_timer_ = Timer::calling<&Gateway::note_use_of_some>(this);
    limits::BucketTable address_buckets_;
    JsonParser parser_;
    updates::RequestParser requests_;
    Stats stats_;
    std::size_t calls_running_ = 0;  // over REST
    bool draining_ = false;
    std::function<std::size_t()> unfinished_sessions_;
    Timer drain_timer_ = Timer::calling<&Gateway::check_drained>(this);
    std::move_only_function<void()> drained_;
    std::string envelope_;  // the one being written; kept for its memory
    std::string offset_;    // likewise
    WallTime wall_now_{};   // at wall_read_at_
    MonotonicTime wall_read_at_{};
    JsonText data_;  // of the request being run; likewise
};

}  // namespace signalbox::gateway
