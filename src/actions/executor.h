#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actions/registry.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timer_wheel.h"

namespace signalbox::actions {

using ExecutionId = std::uint64_t;

enum class Status : std::uint8_t { kAccepted, kRunning, kProgress };

/// Hears how one execution goes. Calls come on the executor's shard: on_status any number of times,
/// then on_end exactly once, after which the sink is destroyed. Statuses come only for executions with
/// progress wanted; seq counts from 1.
class ExecutionSink {
public:
    virtual ~ExecutionSink() = default;
    /// `progress` is empty except for kProgress.
    virtual void on_status(Status status, std::uint64_t seq, std::string_view progress) = 0;
    virtual void on_end(ActionResult result) = 0;
};

/// One run to be started. Permission and rate limits have been checked by the caller.
struct ExecutionRequest {
    const Action* action = nullptr;
    auth::Principal principal;
    std::optional<ArtifactId> artifact;      ///< of the connection
    std::string connection_id;               ///< empty over REST
    std::string request_id;
    JsonText data;
    std::optional<Milliseconds> timeout;     ///< the caller's; the shorter of it and the action's counts
    bool wants_status = false;               ///< the request's `progress`, or the action's
};

/// What a handler knows and can do.
/// Threading: everything except progress() and cancelled() only on the shard, from the handler;
///            these two from any thread while the handler runs.
class ActionContext {
public:
    virtual ~ActionContext() = default;
    [[nodiscard]] virtual const auth::Principal& principal() const = 0;
    [[nodiscard]] virtual const std::optional<ArtifactId>& artifact() const = 0;
    [[nodiscard]] virtual std::string_view request_id() const = 0;
    [[nodiscard]] virtual MonotonicTime deadline() const = 0;
    [[nodiscard]] virtual bool cancelled() const = 0;
    virtual Log& log() = 0;
    /// Tells the caller. At most 64 KiB of JSON; dropped after the end.
    virtual void progress(JsonText progress) = 0;

    /// `co_await context.sleep(1s)`: true after the time, false when cancelled or timed out before.
    class Sleep {
    public:
        Sleep(TimerWheel& wheel, Milliseconds delay) : wheel_(wheel), delay_(delay) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle);
        void await_resume() noexcept {}

    private:
        TimerWheel& wheel_;
        Milliseconds delay_;
        std::coroutine_handle<> handle_;
        Timer timer_ = Timer::calling<&Sleep::resume>(this);
        void resume() { handle_.resume(); }
    };
    [[nodiscard]] virtual Sleep sleep(Milliseconds delay) = 0;
};

/// Runs actions on one shard: validates input, keeps deadlines, contains exceptions, ends each
/// execution exactly once.
///
/// Flow of start(): input schema → concurrency → statuses accepted, running → handler → output schema
/// → on_end. An immediate handler's on_end comes inside start().
/// Errors given to the sink: VALIDATION_FAILED (with details), OVERLOADED (pool or concurrency full),
/// TIMEOUT, CANCELLED, INTERNAL (an exception, an output against the schema; with a ref in the log),
/// SHUTTING_DOWN, and what the handler itself answers.
/// A handler that goes on after TIMEOUT or CANCELLED is not interrupted on the pool; its late result is
/// dropped and counted. A coroutine is destroyed at its suspension point.
/// Threading: confined to its shard.
class Executor {
public:
    struct Counters {
        std::uint64_t started = 0, succeeded = 0, failed = 0, timed_out = 0, cancelled = 0, late = 0;
    };

    Executor(TimerWheel& wheel, signalbox::Executor& shard, BlockingPool& pool, Random& random, Log& log);
    ~Executor();

    /// @return the id, for cancel(); when the execution has ended inside the call, it is dead already.
    ExecutionId start(ExecutionRequest request, std::unique_ptr<ExecutionSink> sink);
    /// Ends it with CANCELLED. @return false when it is not running.
    bool cancel(ExecutionId id);
    [[nodiscard]] std::size_t running() const;
    /// Ends all that still runs, with SHUTTING_DOWN.
    void abandon_all();
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    class Execution;
    friend class Execution;
    TimerWheel& wheel_;
    signalbox::Executor& shard_;
    BlockingPool& pool_;
    Random& random_;
    Log& log_;
    Counters counters_;
    ExecutionId next_id_ = 1;
    std::unordered_map<ExecutionId, std::unique_ptr<Execution>> executions_;
};

}  // namespace signalbox::actions
