#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "actions/schema.h"
#include "base/check.h"
#include "gateway/call_sink.h"
#include "gateway/connection.h"
#include "gateway/faults.h"
#include "gateway/peers.h"
#include "updates/update.h"

/// Running one action, the same for the socket and the REST door.
namespace signalbox::gateway {
namespace {

constexpr Milliseconds kRetryWhenBusy{1'000};

Error overloaded() {
    Error error = Error::of(ErrorCode::kOverloaded, "the server is busy");
    error.retry_after = kRetryWhenBusy;
    return error;
}

/// A string member of `data`, which the action's schema has required to be one; empty when absent.
std::string string_member(JsonElement data, std::string_view name) {
    std::string_view text;
    if (data[name].get(text) != simdjson::SUCCESS) return {};
    return std::string(text);
}

}  // namespace

std::expected<const actions::Action*, Error> Gateway::find_action(const auth::Principal& principal,
                                                                  std::string_view name) const {
    const actions::Action* action = s_.actions->find(name);
    if (action == nullptr) return std::unexpected(no_such_action(name));
    if (!policy().may_run(principal, action->definition.permission)) {
        return std::unexpected(
            Error::of(ErrorCode::kForbidden,
                      "this needs the permission `" + action->definition.permission + '`'));
    }
    return action;
}

actions::ExecutionId Gateway::invoke(actions::ExecutionRequest request, Connection* connection,
                                     std::unique_ptr<actions::ExecutionSink> sink) {
    const actions::Handler& handler = request.action->definition.handler;
    if (std::holds_alternative<actions::BuiltIn>(handler)) {
        invoke_built_in(request, connection, std::move(sink));
        return 0;
    }
    const bool never_waits = std::holds_alternative<actions::ImmediateHandler>(handler) &&
                             request.action->definition.concurrency_max == 0;
    if (!never_waits) {
        if (auto error = running_.refusal(request.principal, s_.options.limits)) {
            sink->on_end(std::unexpected(std::move(*error)));
            return 0;
        }
        sink = running_.counted(request.principal, std::move(sink));
    }
    return executor_.start(std::move(request), std::move(sink));
}

void Gateway::invoke_built_in(const actions::ExecutionRequest& request, Connection* connection,
                              std::unique_ptr<actions::ExecutionSink> sink) {
    const std::string& name = request.action->definition.name;
    JsonParser parser;
    const auto data = parser.parse(request.data.str());
    SB_CHECK(data.has_value());
    if (const auto faults = request.action->input->validate(*data); !faults.empty()) {
        Error error =
            Error::of(ErrorCode::kValidationFailed, "the data does not match the action's schema");
        error.details = actions::details_of(faults);
        return sink->on_end(std::unexpected(std::move(error)));
    }
    if (name == "execution.attach") return attach_execution(request, std::move(sink));
    if (request.wants_status) {
        sink->on_status(actions::Status::kAccepted, 1, "");
        sink->on_status(actions::Status::kRunning, 2, "");
    }
    if (name == "updates.send") return send_updates(request, std::move(sink));
    if (name == "actions.list") return sink->on_end(describe_actions(request.principal));
    if (name == "auth.refresh") return refresh_token(request, connection, std::move(sink));
    if (name == "execution.cancel") return cancel_executions(request, connection, std::move(sink));
    if (name.starts_with("artifact."))
        return change_subscription(request, connection, std::move(sink));
    SB_CHECK(name == "system.ping");
    std::string pong;
    JsonWriter(pong).begin_object().member("time", format_time(s_.clock.wall_now())).end_object();
    sink->on_end(JsonText::trusted(std::move(pong)));
}

void Gateway::send_updates(const actions::ExecutionRequest& request,
                           std::unique_ptr<actions::ExecutionSink> sink) {
    const CompanyId* company = request.principal.only_company();
    auto updates = updates::parse_updates(
        request.data.str(), company == nullptr ? std::nullopt : std::optional(*company));
    if (!updates) return sink->on_end(std::unexpected(std::move(updates.error())));
    publish(request.principal, std::move(*updates),
            [sink = std::move(sink)](std::expected<PublishReceipt, Error> receipt) {
                if (!receipt) return sink->on_end(std::unexpected(std::move(receipt.error())));
                sink->on_end(JsonText::trusted(receipt_json(*receipt)));
            });
}

void Gateway::change_subscription(const actions::ExecutionRequest& request, Connection* connection,
                                  std::unique_ptr<actions::ExecutionSink> sink) {
    const auto refuse_with = [&](Error error) { sink->on_end(std::unexpected(std::move(error))); };
    if (connection == nullptr) {
        return refuse_with(Error::of(ErrorCode::kInvalidMessage,
                                     "this action changes a connection: run it over the socket"));
    }
    const std::string& action = request.action->definition.name;
    JsonParser parser;
    const auto artifact =
        ArtifactId::parse(string_member(*parser.parse(request.data.str()), "artifactId"));
    if (!artifact) {
        return refuse_with(no_artifact_id());
    }
    if (action == "artifact.unsubscribe") {
        unsubscribe(*connection, *artifact);
        forget_watch(*connection, *artifact);
    } else if (auto refusal = refuse_subscription(*connection, *artifact)) {
        if (refusal->is(ErrorCode::kArtifactForbidden))
            audit_watch(*connection, "action.refused", *artifact, *refusal);
        return refuse_with(std::move(*refusal));
    } else if (policy().may_watch(connection->principal, *artifact).is_open()) {
        return request_watch(*connection, *artifact, std::move(sink));
    } else {
        subscribe(*connection, *artifact);
    }
    sink->on_end(subscription_answer(*artifact, action));
}

JsonText Gateway::subscription_answer(const ArtifactId& artifact, std::string_view action) {
    std::string answer;
    JsonWriter(answer)
        .begin_object()
        .member("artifactId", artifact.str())
        .member("subscribed", action == "artifact.subscribe")
        .end_object();
    return JsonText::trusted(std::move(answer));
}

std::optional<Error> Gateway::refuse_subscription(const Connection& connection,
                                                  const ArtifactId& artifact) const {
    const auto& held = connection.subscriptions;
    const auth::Decision decision = policy().may_watch(connection.principal, artifact);
    if (decision.refused()) return artifact_forbidden(decision.ground);
    const WatchRights* rights = connection.watch_rights.get();
    const std::size_t asked = rights == nullptr ? 0 : rights->requests.size();
    const std::size_t most = s_.options.limits.subscriptions_per_connection;
    const bool is_held = std::ranges::find(held, artifact, &Subscription::artifact) != held.end();
    const bool has_room = is_held || most == 0 || held.size() + asked < most;
    if (has_room && asked < WatchRights::kRequestsMax) return std::nullopt;
    Error error = Error::of(
        ErrorCode::kRateLimited,
        fmt::format("this connection watches or has asked for {} artifacts already; unsubscribe "
                    "from one first",
                    held.size() + asked));
    error.retry_after = kRetryWhenBusy;
    return error;
}

/// A recovered connection's executions may run on other shards.
void Gateway::cancel_executions(const actions::ExecutionRequest& request, Connection* connection,
                                std::unique_ptr<actions::ExecutionSink> sink) {
    JsonParser parser;
    const JsonElement data = *parser.parse(request.data.str());
    if (const std::string key = string_member(data, "idempotencyKey"); !key.empty())
        return cancel_by_key(request.principal, key, std::move(sink));
    const std::string target = string_member(data, "requestId");
    std::vector<InFlight> named;
    if (connection != nullptr && !target.empty()) {
        std::ranges::copy_if(connection->in_flight, std::back_inserter(named),
                             [&](const InFlight& running) {
                                 return running.request_id == target && running.id != 0;
                             });
    }
    const auto cancel_here = [named](Gateway& self) {
        std::size_t cancelled = 0;
        for (const InFlight& one : named) {
            if (one.origin == self.s_.mesh.self() && self.executor_.cancel(one.id)) ++cancelled;
        }
        return cancelled;
    };
    const bool all_here = std::ranges::all_of(
        named, [&](const InFlight& one) { return one.origin == s_.mesh.self(); });
    auto answer = [sink = std::move(sink)](std::size_t cancelled) {
        sink->on_end(JsonText::trusted("{\"cancelled\":" + std::to_string(cancelled) + '}'));
    };
    if (all_here) return answer(cancel_here(*this));
    auto shared = std::make_shared<decltype(answer)>(std::move(answer));
    const bool asked = gather<std::size_t>(cancel_here, [shared](std::vector<std::size_t> counts) {
        (*shared)(std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
    });
    if (!asked) (*shared)(cancel_here(*this));
}

JsonText Gateway::describe_actions(const auth::Principal& principal) const {
    std::string list = R"({"actions":[)";
    for (const auto& [name, action] : s_.actions->all()) {
        if (!policy().may_run(principal, action.definition.permission)) continue;
        if (!list.ends_with('[')) list += ',';
        actions::append_description(list, action);
    }
    return JsonText::trusted(list + "]}");
}

void Gateway::charge_call(const auth::Principal& principal,
                          std::move_only_function<void(std::optional<Error>)> done, double cost) {
    const LimitOptions& limits = s_.options.limits;
    if (principal.is_service() ||
        (!limits.user_messages.limited() && !limits.company_messages.limited())) {
        return done(std::nullopt);
    }
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    PeerTask task = [shared, cost, asker = s_.mesh.self(), user = principal.user,
                     company = principal.company](Gateway& home) {
        auth::Principal who;
        who.user = user;
        who.company = company;
        const auto wait = home.homes_.spend(who, cost, home.now());
        home.tell(asker, [shared, wait](Gateway&) {
            if (!wait) return (*shared)(std::nullopt);
            Error error =
                Error::of(ErrorCode::kRateLimited, "this user or company sends too many messages");
            error.retry_after = *wait;
            (*shared)(std::move(error));
        });
    };
    if (!ask(home_of(principal.company), task)) (*shared)(overloaded());
}

void Gateway::call_action(ActionCall call, std::shared_ptr<CallListener> listener) {
    if (call.request_id.empty()) call.request_id = s_.random.id(16);
    const auto action = find_action(call.principal, call.action);
    auto sink =
        std::make_unique<CallSink>(*this, call.request_id, call.action, std::move(listener));
    ++calls_running_;
    if (!action) return sink->on_end(std::unexpected(action.error()));
    if (draining_) {
        return sink->on_end(
            std::unexpected(Error::of(ErrorCode::kShuttingDown, "the server is going down")));
    }
    actions::ExecutionRequest request;
    request.action = *action;
    request.registry = s_.actions;
    request.action_name = std::move(call.action);
    request.idempotency_key = std::move(call.idempotency_key);
    request.traceparent = std::move(call.traceparent);
    request.principal = std::move(call.principal);
    request.request_id = std::move(call.request_id);
    request.data = std::move(call.data);
    request.timeout = call.timeout;
    request.wants_status = call.wants_status || (*action)->definition.progress;
    const double cost = (*action)->definition.cost;
    const auth::Principal who = request.principal;
    charge_call(
        who,
        [this, request = std::move(request),
         sink = std::move(sink)](std::optional<Error> error) mutable {
            // Roles and actions may have changed meanwhile.
            request.principal.permissions = policy().renewed(request.principal.permissions);
            const auto allowed = find_action(request.principal, request.action_name);
            if (!error && !allowed) error = allowed.error();
            if (error) return sink->on_end(std::unexpected(std::move(*error)));
            request.action = *allowed;
            request.registry = s_.actions;
            if (const auto remembrance = remembrance_of(request, {}))
                return run_once(*remembrance, std::move(request), {}, std::move(sink));
            invoke(std::move(request), nullptr, std::move(sink));
        },
        cost);
}

}  // namespace signalbox::gateway
