#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "signalbox/async.h"

/// Actions in C++: what they are registered with (Server::add_action), and what their handlers get
/// and give. Data, results and progress are JSON texts, passed on byte for byte.
namespace signalbox {

/// `utf8` as a JSON text: in quotes, escaped. Invalid bytes become U+FFFD.
[[nodiscard]] std::string json_string(std::string_view utf8);

/// Why an action failed, as the client is told.
struct ActionError {
    /// `[A-Z][A-Z0-9_]*`: of the action's own, VALIDATION_FAILED, FORBIDDEN or NOT_FOUND. Another
    /// code of the server's (docs/errors.md) becomes INTERNAL, with a line in the log.
    std::string code;
    std::string message = {};  ///< for people
    std::string details = {};  ///< JSON text, or empty
};

/// What a handler answers: JSON text, or why there is none. What is no JSON, or does not match the
/// output schema, becomes INTERNAL, as does an exception; the cause is in the log alone.
using ActionResult = std::expected<std::string, ActionError>;

/// Who asked: a user of a company, by a verified token, in an active session.
struct Principal {
    std::string user_id;
    std::string company_id;
    std::string session_id;
    std::vector<std::string> permissions;  ///< as claimed ("orders:*"), those of its roles included
    std::optional<std::chrono::sys_time<std::chrono::milliseconds>> expires_at;  ///< the token
};

enum class Severity : std::uint8_t { kDebug, kInfo, kWarn, kError };

namespace detail {

/// How a suspended coroutine goes on.
class Resumption {
public:
    virtual ~Resumption() = default;
    virtual void suspend(std::coroutine_handle<> waiting) = 0;
    /// From any thread; once.
    virtual void resume() = 0;
    /// What waits is about to go: nothing is resumed from now on.
    virtual void abandon() = 0;
};

/// An awaitable's hold on it.
class Waiting {
public:
    explicit Waiting(std::shared_ptr<Resumption> resumption) : resumption_(std::move(resumption)) {}
    ~Waiting() { resumption_->abandon(); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    [[nodiscard]] const std::shared_ptr<Resumption>& operator*() const { return resumption_; }

private:
    std::shared_ptr<Resumption> resumption_;
};

}  // namespace detail

/// Gives a coroutine what it waits for (ActionContext::wait_for_callback). Copyable, callable from
/// any thread and at any time, also when the coroutine or the server has gone; the first call
/// counts.
template <class T>
class Resolver {
public:
    void operator()(T value) const {
        if (state_->given.exchange(true)) return;
        state_->value.emplace(std::move(value));
        state_->resumption->resume();
    }

private:
    template <class, class>
    friend class CallbackAwaitable;
    struct State {
        std::shared_ptr<detail::Resumption> resumption;
        std::atomic<bool> given{false};
        std::optional<T> value;
    };
    explicit Resolver(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

/// What ActionContext::wait_for_callback() gives, to be awaited at once.
template <class T, class Start>
class [[nodiscard]] CallbackAwaitable {
public:
    CallbackAwaitable(std::shared_ptr<detail::Resumption> resumption, Start start)
        : waiting_(std::move(resumption)),
          state_(std::make_shared<typename Resolver<T>::State>()),
          start_(std::move(start)) {
        state_->resumption = *waiting_;
    }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
        (*waiting_)->suspend(waiting);
        start_(Resolver<T>(state_));
    }
    T await_resume() { return std::move(*state_->value); }

private:
    detail::Waiting waiting_;
    std::shared_ptr<typename Resolver<T>::State> state_;
    Start start_;
};

/// What ActionContext::sleep() gives.
class [[nodiscard]] SleepAwaitable {
public:
    explicit SleepAwaitable(std::shared_ptr<detail::Resumption> timer)
        : waiting_(std::move(timer)) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) { (*waiting_)->suspend(waiting); }
    void await_resume() const noexcept {}

private:
    detail::Waiting waiting_;
};

/// What a handler knows of its execution, and can do.
///
/// Ownership: the server's; lives until the handler ends.
/// Threading: used by the handler, on the thread that runs it. progress(), cancelled() and log()
///            may be called from any thread while it runs.
class ActionContext {
public:
    virtual ~ActionContext() = default;

    [[nodiscard]] virtual const Principal& principal() const = 0;
    /// Whether the principal has a permission beside the action's own, by the same rules.
    [[nodiscard]] virtual bool allows(std::string_view permission) const = 0;
    /// Named when the client connected; empty: none.
    [[nodiscard]] virtual std::string_view artifact_id() const = 0;
    /// Of the socket that asked; empty over HTTP.
    [[nodiscard]] virtual std::string_view connection_id() const = 0;
    [[nodiscard]] virtual std::string_view request_id() const = 0;

