#include <algorithm>

#include "actions/data_digest.h"
#include "actions/schema.h"
#include "base/check.h"
#include "gateway/connection.h"
#include "gateway/gateway.h"
#include "updates/update.h"

/// What runs at most once, on the shard of whoever asks: docs/decisions/0008-at-most-once.md.
namespace signalbox::gateway {
namespace {

constexpr std::string_view kSendUpdates = "updates.send";

Error busy() {
    return Error::of(ErrorCode::kOverloaded, "the server is busy");
}

/// A service has no company and no user: its key stands for them.
actions::ExecutionKey key_of(const auth::Principal& who, std::string_view key) {
    return {who.company.str(), who.is_service() ? who.service->key_id : who.user.str(),
            std::string(key)};
}

/// In place of the user its session, which tokens of several users may name in claim mode.
actions::ExecutionKey resend_key_of(const actions::ExecutionRequest& request,
                                    std::string_view digest) {
    const auth::Principal& who = request.principal;
    return {who.company.str(), who.session.str(),
            percent_encode_id(who.user.str()) + ':' + percent_encode_id(request.request_id) + ':' +
                percent_encode_id(request.action_name) + ':' + std::string(digest)};
}

/// What the caller and the action leave of the time when it begins that late.
std::optional<Milliseconds> time_left(const KeyedCall& call, MonotonicTime now) {
    const Milliseconds most = call.request.action->definition.timeout;
    const auto spent = std::chrono::floor<Milliseconds>(now - call.asked_at);
    const Milliseconds left = std::min(call.request.timeout.value_or(most), most) - spent;
    return left.count() > 0 ? std::optional(left) : std::nullopt;
}

}  // namespace

/// Tells the home how the execution goes.
class Gateway::KeyedSink final : public actions::ExecutionSink {
public:
    KeyedSink(Gateway& gateway, KeyedId id, ShardIndex home)
        : gateway_(gateway), id_(id), home_(home) {}

