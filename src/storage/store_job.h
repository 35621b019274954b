#pragma once

#include <expected>
#include <functional>
#include <utility>

#include "auth/session_store.h"
#include "base/executor.h"
#include "storage/storage_thread.h"

namespace signalbox::storage {

/// One call of a store: what to ask of its table, and whom to tell.
template <class T>
class StoreJob final : public StorageJob {
public:
    using Ask = std::move_only_function<std::expected<T, SqliteError>()>;
    using Done = std::move_only_function<void(std::expected<T, auth::StoreError>)>;

    StoreJob(Kind kind, Ask ask, Executor& reply_on, Done done)
        : StorageJob(kind), ask_(std::move(ask)), reply_on_(reply_on), done_(std::move(done)) {}

    std::expected<void, SqliteError> run() override {
        auto result = ask_();
        if (!result) return std::unexpected(std::move(result).error());
        result_ = std::move(*result);
        return {};
    }

    void answer(Outcome outcome) override {
        std::expected<T, auth::StoreError> reply = std::unexpected(auth::StoreError::kUnavailable);
        if (outcome == Outcome::kCommitted) reply = std::move(result_);
        reply_on_.post([done = std::move(done_), reply = std::move(reply)]() mutable {
            done(std::move(reply));
        });
    }

private:
    Ask ask_;
    Executor& reply_on_;
    Done done_;
    T result_{};
};

}  // namespace signalbox::storage
