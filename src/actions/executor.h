#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actions/registry.h"
#include "actions/upstream_answer.h"
#include "base/executor.h"
#include "base/http_client.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timer_wheel.h"

namespace signalbox::actions {

using ExecutionId = std::uint64_t;

enum class Status : std::uint8_t { kAccepted, kRunning, kProgress };

/// Hears how one execution goes. Calls come on the executor's shard: on_status any number of times,
/// then on_end exactly once, after which the sink is destroyed. Statuses come only for executions
/// with progress wanted; seq counts from 1.
class ExecutionSink {
public:
    virtual ~ExecutionSink() = default;
    /// `progress` is empty except for kProgress.
    virtual void on_status(Status status, std::uint64_t seq, std::string_view progress) = 0;
    virtual void on_end(ActionResult result) = 0;
    /// Instead of on_end(): the stored end of an earlier run.
    virtual void on_replay(ActionResult result) { on_end(std::move(result)); }
};

/// One run to be started. Permission and rate limits have been checked by the caller.
struct ExecutionRequest {
    const Action* action = nullptr;
    /// Keeps `action` alive, also when a reload brings another registry; null: somebody else does.
    std::shared_ptr<const ActionRegistry> registry;
    /// As asked for, where the action's own ends in a star; empty: its own.
    std::string action_name;
    auth::Principal principal;
    std::optional<ArtifactId> artifact;  ///< of the connection
    std::string connection_id;           ///< empty over REST
    std::string request_id;
    std::string idempotency_key;  ///< of the caller, or empty
    std::string traceparent;      ///< of the caller, unchecked, or empty
    JsonText data;
    std::optional<Milliseconds>
        timeout;                ///< the caller's; the shorter of it and the action's counts
    bool wants_status = false;  ///< the request's `progress`; the action's counts too
};

/// Its company's; services without one share theirs.
[[nodiscard]] Share share_of(const ExecutionRequest& request);

/// The same for a run that ends inside the call; everything is borrowed for it.
struct Call {
    const Action& action;
    const auth::Principal& principal;
    const std::optional<ArtifactId>& artifact;
    std::string_view connection_id;
    std::string_view request_id;
    JsonText& data;  ///< the handler's to take
    std::optional<Milliseconds> timeout;
};

/// JSON of one progress(), at most; a longer one is dropped and logged.
inline constexpr std::size_t kProgressBytesMax = std::size_t{64} * 1024;
/// Progress of one blocking handler that may wait for its shard; more is dropped.
inline constexpr std::size_t kProgressWaitingMax = 64;

/// What a handler knows and can do.
/// Threading: an immediate or asynchronous handler uses it on the shard, a blocking one on its
///            thread of the pool. progress(), cancelled(), stop_token() and log() may be called from any thread while
///            the handler runs. Everything but sleep() works for each kind; sleep() is for
///            coroutines.
class ActionContext {
public:
    virtual ~ActionContext() = default;
    [[nodiscard]] virtual const auth::Principal& principal() const = 0;
    [[nodiscard]] virtual const std::optional<ArtifactId>& artifact() const = 0;
    [[nodiscard]] virtual std::string_view request_id() const = 0;
    /// Of the socket that asked; empty over REST.
    [[nodiscard]] virtual std::string_view connection_id() const = 0;
    [[nodiscard]] virtual MonotonicTime deadline() const = 0;
    [[nodiscard]] virtual WallTime wall_now() const = 0;
    /// True once the caller has been given a final answer, so that further work is in vain.
    [[nodiscard]] virtual bool cancelled() const = 0;
    /// Stops when an asynchronous or blocking handler has not given its answer by then; callbacks
    /// run on the shard, before a coroutine is destroyed.
    [[nodiscard]] virtual std::stop_token stop_token() const = 0;
    /// Where an asynchronous handler goes on.
    [[nodiscard]] virtual signalbox::Executor& shard() = 0;
    virtual Log& log() = 0;
    /// Tells the caller, when it wants to know. Dropped after the end and over the two bounds
    /// above.
    virtual void progress(JsonText progress) = 0;

    /// `co_await context.sleep(1s)`: goes on after that time. An execution that is cancelled or
    /// times out meanwhile is destroyed there and never goes on.
    class Sleep {
    public:
        Sleep(TimerWheel& wheel, Milliseconds delay) : wheel_(wheel), delay_(delay) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) {
            handle_ = handle;
            wheel_.arm_after(timer_, delay_);
        }
        void await_resume() noexcept {}

    private:
        void resume() { handle_.resume(); }
        TimerWheel& wheel_;
        Milliseconds delay_;
        std::coroutine_handle<> handle_;
        Timer timer_ = Timer::calling<&Sleep::resume>(this);
    };
    [[nodiscard]] virtual Sleep sleep(Milliseconds delay) = 0;
};

/// What upstream actions of one shard have done.
struct UpstreamNumbers {
    std::array<std::uint64_t, kUpstreamFates> requests{};  ///< by UpstreamFate
    std::uint64_t retries = 0;
    std::uint64_t in_flight = 0;