    void on_status(actions::Status status, std::uint64_t seq, std::string_view progress) override {
        KeptStatus kept{status, seq, std::string(progress), gateway_.s_.clock.wall_now()};
        PeerTask task = [id = id_, kept = std::move(kept)](Gateway& home) mutable {
            home.keyed_.note_status(id, std::move(kept));
        };
        if (!gateway_.ask(home_, task)) ++gateway_.stats_.statuses_dropped;
    }
    void on_end(actions::ActionResult result) override {
        // The lease stays: nobody knows how far it came.
        if (gateway_.ending_) return;
        gateway_.keyed_here_.erase(id_);
        gateway_.tell(home_, [id = id_, result = std::move(result)](Gateway& home) mutable {
            home.keyed_.end(id, std::move(result));
        });
    }

private:
    Gateway& gateway_;
    KeyedId id_;
    ShardIndex home_;
};

std::optional<Remembrance> Gateway::remembrance_of(actions::ExecutionRequest& request,
                                                   const Asker& asker) {
    const actions::ActionDefinition& action = request.action->definition;
    const bool is_built_in = std::holds_alternative<actions::BuiltIn>(action.handler);
    if (is_built_in && action.safe_to_retry) return std::nullopt;
    if (request.idempotency_key.empty() && action.name == kSendUpdates)
        request.idempotency_key = updates::idempotency_key_of(request.data.str());
    if (!request.idempotency_key.empty()) return Remembrance::kKey;
    if (asker.expects_ack && !action.safe_to_retry) return Remembrance::kResend;
    return std::nullopt;
}

void Gateway::run_once(Remembrance remembrance, actions::ExecutionRequest request, Asker asker,
                       std::unique_ptr<actions::ExecutionSink> sink) {
    if (auto fault = executor_.input_fault(request))
        return sink->on_end(std::unexpected(std::move(*fault)));
    const auto data = parser_.parse(request.data.str());
    SB_CHECK(data.has_value());
    Claim claim{.remembrance = remembrance,
                .key = {},
                .action = request.action_name,
                .digest = actions::data_digest(*data),
                .request_id = request.request_id,
                .safe_to_retry = request.action->definition.safe_to_retry,
                .call = nullptr,
                .caller = {.shard = s_.mesh.self(),
                           .follower = std::make_shared<Follower>(std::move(sink)),
                           .wants_status = request.wants_status},
                .refusal = running_.refusal(request.principal, s_.options.limits)};
    claim.key = remembrance == Remembrance::kKey
                    ? key_of(request.principal, request.idempotency_key)
                    : resend_key_of(request, claim.digest);
    // Whoever attaches may want them.
    request.wants_status = true;
    const ShardIndex home = home_of(request.principal.company);
    claim.call = std::make_shared<KeyedCall>(std::move(request), now(), std::move(asker.socket_id),
                                             asker.token);
    const auto follower = claim.caller.follower;
    PeerTask task = [claim = std::move(claim)](Gateway& self) mutable {
        self.keyed_.claim(std::move(claim));
    };
    if (!ask(home, task)) follower->on_end(std::unexpected(busy()));
}

namespace {

/// Passes the receipt on, the first's or the kept one.
class ReceiptSink final : public actions::ExecutionSink {
public:
    explicit ReceiptSink(Done<JsonText> done) : done_(std::move(done)) {}
    void on_status(actions::Status, std::uint64_t, std::string_view) override {}
    void on_end(actions::ActionResult result) override { done_(std::move(result)); }

private:
    Done<JsonText> done_;
};

}  // namespace

void Gateway::publish_once(const auth::Principal& principal,
                           std::span<const updates::Update> updates, JsonText text, std::string key,
                           Done<JsonText> done) {
    // A refusal is not kept.
    if (auto refusal = refuse_publish(principal, updates))
        return done(std::unexpected(std::move(*refusal)));
    const auto action = find_action(principal, kSendUpdates);
    if (!action) return done(std::unexpected(action.error()));
    actions::ExecutionRequest request;
    request.action = *action;
    request.registry = s_.actions;
    request.action_name = kSendUpdates;
    request.principal = principal;
    request.request_id = s_.random.id(16);
    request.idempotency_key = std::move(key);
    request.data = std::move(text);
    run_once(Remembrance::kKey, std::move(request), {},
             std::make_unique<ReceiptSink>(std::move(done)));
}

std::optional<Error> Gateway::refuse_start(KeyedCall& call) {
    actions::ExecutionRequest& request = call.request;
    // What may be run, and by whom, may have changed while the lease was written.
    if (const Connection* connection = find_connection(call.socket_id)) {
        request.principal.permissions = connection->principal.permissions;
    } else {
        request.principal.permissions = policy().renewed(request.principal.permissions);
    }
    const auto allowed = find_action(request.principal, request.action_name);
    if (!allowed) return allowed.error();
    request.action = *allowed;
    request.registry = s_.actions;
    if (draining_)
        return Error::of(ErrorCode::kShuttingDown, "the server is going down; connect again");
    request.timeout = time_left(call, now());
    if (request.timeout) return std::nullopt;
    return Error::of(ErrorCode::kTimeout, "the action could not begin in time");
}

void Gateway::start_keyed(KeyedCall& call, KeyedId id, ShardIndex home) {
    if (auto refusal = refuse_start(call)) {
        return tell(home, [id, error = std::move(*refusal)](Gateway& self) mutable {
            self.keyed_.refuse_start(id, std::move(error));
        });
    }
    keyed_here_.emplace(id, 0);
    const actions::ExecutionId execution =
        invoke(std::move(call.request), nullptr, std::make_unique<KeyedSink>(*this, id, home));
    const auto here = keyed_here_.find(id);
    if (here == keyed_here_.end()) return;
    here->second = execution;
    name_execution(call.socket_id, call.token, execution);
}

bool Gateway::cancel_keyed(KeyedId id) {
    const auto here = keyed_here_.find(id);
    return here != keyed_here_.end() && executor_.cancel(here->second);
}

void Gateway::attach_execution(const actions::ExecutionRequest& request,
                               std::unique_ptr<actions::ExecutionSink> sink) {
    const auto data = parser_.parse(request.data.str());
    SB_CHECK(data.has_value());
    std::string_view key;
    SB_CHECK((*data)["idempotencyKey"].get(key) == simdjson::SUCCESS);
    Subscriber caller{.shard = s_.mesh.self(),
                      .follower = std::make_shared<Follower>(std::move(sink)),
                      .wants_status = true};
    // A number like 2.0 is an integer to a schema.
    double last_seq = 0;
    if ((*data)["lastSeq"].get(last_seq) == simdjson::SUCCESS)
        caller.after_seq = static_cast<std::uint64_t>(std::min(last_seq, 9e15));
    const auto follower = caller.follower;
    PeerTask task = [question = KeyQuestion{key_of(request.principal, key), request.principal},
                     caller = std::move(caller)](Gateway& home) mutable {
        home.keyed_.attach(std::move(question), std::move(caller));
    };
    if (!ask(home_of(request.principal.company), task)) follower->on_end(std::unexpected(busy()));
}

void Gateway::cancel_by_key(const auth::Principal& principal, std::string_view key,
                            std::unique_ptr<actions::ExecutionSink> sink) {
    const auto follower = std::make_shared<Follower>(std::move(sink));
    PeerTask task = [key = key_of(principal, key), follower,
                     asker = s_.mesh.self()](Gateway& home) mutable {
        home.keyed_.cancel(key, [&home, follower, asker](bool cancelled) {
            home.tell(asker, [follower, cancelled](Gateway&) {
                follower->on_end(
                    JsonText::trusted(cancelled ? R"({"cancelled":1})" : R"({"cancelled":0})"));
            });
        });
    };
    if (!ask(home_of(principal.company), task)) follower->on_end(std::unexpected(busy()));
}

void Gateway::describe_execution(const auth::Principal& principal, std::string key,
                                 Done<std::string> done) {
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    PeerTask task = [question = KeyQuestion{key_of(principal, key), principal}, shared,
                     asker = s_.mesh.self()](Gateway& home) mutable {
        home.keyed_.describe(std::move(question), [&home, shared, asker](auto described) {
            home.tell(asker, [shared, described = std::move(described)](Gateway&) mutable {
                (*shared)(std::move(described));
            });
        });
    };
    if (!ask(home_of(principal.company), task)) (*shared)(std::unexpected(busy()));
}

void Gateway::forget_execution(const auth::Principal& principal, std::string key, Done<void> done) {
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    PeerTask task = [key = key_of(principal, key), shared,
                     asker = s_.mesh.self()](Gateway& home) mutable {
        home.keyed_.forget(key, [&home, shared, asker](auto forgotten) {
            home.tell(asker, [shared, forgotten = std::move(forgotten)](Gateway&) mutable {
                (*shared)(std::move(forgotten));
            });
        });
    };
    if (!ask(home_of(principal.company), task)) (*shared)(std::unexpected(busy()));
}

}  // namespace signalbox::gateway
