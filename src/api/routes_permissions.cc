#include "api/routes.h"
#include "auth/policy.h"
#include "gateway/faults.h"

namespace signalbox::api {
namespace {

constexpr std::string_view kExplain = "permissions:explain";

/// What was asked about, and what the policy says.
struct Explanation {
    std::string_view kind;  ///< "action", "artifact" or "permission"
    std::string name;
    std::string needs;  ///< the permission; empty: none
    auth::Decision decision;
};

std::expected<Explanation, Error> explain_action(const Call& call, std::string name) {
    const actions::Action* action = call.api.gateway.actions().find(name);
    if (action == nullptr) return std::unexpected(gateway::no_such_action(name));
    const std::string& needs = action->definition.permission;
    return Explanation{"action", std::move(name), needs,
                       call.api.gateway.policy().may_run(call.principal, needs)};
}

std::expected<Explanation, Error> explain_artifact(const Call& call, const std::string& name) {
    const auto artifact = ArtifactId::parse(name);
    if (!artifact) {
        return std::unexpected(
            Error::of(ErrorCode::kInvalidMessage, "Query parameter artifact is not an id."));
    }
    return Explanation{"artifact", name, auth::watch_permission(*artifact),
                       call.api.gateway.policy().may_watch(call.principal, *artifact)};
}

std::expected<Explanation, Error> explain(const Call& call) {
    const QueryParameters query(call.request.query);
    const std::string action(query.find("action").value_or(""));
    const std::string artifact(query.find("artifact").value_or(""));
    if (action.empty() == artifact.empty()) {
        return std::unexpected(Error::of(ErrorCode::kInvalidMessage,
                                         "Query parameter action or artifact is needed, one of "
                                         "them: what shall be explained."));
    }
    return action.empty() ? explain_artifact(call, artifact) : explain_action(call, action);
}

void append_rule(JsonWriter& json, const auth::Policy& policy, const auth::Principal& who,
                 const auth::Decision& decision) {
    json.key("rule").begin_object().member("kind", auth::to_string(decision.ground));
    if (!decision.grant.empty()) {
        const std::string_view role = policy.role_of(who.permissions, decision.grant);
        json.member("grant", decision.grant);
        json.member("from", who.is_service() ? "service_key" : role.empty() ? "token" : "role");
        if (!role.empty()) json.member("role", role);
    }
    json.end_object();
}

std::string explanation_json(const auth::Policy& policy, const auth::Principal& who,
                             const Explanation& explanation) {
    std::string text;
    JsonWriter json(text);
    json.begin_object()
        .member(explanation.kind, explanation.name)
        .member("allowed", explanation.decision.allowed())
        .key("permission");
    explanation.needs.empty() ? json.null() : json.string(explanation.needs);
    append_rule(json, policy, who, explanation.decision);
    json.end_object();
    return text;
}

}  // namespace

namespace {

void answer_with(CallPtr call, const Explanation& explanation) {
    call->answer(json_answer(
        200, explanation_json(call->api.gateway.policy(), call->principal, explanation)));
}

/// What the policy leaves open, the API says.
void ask_and_answer(CallPtr call, Explanation explanation) {
    gateway::Gateway& gateway = call->api.gateway;
    const auth::Principal who = call->principal;
    const ArtifactId artifact = ArtifactId::trusted(explanation.name);
    gateway.ask_authorizer(
        who, artifact,
        on_success<gateway::WatchAnswer>(
            std::move(call), [explanation = std::move(explanation)](
                                 CallPtr answered, const gateway::WatchAnswer& answer) mutable {
                explanation.decision = {answer.ground};
                answer_with(std::move(answered), explanation);
            }));
}

}  // namespace

void explain_permission(CallPtr call) {
    const auth::Policy& policy = call->api.gateway.policy();
    if (!policy.may_use(call->principal, kExplain)) {
        return call->fail(Error::of(ErrorCode::kForbidden,
                                    "this needs the permission `" + std::string(kExplain) + '`'));
    }
    auto explanation = explain(*call);
    if (!explanation) return call->fail(explanation.error());
    if (explanation->decision.is_open())
        return ask_and_answer(std::move(call), std::move(*explanation));
    answer_with(std::move(call), *explanation);
}

}  // namespace signalbox::api
