#include <string>
#include <utility>

#include "actions/registry.h"
#include "base/check.h"

namespace signalbox::actions {
namespace {

constexpr const char* kNoData =
    R"({"type":["object","null"],"description":"Nothing is needed.","properties":{}})";

constexpr const char* kArtifact =
    R"({"type":"object","properties":{"artifactId":{"title":"Artifact","description":"Id of an artifact of your company.","type":"string","minLength":1,"maxLength":128}},"required":["artifactId"],"additionalProperties":false})";

constexpr const char* kSubscription =
    R"({"type":"object","properties":{"artifactId":{"type":"string"},"subscribed":{"type":"boolean"}},"required":["artifactId","subscribed"]})";

constexpr const char* kCancel =
    R"({"type":"object","properties":{"requestId":{"title":"Request id","description":"Of a request of this connection that still runs.","type":"string","minLength":1,"maxLength":128},"idempotencyKey":{"title":"Idempotency key","description":"Of an execution of this user.","type":"string","minLength":1,"maxLength":128}},"oneOf":[{"required":["requestId"]},{"required":["idempotencyKey"]}],"additionalProperties":false})";

constexpr const char* kAttach =
    R"({"type":"object","properties":{"idempotencyKey":{"title":"Idempotency key","description":"Of an execution of this user.","type":"string","minLength":1,"maxLength":128},"lastSeq":{"title":"Last seq","description":"Of the last status that is known already.","type":"integer","minimum":0}},"required":["idempotencyKey"],"additionalProperties":false})";

constexpr const char* kCancelled =
    R"({"type":"object","properties":{"cancelled":{"type":"integer","minimum":0}},"required":["cancelled"]})";

constexpr const char* kToken =
    R"({"type":"object","properties":{"token":{"title":"Token","description":"As for connecting.","type":"string","minLength":1}},"required":["token"],"additionalProperties":false})";

constexpr const char* kRefreshed =
    R"({"type":"object","properties":{"expiresAt":{"type":"string","format":"date-time"},"permissionsChanged":{"type":"boolean"}},"required":["expiresAt","permissionsChanged"]})";

constexpr const char* kActions =
    R"({"type":"object","properties":{"actions":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"description":{"type":"string"},"permission":{"type":["string","null"]},"inputSchema":{"type":["object","boolean"]},"outputSchema":{"type":["object","boolean"]},"timeoutMs":{"type":"integer"},"safeToRetry":{"type":"boolean"},"progress":{"type":"boolean"},"deprecated":{"type":"boolean"}},"required":["name","description","permission","inputSchema","timeoutMs","safeToRetry","progress"]}}},"required":["actions"]})";

constexpr const char* kPong =
    R"({"type":"object","properties":{"time":{"type":"string","format":"date-time"}},"required":["time"]})";

/// Only the shape: updates::parse_updates() has the rules in full.
constexpr const char* kUpdates =
    R"({"definitions":{"ids":{"type":"array","items":{"type":["string","integer"]}},"update":{"type":"object","properties":{"companyId":{"title":"Company","description":"Yours when left out.","type":["string","integer"]},"artifactId":{"title":"Artifact","description":"Reaches those who watch it.","type":["string","integer","null"]},"audience":{"title":"Audience","description":"Instead of an artifact; the whole company when both are left out.","type":["object","null"],"properties":{"users":{"$ref":"#/definitions/ids"},"sessions":{"$ref":"#/definitions/ids"},"connections":{"$ref":"#/definitions/ids"},"artifacts":{"$ref":"#/definitions/ids"},"except":{"type":"object"}}},"action":{"title":"Action","description":"What the update is called; may not begin with system.","type":"string","default":"companyUpdate"},"data":{"title":"Data","description":"Any JSON value."},"requestId":{"type":"string"},"idempotencyKey":{"type":"string"},"volatile":{"title":"May be dropped for slow clients","type":"boolean"}},"required":["action"]}},"if":{"type":"array"},"then":{"items":{"$ref":"#/definitions/update"},"minItems":1,"maxItems":100},"else":{"$ref":"#/definitions/update"}})";

constexpr const char* kReceipt =
    R"({"type":"object","properties":{"accepted":{"type":"integer"},"positions":{"type":"array","items":{"type":"string"}}},"required":["accepted","positions"]})";

enum class Retry : std::uint8_t { kSafe, kUnsafe };

struct Texts {
    const char* name;
    const char* description;
    const char* input;
    const char* output;
};

ActionDefinition built_in(const Texts& texts, Retry retry) {
    ActionDefinition action;
    action.name = texts.name;
    action.description = texts.description;
    action.input_schema = texts.input;
    action.output_schema = texts.output;
    action.safe_to_retry = retry == Retry::kSafe;
    action.handler = BuiltIn{};
    return action;
}

ActionDefinition updates_send() {
    ActionDefinition action = built_in(
        {"updates.send",
         "Sends one update, or a list of up to 100, all or none, to a company, to those who watch "
         "an "
         "artifact, or to chosen users, sessions or connections. Answers {accepted, positions}.",
         kUpdates, kReceipt},
        Retry::kUnsafe);
    action.permission = "updates:send";
    return action;
}

}  // namespace

void add_built_in_actions(ActionRegistry& registry) {
    ActionDefinition all[] = {
        built_in({"artifact.subscribe",
                  "Makes this connection receive the updates of an artifact of the company.",
                  kArtifact, kSubscription},
                 Retry::kSafe),
        built_in({"artifact.unsubscribe",
                  "Makes this connection no longer receive the updates of an artifact.", kArtifact,
                  kSubscription},
                 Retry::kSafe),
        built_in({"execution.attach",
                  "Follows an execution of this user that was begun with an idempotency key: its "
                  "statuses after lastSeq, then its end, or its stored end.",
                  kAttach, ""},
                 Retry::kSafe),
        built_in(
            {"execution.cancel",
             "Ends executions that still run, by the request's id or the idempotency key; each "
             "answers CANCELLED. Answers {cancelled}, their number.",
             kCancel, kCancelled},
            Retry::kSafe),
        built_in(
            {"auth.refresh",
             "Gives this connection a new token of the same user, company and session. Answers "
             "{expiresAt, permissionsChanged}.",
             kToken, kRefreshed},
            Retry::kSafe),
        built_in({"actions.list", "Lists the actions that the caller may run, with their schemas.",
                  kNoData, kActions},
                 Retry::kSafe),
        built_in({"system.ping", "Answers {time}, the server's clock.", kNoData, kPong},
                 Retry::kSafe),
        updates_send(),
    };
    for (ActionDefinition& action : all) SB_CHECK(registry.add(std::move(action)).has_value());
}

}  // namespace signalbox::actions
