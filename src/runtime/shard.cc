#include "runtime/shard.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace signalbox::runtime {

class Shard::Mesh final : public ShardMesh {
public:
    Mesh(ShardIndex self, const std::vector<Shard*>& shards) : self_(self), shards_(shards) {}

    ShardIndex self() const override { return self_; }
    ShardIndex shard_count() const override { return static_cast<ShardIndex>(shards_.size()); }

    bool try_post(ShardIndex to, Task task) override {
        const auto admission = shards_[to]->mailbox_.try_push(task);
        if (admission == Mailbox::Admission::kWake) shards_[to]->wake();
        return admission != Mailbox::Admission::kRefused;
    }

    bool try_reserve(std::span<const ShardIndex> targets) override {
        for (std::size_t i = 0; i < targets.size(); ++i) {
            if (shards_[targets[i]]->mailbox_.try_reserve()) continue;
            while (i-- > 0) shards_[targets[i]]->mailbox_.release();
            return false;
        }
        return true;
    }

    void post_reserved(ShardIndex to, Task task) override {
        wake_if(to, shards_[to]->mailbox_.push_reserved(std::move(task)));
    }
    void post_admitted(ShardIndex to, Task task) override {
        wake_if(to, shards_[to]->mailbox_.push(std::move(task)));
    }
    void post(Task task) override { post_admitted(self_, std::move(task)); }

private:
    void wake_if(ShardIndex to, Mailbox::Posted posted) {
        if (posted == Mailbox::Posted::kWake) shards_[to]->wake();
    }

    const ShardIndex self_;
    const std::vector<Shard*>& shards_;
};

Shard::Shard(ShardIndex index, std::vector<Shard*>& peers, const Clock& clock,
             std::size_t mailbox_tasks_max)
    : index_(index),
      clock_(clock),
      mailbox_(mailbox_tasks_max),
      mesh_(std::make_unique<Mesh>(index, peers)),
      wheel_(clock.monotonic_now()),
      records_(std::make_unique_for_overwrite<char[]>(Transport::kRecordBytesMax)) {}

Shard::~Shard() = default;

IoContext Shard::io() {
    return {.records = {records_.get(), Transport::kRecordBytesMax},
            .buffers = buffers_,
            .warm = warm_,
            .statistics = statistics_};
}

void Shard::mark_dirty(Flushable& flushable) {
    if (flushable.dirty_index_ != Flushable::kClean) return;
    flushable.dirty_index_ = static_cast<std::uint32_t>(dirty_.size());
    dirty_.push_back(&flushable);
}

void Shard::forget_dirty(Flushable& flushable) {
    const std::uint32_t index = std::exchange(flushable.dirty_index_, Flushable::kClean);
    if (index != Flushable::kClean) dirty_[index] = nullptr;
}

void Shard::dispose(std::unique_ptr<Disposable> disposable) {
    disposed_.push_back(std::move(disposable));
}

void Shard::run() {
    while (!stopping_) turn();
}

void Shard::turn() {
    sleep();
    statistics_.turns.add(1);
    wheel_.advance(clock_.monotonic_now());
    read_turns_.begin_turn();
    poller_.dispatch();
    inputs_.handle_all();
    serve_waiting();
    run_tasks();
    flush_dirty();
    destroy_disposed();
}

void Shard::sleep() {
    std::optional<std::chrono::nanoseconds> timeout;
    if (!dirty_.empty() || read_turns_.anybody_waits() || !mailbox_.prepare_sleep()) {
        timeout = std::chrono::nanoseconds(0);
    } else if (const auto deadline = wheel_.next_deadline()) {
        timeout = *deadline - clock_.monotonic_now();
    }
    poller_.wait(timeout);
}

void Shard::serve_waiting() {
    if (!read_turns_.anybody_waits()) return;
    // What was read at once is answered before.
    flush_dirty();
    read_turns_.serve();
    inputs_.handle_all();
}

void Shard::run_tasks() {
    mailbox_.take(tasks_, kTasksATurn);
    statistics_.tasks.add(static_cast<std::int64_t>(tasks_.size()));
    for (Task& task : tasks_) {
        task();
        task = nullptr;
    }
    tasks_.clear();
}

void Shard::flush_dirty() {
    // What becomes dirty while flushing waits for the next turn, which then does not sleep.
    const std::size_t count = dirty_.size();
    for (std::size_t i = 0; i < count; ++i) {
        Flushable* flushable = std::exchange(dirty_[i], nullptr);
        if (flushable == nullptr) continue;
        flushable->dirty_index_ = Flushable::kClean;
        flushable->flush();
    }
    buffers_.forget();
    dirty_.erase(dirty_.begin(), dirty_.begin() + static_cast<std::ptrdiff_t>(count));
    for (std::size_t i = 0; i < dirty_.size(); ++i) {
        if (dirty_[i] != nullptr) dirty_[i]->dirty_index_ = static_cast<std::uint32_t>(i);
    }
}

void Shard::destroy_disposed() {
    // A destructor may dispose of more.
    while (!disposed_.empty()) std::exchange(disposed_, {}).clear();
}

std::string_view Shard::http_date() {
    const auto now = std::chrono::floor<std::chrono::seconds>(clock_.wall_now()).time_since_epoch();
    if (now == date_second_) return date_;
    date_second_ = now;
    const std::time_t seconds = now.count();
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[32];
    date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc));
    return date_;
}

}  // namespace signalbox::runtime
