#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"

namespace signalbox {

/// A lazily started coroutine with a result; the form of an asynchronous handler. Awaiting it runs
/// it.
/// Ownership: the object owns the frame; destroying it before its end destroys the frame, and with
///            it whatever it awaits (awaitables cancel themselves in their destructors).
/// Threading: resumed on one shard only.
template <class T>
class [[nodiscard]] Async {
public:
    struct promise_type {
        std::optional<T> value;
        std::exception_ptr error;
        std::coroutine_handle<> continuation = std::noop_coroutine();

        Async get_return_object() { return Async(Handle::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct Resume {
                bool await_ready() noexcept { return false; }
                std::coroutine_handle<> await_suspend(Handle handle) noexcept {
                    return handle.promise().continuation;
                }
                void await_resume() noexcept {}
            };
            return Resume{};
        }
        void return_value(T result) { value.emplace(std::move(result)); }
        void unhandled_exception() { error = std::current_exception(); }
    };
    using Handle = std::coroutine_handle<promise_type>;

    Async(Async&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Async& operator=(Async&& other) noexcept {
        if (this != &other) {
            if (handle_) handle_.destroy();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~Async() {
        if (handle_) handle_.destroy();
    }

    [[nodiscard]] bool done() const { return handle_.done(); }
    /// Starts it outside of a coroutine; once.
    void start() { handle_.resume(); }
    /// The result of a done() coroutine; rethrows what it threw.
    T take() {
        SB_CHECK(handle_.done());
        if (handle_.promise().error) std::rethrow_exception(handle_.promise().error);
        return std::move(*handle_.promise().value);
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> continuation) noexcept {
        handle_.promise().continuation = continuation;
        return handle_;
    }
    T await_resume() { return take(); }

private:
    explicit Async(Handle handle) : handle_(handle) {}
    Handle handle_;
};

}  // namespace signalbox
