#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "actions/concurrency_gate.h"
#include "auth/principal.h"
#include "base/clock.h"
#include "base/error_code.h"
#include "base/json.h"
#include "signalbox/async.h"

namespace signalbox::actions {

class ActionContext;
class Schema;
class Upstream;

/// What a handler answers: data, or an error with VALIDATION_FAILED, FORBIDDEN, NOT_FOUND or a code
/// of the action's own.
using ActionResult = std::expected<JsonText, Error>;

/// Runs at once on the shard; must not block, and takes microseconds. `data` is the handler's own.
using ImmediateHandler = std::function<ActionResult(ActionContext&, JsonText data)>;
/// A coroutine on the shard. `context` and `data` live until it ends.
using AsyncHandler = std::function<Async<ActionResult>(ActionContext&, const JsonText& data)>;
/// Runs on the blocking pool.
struct BlockingHandler {
    std::function<ActionResult(ActionContext&, const JsonText& data)> run;
};
/// Done by the gateway itself, which knows the connection (`artifact.subscribe`); listed and
/// validated like any other, never given to the executor.
struct BuiltIn {};

/// Asks a service over HTTP, from the shard (upstream.h). Only its name may end in a star:
/// "orders.*" is every action whose name begins "orders.".
struct UpstreamHandler {
    std::shared_ptr<Upstream> upstream;
};

using Handler =
    std::variant<ImmediateHandler, AsyncHandler, BlockingHandler, BuiltIn, UpstreamHandler>;

/// One operation, as its author registers it.
struct ActionDefinition {
    std::string name;  ///< `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`; an upstream's may end in `.*`
    std::string description;
    std::string permission;             ///< empty: none needed
    std::string input_schema = "true";  ///< JSON Schema draft-07 text
    std::string output_schema;          ///< empty: none
    Milliseconds timeout{30'000};
    std::size_t concurrency_max = 0;  ///< executions at a time on this node; 0: no maximum
    std::size_t waiting_max = 1'024;  ///< executions that wait for one of these; then OVERLOADED
    double cost = 1;                  ///< tokens of the rate limits, and part of a fair share
    bool safe_to_retry = false;
    bool progress = false;    ///< sends status UPDATEs unasked
    bool deprecated = false;  ///< it will go away: said in lists and documents
    Handler handler;
};

/// A registered action: the definition and what was compiled from it.
struct Action {
    ActionDefinition definition;
    std::shared_ptr<const Schema> input;    ///< never null
    std::shared_ptr<const Schema> output;   ///< null: none
    std::shared_ptr<ConcurrencyGate> gate;  ///< never null
};

/// All actions of a server, by name. Filled before the shards see it, then const and shared by them;
/// a reload fills another. A copy shares the gates.
class ActionRegistry {
public:
    ActionRegistry() = default;
    ActionRegistry(const ActionRegistry& other);
    ActionRegistry(ActionRegistry&&) = default;
    ActionRegistry& operator=(ActionRegistry&&) = default;
    ~ActionRegistry() = default;

    /// @return a sentence that names the fault: a bad or second name, a schema that does not
    /// compile.
    [[nodiscard]] std::expected<void, std::string> add(ActionDefinition definition);
    /// The action of that name, else the one with a star whose beginning of it is longest.
    [[nodiscard]] const Action* find(std::string_view name) const;
    /// Actions that `before` has too count on in its gates.
    void share_gates(const ActionRegistry& before);
    /// Whether some action sends the caller's token on.
    [[nodiscard]] bool forwards_authorization() const { return forwards_authorization_; }
    /// Ordered by name.
    [[nodiscard]] const std::map<std::string, Action, std::less<>>& all() const { return actions_; }

private:
    void index(const std::string& name, const Action& action);

    std::map<std::string, Action, std::less<>> actions_;
    std::unordered_map<std::string_view, const Action*> by_name_;          // borrows from actions_
    std::map<std::string_view, const Action*, std::greater<>> by_prefix_;  // without the star
    bool forwards_authorization_ = false;
};

/// The entry of one action in `actions.list` and `GET /actions`:
/// {name, description, permission, inputSchema, outputSchema?, timeoutMs, safeToRetry, progress,
/// deprecated?};
/// permission is null when none is needed.
void append_description(std::string& out, const Action& action);

/// `echo`, `someAction`, `processData`, `longTask`, `slow`, `fail`: for `--dev`. An action that has
/// the name of one already stays.
void add_dev_actions(ActionRegistry& registry);

/// The registrations of the built-in actions (handler BuiltIn): artifact.subscribe,
/// artifact.unsubscribe, auth.refresh, execution.attach, execution.cancel, actions.list, system.ping, updates.send.
void add_built_in_actions(ActionRegistry& registry);

}  // namespace signalbox::actions