    void add(const UpstreamNumbers& other) {
        for (std::size_t i = 0; i < requests.size(); ++i) requests[i] += other.requests[i];
        retries += other.retries;
        in_flight += other.in_flight;
    }
};

/// Runs actions on one shard: validates input, keeps deadlines, contains exceptions, ends each
/// execution exactly once.
///
/// Flow of start(): input schema → status accepted → a slot of the action's gate, waited for in
/// turn with other companies → status running → handler → output schema → on_end. An immediate
/// handler's on_end comes inside start() unless it waits; a blocking handler's `running` when a
/// thread of the pool takes it. The deadline counts from start(). Errors given to the sink:
/// VALIDATION_FAILED (with details), OVERLOADED (too many wait for a slot or a thread), TIMEOUT,
/// CANCELLED, INTERNAL (an exception, an
/// output against the schema, an error that a handler may not give; with a ref in the log),
/// SHUTTING_DOWN, and what the handler itself answers; an upstream's call also what
/// upstream_answer.h says, and UPSTREAM_ERROR for an output against the schema. A handler that goes on after TIMEOUT or
/// CANCELLED is not interrupted on the pool; its late result is dropped and counted, and it holds
/// its concurrency slot until it returns. A coroutine is destroyed at its suspension point.
///
/// Ownership:    borrows everything given; the registry, shard, pool, log and clock outlive the
///               last blocking handler, the wheel outlives the executor.
/// Threading:    confined to its shard.
/// Re-entrancy:  a sink may start, cancel and abandon executions, its own included.
class Executor {
public:
    /// `started` counts every start(); each is then one of succeeded, failed, timed_out, cancelled.
    struct Counters {
        std::uint64_t started = 0, succeeded = 0, failed = 0, timed_out = 0, cancelled = 0;
        std::uint64_t late = 0;    ///< results that came after the end
        std::uint64_t waited = 0;  ///< those that found no free slot of their action
    };

    /// @param http  for upstream actions; null: there must be none.
    Executor(TimerWheel& wheel, signalbox::Executor& shard, BlockingPool& pool, Random& random,
             Log& log, const Clock& clock, HttpClient* http = nullptr);
    /// Abandons all.
    ~Executor();

    /// True when run_at_once() does what start() would: an immediate handler whose statuses nobody
    /// wants and that never waits for a slot.
    [[nodiscard]] static bool ends_in_the_call(const Action& action) {
        return std::holds_alternative<ImmediateHandler>(action.definition.handler) &&
               !action.definition.progress && action.definition.concurrency_max == 0;
    }
    /// Runs an immediate handler without what only a longer run needs: no id, no table, no heap
    /// memory of ours. Checks, limits, errors and counters are those of start(). Precondition:
    /// ends_in_the_call().
    [[nodiscard]] ActionResult run_at_once(const Call& call);

    /// @return the id, for cancel(); when the execution has ended inside the call, it is dead
    /// already.
    ExecutionId start(ExecutionRequest request, std::unique_ptr<ExecutionSink> sink);
    /// What start() would refuse the input for.
    [[nodiscard]] std::optional<Error> input_fault(ExecutionRequest& request);
    /// Ends it with CANCELLED. @return false when it is not running.
    bool cancel(ExecutionId id);
    /// Ends, with the error that `refusal` gives, each execution for which it gives one.
    void end_where(const std::function<std::optional<Error>(const ExecutionRequest&)>& refusal);
    /// Executions without a final answer yet, those that wait included.
    [[nodiscard]] std::size_t running() const { return running_; }
    /// Executions that wait for a slot of their action.
    [[nodiscard]] std::size_t waiting() const { return waiting_; }
    /// Ends all that still runs, with SHUTTING_DOWN.
    void abandon_all();
    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] const UpstreamNumbers& upstream_numbers() const { return upstream_numbers_; }

private:
    class Execution;
    friend class Execution;
    class AtOnce;
    [[nodiscard]] std::optional<Error> input_fault(const Call& call);
    /// What the client gets for what the handler gave.
    [[nodiscard]] ActionResult policed(const Call& call, ActionResult result);
    [[nodiscard]] ActionResult matching(const Call& call, ActionResult result);
    [[nodiscard]] Error internal_error(const Call& call, std::string_view cause);
    [[nodiscard]] ActionResult run_inside(const Call& call);
    void count(const ActionResult& result);

    TimerWheel& wheel_;
    signalbox::Executor& shard_;
    BlockingPool& pool_;
    Random& random_;
    Log& log_;
    const Clock& clock_;
    HttpClient* http_;
    JsonParser parser_;
    Counters counters_;
    UpstreamNumbers upstream_numbers_;
    std::size_t running_ = 0;
    std::size_t waiting_ = 0;
    ExecutionId next_id_ = 1;
    /// Those that run, and those that have ended while their handler has not.
    std::unordered_map<ExecutionId, std::shared_ptr<Execution>> executions_;
};

}  // namespace signalbox::actions
