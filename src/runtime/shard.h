#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/random.h"
#include "base/timer_wheel.h"
#include "runtime/buffers.h"
#include "runtime/input_batch.h"
#include "runtime/mailbox.h"
#include "runtime/poller.h"
#include "runtime/read_turns.h"
#include "runtime/statistics.h"
#include "runtime/transport.h"

namespace signalbox::runtime {

class ShardGroup;

/// Has output that leaves at the end of the turn.
class Flushable {
public:
    /// Called once for each mark_dirty(), after all that was ready in the turn has been handled.
    virtual void flush() = 0;

protected:
    ~Flushable() = default;

private:
    friend class Shard;
    static constexpr std::uint32_t kClean = UINT32_MAX;
    std::uint32_t dirty_index_ = kClean;
};

/// What a turn has left to be destroyed at its end.
class Disposable {
public:
    virtual ~Disposable() = default;
};

/// One thread with its event loop. A turn: sleep until something happens, run the due timers, tell
/// the watchers of ready descriptors, read for those who waited for their turn (read_turns.h), run
/// tasks of the mailbox, then flush() what became dirty: so each connection's output of a turn
/// leaves in one send. What is received is handled in batches (input_batch.h), all of it before the
/// tasks run.
///
/// Threading: everything here belongs to the shard's thread, except mesh(), statistics() and
///            clock(), which any thread may use; before start() and after stop() of its group, to
///            the thread that calls those.
/// Bounds:    a turn runs at most kTasksATurn tasks; the others follow in the next turn.
class Shard {
public:
    static constexpr std::size_t kTasksATurn = 256;

    ~Shard();
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    [[nodiscard]] ShardIndex index() const { return index_; }
    [[nodiscard]] ShardMesh& mesh() { return *mesh_; }
    [[nodiscard]] TimerWheel& wheel() { return wheel_; }
    [[nodiscard]] Random& random() { return random_; }
    [[nodiscard]] const Clock& clock() const { return clock_; }
    [[nodiscard]] Statistics& statistics() { return statistics_; }
    [[nodiscard]] Poller& poller() { return poller_; }
    [[nodiscard]] BufferPool& buffers() { return buffers_; }
    [[nodiscard]] ReadTurns& read_turns() { return read_turns_; }

    [[nodiscard]] InputBatch& inputs() { return inputs_; }
    /// What transports need, for one call.
    [[nodiscard]] IoContext io();

    void mark_dirty(Flushable& flushable);
    /// Must be called before a dirty object ends.
    void forget_dirty(Flushable& flushable);
    /// Destroys `disposable` at the end of the turn, when no call of it is on the stack.
    void dispose(std::unique_ptr<Disposable> disposable);

    /// Ends what was disposed of; for owners that end while the shard does not run.
    void destroy_disposed();

    /// The present second as in the header field Date (RFC 9110 section 5.6.7).
    [[nodiscard]] std::string_view http_date();

private:
    friend class ShardGroup;
    class Mesh;
    Shard(ShardIndex index, std::vector<Shard*>& peers, const Clock& clock,
          std::size_t mailbox_tasks_max);

    void run();
    void turn();
    void sleep();
    void serve_waiting();
    void run_tasks();
    void flush_dirty();
    void wake() { poller_.wake(); }

    const ShardIndex index_;
    const Clock& clock_;
    Poller poller_;
    Mailbox mailbox_;
    std::unique_ptr<ShardMesh> mesh_;
    Statistics statistics_;
    TimerWheel wheel_;
    SystemRandom random_;
    BufferPool buffers_;
    WarmTransports warm_;
    ReadTurns read_turns_;
    InputBatch inputs_;
    std::unique_ptr<char[]> records_;
    std::vector<Task> tasks_;
    std::vector<Flushable*> dirty_;
    std::vector<std::unique_ptr<Disposable>> disposed_;
    std::string date_;
    std::chrono::seconds date_second_{-1};
    bool stopping_ = false;
};

}  // namespace signalbox::runtime
