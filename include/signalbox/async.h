#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace signalbox {

namespace detail {

struct AsyncPromise {
    std::exception_ptr error;
    std::coroutine_handle<> awaiting = std::noop_coroutine();

    struct Return {
        bool await_ready() noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) noexcept {
            return done.promise().awaiting;
        }
        void await_resume() noexcept {}
    };
    std::suspend_always initial_suspend() noexcept { return {}; }
    Return final_suspend() noexcept { return {}; }
    void unhandled_exception() { error = std::current_exception(); }
};

template <class T>
struct AsyncPromiseOf : AsyncPromise {
    std::optional<T> value;
    void return_value(T result) { value.emplace(std::move(result)); }
    T take() {
        if (error) std::rethrow_exception(error);
        return std::move(*value);
    }
};

template <>
struct AsyncPromiseOf<void> : AsyncPromise {
    void return_void() {}
    void take() const {
        if (error) std::rethrow_exception(error);
    }
};

}  // namespace detail

/// A coroutine that begins when it is awaited: the form of an asynchronous handler and of what it
/// is made of.
///
///     Async<int> price(ActionContext& context);
///     Async<> warn(ActionContext& context) { if (co_await price(context) > 9) … }
///
/// Ownership: the object owns the frame. Destroying it ends the coroutine where it is suspended, as
///            an exception would, with all that it awaits. Parameters that are references must
///            outlive it, and so must a lambda that captures.
/// Threading: resumed by one thread only.
/// Errors:    awaiting it throws what the coroutine threw.
template <class T = void>
class [[nodiscard]] Async {
public:
    struct promise_type : detail::AsyncPromiseOf<T> {
        Async get_return_object() { return Async(Handle::from_promise(*this)); }
    };
    using Handle = std::coroutine_handle<promise_type>;

    Async(Async&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Async& operator=(Async&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Async() {
        if (handle_) handle_.destroy();
    }

    /// Awaited once.
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
        handle_.promise().awaiting = awaiting;
        return handle_;
    }
    T await_resume() { return handle_.promise().take(); }

private:
    explicit Async(Handle handle) : handle_(handle) {}
    Handle handle_;
};

}  // namespace signalbox
