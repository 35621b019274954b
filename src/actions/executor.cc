#include "actions/executor.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "actions/schema.h"
#include "actions/upstream.h"
#include "base/check.h"

namespace signalbox::actions {
namespace {

constexpr Milliseconds kRetryWhenFull{1'000};
constexpr std::size_t kRefCharacters = 8;

/// What came of a handler: what it gave, or the cause of what it threw.
struct Outcome {
    std::optional<ActionResult> result;
    std::string exception;
};

/// Inside a catch block only.
std::string describe_current_exception() {
    try {
        throw;
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "something that is no std::exception";
    }
}

template <class Run>
Outcome contained(Run&& run) {
    try {
        return {run(), {}};
    } catch (...) {
        return {std::nullopt, describe_current_exception()};
    }
}

bool may_be_given_by_handler(std::string_view code) {
    const auto known = find_error_code(code);
    if (!known) return is_valid_error_name(code);
    return *known == ErrorCode::kValidationFailed || *known == ErrorCode::kForbidden ||
           *known == ErrorCode::kNotFound;
}

/// Owns the frame that awaits an asynchronous handler. The frame ends by itself, or with destroy().
struct Driver {
    struct promise_type {
        Driver get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }  // the body contains all
    };
    std::coroutine_handle<promise_type> frame;
};

Call call_of(ExecutionRequest& request) {
    return {.action = *request.action,
            .principal = request.principal,
            .artifact = request.artifact,
            .connection_id = request.connection_id,
            .request_id = request.request_id,
            .data = request.data,
            .timeout = request.timeout};
}

MonotonicTime deadline_of(const Call& call, MonotonicTime now) {
    const Milliseconds most = call.action.definition.timeout;
    return now + std::min(call.timeout.value_or(most), most);
}

Error overloaded(std::string message) {
    Error error = Error::of(ErrorCode::kOverloaded, std::move(message));
    error.retry_after = kRetryWhenFull;
    return error;
}

}  // namespace

Share share_of(const ExecutionRequest& request) {
    const CompanyId* company = request.principal.only_company();
    return {.source = company == nullptr ? std::string_view() : company->str(),
            .cost = request.action->definition.cost};
}

/// One run. Shared by the executor's table while its handler has not come to an end, by tasks on
/// their way between the shard and the pool, and by the frame of an asynchronous handler.
class Executor::Execution final : public ActionContext,
                                  public std::enable_shared_from_this<Execution> {
public:
    Execution(Executor& owner, ExecutionId id, ExecutionRequest request,
              std::unique_ptr<ExecutionSink> sink)
        : owner_(&owner),
          wheel_(owner.wheel_),
          shard_(owner.shard_),
          log_(owner.log_),
          clock_(owner.clock_),
          id_(id),
          request_(std::move(request)),
          sink_(std::move(sink)),
          home_(std::this_thread::get_id()) {
        const ActionDefinition& definition = request_.action->definition;
        request_.wants_status = request_.wants_status || definition.progress;
        if (request_.action_name.empty()) request_.action_name = definition.name;
        deadline_ = deadline_of(call_of(request_), wheel_.now());
    }

    /// Ends it with OVERLOADED when there is neither a slot nor room to wait for one.
    void run();
    void end(ActionResult result);
    void detach() {
        destroy_frame();
        owner_ = nullptr;
    }
    [[nodiscard]] bool ended() const { return ended_.load(std::memory_order_relaxed); }
    [[nodiscard]] const ExecutionRequest& request() const { return request_; }

    const auth::Principal& principal() const override { return request_.principal; }
    const std::optional<ArtifactId>& artifact() const override { return request_.artifact; }
    std::string_view request_id() const override { return request_.request_id; }
    std::string_view connection_id() const override { return request_.connection_id; }
    MonotonicTime deadline() const override { return deadline_; }
    WallTime wall_now() const override { return clock_.wall_now(); }
    bool cancelled() const override { return ended(); }
    std::stop_token stop_token() const override { return stop_.get_token(); }
    signalbox::Executor& shard() override { return shard_; }
    Log& log() override { return log_; }
    void progress(JsonText progress) override;
    Sleep sleep(Milliseconds delay) override { return Sleep(wheel_, delay); }

private:
    [[nodiscard]] bool take_slot();
    void on_slot(Slot slot);
    void run_handler();
    void run_immediate(const ImmediateHandler& handler);
    template <class Begin>
    void run_async(Begin begin);
    [[nodiscard]] Async<ActionResult> call(const UpstreamHandler& handler);
    void run_blocking(const BlockingHandler& handler);
    void run_on_pool(const BlockingHandler& handler);
    Driver drive(std::shared_ptr<Execution> self, Async<ActionResult> handler);

    void finish(Outcome outcome);
    void on_timeout();
    void send_status(Status status, std::string_view progress);
    void destroy_frame();
    void wait_no_longer();
    [[nodiscard]] bool on_shard() const { return std::this_thread::get_id() == home_; }

    Executor* owner_;  // null when the executor has gone; the shard's
    TimerWheel& wheel_;
    signalbox::Executor& shard_;
    Log& log_;
    const Clock& clock_;
    ExecutionId id_;
    ExecutionRequest request_;
    std::unique_ptr<ExecutionSink> sink_;
    Slot slot_;
    std::shared_ptr<ConcurrencyGate::Waiter> waiter_;  // while it waits for its slot
    std::thread::id home_;
    MonotonicTime deadline_;
    Timer timeout_ = Timer::calling<&Execution::on_timeout>(this);
    std::atomic<bool> ended_{false};
    std::stop_source stop_{std::nostopstate};  // made only for handlers that take time
    std::atomic<std::size_t> progress_waiting_{0};
    std::atomic<bool> progress_refused_{false};
    std::uint64_t seq_ = 0;
    std::coroutine_handle<> frame_;  // suspended, or running below us on the stack
    unsigned handler_on_stack_ = 0;
};

void Executor::Execution::run() {
    const auto self = shared_from_this();
    const ActionDefinition& definition = request_.action->definition;
    if (!take_slot()) {
        return end(std::unexpected(overloaded(
            "too many executions of the action \"" + definition.name + "\" wait already, " +
            std::to_string(definition.concurrency_max) + " may run at a time")));
    }
    if (request_.wants_status) send_status(Status::kAccepted, "");
    if (ended()) return;
    if (slot_) return run_handler();
    wheel_.arm(timeout_, deadline_);
}

/// @return false: no slot is free, and there is no room to wait for one.
bool Executor::Execution::take_slot() {
    const ActionDefinition& definition = request_.action->definition;
    ConcurrencyGate& gate = *request_.action->gate;
    slot_ = gate.try_enter(definition.concurrency_max);
    if (slot_) return true;
    waiter_ = gate.wait(share_of(request_),
                        {.slots = definition.concurrency_max, .waiting = definition.waiting_max},
                        [self = shared_from_this()](Slot slot) {
                            self->shard_.post([self, slot = std::move(slot)]() mutable {
                                self->on_slot(std::move(slot));
                            });
                        });
    if (waiter_ == nullptr) return false;
    ++owner_->waiting_;
    ++owner_->counters_.waited;
    return true;
}

/// In a turn of the shard, perhaps after the end.
void Executor::Execution::on_slot(Slot slot) {
    if (ended()) return;
    const auto self = shared_from_this();
    slot_ = std::move(slot);
    wait_no_longer();
    run_handler();
}

void Executor::Execution::wait_no_longer() {
    const auto waiter = std::exchange(waiter_, nullptr);
    if (waiter == nullptr) return;
    request_.action->gate->forget(waiter);
    --owner_->waiting_;
}

void Executor::Execution::run_handler() {
    const Handler& handler = request_.action->definition.handler;
    if (const auto* blocking = std::get_if<BlockingHandler>(&handler))
        return run_blocking(*blocking);
    if (request_.wants_status) send_status(Status::kRunning, "");
    if (ended()) return;
    if (const auto* immediate = std::get_if<ImmediateHandler>(&handler)) {
        return run_immediate(*immediate);
    }
    if (const auto* upstream = std::get_if<UpstreamHandler>(&handler))
        return run_async([&] { return call(*upstream); });
    const auto* async = std::get_if<AsyncHandler>(&handler);
    SB_CHECK(async != nullptr);  // built-in actions are the gateway's
    stop_ = std::stop_source();
    run_async([&] { return (*async)(*this, request_.data); });
}

Async<ActionResult> Executor::Execution::call(const UpstreamHandler& handler) {
    SB_CHECK(owner_->http_ != nullptr);
    return call_upstream(
        handler.upstream,
        {*owner_->http_, shard_, wheel_, clock_, owner_->random_, log_, owner_->upstream_numbers_},
        *this, request_);
}

void Executor::Execution::run_immediate(const ImmediateHandler& handler) {
    finish(contained([&] { return handler(*this, std::move(request_.data)); }));
}

template <class Begin>
void Executor::Execution::run_async(Begin begin) {
    wheel_.arm(timeout_, deadline_);
    std::optional<Async<ActionResult>> coroutine;
    try {
        coroutine.emplace(begin());
    } catch (...) {
        return finish({std::nullopt, describe_current_exception()});
    }
    const auto frame = drive(shared_from_this(), std::move(*coroutine)).frame;
    frame_ = frame;
    ++handler_on_stack_;
    frame.resume();
    --handler_on_stack_;
    if (ended()) destroy_frame();
}

Driver Executor::Execution::drive(std::shared_ptr<Execution> self, Async<ActionResult> handler) {
    Outcome outcome;
    try {
        outcome.result.emplace(co_await handler);
    } catch (...) {
        outcome.exception = describe_current_exception();
    }
    self->frame_ = nullptr;
    self->finish(std::move(outcome));
}

void Executor::Execution::run_blocking(const BlockingHandler& handler) {
    stop_ = std::stop_source();
    wheel_.arm(timeout_, deadline_);
    Task task = [self = shared_from_this(), &handler] { self->run_on_pool(handler); };
    if (owner_->pool_.try_run(task, share_of(request_))) return;
    slot_.release();
    end(std::unexpected(overloaded("the server has too much blocking work waiting")));
}

/// On a thread of the pool.
void Executor::Execution::run_on_pool(const BlockingHandler& handler) {
    Outcome outcome;
    if (!ended()) {
        if (request_.wants_status) {
            shard_.post([self = shared_from_this()] { self->send_status(Status::kRunning, ""); });
        }
        outcome = contained([&] { return handler.run(*this, request_.data); });
    }
    shard_.post([self = shared_from_this(), outcome = std::move(outcome)]() mutable {
        self->finish(std::move(outcome));
    });
}

void Executor::Execution::progress(JsonText progress) {
    if (!request_.wants_status || ended()) return;
    if (progress.str().size() > kProgressBytesMax) {
        if (progress_refused_.exchange(true)) return;
        return log_.warn("action.progress_too_large", {{"action", request_.action->definition.name},
                                                       {"bytes", progress.str().size()},
                                                       {"bytesMax", kProgressBytesMax}});
    }
    if (on_shard() &&
        !std::holds_alternative<BlockingHandler>(request_.action->definition.handler)) {
        const auto self = shared_from_this();
        ++handler_on_stack_;
        send_status(Status::kProgress, progress.str());
        --handler_on_stack_;
        return;
    }
    if (progress_waiting_.fetch_add(1) >= kProgressWaitingMax) {
        progress_waiting_.fetch_sub(1);
        return;
    }
    shard_.post([self = shared_from_this(), progress = std::move(progress)] {
        self->progress_waiting_.fetch_sub(1);
        self->send_status(Status::kProgress, progress.str());
    });
}

void Executor::Execution::send_status(Status status, std::string_view progress) {
    if (sink_ != nullptr) sink_->on_status(status, ++seq_, progress);
}

/// The handler has come to its end, in time or late. On the shard.
void Executor::Execution::finish(Outcome outcome) {
    slot_.release();
    if (owner_ == nullptr) return;
    const auto self = shared_from_this();
    if (ended()) {
        if (outcome.result || !outcome.exception.empty()) ++owner_->counters_.late;
        owner_->executions_.erase(id_);
        return;
    }
    if (!outcome.result) {
        return end(std::unexpected(owner_->internal_error(call_of(request_), outcome.exception)));
    }
    end(owner_->policed(call_of(request_), std::move(*outcome.result)));
}

/// The caller gets its final answer. On the shard.
void Executor::Execution::end(ActionResult result) {
    if (ended_.exchange(true)) return;
    const auto self = shared_from_this();
    timeout_.cancel();
    wait_no_longer();
    --owner_->running_;
    owner_->count(result);
    const bool handler_goes_on =
        slot_ && std::holds_alternative<BlockingHandler>(request_.action->definition.handler);
    if (handler_goes_on || frame_) stop_.request_stop();
    if (frame_ && handler_on_stack_ > 0) {
        // The handler is below us on the stack: its frame goes in a later turn.
        shard_.post([self] { self->destroy_frame(); });
    } else {
        destroy_frame();
    }
    if (!handler_goes_on && !frame_) {
        slot_.release();
        owner_->executions_.erase(id_);
    }
    const auto sink = std::move(sink_);
    sink->on_end(std::move(result));
}

void Executor::Execution::destroy_frame() {
    if (!frame_ || handler_on_stack_ > 0) return;
    const auto self = shared_from_this();
    std::exchange(frame_, nullptr).destroy();
    slot_.release();
    if (ended() && owner_ != nullptr) owner_->executions_.erase(id_);
}

void Executor::Execution::on_timeout() {
    end(std::unexpected(Error::of(ErrorCode::kTimeout, "the action did not finish in time")));
}

Executor::Executor(TimerWheel& wheel, signalbox::Executor& shard, BlockingPool& pool,
                   Random& random, Log& log, const Clock& clock, HttpClient* http)
    : wheel_(wheel),
      shard_(shard),
      pool_(pool),
      random_(random),
      log_(log),
      clock_(clock),
      http_(http) {}

Executor::~Executor() {
    abandon_all();
    for (const auto& [id, execution] : std::exchange(executions_, {})) execution->detach();
}

/// What an immediate handler sees; there is nothing to tell of a run that ends before anybody could
/// ask.
class Executor::AtOnce final : public ActionContext {
public:
    AtOnce(Executor& owner, const Call& call) : owner_(owner), call_(call) {}

