#include "runtime/abort_signal.h"

#include <utility>

namespace signalbox::runtime {

void AbortSignal::set(std::move_only_function<void()> callback) {
    callback_ = std::move(callback);
    if (raised_ && !over_ && callback_) shard_.mark_dirty(*this);
}

void AbortSignal::raise() {
    raised_ = true;
    tell();
}

void AbortSignal::disarm() {
    over_ = true;
    callback_ = nullptr;
}

void AbortSignal::tell() {
    if (over_ || !callback_) return;
    over_ = true;
    std::exchange(callback_, nullptr)();
}

}  // namespace signalbox::runtime