    /// When the caller is told TIMEOUT: the action's time-out, or the caller's where it is shorter.
    [[nodiscard]] virtual std::chrono::steady_clock::time_point deadline() const = 0;
    /// Stops once the caller has been given a final answer without the handler's: TIMEOUT,
    /// CANCELLED, SHUTTING_DOWN. Further work is then in vain, and a result is dropped. A coroutine
    /// is destroyed where it waits, right after. Callbacks of the token run on a shard: they must
    /// not block, nor throw. An immediate handler's token never stops.
    [[nodiscard]] virtual std::stop_token stop_token() const = 0;
    [[nodiscard]] bool cancelled() const { return stop_token().stop_requested(); }

    /// Tells the caller, when it wants to know (`progress` of the action or of the request). Dropped
    /// after the end, when longer than 64 KiB, and of a blocking handler while 64 wait for the
    /// shard. @param json  throws std::invalid_argument unless it is JSON.
    virtual void progress(std::string json) = 0;
    /// A line of the server's log, event `action.log`, with the action and the ids of the above.
    virtual void log(Severity severity, std::string_view message) = 0;

    /// `co_await context.sleep(1s)`. For coroutines only, like the next one.
    [[nodiscard]] SleepAwaitable sleep(std::chrono::milliseconds time) {
        return SleepAwaitable(resume_after(time));
    }
    /// Waits for what comes by a callback on any thread:
    ///
    ///     auto row = co_await context.wait_for_callback<Row>(
    ///         [&](signalbox::Resolver<Row> resolve) { database.get(id, resolve); });
    ///
    /// `start` runs in the `co_await`, which throws what it throws. An execution that ends meanwhile
    /// never goes on from there; one that is never resolved ends with its deadline.
    template <class T, class Start>
    [[nodiscard]] CallbackAwaitable<T, Start> wait_for_callback(Start start) {
        return CallbackAwaitable<T, Start>(resume_when_told(), std::move(start));
    }

protected:
    [[nodiscard]] virtual std::shared_ptr<detail::Resumption> resume_after(
        std::chrono::milliseconds time) = 0;
    [[nodiscard]] virtual std::shared_ptr<detail::Resumption> resume_when_told() = 0;
};

/// Runs at once on a shard's thread, where it holds up all other clients of the shard: must not
/// block, and takes microseconds.
using ImmediateHandler = std::function<ActionResult(ActionContext&, std::string data)>;
/// A coroutine on a shard's thread: must not block between two `co_await`. `data` lives until it
/// ends; so does the handler, which may capture.
using AsyncHandler = std::function<Async<ActionResult>(ActionContext&, const std::string& data)>;
/// Runs on a thread of the pool (`server.blocking_threads`) and may block. Nothing interrupts it:
/// it looks at cancelled() or stop_token() itself. While the pool is full, callers hear OVERLOADED.
struct BlockingHandler {
    std::function<ActionResult(ActionContext&, const std::string& data)> run;
};
/// Without data `data` is `null`. A handler is called by all shards at the same time: what it shares
/// needs a lock of its own.
using ActionHandler = std::variant<ImmediateHandler, AsyncHandler, BlockingHandler>;

/// An action as it is registered; the same over Socket.IO and HTTP, and in the documents.
struct ActionDefinition {
    std::string name;  ///< `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`
    std::string description = {};
    std::string permission = {};        ///< needed to run it; empty: none
    std::string input_schema = "true";  ///< JSON Schema draft-07 text, of the request's data
    std::string output_schema = {};     ///< likewise, of the result; empty: none
    std::chrono::milliseconds timeout{30'000};
    std::size_t concurrency_max = 0;  ///< at a time, in this process; others wait. 0: no maximum
    std::size_t waiting_max = 1'024;  ///< that wait for one of these; then OVERLOADED
    double cost = 1;                  ///< tokens of the rate limits
    /// It may run twice for one request, or its second run does no harm: resends then run again
    /// instead of attaching, and a crash may be followed by a second run.
    bool safe_to_retry = false;
    bool progress = false;    ///< its callers get status UPDATEs unasked
    bool deprecated = false;  ///< it will go away: said in lists and documents
    ActionHandler handler = {};
};

}  // namespace signalbox
