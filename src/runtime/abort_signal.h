#pragma once

#include <functional>

#include "runtime/shard.h"

namespace signalbox::runtime {

/// HttpExchange::on_abort(): tells at most once, also a callback that came after the abort, and
/// never inside set().
/// Re-entrancy: the callback may destroy this object.
class AbortSignal final : public Flushable {
public:
    explicit AbortSignal(Shard& shard) : shard_(shard) {}
    ~AbortSignal() { shard_.forget_dirty(*this); }
    AbortSignal(const AbortSignal&) = delete;
    AbortSignal& operator=(const AbortSignal&) = delete;

    void set(std::move_only_function<void()> callback);
    /// The peer has gone. Only from the shard's loop.
    void raise();
    /// The answer is complete: nothing is told any more.
    void disarm();
    [[nodiscard]] Shard& shard() const { return shard_; }

    void flush() override { tell(); }

private:
    void tell();

    Shard& shard_;
    std::move_only_function<void()> callback_;
    bool raised_ = false;
    bool over_ = false;  // told, or disarmed
};

}  // namespace signalbox::runtime
