#include "embedding/action_adapter.h"

#include <algorithm>
#include <mutex>
#include <stdexcept>

#include "actions/executor.h"
#include "auth/policy.h"
#include "base/json.h"

namespace signalbox {

std::string json_string(std::string_view utf8) {
    std::string out;
    append_json_string(out, utf8);
    return out;
}

}  // namespace signalbox

namespace signalbox::embedding {
namespace {

/// Beyond every deadline, and within what the timers can count.
constexpr std::chrono::hours kLongestSleep{24 * 365};

/// Goes on after a time. Its awaitable alone owns it: what is abandoned is destroyed.
class TimedResumption final : public detail::Resumption {
public:
    TimedResumption(actions::ActionContext& context, Milliseconds time)
        : sleep_(context.sleep(std::min<Milliseconds>(time, kLongestSleep))) {}
    void suspend(std::coroutine_handle<> waiting) override { sleep_.await_suspend(waiting); }
    void resume() override {}
    void abandon() override {}

private:
    actions::ActionContext::Sleep sleep_;
};

/// Goes on in a turn of its shard after resume(), which may come from a thread that outlives all.
class ToldResumption final : public detail::Resumption,
                             public std::enable_shared_from_this<ToldResumption> {
public:
    explicit ToldResumption(Executor& shard) : shard_(&shard) {}
    void suspend(std::coroutine_handle<> waiting) override { waiting_ = waiting; }
    void resume() override {
        const std::lock_guard lock(mutex_);
        if (shard_ != nullptr) shard_->post([self = shared_from_this()] { self->go_on(); });
    }
    void abandon() override {
        const std::lock_guard lock(mutex_);
        shard_ = nullptr;
        waiting_ = nullptr;
    }

private:
    void go_on() {
        if (const auto waiting = std::exchange(waiting_, nullptr)) waiting.resume();
    }

    std::mutex mutex_;
    Executor* shard_;                  // null: abandoned
    std::coroutine_handle<> waiting_;  // the shard's
};

Principal principal_of(const auth::Principal& known) {
    return {.user_id = known.user.str(),
            .company_id = known.company.str(),
            .session_id = known.session.str(),
            .permissions = known.permissions.claimed(),
            .expires_at = known.expires_at};
}

LogLevel level_of(Severity severity) {
    switch (severity) {
        case Severity::kDebug:
            return LogLevel::kDebug;
        case Severity::kInfo:
            return LogLevel::kInfo;
        case Severity::kWarn:
            return LogLevel::kWarn;
        case Severity::kError:
            break;
    }
    return LogLevel::kError;
}

/// The public context of one run over the executor's.
class Context final : public ActionContext {
public:
    Context(actions::ActionContext& run, std::string_view action) : run_(run), action_(action) {}

    const Principal& principal() const override {
        if (!principal_) principal_ = principal_of(run_.principal());
        return *principal_;
    }
    bool allows(std::string_view permission) const override {
        return auth::Policy().may_run(run_.principal(), permission).allowed();
    }
    std::string_view artifact_id() const override {
        const auto& artifact = run_.artifact();
        return artifact ? std::string_view(artifact->str()) : std::string_view();
    }
    std::string_view connection_id() const override { return run_.connection_id(); }
    std::string_view request_id() const override { return run_.request_id(); }
    std::chrono::steady_clock::time_point deadline() const override { return run_.deadline(); }
    std::stop_token stop_token() const override { return run_.stop_token(); }

    void progress(std::string json) override {
        auto text = JsonText::parse(std::move(json));
        if (!text)
            throw std::invalid_argument("progress is no JSON: " +
                                        std::string(to_string(text.error())));
        run_.progress(std::move(*text));
    }
    void log(Severity severity, std::string_view message) override {
        Log& log = run_.log();
        if (!log.enabled(level_of(severity))) return;
        log.write(level_of(severity), "action.log",
                  {{"action", action_},
                   {"message", message},
                   {"requestId", run_.request_id()},
                   {"connectionId", run_.connection_id()},
                   {"userId", run_.principal().user.str()},
                   {"companyId", run_.principal().company.str()}});
    }

protected:
    std::shared_ptr<detail::Resumption> resume_after(Milliseconds time) override {
        return std::make_shared<TimedResumption>(run_, time);
    }
    std::shared_ptr<detail::Resumption> resume_when_told() override {
        return std::make_shared<ToldResumption>(run_.shard());
    }

private:
    actions::ActionContext& run_;
    std::string_view action_;
    mutable std::optional<Principal> principal_;
};

/// What the executor takes. Throws where that is nothing, for the executor to contain.
actions::ActionResult given(ActionResult result) {
    if (!result) {
        ActionError& known = result.error();
        Error error;
        error.code = std::move(known.code);
        error.message = std::move(known.message);
        error.details = std::move(known.details);
        return std::unexpected(std::move(error));
    }
    auto json = JsonText::parse(std::move(*result));
    if (!json)
        throw std::runtime_error("the handler's result is not JSON: " +
                                 std::string(to_string(json.error())));
    return std::move(*json);
}

/// A handler and the name that its log lines have.
template <class Run>
struct Named {
    std::string action;
    Run run;
};
template <class Run>
using SharedHandler = std::shared_ptr<const Named<Run>>;

Async<actions::ActionResult> run_async(SharedHandler<AsyncHandler> handler,
                                       actions::ActionContext& run, const JsonText& data) {
    Context context(run, handler->action);
    co_return given(co_await handler->run(context, data.str()));
}

/// The executor's handler for each kind of the program's.
struct Adapter {
    std::string action;

    actions::Handler operator()(ImmediateHandler handler) const {
        if (!handler) return actions::ImmediateHandler();
        return actions::ImmediateHandler([shared = share(std::move(handler))](
                                             actions::ActionContext& run, const JsonText& data) {
            Context context(run, shared->action);
            return given(shared->run(context, data.str()));
        });
    }
    actions::Handler operator()(AsyncHandler handler) const {
        if (!handler) return actions::AsyncHandler();
        return actions::AsyncHandler([shared = share(std::move(handler))](
                                         actions::ActionContext& run, const JsonText& data) {
            return run_async(shared, run, data);
        });
    }
    actions::Handler operator()(BlockingHandler handler) const {
        if (!handler.run) return actions::BlockingHandler();
        return actions::BlockingHandler{[shared = share(std::move(handler.run))](
                                            actions::ActionContext& run, const JsonText& data) {
            Context context(run, shared->action);
            return given(shared->run(context, data.str()));
        }};
    }

    template <class Run>
    SharedHandler<Run> share(Run run) const {
        return std::make_shared<const Named<Run>>(action, std::move(run));
    }
};

}  // namespace

actions::ActionDefinition adapted(ActionDefinition definition) {
    actions::ActionDefinition action;
    action.handler = std::visit(Adapter{definition.name}, std::move(definition.handler));
    action.name = std::move(definition.name);
    action.description = std::move(definition.description);
    action.permission = std::move(definition.permission);
    action.input_schema = std::move(definition.input_schema);
    action.output_schema = std::move(definition.output_schema);
    action.timeout = definition.timeout;
    action.concurrency_max = definition.concurrency_max;
    action.waiting_max = definition.waiting_max;
    action.cost = definition.cost;
    action.safe_to_retry = definition.safe_to_retry;
    action.progress = definition.progress;
    action.deprecated = definition.deprecated;
    return action;
}

}  // namespace signalbox::embedding
