#include "gateway/gateway.h"

#include <utility>

#include "base/check.h"
#include "gateway/bearer.h"
#include "gateway/connection.h"
#include "gateway/peer_network.h"
#include "gateway/peers.h"

namespace signalbox::gateway {
namespace {

constexpr std::size_t kAddressesMax = 100'000;

}  // namespace

Gateway::Gateway(Services services)
    : s_(std::move(services)),
      token_gate_({s_.clock, s_.mesh, s_.token_pool, s_.key_source}, s_.tokens),
      executor_(s_.wheel, s_.mesh, s_.pool, s_.random, s_.log, s_.clock, s_.http),
      homes_(s_.options, s_.random.id(6)),
      idle_{s_.options.session_idle_timeout, s_.clock.wall_now()},
      address_buckets_(kAddressesMax) {
    const bool introspects = s_.options.session_mode == SessionMode::kIntrospect;
    SB_CHECK(s_.session_http != nullptr || !introspects);
    const auto ports_with = [this](HttpClient& client) {
        return RemoteJudge::Ports{client, s_.mesh, s_.clock, s_.log};
    };
    if (s_.artifact_http != nullptr)
        watch_judge_.emplace(s_.options.authorization, ports_with(*s_.artifact_http));
    if (introspects) session_judge_.emplace(s_.options.introspection, ports_with(*s_.session_http));
}

Gateway::~Gateway() {
    // Executions that end now have nobody to tell: the sockets may be gone before the gateway.
    sockets_ = nullptr;
    ending_ = true;
    executor_.abandon_all();
}

void Gateway::prepare(const LiveOptions& live) {
    // Whoever still waits for the API of before may hear it: whether it counts is looked at then.
    if (watch_judge_ && !live.authorization.url.empty())
        watch_judge_->reconfigure(live.authorization);
}

void Gateway::reconfigure(const LiveOptions& live) {
    s_.options.limits = live.limits;
    s_.options.token_leeway = live.token_leeway;
    s_.tokens = live.tokens;
    token_gate_.set_verifier(live.tokens);
    s_.service_keys = live.service_keys;
    s_.policy = live.policy;
    if (live.actions != nullptr) s_.actions = live.actions;
    s_.options.authorization = live.authorization;
    s_.options.authorize_recheck = live.authorize_recheck;
    if (sockets_ != nullptr) renew_all_rights();
}

void Gateway::authenticate(Credentials credentials, SessionNeed need, Done<auth::Principal> done) {
    if (credentials.bearer.empty()) {
        return done(std::unexpected(Error::of(
            ErrorCode::kInvalidToken, "no token was given: send `Authorization: Bearer TOKEN`")));
    }
    if (auth::may_be_service_key(credentials.bearer)) {
        auto service = s_.service_keys->find(credentials.bearer);
        if (!service) {
            return done(std::unexpected(Error::of(
                ErrorCode::kInvalidToken,
                "this is neither a token (three parts, two dots) nor a service key known here")));
        }
        return done(std::move(*service));
    }
    auth::TokenGate::Presented presented{credentials.bearer, network_of(credentials.peer)};
    token_gate_.check(
        std::move(presented), auth::Expiry::kChecked,
        [this, credentials = std::move(credentials), need,
         done = std::move(done)](std::expected<auth::TokenClaims, Error> claims) mutable {
            if (!claims) return done(std::unexpected(std::move(claims.error())));
            admit_caller(std::move(*claims), std::move(credentials), need, std::move(done));
        });
}

void Gateway::keep_token(auth::Principal& who, std::string_view token) const {
    who.token = s_.actions->forwards_authorization()
                    ? std::make_shared<const std::string>(without_bearer(token))
                    : nullptr;
}

void Gateway::admit_caller(auth::TokenClaims claims, Credentials credentials, SessionNeed need,
                           Done<auth::Principal> done) {
    auth::Principal who;
    who.user = claims.user;
    who.company = claims.company;
    who.permissions = policy().renewed(claims.permissions);
    who.expires_at = claims.expires_at;
    keep_token(who, credentials.bearer);
    // An API that decides about sessions decides about their permissions too: it must be asked.
    const bool may_do_without = need == SessionNeed::kOptional && !session_judge_;
    if (credentials.session_id.empty() && may_do_without) return done(std::move(who));
    auto session = session_of(claims, credentials.session_id);
    if (!session) return done(std::unexpected(std::move(session.error())));
    who.session = std::move(*session);
    SessionClaim claim{who.user, who.company, who.session, std::move(credentials.bearer)};
    check_session(std::move(claim),
                  [this, who = std::move(who), done = std::move(done)](auto checked) mutable {
                      if (!checked) return done(std::unexpected(std::move(checked.error())));
                      // Roles may have changed meanwhile.
                      who.permissions = policy().renewed(checked->applied_to(who.permissions));
                      done(std::move(who));
                  });
}

Stats Gateway::stats() const {
    Stats stats = stats_;
    stats.connections_parked = homes_.parked().size();
    stats.parked_dropped = homes_.parked().dropped();
    stats.parked_bytes = homes_.parked().bytes();
    stats.update_log_bytes = homes_.log().bytes();
    if (session_judge_) stats.introspections = session_judge_->numbers();
    if (watch_judge_) stats.authorizations = watch_judge_->numbers();
    const auto& counters = executor_.counters();
    stats.executions_running = executor_.running();
    stats.executions_waiting = executor_.waiting();
    stats.executions_started = counters.started;
    stats.executions_succeeded = counters.succeeded;
    stats.executions_failed = counters.failed;
    stats.executions_timed_out = counters.timed_out;
    stats.executions_cancelled = counters.cancelled;
    stats.executions_late = counters.late;
    stats.executions_waited = counters.waited;
    stats.keyed_running = keyed_.running();
    stats.upstream = executor_.upstream_numbers();
    return stats;
}

void Gateway::collect_stats(std::move_only_function<void(Stats)> done) {
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    const bool asked = gather<Stats>([](Gateway& peer) { return peer.stats(); },
                                     [shared](std::vector<Stats> all) {
                                         Stats sum;
                                         for (const Stats& one : all) sum.add(one);
                                         (*shared)(sum);
                                     });
    // A full mailbox: what this shard knows is better than nothing.
    if (!asked) (*shared)(stats());
}

}  // namespace signalbox::gateway