    const auth::Principal& principal() const override { return call_.principal; }
    const std::optional<ArtifactId>& artifact() const override { return call_.artifact; }
    std::string_view request_id() const override { return call_.request_id; }
    std::string_view connection_id() const override { return call_.connection_id; }
    MonotonicTime deadline() const override { return deadline_of(call_, owner_.wheel_.now()); }
    WallTime wall_now() const override { return owner_.clock_.wall_now(); }
    bool cancelled() const override { return false; }
    std::stop_token stop_token() const override { return {}; }
    signalbox::Executor& shard() override { return owner_.shard_; }
    Log& log() override { return owner_.log_; }
    void progress(JsonText) override {}
    Sleep sleep(Milliseconds delay) override { return Sleep(owner_.wheel_, delay); }

private:
    Executor& owner_;
    const Call& call_;
};

ActionResult Executor::run_at_once(const Call& call) {
    ++counters_.started;
    ActionResult result = run_inside(call);
    count(result);
    return result;
}

ActionResult Executor::run_inside(const Call& call) {
    if (auto fault = input_fault(call)) return std::unexpected(std::move(*fault));
    const auto* handler = std::get_if<ImmediateHandler>(&call.action.definition.handler);
    SB_CHECK(handler != nullptr);
    AtOnce context(*this, call);
    ++running_;
    Outcome outcome = contained([&] { return (*handler)(context, std::move(call.data)); });
    --running_;
    if (!outcome.result) return std::unexpected(internal_error(call, outcome.exception));
    return policed(call, std::move(*outcome.result));
}

ExecutionId Executor::start(ExecutionRequest request, std::unique_ptr<ExecutionSink> sink) {
    const ExecutionId id = next_id_++;
    ++counters_.started;
    if (auto fault = input_fault(request)) {
        ++counters_.failed;
        sink->on_end(std::unexpected(std::move(*fault)));
        return id;
    }
    const auto execution =
        std::make_shared<Execution>(*this, id, std::move(request), std::move(sink));
    ++running_;
    executions_.emplace(id, execution);
    execution->run();
    return id;
}

bool Executor::cancel(ExecutionId id) {
    const auto found = executions_.find(id);
    if (found == executions_.end() || found->second->ended()) return false;
    const auto execution = found->second;
    execution->end(
        std::unexpected(Error::of(ErrorCode::kCancelled, "the execution was cancelled")));
    return true;
}

void Executor::end_where(
    const std::function<std::optional<Error>(const ExecutionRequest&)>& refusal) {
    std::vector<std::pair<std::shared_ptr<Execution>, Error>> refused;
    for (const auto& [id, execution] : executions_) {
        if (execution->ended()) continue;
        if (auto error = refusal(execution->request()))
            refused.emplace_back(execution, std::move(*error));
    }
    for (auto& [execution, error] : refused) execution->end(std::unexpected(std::move(error)));
}

void Executor::abandon_all() {
    std::vector<std::shared_ptr<Execution>> all;
    all.reserve(executions_.size());
    for (const auto& [id, execution] : executions_) all.push_back(execution);
    for (const auto& execution : all) {
        execution->end(std::unexpected(Error::of(
            ErrorCode::kShuttingDown, "the server is going down before the action has finished")));
    }
}

std::optional<Error> Executor::input_fault(ExecutionRequest& request) {
    return input_fault(call_of(request));
}

std::optional<Error> Executor::input_fault(const Call& call) {
    const Schema& schema = *call.action.input;
    if (schema.accepts_all()) return std::nullopt;
    Error error =
        Error::of(ErrorCode::kValidationFailed, "the data does not match the action's schema");
    const auto data = parser_.parse(call.data.str());
    std::vector<SchemaFault> faults;
    if (data) {
        faults = schema.validate(*data);
    } else {
        faults.push_back({"", "is " + std::string(to_string(data.error()))});
    }
    if (faults.empty()) return std::nullopt;
    error.details = details_of(faults);
    return error;
}

ActionResult Executor::policed(const Call& call, ActionResult result) {
    const bool is_upstream =
        std::holds_alternative<UpstreamHandler>(call.action.definition.handler);
    if (!result && !is_upstream) {
        Error& error = result.error();
        if (!may_be_given_by_handler(error.code)) {
            return std::unexpected(internal_error(
                call,
                "the handler gave the error code \"" + error.code + "\", which it may not give"));
        }
        if (!error.details.empty() && !parser_.parse(error.details)) {
            return std::unexpected(
                internal_error(call, "the handler's error details are not JSON"));
        }
        error.ref.clear();
    }
    if (!result || call.action.output == nullptr) return result;
    auto checked = matching(call, std::move(result));
    if (!checked && is_upstream) {
        Error& error = checked.error();
        error.code = error_info(ErrorCode::kUpstreamError).name;
        error.message = "the service behind the action gave what its schema does not allow";
    }
    return checked;
}

ActionResult Executor::matching(const Call& call, ActionResult result) {
    const auto output = parser_.parse(result->str());
    if (!output) return std::unexpected(internal_error(call, "the handler's result is not JSON"));
    const auto faults = call.action.output->validate(*output);
    if (faults.empty()) return result;
    return std::unexpected(internal_error(call, "the result does not match the output schema: \"" +
                                                    faults.front().path + "\" " +
                                                    faults.front().message));
}

Error Executor::internal_error(const Call& call, std::string_view cause) {
    Error error = Error::of(ErrorCode::kInternal, "internal error");
    error.ref = random_.id(kRefCharacters);
    log_.error("action.failed", {{"action", call.action.definition.name},
                                 {"ref", error.ref},
                                 {"reason", cause},
                                 {"connectionId", call.connection_id},
                                 {"userId", call.principal.user.str()},
                                 {"companyId", call.principal.company.str()}});
    return error;
}

void Executor::count(const ActionResult& result) {
    if (result) {
        ++counters_.succeeded;
    } else if (result.error().is(ErrorCode::kTimeout)) {
        ++counters_.timed_out;
    } else if (result.error().is(ErrorCode::kCancelled)) {
        ++counters_.cancelled;
    } else {
        ++counters_.failed;
    }
}

}  // namespace signalbox::actions
